import HTTPModel

/// The life of one HTTP/1.x connection from a client, as decisions: what may be read next, what the answer
/// says about the connection, and how it is closed. Does nothing itself; its owner performs the actions.
///
/// One request is in exchange at any moment. Pipelined ones wait in the owner's buffer until both the answer
/// and the request body of the one before have ended, so answers can neither mix nor change places.
package struct ServerConnectionMachine {
    /// What the owner does next.
    package enum Action: Equatable, Sendable {
        /// Goes on as before.
        case proceed
        /// Parses the next request from what is there, then reads more.
        case awaitRequest
        /// The client sends no more: parses what is there, and where no whole head is there, closes.
        case parseRest
        /// Reads the rest of the request's body and drops it, telling `requestBodyDropped`; the answer is
        /// out.
        case dropRequestBody
        /// Answers with this status and `Connection: close`; an upstream exchange that is in work is
        /// cancelled.
        case refuse(status: Int)
        /// Ends the exchange: the upstream is cancelled, then the connection is reset.
        case cancel
        /// Closes: nothing is on its way.
        case close
        /// Sends FIN, reads and drops what still comes until the client closes or a short time is over, then
        /// closes. A client that still sends would otherwise get a reset that destroys the answer before it
        /// is read (RFC 9112 §9.6).
        case linger
        /// Resets: the answer is not complete, and a FIN could make it look so (RFC 9112 §8).
        case abort
    }

    /// What the client's FIN means while its request is in exchange.
    package enum HalfClosePolicy: Sendable {
        /// The client has left; what it asked for is cancelled. Browsers and HTTP libraries that give up look
        /// like this.
        case departure
        /// The client only has no further request, and waits for the answer.
        case lastRequest
    }

    private enum RequestBody { case none, arriving, ended }

    private enum Response {
        /// No final answer is decided; interim ones may have been sent.
        case awaited
        case sending(BodyFraming)
    }

    private enum State {
        /// Waits for the first byte of a request.
        case idle
        case receivingHead
        case exchange(RequestBody, Response)
        /// A refusal that belongs to no request is being sent.
        case refusing
        /// The answer is out; so many bytes of the request's body may still be dropped.
        case dropping(left: Int)
        case tunnel
        case closed
    }

    private var state = State.idle
    /// Whether the connection may outlive the exchange in work.
    private var persists = true
    /// Set while the process drains.
    private var isDraining = false
    private var inputEnded = false
    /// Whether the client waits for 100 Continue before it sends its body.
    private var awaitsContinue = false
    private let halfClose: HalfClosePolicy
    /// Bytes of a request that are read and dropped after an early answer.
    package let dropLimit: Int

    /// Requests whose head was complete.
    package private(set) var requests = 0

    package init(halfClose: HalfClosePolicy = .departure, dropLimit: Int = 65536) {
        self.halfClose = halfClose
        self.dropLimit = dropLimit
    }

    /// Whether the bytes at hand may be parsed as a request.
    package var mayParse: Bool {
        switch state {
        case .idle, .receivingHead: true
        case .exchange, .refusing, .dropping, .tunnel, .closed: false
        }
    }

    /// Whether the client waits for a request to be asked of it: nothing is owed to it and nothing of a
    /// request is here.
    package var isIdle: Bool {
        if case .idle = state { return true }
        return false
    }

    package var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }
}

// The request
extension ServerConnectionMachine {
    /// Bytes of a request are there, but not its whole head.
    package mutating func requestHeadBegan() {
        switch state {
        case .idle, .receivingHead: state = .receivingHead
        case .exchange, .refusing, .dropping, .tunnel, .closed: wrong("a head began")
        }
    }

    /// A request's head is complete.
    package mutating func requestHeadEnded(_ head: borrowing RequestHead) {
        requestHeadEnded(
            keepAlive: head.keepAlive, hasBody: head.framing != .none, expectsContinue: head.expectsContinue)
    }

    package mutating func requestHeadEnded(keepAlive: Bool, hasBody: Bool, expectsContinue: Bool) {
        switch state {
        case .idle, .receivingHead:
            requests &+= 1
            persists = keepAlive
            awaitsContinue = expectsContinue && hasBody
            state = .exchange(hasBody ? .arriving : .none, .awaited)
        case .exchange, .refusing, .dropping, .tunnel, .closed: wrong("a head ended")
        }
    }

    /// The request's body is wanted now. True where `100 Continue` is to be sent first; at most once a
    /// request.
    package mutating func requestBodyWanted() -> Bool {
        guard awaitsContinue, case .exchange(.arriving, .awaited) = state else { return false }
        awaitsContinue = false
        return true
    }

    /// A part of the body has arrived: the client does not wait for 100 Continue (any more).
    package mutating func requestBodyReceived() { awaitsContinue = false }

    /// The request's body has ended, forwarded or dropped.
    package mutating func requestBodyEnded() -> Action {
        switch state {
        case .exchange(.arriving, let response):
            awaitsContinue = false
            state = .exchange(.ended, response)
            return .proceed
        case .dropping:
            // It persists, or the body would not have been waited for.
            return next(surplus: false)
        case .closed: return .proceed
        case .idle, .receivingHead, .exchange(.none, _), .exchange(.ended, _), .refusing, .tunnel:
            wrong("a request's body ended")
        }
    }

    /// So many bytes of the request's body were dropped after `dropRequestBody`.
    package mutating func requestBodyDropped(_ bytes: Int) -> Action {
        guard case .dropping(let left) = state else { return .proceed }
        guard bytes <= left else { return close(.linger) }
        state = .dropping(left: left &- bytes)
        return .proceed
    }

    /// The request's head, or the framing of its body, is not valid.
    ///
    /// `refuse` where an answer can still be given; the connection ends with it in any case.
    package mutating func requestFailed(status: Int) -> Action {
        persists = false
        switch state {
        case .idle, .receivingHead:
            state = .refusing
            return .refuse(status: status)
        case .exchange(_, .awaited): return .refuse(status: status)
        case .exchange(_, .sending): return close(.cancel)
        case .dropping: return close(.linger)
        case .refusing, .closed: return .proceed
        case .tunnel: wrong("a request failed")
        }
    }
}

// The response
extension ServerConnectionMachine {
    /// The final answer is decided. Returns whether the connection persists behind it, which its head has to
    /// say: `Connection: close` where it does not, `Connection: keep-alive` where it does and the client
    /// speaks HTTP/1.0.
    ///
    /// `framing` is that of the answer as it is sent to this client, without HEAD taken out. `keepAlive` is
    /// false where the gateway wants the connection to end.
    package mutating func responseDecided(framing: BodyFraming, keepAlive: Bool) -> Bool {
        switch state {
        case .exchange(let body, .awaited):
            if framing == .untilClose || !keepAlive || isDraining { persists = false }
            // The client may or may not send the body that it asked about: what follows on the connection is
            // either that or a request (RFC 9110 §10.1.1).
            if awaitsContinue { persists = false }
            state = .exchange(body, .sending(framing))
            return persists
        case .refusing:
            return false
        case .idle, .receivingHead, .exchange(_, .sending), .dropping, .tunnel, .closed:
            wrong("a response was decided")
        }
    }

    /// All of the answer has been handed to the kernel. `surplus` where bytes stand behind the request
    /// already.
    package mutating func responseEnded(surplus: Bool) -> Action {
        switch state {
        case .exchange(.arriving, .sending):
            // Never a dirty connection: either the rest of the body is read away, or there is no next
            // request.
            guard persists else { return close(inputEnded ? .close : .linger) }
            state = .dropping(left: dropLimit)
            return .dropRequestBody
        case .exchange(.none, .sending), .exchange(.ended, .sending): return next(surplus: surplus)
        case .refusing: return close(inputEnded ? .close : .linger)
        case .closed: return .proceed
        case .idle, .receivingHead, .exchange(_, .awaited), .dropping, .tunnel:
            wrong("a response ended")
        }
    }

    /// `101 Switching Protocols` has been sent: what follows belongs to the other protocol.
    package mutating func upgraded() {
        switch state {
        case .exchange(_, .awaited): state = .tunnel
        case .idle, .receivingHead, .exchange(_, .sending), .refusing, .dropping, .tunnel, .closed:
            wrong("a connection was upgraded")
        }
    }

    /// Both directions of a tunnel have ended.
    package mutating func tunnelEnded() -> Action { close(.close) }
}

// The connection
extension ServerConnectionMachine {
    /// The client sent FIN, or after `parseRest` there was no whole head.
    package mutating func clientHalfClosed() -> Action {
        inputEnded = true
        switch state {
        case .idle, .receivingHead, .dropping: return close(.close)
        case .exchange(.arriving, _):
            // A body that ends before its end is no body (RFC 9112 §8); nobody may act on it.
            return close(.cancel)
        case .exchange(.none, _), .exchange(.ended, _):
            switch halfClose {
            case .departure: return close(.cancel)
            case .lastRequest: return .proceed
            }
        case .refusing, .tunnel, .closed: return .proceed
        }
    }

    /// The connection is broken: reset, or a write failed.
    package mutating func clientLeft() -> Action {
        switch state {
        case .exchange: return close(.cancel)
        case .idle, .receivingHead, .refusing, .dropping, .tunnel: return close(.close)
        case .closed: return .proceed
        }
    }

    /// The process is to end: who is idle may ask once more, and every answer from now on says
    /// `Connection: close`. Closing an idle connection would lose a request that is on its way.
    package mutating func drainBegan() { isDraining = true }

    /// A deadline passed.
    package mutating func deadlineMissed() -> Action {
        persists = false
        switch state {
        case .idle: return close(.close)
        case .receivingHead:
            state = .refusing
            return .refuse(status: 408)
        case .exchange(_, .awaited):
            return .refuse(status: 408)
        case .exchange(_, .sending): return close(.cancel)
        case .refusing: return close(.abort)
        case .dropping, .tunnel: return close(.close)
        case .closed: return .proceed
        }
    }

    /// The exchange is over on both sides.
    private mutating func next(surplus: Bool) -> Action {
        guard persists else {
            return close(surplus && !inputEnded ? .linger : .close)
        }
        state = .idle
        awaitsContinue = false
        return inputEnded ? .parseRest : .awaitRequest
    }

    private mutating func close(_ action: Action) -> Action {
        state = .closed
        return action
    }

    /// Only the owner's own mistake leads here: no bytes of a peer choose the event.
    private func wrong(_ event: StaticString) -> Never {
        preconditionFailure("\(event) on a client connection in state \(state)")
    }
}
