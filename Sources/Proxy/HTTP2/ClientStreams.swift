import Bytes
import HTTP1
import HTTP2
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// Streams that clients open: each is a client of one request.
extension ProxyCore where Net: ~Copyable {
    /// A client's connection turns out to speak HTTP/2: its transport goes on as a session's.
    mutating func beginSession(_ id: SlotID) {
        var client = clients.remove(id)
        let listener = client.listener
        let (peer, accepted, isCounted) = (client.peer, client.accepted, client.isCounted)
        let subject = client.certificateSubject
        var received = ByteQueue()
        swap(&received, &client.received)
        let engine = HTTP2Session(.server, plan.http2Limits, frames, now: now.nanoseconds)
        let session = sessions.insert(
            HTTP2Connection(
                client.intoTransport(), engine: engine, side: .client(listener), peer: peer,
                accepted: accepted,
                isCounted: isCounted, certificateSubject: subject, now: now))
        clientSessions += 1
        metrics.add(.counter(.http2Connections))
        if let socket = sessions[session].transport.socket {
            network.watchAgain(socket, token: Token(.session, session).word)
        }
        if drain != .none { beginDrain(session: session) }
        if drain == .closing { closeWhenQuiet(session: session) }
        // Settings and windows go first, whatever the client has said already.
        flushSession(session)
        guard sessions.contains(session) else { return received.removeAll(pool: &buffers) }
        if !received.isEmpty {
            // What came with the handshake's end, or the preface that told.
            incomingFrames.view.write(received.view, at: 0)
            let count = received.count
            received.removeAll(pool: &buffers)
            guard takeIn(incomingFrames.view.view.prefix(count), on: session) else { return }
        }
        advanceSession(session)
    }

    private func clientEventStream(_ stream: Int32, on id: SlotID) -> SlotID? {
        guard let position = sessions[id].position(of: stream) else { return nil }
        let slot = sessions[id].streams[position].slot
        return clients.contains(slot) ? slot : nil
    }

    mutating func clientEvent(_ event: HTTP2Port.Event, on id: SlotID, _ bytes: ByteView) {
        switch event {
        case .head(let stream, let text, let isEnd, let opens):
            // Taken back in the same read: nothing is begun for it. It is counted where it has closed.
            guard !sessions[id].engine.isGone(stream) else { return }
            beginStream(stream, text, isEnd: isEnd, opens: opens, on: id)
        case .headTooLarge(let stream, let text):
            guard sessions[id].position(of: stream) == nil else { return refuseTrailers(stream, on: id) }
            refuseLargeHead(stream, text, on: id)
        case .data(let stream, let range):
            guard let client = clientEventStream(stream, on: id) else {
                return sessions[id].engine.consumeUnclaimed(range.count)
            }
            clients[client].received.append(bytes.slice(range.lowerBound, range.upperBound), pool: &buffers)
            advanceClient(client)
        case .trailers(let stream, let text):
            guard let client = clientEventStream(stream, on: id) else { return }
            clients[client].trailers = frames.text(text)
            clients[client].inputHasEnded = true
            advanceClient(client)
        case .end(let stream):
            guard let client = clientEventStream(stream, on: id) else { return }
            clients[client].inputHasEnded = true
            advanceClient(client)
        case .closed(let stream, let code): streamClosed(stream, code, on: id)
        case .goAway, .settings: break
        }
    }

    // MARK: Requests

    /// A client for a stream that has begun.
    private mutating func makeStreamClient(_ stream: Int32, isEnd: Bool, on id: SlotID) -> SlotID? {
        guard case .client(let listener) = sessions[id].side else { return nil }
        let outgoing = frames.makeOutgoing(owner: 0)
        let seat = StreamSeat(session: id, stream: stream, outgoing: outgoing)
        let client = clients.insert(
            ClientConnection(
                Transport(.stream(seat), isReady: false), listener: listener, peer: sessions[id].peer,
                mode: .http,
                limits: plan.headLimits, now: now))
        clients[client].inputHasEnded = isEnd
        clients[client].isBelowTLS = sessions[id].transport.tls != nil
        clients[client].certificateSubject = sessions[id].certificateSubject
        frames.setOwner(client.word, of: outgoing)
        sessions[id].add(HTTP2Connection.Stream(id: stream, slot: client, outgoing: outgoing))
        sessions[id].requests += 1
        clientStreams += 1
        metrics.add(.gauge(.streamsOpen))
        if sessions[id].requests >= plan.clients.maxRequestsPerConnection, !sessions[id].isClosing {
            sessions[id].engine.refuseNewStreams()
            sessions[id].isClosing = true
        }
        return client
    }

    /// A request's head has come: the rest of the gateway reads it as HTTP/1.1 would have brought it.
    private mutating func beginStream(
        _ stream: Int32, _ text: Range<Int>, isEnd: Bool, opens: HTTP2Port.Opening, on id: SlotID
    ) {
        let region = body.view.slice(Layout.headroom, Layout.headroom + Exchange.largestRead)
        guard frames.copyText(text, into: region) else {
            return refuseLargeHead(stream, text, on: id)
        }
        let bytes = region.view.prefix(text.count)
        guard let client = makeStreamClient(stream, isEnd: isEnd, on: id) else { return }
        clients[client].headBegun = now
        clients[client].opensTunnel = opens == .webSocket
        do throws(HeadError) {
            guard let length = try clients[client].parser.parse(bytes, into: &incoming) else {
                throw HeadError.headTooLarge
            }
            // A body without a length goes on in chunks, where the next hop is HTTP/1.1.
            if !isEnd, incoming.framing == .none, !incoming.fields.contains(.contentLength),
                !incoming.wantsUpgrade
            {
                incoming.framing = .chunked
            }
            // The connection's future is not the request's affair.
            incoming.keepAlive = false
            beginExchange(of: client, bytes: bytes, length: length, isStored: false)
        } catch {
            refuseStreamHead(client, error, bytes)
        }
    }

    private mutating func refuseStreamHead(_ client: SlotID, _ error: HeadError, _ bytes: ByteView) {
        metrics.add(.headFault(error.fault))
        let action = clients[client].machine.requestFailed(status: error.status)
        refuseHead(
            client, action, LocalResponse(status: error.status, title: error.title, detail: error.detail),
            of: bytes)
    }

    /// A head that was not even put together; `text` is what was kept of it.
    private mutating func refuseLargeHead(_ stream: Int32, _ text: Range<Int>, on id: SlotID) {
        guard let client = makeStreamClient(stream, isEnd: true, on: id) else { return }
        let region = body.view.slice(Layout.headroom, Layout.headroom + Exchange.largestRead)
        let kept = frames.copyText(text, into: region) ? region.view.prefix(text.count) : .empty
        refuseStreamHead(client, .headTooLarge, kept)
    }

    /// Trailers that are larger than a head may be, behind a request that is being dealt with.
    private mutating func refuseTrailers(_ stream: Int32, on id: SlotID) {
        guard let client = clientEventStream(stream, on: id) else { return }
        clients[client].inputHasEnded = true
        guard let exchange = clients[client].exchange, exchanges[exchange].outcome == nil else { return }
        fail(exchange, .headTooLarge)
    }

    // MARK: Answers

    /// Sends an answer's head on its stream; its names are lowered in place. False where the client is gone.
    mutating func sendStreamHead(_ head: MutableByteView, of exchange: SlotID, hasBody: Bool) -> Bool {
        let client = exchanges[exchange].client
        guard let seat = clients[client].seat, sessions.contains(seat.session) else { return false }
        exchanges[exchange].bytesOut += head.count
        let isSubmitted = sessions[seat.session].engine.submitResponse(
            head, on: seat.stream, body: hasBody ? .outgoing(seat.outgoing) : .none)
        makeDirty(seat.session)
        if isSubmitted { return true }
        perform(clients[client].machine.clientLeft(), on: client)
        return exchanges.contains(exchange)
    }

    /// Sends an answer of the gateway's own.
    mutating func respondOnStream(_ message: MutableByteView, headLength: Int, to id: SlotID) {
        let client = exchanges[id].client
        let body = message.view.dropFirst(headLength)
        guard sendStreamHead(message.slice(0, headLength), of: id, hasBody: !body.isEmpty) else { return }
        if !body.isEmpty {
            guard send(body, toClientOf: id) else { return }
            endStreamBody(of: id, trailers: [])
        }
        if clients[client].unsent.isEmpty { complete(id) }
    }

    /// The body of an answer has ended.
    @inline(__always)
    mutating func endStreamBody(of exchange: SlotID, trailers: [UInt8]) {
        guard let seat = clients[exchanges[exchange].client].seat else { return }
        end(seat, trailers: trailers)
    }

    /// A client that was a stream is over: what it leaves undone is told to the peer.
    mutating func leaveStream(_ client: borrowing ClientConnection, _ seat: StreamSeat, _ closing: Ending) {
        clientStreams -= 1
        guard sessions.contains(seat.session) else { return }
        if !client.received.isEmpty { sessions[seat.session].engine.consumeUnclaimed(client.received.count) }
        guard !client.isOver else { return }
        let isSpent = client.unsent.isEmpty && closing == .plainly
        if !isSpent { frames.discard(seat.outgoing) }
        if closing == .withReset {
            sessions[seat.session].engine.reset(seat.stream, .internalError)
        } else if !client.inputHasEnded {
            // The answer was early: the rest of the request is of no use (RFC 9113 §8.1).
            sessions[seat.session].engine.resetWhenAnswered(seat.stream)
        }
        makeDirty(seat.session)
    }

    // MARK: Drain

    /// The client should take its next requests elsewhere.
    mutating func beginDrain(session id: SlotID) {
        guard sessions[id].isFromClient else { return }
        sessions[id].engine.announceShutdown()
        makeDirty(id)
    }

    /// No new streams; the connection ends with the last one.
    mutating func closeWhenQuiet(session id: SlotID) {
        guard sessions[id].isFromClient, !sessions[id].isClosing else { return }
        sessions[id].engine.refuseNewStreams()
        sessions[id].isClosing = true
        makeDirty(id)
    }
}
