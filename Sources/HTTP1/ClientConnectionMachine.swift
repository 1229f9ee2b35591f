import HTTPModel

/// The life of one HTTP/1.1 connection to an origin, as decisions: what a received head means, whether the
/// connection can be used again, and whether a request that failed on it may be sent elsewhere. Does nothing
/// itself.
package struct ClientConnectionMachine {
    /// Why an exchange failed on this connection.
    package enum Failure: Equatable, Sendable {
        case connectFailed, closedBeforeResponse, closedInHead, closedInBody, invalidHead, invalidBody
        case tooManyInterimResponses, unexpectedUpgrade, unsolicitedBytes
    }

    /// Whether the same request may be sent once more on another connection.
    package enum Retry: Equatable, Sendable {
        /// Nothing of it left this machine: any request may.
        case untouched
        /// The connection had been used before and closed without a byte of an answer: the origin closed it
        /// while idle, and most likely never read the request (RFC 9112 §9.3.1). The owner decides by method
        /// and by what it still has of the body.
        case reusedConnection
        /// The origin may have acted on it.
        case no
    }

    /// What the owner does next.
    package enum Action: Equatable, Sendable {
        case proceed
        /// Passes an interim answer on and goes on waiting for the final one.
        case interim
        /// Begins the answer. Where `sendsOn` is false the origin has refused the body: the owner stops
        /// sending it.
        case response(sendsOn: Bool)
        /// Begins a tunnel.
        case upgrade
        /// The exchange is over, and the connection goes back into the pool.
        case reuse
        /// The exchange is over, or there was none; the connection is closed.
        case close
        /// The exchange failed; the connection is closed.
        case fail(Failure, Retry)
    }

    private enum Request {
        /// Nothing of it has been handed to the kernel.
        case untouched
        case sending, sent
    }

    private enum Response {
        case awaited(interims: Int)
        case body(BodyFraming)
    }

    private enum State {
        case connecting(hasRequest: Bool)
        /// In the pool.
        case idle
        case exchange(Request, Response)
        case tunnel
        case closed
    }

    private var state: State
    private var keepAlive = true
    /// Whether a byte of the answer in work has been received.
    private var hasReceived = false
    private var wantsUpgrade = false
    /// Interim answers that one exchange may bring.
    private let interimLimit: Int

    /// Exchanges that were completed on this connection.
    package private(set) var exchanges = 0

    /// A connection that is being made.
    package init(interimLimit: Int = 16) {
        self.interimLimit = interimLimit
        state = .connecting(hasRequest: false)
    }

    /// Whether a request may begin now.
    package var isIdle: Bool {
        if case .idle = state { return true }
        return false
    }

    package var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    /// Whether bytes from the origin belong to an answer's head, so that they go to `ResponseParser`.
    package var awaitsHead: Bool {
        if case .exchange(_, .awaited) = state { return true }
        return false
    }
}

// The request
extension ClientConnectionMachine {
    /// The connection is made. The request that was assigned to it, if any, may be written.
    package mutating func connected() {
        switch state {
        case .connecting(let hasRequest):
            state = hasRequest ? .exchange(.untouched, .awaited(interims: 0)) : .idle
        case .idle, .exchange, .tunnel, .closed: wrong("a connection was made")
        }
    }

    /// A request is assigned to the connection, which is idle or still being made.
    package mutating func requestAssigned(wantsUpgrade: Bool) {
        switch state {
        case .idle: state = .exchange(.untouched, .awaited(interims: 0))
        case .connecting(hasRequest: false): state = .connecting(hasRequest: true)
        case .connecting(hasRequest: true), .exchange, .tunnel, .closed: wrong("a request was assigned")
        }
        self.wantsUpgrade = wantsUpgrade
        keepAlive = true
        hasReceived = false
    }

    /// The kernel took a first part of the request.
    package mutating func requestBegan() {
        guard case .exchange(.untouched, let response) = state else { return }
        state = .exchange(.sending, response)
    }

    /// The kernel took the last byte of the request.
    package mutating func requestEnded() {
        switch state {
        case .exchange(.untouched, let response), .exchange(.sending, let response):
            state = .exchange(.sent, response)
        // The answer came to its end first.
        case .closed: break
        case .connecting, .idle, .exchange(.sent, _), .tunnel: wrong("a request ended")
        }
    }
}

// The response
extension ClientConnectionMachine {
    /// Bytes have arrived. To be told before they are parsed.
    package mutating func bytesReceived() -> Action {
        switch state {
        // Nobody asked: an answer to nothing, or the rest of an answer that lied about its length. It would
        // be taken for the answer to the next request.
        case .idle: return close(.close)
        case .exchange(.untouched, _): return close(.fail(.unsolicitedBytes, .untouched))
        case .exchange:
            hasReceived = true
            return .proceed
        case .tunnel, .closed: return .proceed
        case .connecting: wrong("bytes were received")
        }
    }

    /// A head is complete.
    ///
    /// - Parameter endsItself: The answer's end is told by a stream, whatever its fields say of its length.
    package mutating func responseHead(_ head: borrowing ResponseHead, endsItself: Bool) -> Action {
        guard endsItself else {
            return responseHead(status: head.status, framing: head.framing, keepAlive: head.keepAlive)
        }
        let framing = head.framing == .none ? BodyFraming.none : .untilClose
        return responseHead(status: head.status, framing: framing, keepAlive: true)
    }

    /// A head without a body is the whole answer: `responseEnded` follows.
    package mutating func responseHead(status: Int, framing: BodyFraming, keepAlive: Bool) -> Action {
        guard case .exchange(let request, .awaited(let interims)) = state else {
            if isClosed { return .proceed }
            wrong("a head was received")
        }
        if status == 101 {
            // Only what was asked for, and only once the request is out (security.md 4).
            guard wantsUpgrade, case .sent = request else { return close(.fail(.unexpectedUpgrade, .no)) }
            state = .tunnel
            return .upgrade
        }
        if status < 200 {
            guard interims < interimLimit else { return close(.fail(.tooManyInterimResponses, .no)) }
            state = .exchange(request, .awaited(interims: interims &+ 1))
            return .interim
        }
        self.keepAlive = keepAlive && framing != .untilClose
        state = .exchange(request, .body(framing))
        // RFC 9112 §9.3: who sees an error and a close while it still sends a body should stop.
        let refused = status >= 400 && !keepAlive
        return .response(sendsOn: !refused)
    }

    /// A head or a body is not valid.
    package mutating func responseInvalid() -> Action {
        switch state {
        case .exchange(_, .awaited): return close(.fail(.invalidHead, .no))
        case .exchange(_, .body): return close(.fail(.invalidBody, .no))
        case .closed: return .proceed
        case .connecting, .idle, .tunnel: wrong("an answer was invalid")
        }
    }

    /// The answer is complete, by its length or its last chunk. `surplus` where bytes stand behind it.
    package mutating func responseEnded(surplus: Bool) -> Action {
        switch state {
        case .exchange(.sent, .body):
            exchanges &+= 1
            guard keepAlive, !surplus else { return close(.close) }
            state = .idle
            return .reuse
        // An early answer: the rest of the request would have to be sent for nothing before the connection
        // was clean.
        case .exchange(.sending, .body), .exchange(.untouched, .body):
            exchanges &+= 1
            return close(.close)
        case .closed: return .proceed
        case .connecting, .idle, .exchange(_, .awaited), .tunnel: wrong("an answer ended")
        }
    }
}

// The connection
extension ClientConnectionMachine {
    /// How a connection ended.
    package enum End: Sendable { case fin, reset }

    /// The origin closed the connection.
    ///
    /// `close` means, where a body lasts until the close, that the answer is complete. In a tunnel nothing is
    /// decided: each direction ends by itself, and `tunnelEnded` tells of the last.
    package mutating func originClosed(_ end: End) -> Action {
        switch state {
        case .connecting: return close(.fail(.connectFailed, .untouched))
        case .idle: return close(.close)
        case .exchange(let request, .awaited):
            guard !hasReceived else { return close(.fail(.closedInHead, .no)) }
            return close(.fail(.closedBeforeResponse, retry(request)))
        case .exchange(_, .body(.untilClose)) where end == .fin:
            exchanges &+= 1
            return close(.close)
        case .exchange(_, .body): return close(.fail(.closedInBody, .no))
        case .tunnel: return end == .fin ? .proceed : close(.close)
        case .closed: return .proceed
        }
    }

    /// The origin has told that it has not begun to deal with the request (RFC 9113 §8.7), or it could not be
    /// begun.
    package mutating func refused() -> Action {
        switch state {
        case .exchange(_, .awaited), .connecting: return close(.fail(.closedBeforeResponse, .untouched))
        case .exchange(_, .body): return close(.fail(.closedInBody, .no))
        case .closed: return .proceed
        case .idle, .tunnel: return close(.close)
        }
    }

    /// The connection below this one, which other requests were answered on before, is gone: its server may
    /// have closed it while it was idle.
    package mutating func sharedConnectionClosed() -> Action {
        guard case .exchange(_, .awaited) = state, !hasReceived else { return originClosed(.reset) }
        return close(.fail(.closedBeforeResponse, .reusedConnection))
    }

    /// The exchange is not wanted any more, or the pool gives the connection up.
    package mutating func cancelled() -> Action {
        if isClosed { return .proceed }
        return close(.close)
    }

    private func retry(_ request: Request) -> Retry {
        switch request {
        case .untouched: .untouched
        case .sending, .sent: exchanges > 0 ? .reusedConnection : .no
        }
    }

    private mutating func close(_ action: Action) -> Action {
        state = .closed
        return action
    }

    /// Only the owner's own mistake leads here: no bytes of a peer choose the event.
    private func wrong(_ event: StaticString) -> Never {
        preconditionFailure("\(event) on an origin connection in state \(state)")
    }
}
