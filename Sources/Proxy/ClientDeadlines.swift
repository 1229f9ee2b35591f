import Bytes
import HTTP1
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// Clients' deadlines, and how slow a client may be.
extension ProxyCore where Net: ~Copyable {
    /// Who is waited for on a client's side.
    private enum Wait {
        /// Nobody, or until a fixed time.
        case until(Instant)
        /// The client, for more of the request's body.
        case body(SlotID)
        /// The client, to read more of the answer.
        case reader(SlotID)
    }

    /// Puts the deadline where the connection's state wants it. Cheap: the wheel hears of it only if it comes
    /// nearer.
    mutating func moveClientDeadline(_ id: SlotID) {
        let wait = clientWait(id)
        var instant: Instant
        switch wait {
        case .until(let fixed):
            if let exchange = clients[id].exchange {
                exchanges[exchange].bodyPace.pause(now: now)
                exchanges[exchange].readingPace.pause(now: now)
            }
            instant = fixed
        case .body(let exchange):
            exchanges[exchange].readingPace.pause(now: now)
            instant = exchanges[exchange].bodyPace.wait(plan.bodyPace, now: now)
        case .reader(let exchange):
            // The body waits until the client has read: it is not late meanwhile.
            exchanges[exchange].bodyPace.pause(now: now)
            instant = exchanges[exchange].readingPace.wait(plan.readingPace, now: now)
        }
        if clients[id].seat != nil, let exchange = clients[id].exchange {
            instant = min(instant, exchanges[exchange].callEnds)
        }
        if clients[id].deadline.move(to: instant) { timers.add(Token(.client, id), at: instant) }
    }

    @inline(__always)
    private func clientWait(_ id: SlotID) -> Wait {
        switch clients[id].mode {
        case .lingering: return .until(clients[id].deadline.instant)
        case .absent: return .until(absenceEnds(id))
        case .proxyHeader, .handshake, .preface:
            return .until(clients[id].accepted + plan.clients.headTimeout)
        case .http: break
        }
        guard let exchange = clients[id].exchange else {
            if let begun = clients[id].headBegun { return .until(begun + plan.clients.headTimeout) }
            if clients[id].machine.mayParse {
                return .until(
                    clients[id].quietSince
                        + (clients[id].machine.requests == 0
                            ? plan.clients.headTimeout : plan.clients.idleTimeout))
            }
            return .until(now + plan.clients.bodyTimeout)
        }
        if let end = exchanges[exchange].watch?.endsBy { return .until(end) }
        if !clients[id].unsent.isEmpty {
            // A tunnel's two directions belong to another protocol, which has its own idea of speed.
            return exchanges[exchange].phase == .tunnel
                ? .until(now + plan.clients.writeTimeout) : .reader(exchange)
        }
        switch exchanges[exchange].phase {
        case .tunnel: return .until(now + plan.clients.tunnelIdleTimeout)
        case .queue:
            guard let upstream = exchanges[exchange].upstream else { return .until(.distantFuture) }
            return .until(exchanges[exchange].waitsSince + upstreams[upstream].plan.queueWait)
        case .request, .response, .body:
            // Only while more of the body is wanted: an upstream that takes no more is not the client's
            // fault.
            let isWanted = !exchanges[exchange].requestBody.isEnded && !exchanges[exchange].stopsSending
            guard isWanted, let connection = exchanges[exchange].connection,
                connections[connection].unsent.isEmpty
            else { return .until(.distantFuture) }
            // The messages of a call are a conversation, with pauses of its own.
            if exchanges[exchange].isGRPC, connections[connection].seat != nil {
                return .until(now + plan.clients.tunnelIdleTimeout)
            }
            return .body(exchange)
        case .policy:
            if exchanges[exchange].held.isArriving { return .body(exchange) }
            return .until(exchanges[exchange].inquiry?.deadline ?? .distantFuture)
        case .head, .connect, .done: return .until(.distantFuture)
        }
    }

    /// The kernel has taken all that it takes of an answer for now.
    mutating func noteTaken(_ exchange: SlotID) {
        guard exchanges[exchange].phase != .tunnel else { return }
        let client = exchanges[exchange].client
        let sent = exchanges[exchange].bytesOut - clients[client].unsent.count
        guard exchanges[exchange].readingPace.needsQueue else {
            return exchanges[exchange].readingPace.took(sent: sent, plan.readingPace, now: now)
        }
        let queued = queuedBytes(client)
        exchanges[exchange].readingPace.blocked(queued: queued, sent: sent)
    }

    /// A reader's time seems to be up. Whether it has read since, without making room for more in the kernel:
    /// then it has bought itself some time.
    private mutating func hasRead(_ id: SlotID, _ exchange: SlotID) -> Bool {
        guard exchanges[exchange].phase != .tunnel else { return false }
        let sent = exchanges[exchange].bytesOut - clients[id].unsent.count
        let read = sent - queuedBytes(id)
        exchanges[exchange].readingPace.reached(read, plan.readingPace, now: now)
        return exchanges[exchange].readingPace.wait(plan.readingPace, now: now) > now
    }

    mutating func clientTimerFired(_ id: SlotID) {
        let (passed, rearm) = clients[id].deadline.check(now)
        if let rearm { timers.add(Token(.client, id), at: rearm) }
        guard passed else { return }
        switch clients[id].mode {
        case .handshake:
            metrics.add(.handshake(.timeout))
            return removeClient(id, closing: .withReset)
        case .proxyHeader, .preface, .lingering, .absent: return removeClient(id, closing: .plainly)
        case .http: break
        }
        guard let exchange = clients[id].exchange else { return quietClientTimedOut(id) }
        if exchanges[exchange].watch?.isOver == true { return endTunnel(exchange, by: .gateway) }
        if exchanges[exchange].callEnds <= now { return callTimedOut(exchange) }
        if !clients[id].unsent.isEmpty {
            if hasRead(id, exchange) { return moveClientDeadline(id) }
            metrics.add(.slow(.reader))
            exchanges[exchange].outcome = Outcome(endedBy: .client, in: exchanges[exchange].phase)
            return removeClient(id, closing: .withReset)
        }
        switch exchanges[exchange].phase {
        case .queue: fail(exchange, .queueTimeout)
        case .tunnel: endTunnel(exchange, by: .gateway)
        case .request, .response, .body:
            metrics.add(.slow(.body))
            perform(clients[id].machine.deadlineMissed(), on: id)
        case .policy: policyTimedOut(exchange)
        case .head, .connect, .done: break
        }
    }

    /// A stage has waited for too long.
    private mutating func policyTimedOut(_ exchange: SlotID) {
        if let inquiry = exchanges[exchange].inquiry { return answered(inquiry, .expired) }
        guard exchanges[exchange].held.isArriving else { return }
        metrics.add(.slow(.body))
        let client = exchanges[exchange].client
        perform(clients[client].machine.deadlineMissed(), on: client)
    }

    /// A connection without an exchange has been quiet, or sending its head, for too long.
    private mutating func quietClientTimedOut(_ id: SlotID) {
        let action = clients[id].machine.deadlineMissed()
        if case .refuse = action { metrics.add(.headFault(.timeout)) }
        if action == .close, isReadingSlowly(id) {
            metrics.add(.slow(.reader))
            return removeClient(id, closing: .withReset)
        }
        refuseHead(id, action, LocalResponse.headTimeout, of: clients[id].received.view)
    }

    /// Whether the last answer still stands in the kernel and hardly moves: closed plainly, it would stand
    /// there for as long as the client likes.
    private mutating func isReadingSlowly(_ id: SlotID) -> Bool {
        guard let rate = plan.clients.minimumRate, clients[id].lastAnswer > 0 else { return false }
        let queued = queuedBytes(id)
        guard queued > 0 else { return false }
        let seconds = (now - clients[id].quietSince) / 1_000_000_000
        return clients[id].lastAnswer - queued < rate.bytesPerSecond * Int(seconds)
    }
}
