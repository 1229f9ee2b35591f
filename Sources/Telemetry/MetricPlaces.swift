/// Counters of a worker that have no label.
package enum WorkerCounter: Int, CaseIterable, Sendable {
    case connectionsAccepted, connectionsClosed
    /// Bytes received from and sent to clients.
    case bytesIn, bytesOut
    case retries
    /// Records that the access log had no room for.
    case logDrops
    /// Requests that were refused because the process had as much memory as it may.
    case requestsShed
    /// Connections that asked for nothing and were closed to have their memory back.
    case connectionsShed
    /// Connections that turned out to speak HTTP/2, and those of them that were ended for a flood.
    case http2Connections, http2Floods
}

/// Numbers of a worker that also go down.
package enum WorkerGauge: Int, CaseIterable, Sendable {
    case connectionsOpen
    /// Bytes in buffers that are out of the pool.
    case bufferBytes
    case tunnelsOpen
    /// Streams of clients' HTTP/2 connections.
    case streamsOpen
}

/// What a worker counts for each upstream.
package enum UpstreamCounter: Int, CaseIterable, Sendable {
    case opened, reused, failed
    /// Goes up and down.
    case open
}

/// What a worker counts of its conversation with Redis.
package enum StoreCounter: Int, CaseIterable, Sendable {
    /// Commands that were sent, or were to be.
    case commands
    /// Answers that were errors.
    case errors
    /// Commands without an answer in time, and those whose connection ended before it.
    case expired, failed
    /// Commands that were not taken: Redis is lost, or too many wait.
    case refused
    case connects
    /// Goes up and down: 1 while it is lost.
    case lost
    /// Commands that a node of a cluster has sent to another one.
    case redirected
    /// Requests whose limits Redis could not be asked about: counted here, let through, refused.
    case limitsLocal, limitsOpen, limitsClosed
}

/// Where each number stands among a worker's cells. Constants, so that a metric costs its caller no look-up.
///
/// What one request touches stands together: the classes of a route next to its histogram.
package enum MetricPlaces {
    @inlinable static var gauges: Int { 16 }
    @inlinable static var refusals: Int { 24 }
    @inlinable static var headFaults: Int { 32 }
    @inlinable static var outcomes: Int { 48 }
    @inlinable static var handshakes: Int { 72 }
    @inlinable static var slowness: Int { 80 }
    @inlinable static var loopTurns: Int { 84 }
    @inlinable static var authentications: Int { 336 }
    @inlinable static var idempotency: Int { 352 }
    @inlinable static var routes: Int { 368 }
    @inlinable static var routeCells: Int { 248 }
    @inlinable static var upstreams: Int { routes + routeCapacity * routeCells }
    @inlinable static var upstreamCells: Int { 248 }
    @inlinable static var limits: Int { upstreams + upstreamCapacity * upstreamCells }
    @inlinable static var limitCells: Int { 4 }
    @inlinable static var store: Int { limits + limitCapacity * limitCells }
    @inlinable static var storeCells: Int { 256 }
    @inlinable static var addressRefusals: Int { store + storeCells }
    @inlinable static var end: Int { addressRefusals + 8 }

    /// Histograms follow a route's six classes and an upstream's four counters; their sum stands behind the
    /// buckets.
    @inlinable static var routeHistogram: Int { 6 }
    @inlinable static var upstreamHistogram: Int { 6 }
    /// The histogram of round trips follows the store's counters.
    @inlinable static var storeHistogram: Int { 12 }

    /// Names of routes that have numbers of their own; further ones count together.
    @inlinable package static var routeCapacity: Int { 4096 }
    /// Names of upstreams that have numbers of their own; further ones count together.
    @inlinable package static var upstreamCapacity: Int { 1024 }
    /// Names of limits that have numbers of their own; further ones count together.
    @inlinable package static var limitCapacity: Int { 4096 }
}

extension Metric {
    @inlinable
    package static func counter(_ counter: WorkerCounter) -> Metric { Metric(counter.rawValue) }

    @inlinable package static var connectionsAccepted: Metric { counter(.connectionsAccepted) }
    @inlinable package static var connectionsClosed: Metric { counter(.connectionsClosed) }
    @inlinable package static var bytesIn: Metric { counter(.bytesIn) }
    @inlinable package static var bytesOut: Metric { counter(.bytesOut) }
    @inlinable package static var retries: Metric { counter(.retries) }
    @inlinable package static var logDrops: Metric { counter(.logDrops) }
    @inlinable package static var requestsShed: Metric { counter(.requestsShed) }
    @inlinable package static var connectionsShed: Metric { counter(.connectionsShed) }

    @inlinable
    package static func gauge(_ gauge: WorkerGauge) -> Metric {
        Metric(MetricPlaces.gauges &+ gauge.rawValue)
    }

    @inlinable package static var connectionsOpen: Metric { gauge(.connectionsOpen) }
    @inlinable package static var bufferBytes: Metric { gauge(.bufferBytes) }
    @inlinable package static var tunnelsOpen: Metric { gauge(.tunnelsOpen) }

    @inlinable
    package static func refused(_ reason: ConnectionRefusal) -> Metric {
        Metric(MetricPlaces.refusals &+ reason.rawValue)
    }

    @inlinable
    package static func headFault(_ fault: HeadFault) -> Metric {
        Metric(MetricPlaces.headFaults &+ fault.rawValue)
    }

    @inlinable
    package static func handshake(_ result: HandshakeResult) -> Metric {
        Metric(MetricPlaces.handshakes &+ result.rawValue)
    }

    @inlinable
    package static func authentication(_ result: AuthenticationResult) -> Metric {
        Metric(MetricPlaces.authentications &+ result.rawValue)
    }

    @inlinable
    package static func addressRefused(_ reason: AddressRefusal) -> Metric {
        Metric(MetricPlaces.addressRefusals &+ reason.rawValue)
    }

    /// Bans that watched answers led to.
    @inlinable package static var bans: Metric { Metric(MetricPlaces.addressRefusals &+ 7) }

    @inlinable
    package static func idempotency(_ result: IdempotencyResult) -> Metric {
        Metric(MetricPlaces.idempotency &+ result.rawValue)
    }

    @inlinable
    package static func slow(_ part: SlowPart) -> Metric { Metric(MetricPlaces.slowness &+ part.rawValue) }

    @inlinable
    package static func outcome(_ outcome: Outcome) -> Metric {
        Metric(MetricPlaces.outcomes &+ Int(outcome.rawValue))
    }

    @inlinable
    package static func requests(route: RouteSlot, class status: StatusClass) -> Metric {
        Metric(MetricPlaces.routes &+ route.number &* MetricPlaces.routeCells &+ status.rawValue)
    }

    @inlinable
    package static func upstream(_ slot: UpstreamSlot, _ counter: UpstreamCounter) -> Metric {
        Metric(MetricPlaces.upstreams &+ slot.number &* MetricPlaces.upstreamCells &+ counter.rawValue)
    }

    @inlinable
    package static func store(_ counter: StoreCounter) -> Metric {
        Metric(MetricPlaces.store &+ counter.rawValue)
    }

    @inlinable
    package static func limit(_ slot: LimitSlot, _ decision: LimitDecision) -> Metric {
        Metric(MetricPlaces.limits &+ slot.number &* MetricPlaces.limitCells &+ decision.rawValue)
    }
}

/// A histogram among a worker's cells.
package struct DurationMetric: Equatable, Sendable {
    @usableFromInline let index: Int

    @inlinable
    init(_ index: Int) { self.index = index }

    /// Durations of loop turns. Everybody on the loop waits for a long one.
    @inlinable package static var loopTurn: DurationMetric { DurationMetric(MetricPlaces.loopTurns) }

    /// From a command to its answer.
    @inlinable package static var storeRoundTrip: DurationMetric {
        DurationMetric(MetricPlaces.store &+ MetricPlaces.storeHistogram)
    }

    /// From a request's first byte to the end of its answer.
    @inlinable
    package static func request(route: RouteSlot) -> DurationMetric {
        DurationMetric(
            MetricPlaces.routes &+ route.number &* MetricPlaces.routeCells &+ MetricPlaces.routeHistogram)
    }

    /// From a request's last byte sent to the head of the upstream's answer.
    @inlinable
    package static func firstByte(upstream: UpstreamSlot) -> DurationMetric {
        DurationMetric(
            MetricPlaces.upstreams &+ upstream.number &* MetricPlaces.upstreamCells
                &+ MetricPlaces.upstreamHistogram)
    }
}
