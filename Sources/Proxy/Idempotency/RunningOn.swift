import HTTP1
import Pipeline
import Slots
import Telemetry
import Time

// Requests that go on to their end though their client has left: what was sent with an Idempotency-Key is
// done once, and whoever asks again is to hear what has come of it.
extension ProxyCore where Net: ~Copyable {
    /// Requests of one worker that go on without a client. Each has a connection to its server.
    private static var mostAbsent: Int { 1024 }

    /// Whether a request goes on without its client: it has the key, and has been sent.
    @inline(__always)
    func mayRunOn(_ id: SlotID) -> Bool {
        guard let request = exchanges[id].state.idempotency else { return false }
        return mayRunOn(id, request)
    }

    private func mayRunOn(_ id: SlotID, _ request: IdempotentRequest) -> Bool {
        guard request.isLeading, request.departure == nil, exchanges[id].connection != nil, !endsAll,
            absentClients < Self.mostAbsent
        else { return false }
        switch exchanges[id].phase {
        case .request, .response, .body: return true
        case .head, .policy, .queue, .connect, .tunnel, .done: return false
        }
    }

    /// The client is about to go: in its place stands one that takes whatever it is sent, until the lease
    /// ends. It counts among the connections of its address, so that nobody has more of them for leaving
    /// early.
    mutating func runOn(_ id: SlotID) {
        guard let request = exchanges[id].state.idempotency else { return }
        let left = exchanges[id].client
        let outcome = exchanges[id].outcome ?? Outcome(endedBy: .client, in: exchanges[id].phase)
        request.departure = (outcome, exchanges[id].bytesOut - clients[left].unsent.count)
        exchanges[id].outcome = nil
        metrics.add(.idempotency(.ranOn))
        var absent = ClientConnection(
            Transport(.nobody, isReady: false), listener: clients[left].listener, peer: clients[left].peer,
            mode: .absent, limits: plan.headLimits, now: now)
        absent.isCounted = clients[left].isCounted
        clients[left].isCounted = false
        absent.machine.requestHeadEnded(keepAlive: false, hasBody: false, expectsContinue: false)
        if exchanges[id].hasAnswered {
            _ = absent.machine.responseDecided(framing: .none, keepAlive: false)
        }
        absent.exchange = id
        let client = clients.insert(absent)
        exchanges[id].client = client
        absentClients += 1
        moveClientDeadline(client)
        // What the client did not read held the server's answer up.
        guard let connection = exchanges[id].connection else { return }
        moveConnectionDeadline(connection)
        runLater(connection: connection)
    }

    /// When whoever stands in an absent client's place is given up.
    func absenceEnds(_ id: SlotID) -> Instant {
        guard let exchange = clients[id].exchange else { return .distantFuture }
        return exchanges[exchange].state.idempotency?.leaseEnds ?? now
    }

    /// The log tells of the client that has left, not of the one in its place.
    mutating func tellDeparture(_ id: SlotID, _ outcome: Outcome) -> Outcome {
        guard let departure = exchanges[id].state.idempotency?.departure else { return outcome }
        exchanges[id].bytesOut = departure.bytesOut
        return departure.outcome
    }
}
