import Bytes
import HTTP1
import Pipeline
import Reactor
import Slots
import Telemetry
import Time
import Upstream

// New settings, new addresses, housekeeping and the drain.
extension ProxyCore where Net: ~Copyable {
    /// Puts a plan in force. Exchanges in work keep the one that they began with; upstreams keep their
    /// connections by name.
    package mutating func install(_ plan: GatewayPlan) {
        if plan !== self.plan { authenticator.install(plan.identity) }
        self.plan = plan
        installStore(plan.redis)
        places = plan.upstreams.map { upstream in
            if let known = findUpstream(upstream.name.view) {
                let isReachedAlike = upstreams[known].plan.reach == upstream.reach
                upstreams[known].plan = upstream
                if !isReachedAlike { outdateConnections(of: known) }
                upstreams[known].isRetired = false
                upstreams[known].pool.update(limits: upstream.limits, policy: upstream.policy)
                return known
            }
            let offset = Int(truncatingIfNeeded: random.next() >> 33)
            let pool = ConnectionPool(
                limits: upstream.limits, balancer: Balancer(policy: upstream.policy, offset: offset))
            return upstreams.insert(UpstreamState(plan: upstream, pool: pool))
        }
        for id in upstreams.identities {
            if places.contains(id) {
                let known = upstreams[id].pool.states.map(\.endpoint)
                let wanted = upstreams[id].plan.endpoints(resolved: known)
                if wanted != known { replaceEndpoints(of: id, wanted) }
            } else {
                retire(id)
            }
            moveWaiting(of: id)
            // A raised cap or a server more may be what somebody waits for.
            serveWaiting(id)
        }
    }

    /// A name has been resolved: `endpoints` are all of its addresses now.
    package mutating func resolved(upstream name: String, server: String, _ endpoints: [ServerEndpoint]) {
        guard let id = findUpstream(name), upstreams[id].plan.names.contains(where: { $0.label == server })
        else { return }
        let others = upstreams[id].pool.states.map(\.endpoint).filter { $0.label != server }
        replaceEndpoints(of: id, others + endpoints)
        moveWaiting(of: id)
        serveWaiting(id)
    }

    private mutating func replaceEndpoints(of id: SlotID, _ endpoints: [ServerEndpoint]) {
        let (close, remap) = upstreams[id].pool.replaceEndpoints(endpoints)
        for connection in connections.identities where connections[connection].upstream == id {
            connections[connection].endpoint = connections[connection].endpoint.flatMap { remap[$0] }
        }
        for exchange in exchanges.identities where exchanges[exchange].upstream == id {
            exchanges[exchange].avoided = exchanges[exchange].avoided.flatMap { remap[$0] }
        }
        for connection in close { removeUncounted(connection) }
        for session in upstreams[id].sessions {
            sessions[session].endpoint = sessions[session].endpoint.flatMap { remap[$0] }
            if sessions[session].endpoint == nil { leaveWhenQuiet(session: session) }
        }
    }

    /// Servers are reached in another way from now on, with TLS or by another protocol: no request that comes
    /// may go on a connection from before.
    private mutating func outdateConnections(of id: SlotID) {
        for connection in upstreams[id].pool.removeAllIdle() { removeUncounted(connection) }
        for connection in connections.identities where connections[connection].upstream == id {
            connections[connection].isOutdated = true
        }
        for session in upstreams[id].sessions { leaveWhenQuiet(session: session) }
        upstreams[id].streamsPerSession = nil
    }

    /// Requests that wait for a connection which takes none any more find themselves another.
    private mutating func moveWaiting(of id: SlotID) {
        for session in upstreams[id].sessions
        where sessions.contains(session) && sessions[session].isClosing {
            let waiting = sessions[session].waiting
            sessions[session].waiting = []
            for connection in waiting where connections.contains(connection) { moveToAnother(connection) }
        }
    }

    /// A connection to a server takes no further requests, and ends with its last one.
    private mutating func leaveWhenQuiet(session id: SlotID) {
        sessions[id].isClosing = true
        makeDirty(id)
    }

    private func findUpstream(_ name: ByteView) -> SlotID? {
        for id in upstreams.identities where upstreams[id].plan.name.view.equals(name) { return id }
        return nil
    }

    private func findUpstream(_ name: String) -> SlotID? {
        Array(name.utf8).withView { findUpstream($0) }
    }

    /// Where a plan's upstream is kept. A plan that is no longer in force finds it by name.
    /// Nil where the settings in force have no such upstream any more.
    @inline(__always)
    func place(of index: Int, in plan: GatewayPlan) -> SlotID? {
        plan === self.plan ? places[index] : findUpstream(plan.upstreams[index].name.view)
    }

    private mutating func retire(_ id: SlotID) {
        upstreams[id].isRetired = true
        for connection in upstreams[id].pool.removeAllIdle() { removeUncounted(connection) }
        // What is out now closes when it comes back.
        var limits = upstreams[id].plan.limits
        limits.idle = 0
        upstreams[id].pool.update(limits: limits, policy: upstreams[id].plan.policy)
        for session in upstreams[id].sessions { leaveWhenQuiet(session: session) }
    }

    /// Forgets the upstreams that no settings name any more and no exchange uses, not even for its line in
    /// the log.
    private mutating func forgetRetired() {
        for id in upstreams.identities
        where upstreams[id].isRetired && upstreams[id].pool.open == 0 && upstreams[id].pool.waitingCount == 0
            && upstreams[id].sessions.isEmpty
        {
            let isNamed = exchanges.identities.contains { exchanges[$0].upstream == id }
            if !isNamed { _ = upstreams.remove(id) }
        }
    }

    /// Closes an idle connection that its pool no longer counts.
    mutating func removeUncounted(_ id: SlotID) {
        var connection = connections.remove(id)
        discard(&connection)
    }

    /// Closes an idle connection to any server. False where there is none.
    mutating func closeOldestIdle() -> Bool {
        for id in upstreams.identities {
            guard let connection = upstreams[id].pool.popExpired(now: .distantFuture) else { continue }
            removeUncounted(connection)
            return true
        }
        return false
    }

    /// Closes connections that have been idle too long, hands old log lines on and reports what is held.
    /// Several times a second.
    package mutating func keepHouse() {
        for id in upstreams.identities {
            while let connection = upstreams[id].pool.popExpired(now: now) { removeUncounted(connection) }
        }
        forgetRetired()
        metrics.set(.bufferBytes, to: buffers.outstandingBytes)
        if drain == .closing {
            closeQuietClients()
            closeQuietSessions()
        }
    }

    /// Lets go of memory that the last burst has left behind and nothing has needed since. True where it was
    /// so much that the allocator should give it back to the system.
    package mutating func releaseMemory() -> Bool {
        let freed = buffers.trim()
        frames.trim()
        // Each table on its own: none of them keeps the others.
        var hasShrunk = clients.shrink(minimumCapacity: 256)
        if sessions.shrink(minimumCapacity: 16) { hasShrunk = true }
        if connections.shrink(minimumCapacity: 64) { hasShrunk = true }
        if exchanges.shrink(minimumCapacity: 64) { hasShrunk = true }
        if hasShrunk { tables.trim() }
        return hasShrunk || freed >= 1 << 20
    }

    /// Lines of the access log that have waited long enough go out.
    package mutating func flushLog() { log?.flush(now: now) }

    // MARK: Drain

    /// From now on answers say `Connection: close`.
    package mutating func beginDrain() {
        guard drain == .none else { return }
        drain = .lastRequests
        for id in clients.identities {
            clients[id].machine.drainBegan()
        }
        for id in sessions.identities { beginDrain(session: id) }
    }

    /// Nobody new will come: connections that ask for nothing are closed, now and as they fall quiet.
    package mutating func closeIdle() {
        drain = .closing
        closeQuietClients()
        endLongAnswers()
        for id in sessions.identities { closeWhenQuiet(session: id) }
        flushSessions()
    }

    /// Closes connections that ask for nothing and have not just been answered.
    mutating func closeQuietClients() {
        for id in clients.identities where clients[id].mode == .http && clients[id].machine.isIdle {
            guard clients[id].received.isEmpty, clients[id].quietSince + quietTime(of: id) <= now else {
                continue
            }
            removeClient(id, closing: .plainly)
        }
    }

    /// The same for connections that turned out to be HTTP/2's after the doors were closed.
    private mutating func closeQuietSessions() {
        for id in sessions.identities where sessions[id].isFromClient && sessions[id].streams.isEmpty {
            if sessions[id].quietSince + .milliseconds(500) <= now { closeWhenQuiet(session: id) }
        }
    }

    /// A connection that has just answered may have its next request on the way; after so long it is
    /// unlikely. A long answer stands in the kernel's buffers for a while before the client has read it: at a
    /// megabyte a second.
    private func quietTime(of id: SlotID) -> Duration {
        .milliseconds(500) + .microseconds(min(clients[id].lastAnswer, 4_500_000))
    }

    /// Connections and tunnels that are open, for the drain's report.
    package var openClients: Int {
        @inline(__always) get { clients.count - clientStreams + clientSessions }
    }

    /// The deadline is over: everything ends.
    package mutating func endAll() {
        endsAll = true
        for id in clients.identities where clients.contains(id) {
            let isQuiet = clients[id].exchange == nil
            if let exchange = clients[id].exchange {
                exchanges[exchange].outcome = Outcome(endedBy: .gateway, in: exchanges[exchange].phase)
            }
            removeClient(id, closing: isQuiet ? .plainly : .withReset)
        }
        for id in sessions.identities where sessions.contains(id) { removeSession(id, closing: .plainly) }
        for id in connections.identities where connections.contains(id) { removeConnection(id) }
        endStore()
        log?.handOver()
    }
}
