import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time
import Upstream

// The server's side: connections, their use and their end.
extension ProxyCore where Net: ~Copyable {
    mutating func connectionReady(_ id: SlotID, _ readiness: Readiness) {
        guard connections.contains(id) else { return }
        if readiness.contains(.readable) { connections[id].isReadable = true }
        if readiness.contains(.peerEnded) { connections[id].peerHasEnded = true }
        if readiness.contains(.writable) { connections[id].isWritable = true }
        advanceConnection(id)
    }

    /// Does whatever can be done for the connection now.
    mutating func advanceConnection(_ id: SlotID) {
        if connections[id].isConnecting {
            // A stream waits for its connection, which tells it.
            guard let socket = connections[id].transport.socket else { return }
            if connections[id].transport.tls != nil { return advanceHandshake(connection: id) }
            guard connections[id].isWritable || connections[id].peerHasEnded else { return }
            // A server that speaks or leaves at once is told of by the same edge: there will be no other.
            connectEnded(id, socket)
            guard connections.contains(id), !connections[id].isConnecting else { return }
        }
        guard let exchange = connections[id].exchange else {
            // Nobody has asked it anything: what it says, or its end, makes it useless.
            if connections[id].isReadable, !isOnlyTLS(id) { removeConnection(id) }
            return
        }
        if connections[id].isWritable, !connections[id].unsent.isEmpty {
            guard flushConnection(id) else { return }
        }
        if exchanges[exchange].phase == .tunnel { return advanceTunnel(exchange) }
        if connections[id].unsent.isEmpty, !exchanges[exchange].requestBody.isEnded,
            !exchanges[exchange].stopsSending
        {
            passRequestBody(exchange)
        }
        if connections.contains(id), connections[id].exchange == exchange { passResponse(exchange) }
    }

    private mutating func connectEnded(_ id: SlotID, _ socket: Socket) {
        if network.connectError(socket) != nil { return connectionFailed(id, .connectFailed) }
        guard connections[id].isWritable, connections[id].exchange != nil else { return }
        if upstreams[connections[id].upstream].plan.isEncrypted { return beginHandshake(connection: id) }
        connectionReady(id)
    }

    /// A connection can carry its first request.
    mutating func connectionReady(_ id: SlotID) {
        guard let exchange = connections[id].exchange else { return removeConnection(id) }
        connections[id].isConnecting = false
        connections[id].machine.connected()
        let upstream = connections[id].upstream
        if connections[id].seat == nil {
            upstreams[upstream].pool.connectSucceeded(endpoint: connections[id].endpoint)
            metrics.add(.upstream(upstreams[upstream].plan.slot, .opened))
        }
        sendRequest(exchange)
    }

    /// A connect has failed; its request may go to another server.
    mutating func connectionFailed(_ id: SlotID, _ failure: Failure) {
        let endpoint = connections[id].endpoint
        let exchange = connections[id].exchange
        connections[id].exchange = nil
        if let exchange { exchanges[exchange].connection = nil }
        removeConnection(id)
        if let exchange { connectFailed(exchange, endpoint: endpoint, failure) }
    }

    /// Closes a connection and counts it out, whoever used it. Somebody who waits may get a new one.
    mutating func removeConnection(_ id: SlotID) {
        var connection = connections.remove(id)
        let upstream = connection.upstream
        if let seat = connection.transport.seat { leaveStream(connection, seat) }
        discard(&connection)
        if !upstreams[upstream].pool.idleClosed(id) {
            upstreams[upstream].pool.closed(endpoint: connection.endpoint, wasInFlight: true)
        }
        serveWaiting(upstream)
    }

    /// Lets requests that wait have the places that have become free.
    mutating func serveWaiting(_ upstream: SlotID) {
        while let waiting = upstreams[upstream].pool.nextWaiter() {
            guard exchanges.contains(waiting) else { continue }
            acquire(waiting)
        }
    }

    /// Sends bytes to the server, and keeps what the socket does not take. False where the connection broke;
    /// the exchange has been dealt with then.
    mutating func send(_ bytes: ByteView, on id: SlotID) -> Bool {
        guard !bytes.isEmpty else { return true }
        if let seat = connections[id].transport.seat {
            connections[id].unsent.append(bytes, pool: &buffers)
            queue(bytes.count, on: seat)
            return true
        }
        switch connections[id].transport.send(bytes, &network, encryption, &buffers) {
        case .taken, .kept: return true
        case .failed: return brokenWhileSending(id)
        }
    }

    /// Sends what waits. False where the connection broke.
    private mutating func flushConnection(_ id: SlotID) -> Bool {
        let before = connections[id].unsent.count
        if connections[id].transport.flush(&network, &buffers) == .failed { return brokenWhileSending(id) }
        if connections[id].unsent.count < before { serverTook(id) }
        return true
    }

    /// What waited for a server, or a part of it, is on its way.
    mutating func serverTook(_ id: SlotID) {
        requestSent(on: id)
        moveConnectionDeadline(id)
        if let exchange = connections[id].exchange { moveClientDeadline(exchanges[exchange].client) }
    }

    /// The server takes no more. It may have said why before it closed: an early answer still stands to be
    /// read.
    private mutating func brokenWhileSending(_ id: SlotID) -> Bool {
        guard let exchange = connections[id].exchange else { return false }
        connections[id].unsent.removeAll(pool: &buffers)
        if exchanges[exchange].phase == .tunnel {
            endTunnel(exchange, by: .upstream)
            return false
        }
        exchanges[exchange].stopsSending = true
        connections[id].isBroken = true
        connections[id].isReadable = true
        connections[id].isWritable = false
        passResponse(exchange)
        return false
    }

    mutating func perform(_ action: ClientConnectionMachine.Action, on id: SlotID) {
        guard let exchange = connections[id].exchange else { return removeConnection(id) }
        switch action {
        case .proceed, .interim, .response, .upgrade: break
        case .reuse, .close:
            answerEnded(exchange, keepsConnection: action == .reuse)
        case .fail(let failure, let retry):
            exchangeFailed(exchange, on: id, failure, retry)
        }
    }

    /// The exchange has failed on its connection, which is closed: once more on another one, or the client is
    /// told.
    private mutating func exchangeFailed(
        _ id: SlotID, on connection: SlotID, _ failure: ClientConnectionMachine.Failure,
        _ retry: ClientConnectionMachine.Retry
    ) {
        connections[connection].exchange = nil
        exchanges[id].connection = nil
        removeConnection(connection)
        guard exchanges.contains(id) else { return }
        if mayRepeat(id, retry) {
            exchanges[id].wantsFresh = true
            exchanges[id].retries += 1
            exchanges[id].usesKeptConnection = false
            exchanges[id].isRequestComplete = exchanges[id].requestBody.isEnded
            exchanges[id].stopsSending = false
            exchanges[id].timings.requestSent = .unset
            metrics.add(.retries)
            return acquire(id)
        }
        fail(id, Self.failure(failure))
    }

    /// Whether the request may be sent again: once, on a new connection, while nobody has heard anything of
    /// it.
    private func mayRepeat(_ id: SlotID, _ retry: ClientConnectionMachine.Retry) -> Bool {
        // Of a body that was not held, also of the end of an empty chunked one, nothing is kept once it has
        // been passed on.
        let isPastLastChunk =
            exchanges[id].state.head.framing == .chunked && exchanges[id].requestBody.isEnded
        let hasItsBody =
            exchanges[id].held.isWhole || (exchanges[id].requestBodyBytes == 0 && !isPastLastChunk)
        guard !exchanges[id].wantsFresh, hasItsBody, !exchanges[id].hasAnswered else { return false }
        switch retry {
        case .untouched: return true
        case .reusedConnection: return exchanges[id].state.head.method.isIdempotent
        case .no: return false
        }
    }

    private static func failure(_ failure: ClientConnectionMachine.Failure) -> Failure {
        switch failure {
        case .connectFailed: .connectFailed
        case .closedBeforeResponse, .closedInHead: .upstreamClosed
        case .closedInBody: .truncated
        case .invalidHead, .invalidBody, .tooManyInterimResponses, .unexpectedUpgrade, .unsolicitedBytes:
            .badResponse
        }
    }

    /// The whole answer has been read. The connection goes back, the client gets what is left of it.
    private mutating func answerEnded(_ id: SlotID, keepsConnection: Bool) {
        if let connection = exchanges[id].connection {
            exchanges[id].connection = nil
            connections[connection].exchange = nil
            // One whose server has closed it behind the answer would only fail whoever got it next.
            let isUsable =
                keepsConnection && !connections[connection].peerHasEnded
                && connections[connection].seat == nil && !connections[connection].isOutdated
            if isUsable { giveBack(connection) } else { removeConnection(connection) }
        }
        if exchanges[id].state.idempotency != nil { endCapture(of: id) }
        exchanges[id].phase = .done
        exchanges[id].outcome = .ok
        let client = exchanges[id].client
        if clients[client].unsent.isEmpty { complete(id) }
    }

    private mutating func giveBack(_ id: SlotID) {
        let upstream = connections[id].upstream
        switch upstreams[upstream].pool.release(id, endpoint: connections[id].endpoint, now: now) {
        case .keep:
            connections[id].idleSince = now
            _ = connections[id].deadline.move(to: .distantFuture)
        case .close:
            removeReleased(id)
        case .handTo(let waiting):
            guard exchanges.contains(waiting) else {
                preconditionFailure("who waits no longer has left the queue")
            }
            if exchanges[waiting].wantsFresh {
                // A kept connection has died under it once already; this one makes room for a new one.
                removeConnection(id)
                return acquire(waiting)
            }
            exchanges[waiting].timings.upstreamChosen = now
            attach(id, to: waiting)
        }
    }

    /// Closes a connection that `release` has counted out of its endpoint already.
    private mutating func removeReleased(_ id: SlotID) {
        var connection = connections.remove(id)
        let upstream = connection.upstream
        discard(&connection)
        upstreams[upstream].pool.closed(endpoint: nil, wasInFlight: false)
        serveWaiting(upstream)
    }

    /// Gives back what a connection held. A socket is closed in order: who speaks TLS is told.
    mutating func discard(_ connection: inout UpstreamConnection) {
        connection.received.removeAll(pool: &buffers)
        if connection.transport.socket != nil {
            connection.transport.sayClosed(&network, encryption, &buffers)
            close(connection.transport, .plainly)
            metrics.add(.upstream(upstreams[connection.upstream].plan.slot, .open), -1)
        }
        connection.transport.release(&buffers)
    }

    /// Puts the deadline where the connection's state wants it.
    mutating func moveConnectionDeadline(_ id: SlotID) {
        let instant = connectionDeadline(id)
        if connections[id].deadline.move(to: instant) { timers.add(Token(.upstream, id), at: instant) }
    }

    @inline(__always)
    private func connectionDeadline(_ id: SlotID) -> Instant {
        guard let exchange = connections[id].exchange else { return .distantFuture }
        let plan = upstreams[connections[id].upstream].plan
        if connections[id].isConnecting { return now + plan.connectTimeout }
        if exchanges[exchange].phase == .tunnel { return .distantFuture }
        if !connections[id].unsent.isEmpty { return now + plan.writeTimeout }
        switch exchanges[exchange].phase {
        case .response:
            return now + (exchanges[exchange].state.plan?.responseTimeout ?? plan.responseTimeout)
        case .body:
            // Only while the client takes what comes: its slowness is not the server's.
            return clients[exchanges[exchange].client].unsent.isEmpty
                ? now + plan.readTimeout : .distantFuture
        case .head, .policy, .queue, .connect, .request, .tunnel, .done: return .distantFuture
        }
    }

    mutating func connectionTimerFired(_ id: SlotID) {
        let (passed, rearm) = connections[id].deadline.check(now)
        if let rearm { timers.add(Token(.upstream, id), at: rearm) }
        guard passed, let exchange = connections[id].exchange else { return }
        if connections[id].isConnecting { return connectionFailed(id, .connectTimeout) }
        if !connections[id].unsent.isEmpty { return fail(exchange, .requestTimeout) }
        fail(exchange, exchanges[exchange].phase == .body ? .readTimeout : .responseTimeout)
    }
}
