import HTTP1
import HTTPModel
import Testing

@Suite struct ClientConnectionMachineTests {
    typealias Machine = ClientConnectionMachine

    /// A connection on which `exchanges` have been completed.
    private func idle(after exchanges: Int = 0) -> Machine {
        var machine = Machine(interimLimit: 3)
        machine.connected()
        for _ in 0..<exchanges {
            machine.requestAssigned(wantsUpgrade: false)
            machine.requestBegan()
            machine.requestEnded()
            _ = machine.bytesReceived()
            _ = machine.responseHead(status: 200, framing: .none, keepAlive: true)
            _ = machine.responseEnded(surplus: false)
        }
        return machine
    }

    /// A connection that waits for an answer.
    private func waiting(after exchanges: Int = 0, wantsUpgrade: Bool = false, isSent: Bool = true) -> Machine
    {
        var machine = idle(after: exchanges)
        machine.requestAssigned(wantsUpgrade: wantsUpgrade)
        machine.requestBegan()
        if isSent { machine.requestEnded() }
        return machine
    }

    @Test func `a connection is used again after a complete answer`() {
        var machine = waiting()
        #expect(machine.awaitsHead && !machine.isIdle)
        let bytes = machine.bytesReceived()
        let head = machine.responseHead(status: 200, framing: .length(5), keepAlive: true)
        #expect(bytes == .proceed && head == .response(sendsOn: true) && !machine.awaitsHead)
        let end = machine.responseEnded(surplus: false)
        #expect(end == .reuse && machine.isIdle && machine.exchanges == 1)
    }

    @Test func `a request may be assigned while the connection is being made`() {
        var machine = Machine()
        machine.requestAssigned(wantsUpgrade: false)
        machine.connected()
        #expect(machine.awaitsHead)
        machine = Machine()
        let failed = machine.originClosed(.reset)
        #expect(failed == .fail(.connectFailed, .untouched))
    }

    @Test(
        "what keeps a connection out of the pool",
        arguments: [
            (BodyFraming.length(5), false, false), (.length(5), true, true), (.none, false, false),
            (.chunked, false, true),
        ])
    func notReused(framing: BodyFraming, keepAlive: Bool, surplus: Bool) {
        var machine = waiting()
        _ = machine.bytesReceived()
        _ = machine.responseHead(status: 200, framing: framing, keepAlive: keepAlive)
        let end = machine.responseEnded(surplus: surplus)
        #expect(end == .close && machine.isClosed && machine.exchanges == 1)
    }

    @Test func `bytes that nobody asked for close an idle connection`() {
        var machine = idle(after: 1)
        let action = machine.bytesReceived()
        #expect(action == .close && machine.isClosed)
        machine = idle(after: 1)
        machine.requestAssigned(wantsUpgrade: false)
        let early = machine.bytesReceived()
        #expect(early == .fail(.unsolicitedBytes, .untouched))
    }

    @Test func `a reused connection that dies before the head may be retried, a fresh one not`() {
        for end in [Machine.End.fin, .reset] {
            var reused = waiting(after: 1)
            let first = reused.originClosed(end)
            #expect(first == .fail(.closedBeforeResponse, .reusedConnection))
            var fresh = waiting()
            let second = fresh.originClosed(end)
            #expect(second == .fail(.closedBeforeResponse, .no))
            var untouched = idle()
            untouched.requestAssigned(wantsUpgrade: false)
            let third = untouched.originClosed(end)
            #expect(third == .fail(.closedBeforeResponse, .untouched))
        }
    }

    @Test func `one byte of an answer forbids the retry`() {
        var machine = waiting(after: 1)
        _ = machine.bytesReceived()
        let partial = machine.originClosed(.fin)
        #expect(partial == .fail(.closedInHead, .no))
        machine = waiting(after: 1)
        _ = machine.bytesReceived()
        let interim = machine.responseHead(status: 103, framing: .none, keepAlive: true)
        let end = machine.originClosed(.fin)
        #expect(interim == .interim && end == .fail(.closedInHead, .no))
        // The byte of an earlier answer does not count.
        machine = waiting(after: 2)
        let clean = machine.originClosed(.reset)
        #expect(clean == .fail(.closedBeforeResponse, .reusedConnection))
    }

    @Test func `a stream whose connection is gone may be repeated until its answer has begun`() {
        var machine = waiting()
        let clean = machine.sharedConnectionClosed()
        #expect(clean == .fail(.closedBeforeResponse, .reusedConnection))
        machine = waiting()
        _ = machine.bytesReceived()
        let begun = machine.sharedConnectionClosed()
        #expect(begun == .fail(.closedInHead, .no))
        machine = waiting()
        _ = machine.responseHead(status: 200, framing: .untilClose, keepAlive: true)
        let cut = machine.sharedConnectionClosed()
        #expect(cut == .fail(.closedInBody, .no))
    }

    @Test func `a body that lasts until the close ends with FIN and with nothing else`() {
        var machine = waiting()
        _ = machine.responseHead(status: 200, framing: .untilClose, keepAlive: true)
        let fin = machine.originClosed(.fin)
        #expect(fin == .close && machine.exchanges == 1)
        machine = waiting()
        _ = machine.responseHead(status: 200, framing: .untilClose, keepAlive: false)
        let reset = machine.originClosed(.reset)
        #expect(reset == .fail(.closedInBody, .no) && machine.exchanges == 0)
    }

    @Test(
        "RFC 9112 §8: an answer that ends before its end has failed",
        arguments: [BodyFraming.length(5), .chunked])
    func truncated(framing: BodyFraming) {
        for end in [Machine.End.fin, .reset] {
            var machine = waiting(after: 1)
            _ = machine.responseHead(status: 200, framing: framing, keepAlive: true)
            let action = machine.originClosed(end)
            #expect(action == .fail(.closedInBody, .no))
        }
    }

    @Test func `interim answers are passed on and counted`() {
        var machine = waiting()
        for status in [100, 102, 103] {
            let action = machine.responseHead(status: status, framing: .none, keepAlive: true)
            #expect(action == .interim)
        }
        var other = machine
        let tooMany = machine.responseHead(status: 103, framing: .none, keepAlive: true)
        #expect(tooMany == .fail(.tooManyInterimResponses, .no))
        let final = other.responseHead(status: 200, framing: .none, keepAlive: true)
        #expect(final == .response(sendsOn: true))
    }

    @Test func `a tunnel begins with a 101 that was asked for, and with no other`() {
        var asked = waiting(wantsUpgrade: true)
        let upgrade = asked.responseHead(status: 101, framing: .none, keepAlive: true)
        let bytes = asked.bytesReceived()
        let half = asked.originClosed(.fin)
        let end = asked.cancelled()
        #expect(upgrade == .upgrade && bytes == .proceed && half == .proceed && end == .close)
        var unasked = waiting()
        let refused = unasked.responseHead(status: 101, framing: .none, keepAlive: true)
        #expect(refused == .fail(.unexpectedUpgrade, .no))
        var unsent = waiting(wantsUpgrade: true, isSent: false)
        let early = unsent.responseHead(status: 101, framing: .none, keepAlive: true)
        #expect(early == .fail(.unexpectedUpgrade, .no))
        // A refused upgrade is an ordinary answer, and the next request did not ask for one.
        var declined = waiting(wantsUpgrade: true)
        _ = declined.responseHead(status: 200, framing: .none, keepAlive: true)
        _ = declined.responseEnded(surplus: false)
        declined.requestAssigned(wantsUpgrade: false)
        declined.requestBegan()
        declined.requestEnded()
        let late = declined.responseHead(status: 101, framing: .none, keepAlive: true)
        #expect(late == .fail(.unexpectedUpgrade, .no))
    }

    @Test func `an early answer lets the body go on unless it refuses it`() {
        var machine = waiting(isSent: false)
        let accepted = machine.responseHead(status: 200, framing: .chunked, keepAlive: true)
        machine.requestEnded()
        let reuse = machine.responseEnded(surplus: false)
        #expect(accepted == .response(sendsOn: true) && reuse == .reuse)
        machine = waiting(isSent: false)
        let refused = machine.responseHead(status: 413, framing: .none, keepAlive: false)
        let end = machine.responseEnded(surplus: false)
        machine.requestEnded()
        #expect(refused == .response(sendsOn: false) && end == .close && machine.isClosed)
    }

    @Test func `an answer that is complete before its request ends the connection`() {
        var machine = waiting(isSent: false)
        _ = machine.responseHead(status: 404, framing: .length(3), keepAlive: true)
        let end = machine.responseEnded(surplus: false)
        #expect(end == .close)
    }

    @Test func `an invalid answer fails the exchange for good`() {
        var head = waiting(after: 1)
        let first = head.responseInvalid()
        #expect(first == .fail(.invalidHead, .no))
        var body = waiting(after: 1)
        _ = body.responseHead(status: 200, framing: .chunked, keepAlive: true)
        let second = body.responseInvalid()
        #expect(second == .fail(.invalidBody, .no))
    }

    @Test func `cancelled exchanges never leave a connection in the pool`() {
        var machine = waiting()
        let cancelled = machine.cancelled()
        let again = machine.cancelled()
        #expect(cancelled == .close && again == .proceed && machine.isClosed)
        let after = [
            machine.originClosed(.fin), machine.bytesReceived(), machine.responseInvalid(),
            machine.responseEnded(surplus: true),
        ]
        #expect(after == [.proceed, .proceed, .proceed, .proceed])
    }

    @Test func `an idle connection that the origin closes is closed`() {
        var machine = idle(after: 1)
        let action = machine.originClosed(.fin)
        #expect(action == .close)
    }
}
