/// The numbers of all workers at one moment, summed. For scrapes, `status` and the dashboard.
package struct MetricsSnapshot: Sendable {
    package struct Route: Sendable {
        package let name: String
        /// By `StatusClass`.
        package let requests: [UInt64]
        package let duration: Histogram
    }

    package struct Upstream: Sendable {
        package let name: String
        package let opened: UInt64, reused: UInt64, failed: UInt64
        package let open: Int
        package let firstByte: Histogram
    }

    package struct Limit: Sendable {
        package let name: String
        /// By `LimitDecision`.
        package let decisions: [UInt64]
    }

    /// By `WorkerCounter`.
    private let counters: [UInt64]
    /// By `WorkerGauge`.
    private let gauges: [Int]
    /// By `ConnectionRefusal`.
    private let refusals: [UInt64]
    /// By `HeadFault`.
    private let headFaults: [UInt64]
    /// By `HandshakeResult`.
    private let handshakes: [UInt64]
    /// By `IdempotencyResult`.
    private let idempotency: [UInt64]
    /// By `AuthenticationResult`.
    private let authentications: [UInt64]
    /// By `SlowPart`.
    private let slowness: [UInt64]
    /// By `AddressRefusal`.
    private let addressRefusals: [UInt64]
    /// Addresses that were banned for what they asked.
    package let bans: UInt64
    /// By `Outcome`.
    private let outcomes: [UInt64]
    /// By `StoreCounter`; levels are sums, too.
    private let store: [UInt64]
    package let storeRoundTrips: Histogram
    package let loopTurns: Histogram
    /// The first counts requests that matched no route.
    package let routes: [Route]
    /// Slot 0 is left out here and in `limits` until the capacity is used up.
    package let upstreams: [Upstream]
    package let limits: [Limit]

    package func value(of counter: WorkerCounter) -> UInt64 { counters[counter.rawValue] }
    package func value(of gauge: WorkerGauge) -> Int { gauges[gauge.rawValue] }
    package func count(of refusal: ConnectionRefusal) -> UInt64 { refusals[refusal.rawValue] }
    package func count(of fault: HeadFault) -> UInt64 { headFaults[fault.rawValue] }
    package func count(of result: HandshakeResult) -> UInt64 { handshakes[result.rawValue] }
    package func count(of result: AuthenticationResult) -> UInt64 { authentications[result.rawValue] }
    package func count(of result: IdempotencyResult) -> UInt64 { idempotency[result.rawValue] }
    package func count(of part: SlowPart) -> UInt64 { slowness[part.rawValue] }
    package func value(of counter: StoreCounter) -> UInt64 { store[counter.rawValue] }
    package func count(of refusal: AddressRefusal) -> UInt64 { addressRefusals[refusal.rawValue] }
    package func count(of outcome: Outcome) -> UInt64 { outcomes[outcome.index] }
    /// Exchanges that have ended.
    package var requests: UInt64 { outcomes.reduce(0, &+) }

    init(workers: [WorkerMetrics], routes: [String], upstreams: [String], limits: [String]) {
        func sum(_ metric: Metric) -> UInt64 { workers.reduce(0) { $0 &+ $1.value(of: metric) } }
        func level(_ metric: Metric) -> Int { Int(Int64(bitPattern: sum(metric))) }
        func merged(_ metric: DurationMetric) -> Histogram {
            workers.reduce(into: Histogram()) { $0.merge($1.histogram(metric)) }
        }

        counters = WorkerCounter.allCases.map { sum(.counter($0)) }
        gauges = WorkerGauge.allCases.map { level(.gauge($0)) }
        refusals = ConnectionRefusal.allCases.map { sum(.refused($0)) }
        headFaults = HeadFault.allCases.map { sum(.headFault($0)) }
        handshakes = HandshakeResult.allCases.map { sum(.handshake($0)) }
        authentications = AuthenticationResult.allCases.map { sum(.authentication($0)) }
        idempotency = IdempotencyResult.allCases.map { sum(.idempotency($0)) }
        slowness = SlowPart.allCases.map { sum(.slow($0)) }
        addressRefusals = AddressRefusal.allCases.map { sum(.addressRefused($0)) }
        bans = sum(.bans)
        outcomes = Outcome.allCases.map { sum(.outcome($0)) }
        store = StoreCounter.allCases.map { sum(.store($0)) }
        storeRoundTrips = merged(.storeRoundTrip)
        loopTurns = merged(.loopTurn)
        self.routes = routes.enumerated().map { number, name in
            let slot = RouteSlot(number: number)
            return Route(
                name: name, requests: StatusClass.allCases.map { sum(.requests(route: slot, class: $0)) },
                duration: merged(.request(route: slot)))
        }
        let unnamedUpstreams = upstreams.count < MetricPlaces.upstreamCapacity ? 1 : 0
        self.upstreams = upstreams.enumerated().dropFirst(unnamedUpstreams).map { number, name in
            let slot = UpstreamSlot(number: number)
            return Upstream(
                name: name, opened: sum(.upstream(slot, .opened)), reused: sum(.upstream(slot, .reused)),
                failed: sum(.upstream(slot, .failed)), open: level(.upstream(slot, .open)),
                firstByte: merged(.firstByte(upstream: slot)))
        }
        let unnamedLimits = limits.count < MetricPlaces.limitCapacity ? 1 : 0
        self.limits = limits.enumerated().dropFirst(unnamedLimits).map { number, name in
            let slot = LimitSlot(number: number)
            return Limit(name: name, decisions: LimitDecision.allCases.map { sum(.limit(slot, $0)) })
        }
    }
}
