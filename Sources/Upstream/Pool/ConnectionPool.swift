import Slots
import Time

/// One worker's connections to one upstream: who is idle, who is out, who waits. Pure bookkeeping by
/// identity; the connections themselves belong to the worker, which does what the answers say.
///
/// Invariants: `open` counts every connection from the decision to connect until `closed`; it never exceeds
/// the cap; nobody waits while a connection is idle or another may be opened.
package struct ConnectionPool: Sendable {
    package struct Limits: Sendable, Equatable {
        /// Connections of this worker, in use and idle together.
        package var connections: Int
        /// Idle connections kept.
        package var idle: Int
        /// How long one is kept idle.
        package var idleTimeout: Duration
        /// Exchanges that may wait for a connection.
        package var waiting: Int
        /// How long an endpoint that refused a connect is left alone while there are others.
        package var coolDown: Duration

        package init(connections: Int, idle: Int, idleTimeout: Duration, waiting: Int, coolDown: Duration) {
            self.connections = connections
            self.idle = idle
            self.idleTimeout = idleTimeout
            self.waiting = waiting
            self.coolDown = coolDown
        }
    }

    package enum Acquisition: Equatable, Sendable {
        /// This idle connection is now the exchange's.
        case reuse(SlotID, endpoint: Int)
        /// Open a new one to this endpoint; it is counted already.
        case connect(endpoint: Int)
        /// The same, after this idle connection has been closed: it is no longer counted, and makes room for
        /// the new one.
        case replace(SlotID, endpoint: Int)
        /// Wait in the queue.
        case wait
        /// The queue is full.
        case queueFull
        /// No endpoint is known: no name has resolved yet.
        case noEndpoint
    }

    package enum Release: Equatable, Sendable {
        /// It stays, idle.
        case keep
        /// Close it.
        case close
        /// It goes on with this exchange, the first that waited.
        case handTo(SlotID)
    }

    private struct Idle {
        var connection: SlotID
        var endpoint: Int
        var since: Instant
    }

    package private(set) var limits: Limits
    package private(set) var states: [EndpointState] = []
    package private(set) var open = 0
    private var balancer: Balancer
    /// Oldest first; the youngest is used first, so that surplus connections grow old and close.
    private var idle: [Idle] = []
    /// Exchanges that wait, oldest first.
    private var waiting: [SlotID] = []

    package init(limits: Limits, balancer: Balancer) {
        self.limits = limits
        self.balancer = balancer
        idle.reserveCapacity(min(limits.idle, 1024))
    }

    package var idleCount: Int { idle.count }
    package var waitingCount: Int { waiting.count }

    /// Finds a connection for `exchange`. A `fresh` one never comes out of the pool: the retry after a reused
    /// connection died.
    package mutating func acquire(
        for exchange: SlotID, avoiding avoided: Int?, fresh: Bool, now: Instant
    ) -> Acquisition {
        guard let endpoint = balancer.choose(among: states, avoiding: avoided, now: now) else {
            return .noEndpoint
        }
        if !fresh, let connection = takeIdle(on: endpoint) {
            return .reuse(connection, endpoint: endpoint)
        }
        if open < limits.connections {
            open += 1
            states[endpoint].inFlight += 1
            return .connect(endpoint: endpoint)
        }
        // At the cap, an idle connection to another endpoint serves better than a wait, or makes room for the
        // new one.
        if fresh, !idle.isEmpty {
            states[endpoint].inFlight += 1
            return .replace(idle.removeFirst().connection, endpoint: endpoint)
        }
        if let last = idle.last, let connection = takeIdle(on: last.endpoint) {
            return .reuse(connection, endpoint: last.endpoint)
        }
        guard waiting.count < limits.waiting else { return .queueFull }
        waiting.append(exchange)
        return .wait
    }

    private mutating func takeIdle(on endpoint: Int) -> SlotID? {
        guard let index = idle.lastIndex(where: { $0.endpoint == endpoint }) else { return nil }
        let taken = idle.remove(at: index)
        states[endpoint].inFlight += 1
        return taken.connection
    }

    /// The exchange on `connection` is over and left it clean.
    package mutating func release(_ connection: SlotID, endpoint: Int?, now: Instant) -> Release {
        if let endpoint { states[endpoint].inFlight -= 1 }
        // A connection to an address that the name no longer has serves nobody else.
        guard let endpoint else { return .close }
        // The cap was lowered while it was out.
        guard open <= limits.connections else { return .close }
        if !waiting.isEmpty {
            states[endpoint].inFlight += 1
            return .handTo(waiting.removeFirst())
        }
        guard idle.count < limits.idle else { return .close }
        idle.append(Idle(connection: connection, endpoint: endpoint, since: now))
        return .keep
    }

    /// A connection that was out is closed, whoever closed it. `endpoint` is nil where its address has gone
    /// meanwhile.
    package mutating func closed(endpoint: Int?, wasInFlight: Bool) {
        open -= 1
        if wasInFlight, let endpoint { states[endpoint].inFlight -= 1 }
    }

    /// A connection is closed: if it was idle, it leaves the list and the count, and the answer is true.
    package mutating func idleClosed(_ connection: SlotID) -> Bool {
        guard let index = idle.firstIndex(where: { $0.connection == connection }) else { return false }
        idle.remove(at: index)
        open -= 1
        return true
    }

    /// A connect to `endpoint` failed.
    package mutating func connectFailed(endpoint: Int?, now: Instant) {
        guard let endpoint else { return }
        states[endpoint].coolsUntil = now + limits.coolDown
    }

    /// A connect to `endpoint` succeeded: it is as good as any.
    package mutating func connectSucceeded(endpoint: Int?) {
        guard let endpoint else { return }
        states[endpoint].coolsUntil = .zero
    }

    /// The first waiter, if a new connection may be opened for it now. Call after connections have closed,
    /// until nil.
    package mutating func nextWaiter() -> SlotID? {
        guard open < limits.connections, !waiting.isEmpty else { return nil }
        return waiting.removeFirst()
    }

    /// An exchange waits no longer: it was cancelled or its time is over.
    package mutating func stopWaiting(_ exchange: SlotID) {
        waiting.removeAll { $0 == exchange }
    }

    /// Takes out one connection that has been idle too long; nil when there is none. The caller closes it,
    /// and it is no longer counted.
    package mutating func popExpired(now: Instant) -> SlotID? {
        guard let oldest = idle.first, oldest.since + limits.idleTimeout <= now else { return nil }
        idle.removeFirst()
        open -= 1
        return oldest.connection
    }

    /// Puts new limits in place; connections above a lowered cap close as they come back.
    package mutating func update(limits: Limits, policy: Balancer.Policy) {
        self.limits = limits
        if balancer.policy != policy { balancer = Balancer(policy: policy) }
    }

    /// Puts the endpoints in place that names resolve to now. Known ones keep their load and luck.
    ///
    /// Returns the idle connections to addresses that are gone: to be closed, no longer counted. `remap`
    /// tells where an old endpoint index has moved to, nil where it is gone.
    package mutating func replaceEndpoints(_ endpoints: [ServerEndpoint]) -> (close: [SlotID], remap: [Int?])
    {
        let remap = states.map { state in endpoints.firstIndex(of: state.endpoint) }
        var renewed = endpoints.map { EndpointState($0) }
        for (old, new) in remap.enumerated() {
            if let new { renewed[new] = states[old] }
        }
        states = renewed
        var close: [SlotID] = []
        idle = idle.compactMap { entry in
            guard let endpoint = remap[entry.endpoint] else {
                close.append(entry.connection)
                return nil
            }
            var moved = entry
            moved.endpoint = endpoint
            return moved
        }
        open -= close.count
        return (close, remap)
    }

    /// Takes out all idle connections: to be closed, no longer counted. For drains.
    package mutating func removeAllIdle() -> [SlotID] {
        let all = idle.map(\.connection)
        idle.removeAll(keepingCapacity: true)
        open -= all.count
        return all
    }
}
