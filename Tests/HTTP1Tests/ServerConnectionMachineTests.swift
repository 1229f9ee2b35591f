import HTTP1
import HTTPModel
import Testing

@Suite struct ServerConnectionMachineTests {
    typealias Machine = ServerConnectionMachine

    /// A machine in whose exchange a request has begun.
    private func exchange(
        keepAlive: Bool = true, hasBody: Bool = false, expectsContinue: Bool = false,
        halfClose: Machine.HalfClosePolicy = .departure
    ) -> Machine {
        var machine = Machine(halfClose: halfClose, dropLimit: 1000)
        machine.requestHeadEnded(keepAlive: keepAlive, hasBody: hasBody, expectsContinue: expectsContinue)
        return machine
    }

    @Test func `a connection serves one request after another`() {
        var machine = Machine()
        for count in 1...3 {
            #expect(machine.mayParse && machine.isIdle)
            machine.requestHeadBegan()
            #expect(machine.mayParse && !machine.isIdle)
            machine.requestHeadEnded(keepAlive: true, hasBody: false, expectsContinue: false)
            #expect(!machine.mayParse && machine.requests == count)
            let persists = machine.responseDecided(framing: .length(5), keepAlive: true)
            #expect(persists && !machine.mayParse)
            let action = machine.responseEnded(surplus: true)
            #expect(action == .awaitRequest)
        }
    }

    @Test func `the next request waits for the answer and for the request body`() {
        var machine = exchange(hasBody: true)
        let persists = machine.responseDecided(framing: .chunked, keepAlive: true)
        let body = machine.requestBodyEnded()
        #expect(persists && body == .proceed && !machine.mayParse)
        let end = machine.responseEnded(surplus: false)
        #expect(end == .awaitRequest && machine.mayParse)

        machine.requestHeadEnded(keepAlive: true, hasBody: true, expectsContinue: false)
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        let early = machine.responseEnded(surplus: false)
        #expect(early == .dropRequestBody && !machine.mayParse)
        let dropped = machine.requestBodyDropped(1000)
        let last = machine.requestBodyEnded()
        #expect(dropped == .proceed && last == .awaitRequest && machine.mayParse)
    }

    @Test func `a body that goes on behind an early answer ends the connection`() {
        var machine = exchange(hasBody: true)
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        _ = machine.responseEnded(surplus: false)
        let first = machine.requestBodyDropped(600)
        let second = machine.requestBodyDropped(600)
        #expect(first == .proceed && second == .linger && machine.isClosed)
    }

    @Test(
        "RFC 9112 §9.6: what the answer says about the connection is what happens",
        arguments: [
            (true, true, BodyFraming.length(5), true), (false, true, .length(5), false),
            (true, false, .length(5), false),
            (true, true, .untilClose, false), (true, true, .chunked, true), (true, true, .none, true),
        ])
    func persistence(client: Bool, gateway: Bool, framing: BodyFraming, expected: Bool) {
        var machine = exchange(keepAlive: client)
        let persists = machine.responseDecided(framing: framing, keepAlive: gateway)
        let action = machine.responseEnded(surplus: false)
        #expect(persists == expected)
        #expect(action == (expected ? .awaitRequest : .close))
    }

    @Test func `bytes behind the last request are read away before the close`() {
        var machine = exchange(keepAlive: false)
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        let action = machine.responseEnded(surplus: true)
        #expect(action == .linger)

        machine = exchange(keepAlive: false, hasBody: true)
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        let unread = machine.responseEnded(surplus: false)
        #expect(unread == .linger)
    }

    @Test func `RFC 9110 §10.1.1: 100 Continue is sent once, and not behind the body's first bytes`() {
        var machine = exchange(hasBody: true, expectsContinue: true)
        let (first, second) = (machine.requestBodyWanted(), machine.requestBodyWanted())
        #expect(first && !second)
        machine = exchange(hasBody: true, expectsContinue: true)
        machine.requestBodyReceived()
        let late = machine.requestBodyWanted()
        #expect(!late)
        machine = exchange(hasBody: true)
        let unasked = machine.requestBodyWanted()
        #expect(!unasked)
    }

    @Test func `RFC 9110 §10.1.1: a final answer instead of 100 Continue ends the connection`() {
        var machine = exchange(hasBody: true, expectsContinue: true)
        let persists = machine.responseDecided(framing: .none, keepAlive: true)
        let action = machine.responseEnded(surplus: false)
        #expect(!persists && action == .linger)
    }

    @Test func `a bad head is answered and ends the connection`() {
        var machine = Machine(dropLimit: 1000)
        machine.requestHeadBegan()
        let refusal = machine.requestFailed(status: 431)
        #expect(refusal == .refuse(status: 431) && !machine.mayParse)
        let persists = machine.responseDecided(framing: .length(9), keepAlive: true)
        let action = machine.responseEnded(surplus: true)
        #expect(!persists && action == .linger && machine.isClosed)
    }

    @Test func `a bad chunk is answered before the answer began and cancels behind that`() {
        var machine = exchange(hasBody: true)
        let early = machine.requestFailed(status: 400)
        let persists = machine.responseDecided(framing: .none, keepAlive: true)
        #expect(early == .refuse(status: 400) && !persists)
        machine = exchange(hasBody: true)
        _ = machine.responseDecided(framing: .chunked, keepAlive: true)
        let late = machine.requestFailed(status: 400)
        #expect(late == .cancel && machine.isClosed)
    }

    @Test func `a client that sends FIN while it waits has left`() {
        var machine = exchange()
        let waiting = machine.clientHalfClosed()
        #expect(waiting == .cancel && machine.isClosed)
        machine = Machine()
        let idle = machine.clientHalfClosed()
        #expect(idle == .close)
        machine.everythingBehindTheClose()
    }

    @Test func `a request body that FIN cuts short is cancelled under either policy`() {
        for policy in [Machine.HalfClosePolicy.departure, .lastRequest] {
            var machine = exchange(hasBody: true, halfClose: policy)
            let action = machine.clientHalfClosed()
            #expect(action == .cancel)
        }
    }

    @Test func `where FIN means the last request, all that was sent is answered`() {
        var machine = exchange(halfClose: .lastRequest)
        let fin = machine.clientHalfClosed()
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        let end = machine.responseEnded(surplus: true)
        #expect(fin == .proceed && end == .parseRest && machine.mayParse)
        machine.requestHeadEnded(keepAlive: true, hasBody: false, expectsContinue: false)
        _ = machine.responseDecided(framing: .none, keepAlive: true)
        let last = machine.responseEnded(surplus: false)
        let nothing = machine.clientHalfClosed()
        #expect(last == .parseRest && nothing == .close && machine.isClosed)
    }

    @Test func `a broken connection cancels its exchange`() {
        var machine = exchange(hasBody: true)
        let action = machine.clientLeft()
        let again = machine.clientLeft()
        #expect(action == .cancel && again == .proceed)
        machine = Machine()
        let idle = machine.clientLeft()
        #expect(idle == .close)
    }

    @Test func `a drain lets an idle client ask once more, and ends every connection with its answer`() {
        var machine = Machine()
        machine.drainBegan()
        machine.requestHeadEnded(keepAlive: true, hasBody: false, expectsContinue: false)
        let persists = machine.responseDecided(framing: .none, keepAlive: true)
        let end = machine.responseEnded(surplus: false)
        #expect(!persists && end == .close)
        machine = exchange()
        machine.drainBegan()
        let alsoPersists = machine.responseDecided(framing: .none, keepAlive: true)
        #expect(!alsoPersists)
    }

    @Test func `deadlines answer where an answer is possible`() {
        var machine = Machine()
        let idle = machine.deadlineMissed()
        #expect(idle == .close)
        machine = Machine()
        machine.requestHeadBegan()
        let head = machine.deadlineMissed()
        #expect(head == .refuse(status: 408))
        machine = exchange(hasBody: true)
        let body = machine.deadlineMissed()
        #expect(body == .refuse(status: 408))
        machine = exchange(hasBody: true)
        _ = machine.responseDecided(framing: .length(5), keepAlive: true)
        let sending = machine.deadlineMissed()
        #expect(sending == .cancel)
    }

    @Test func `an upgrade ends the HTTP of a connection`() {
        var machine = exchange()
        machine.upgraded()
        let fin = machine.clientHalfClosed()
        #expect(!machine.mayParse && fin == .proceed)
        let end = machine.tunnelEnded()
        #expect(end == .close && machine.isClosed)
    }
}

extension ServerConnectionMachine {
    /// What the peer does behind the close changes nothing.
    fileprivate mutating func everythingBehindTheClose() {
        let actions = [
            clientHalfClosed(), clientLeft(), requestBodyEnded(), responseEnded(surplus: true),
            requestFailed(status: 400), deadlineMissed(),
        ]
        let isClosed = isClosed
        #expect(isClosed)
        for action in actions { #expect(action == .proceed || action == .close) }
    }
}
