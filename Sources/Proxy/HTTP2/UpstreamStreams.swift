import Addressing
import Bytes
import HTTP1
import HTTP2
import HTTPModel
import Pipeline
import Reactor
import Slots
import TLS
import Telemetry
import Time
import Upstream

// Requests to servers that speak HTTP/2: each takes a stream of a connection that all exchanges of the worker
// share.
extension ProxyCore where Net: ~Copyable {
    /// Streams of one connection to a server at once, if it allows as many.
    static var streamsPerConnection: Int { 100 }

    /// Takes a stream on a connection to the endpoint that has room, or on a new one.
    mutating func joinSession(_ id: SlotID, upstream: SlotID, endpoint: Int) {
        guard let session = openSession(upstream: upstream, endpoint: endpoint, for: id) else { return }
        let outgoing = frames.makeOutgoing(owner: 0)
        let seat = StreamSeat(session: session, stream: 0, outgoing: outgoing)
        let connection = connections.insert(
            UpstreamConnection(
                Transport(.stream(seat), isReady: false), upstream: upstream, endpoint: endpoint,
                exchange: id,
                limits: upstreams[upstream].plan.headLimits))
        frames.setOwner(connection.word, of: outgoing)
        exchanges[id].connection = connection
        connections[connection].machine.requestAssigned(wantsUpgrade: false)
        if sessions[session].progress != .ready {
            sessions[session].waiting.append(connection)
        } else {
            metrics.add(.upstream(upstreams[upstream].plan.slot, .reused))
            exchanges[id].usesKeptConnection = true
            connectionReady(connection)
        }
    }

    /// A connection with room for one more request; nil where none can be made, and the exchange has been
    /// dealt with.
    private mutating func openSession(upstream: SlotID, endpoint: Int, for id: SlotID) -> SlotID? {
        let target = upstreams[upstream].pool.states[endpoint].endpoint
        for session in upstreams[upstream].sessions where hasRoom(session, endpoint: endpoint) {
            return session
        }
        let socket: Socket
        do throws(SystemError) {
            socket = try openSocket(to: target.address)
        } catch {
            upstreams[upstream].pool.closed(endpoint: endpoint, wasInFlight: true)
            guard !error.isOutOfDescriptors else {
                fail(id, .noDescriptor)
                return nil
            }
            connectFailed(id, endpoint: endpoint, .connectFailed)
            return nil
        }
        var limits = HTTP2Limits()
        limits.head = upstreams[upstream].plan.headLimits.maximumBytes
        // Clients that read nothing keep what their own streams may hold, and never others' share.
        limits.connectionWindow = limits.streamWindow * Self.streamsPerConnection
        let session = sessions.insert(
            HTTP2Connection(
                Transport(.socket(socket), isReady: false),
                engine: HTTP2Session(.client, limits, frames, now: now.nanoseconds),
                side: .upstream(upstream, server: target.label), peer: .loopback, accepted: now,
                isCounted: false, certificateSubject: nil, now: now))
        sessions[session].endpoint = endpoint
        upstreams[upstream].sessions.append(session)
        metrics.add(.upstream(upstreams[upstream].plan.slot, .open))
        do throws(SystemError) {
            try network.watch(socket, token: Token(.session, session).word)
        } catch {
            removeSession(session, closing: .plainly)
            upstreams[upstream].pool.closed(endpoint: endpoint, wasInFlight: true)
            connectFailed(id, endpoint: endpoint, .connectFailed)
            return nil
        }
        moveSessionDeadline(session)
        return session
    }

    private func hasRoom(_ id: SlotID, endpoint: Int) -> Bool {
        guard case .upstream(let upstream, _) = sessions[id].side, sessions[id].endpoint == endpoint,
            !sessions[id].isClosing
        else { return false }
        guard sessions[id].progress == .ready else {
            let expected = upstreams[upstream].streamsPerSession ?? Self.streamsPerConnection
            return sessions[id].waiting.count < min(Self.streamsPerConnection, expected)
        }
        let most = min(Self.streamsPerConnection, sessions[id].engine.peerStreams)
        return sessions[id].streams.count < most && sessions[id].engine.acceptsRequests
    }

    // MARK: Connecting

    /// Goes on with a connection that is being made. True where it is ready to be read.
    mutating func advanceConnecting(session id: SlotID) -> Bool {
        guard case .upstream(let upstream, let server) = sessions[id].side,
            let socket = sessions[id].transport.socket
        else { return true }
        guard let tls = sessions[id].transport.tls else {
            guard sessions[id].transport.isWritable || sessions[id].transport.peerHasEnded else {
                return false
            }
            if network.connectError(socket) != nil || !sessions[id].transport.isWritable {
                sessionConnectFailed(id, .connectFailed)
                return false
            }
            guard upstreams[upstream].plan.isEncrypted else {
                greet(session: id)
                return true
            }
            guard let context = upstreams[upstream].plan.tls else {
                sessionHandshakeFailed(id, .noContext)
                return false
            }
            let name = upstreams[upstream].plan.serverName(server)
            let session = context.makeSession(name: name.text, isAddress: name.isAddress, encryption.wire)
            sessions[id].transport.tls = session
            if case .failed(let failure) = session.begin(encryption.wire) {
                sessionHandshakeFailed(id, failure)
                return false
            }
            if sessions[id].transport.sendOutput(socket, &network, encryption, &buffers) == .failed {
                sessionConnectFailed(id, .connectFailed)
                return false
            }
            return advanceConnecting(session: id)
        }
        return advanceHandshake(session: id, tls)
    }

    private mutating func advanceHandshake(session id: SlotID, _ tls: TLSSession) -> Bool {
        if sessions[id].transport.isWritable, !sessions[id].transport.unsent.isEmpty,
            sessions[id].transport.flush(&network, &buffers) == .failed
        {
            sessionConnectFailed(id, .connectFailed)
            return false
        }
        guard sessions[id].transport.isReadable else { return false }
        let region = incomingFrames.view.slice(0, Self.sessionRead + sessions[id].transport.slack)
        var early = 0
        switch sessions[id].transport.receive(into: region, &network, encryption, &buffers) {
        case .moved(let count): early = count
        case .blocked: break
        case .ended:
            sessionHandshakeFailed(id, TLSFailure(.refused, "the server closed during the handshake"))
            return false
        case .failed:
            let failure = sessions[id].transport.lastFailure
            sessionHandshakeFailed(id, failure ?? TLSFailure(.refused, "the connection broke"))
            return false
        }
        guard tls.isEstablished else { return false }
        guard tls.speaksHTTP2 else {
            sessionHandshakeFailed(id, TLSFailure(.refused, "the server does not agree to HTTP/2 (ALPN)"))
            return false
        }
        greet(session: id)
        return early == 0 || takeIn(region.view.prefix(early), on: id)
    }

    /// Both sides can speak. The server does so at once (RFC 9113 §3.4), and says how many requests it takes.
    private mutating func greet(session id: SlotID) {
        sessions[id].progress = .greeting
        makeDirty(id)
        moveSessionDeadline(id)
    }

    /// The server has said how it wants to be spoken to. Those that have waited begin, as many as it takes;
    /// the others find themselves another connection.
    private mutating func settingsCame(_ id: SlotID) {
        guard case .upstream(let upstream, _) = sessions[id].side else { return }
        upstreams[upstream].streamsPerSession = max(1, sessions[id].engine.peerStreams)
        guard sessions[id].progress == .greeting else { return }
        guard sessions[id].engine.peerStreams > 0 else { return sessionConnectFailed(id, .connectFailed) }
        sessions[id].progress = .ready
        sessions[id].quietSince = now
        upstreams[upstream].pool.connectSucceeded(endpoint: sessions[id].endpoint)
        metrics.add(.upstream(upstreams[upstream].plan.slot, .opened))
        let waiting = sessions[id].waiting
        sessions[id].waiting = []
        for connection in waiting where connections.contains(connection) {
            let endpoint = connections[connection].endpoint
            if let endpoint, sessions.contains(id), hasRoom(id, endpoint: endpoint) {
                connectionReady(connection)
            } else {
                moveToAnother(connection)
            }
        }
    }

    /// The request has waited for a connection that has no room for it.
    mutating func moveToAnother(_ connection: SlotID) {
        let exchange = connections[connection].exchange
        connections[connection].exchange = nil
        if let exchange { exchanges[exchange].connection = nil }
        removeConnection(connection)
        if let exchange, exchanges.contains(exchange) { acquire(exchange) }
    }

    mutating func sessionConnectFailed(_ id: SlotID, _ failure: Failure) {
        let waiting = sessions[id].waiting
        sessions[id].waiting = []
        removeSession(id, closing: .plainly)
        for connection in waiting where connections.contains(connection) {
            connectionFailed(connection, failure)
        }
    }

    private mutating func sessionHandshakeFailed(_ id: SlotID, _ failure: TLSFailure) {
        note(failure, of: id)
        sessionConnectFailed(id, failure.kind == .unverified ? .unverified : .handshakeFailed)
    }

    private mutating func note(_ failure: TLSFailure, of id: SlotID) {
        guard case .upstream(let upstream, let server) = sessions[id].side else { return }
        note(.upstreamHandshakeFailed(upstreams[upstream].plan.name, server, failure))
    }

    /// TLS has failed behind the handshake: a server that wants a certificate says so then.
    mutating func noteFailure(ofSession id: SlotID) {
        guard let failure = sessions[id].transport.lastFailure else { return }
        note(failure, of: id)
    }

    /// What the server says first is not HTTP/2.
    mutating func noteNoHTTP2(_ id: SlotID) {
        guard case .upstream(let upstream, let server) = sessions[id].side else { return }
        note(.noHTTP2(upstreams[upstream].plan.name, server))
    }

    // MARK: Requests

    /// Begins the request on a stream of its connection.
    mutating func sendStreamRequest(_ head: MutableByteView, of id: SlotID, on connection: SlotID) {
        guard let seat = connections[connection].transport.seat, sessions.contains(seat.session) else {
            return perform(connections[connection].machine.refused(), on: connection)
        }
        let hasBody = !exchanges[id].requestBody.isEnded || !exchanges[id].held.bytes.isEmpty
        let scheme = sessions[seat.session].transport.tls == nil ? ByteView("http") : ByteView("https")
        let session = sessions[seat.session].engine
        guard !sessions[seat.session].isClosing, session.acceptsRequests,
            let stream = session.submitRequest(
                head, scheme: scheme, body: hasBody ? .outgoing(seat.outgoing) : .none)
        else { return perform(connections[connection].machine.refused(), on: connection) }
        if !hasBody { frames.end(seat.outgoing) }
        connections[connection].sit(on: stream)
        sessions[seat.session].add(
            HTTP2Connection.Stream(id: stream, slot: connection, outgoing: seat.outgoing))
        sessions[seat.session].requests += 1
        makeDirty(seat.session)
        connections[connection].machine.requestBegan()
        queueHeld(of: id, on: connection)
        requestMoved(id)
        if exchanges.contains(id), !exchanges[id].requestBody.isEnded { passRequestBody(id) }
    }

    /// How the request's body is framed for the server.
    @inline(__always)
    func requestCoding(of id: SlotID) -> BodyCoding {
        guard exchanges[id].state.head.framing == .chunked, let connection = exchanges[id].connection,
            connections[connection].transport.seat == nil
        else { return .asIs }
        return .chunked
    }

    /// Trailers of the request that may be passed on, as lines.
    func requestTrailers(of id: SlotID) -> [UInt8] {
        let client = exchanges[id].client
        return clients[client].seat == nil ? exchanges[id].requestBody.trailers : clients[client].trailers
    }

    /// All of the request's body was queued on its stream.
    @inline(__always)
    mutating func endStreamRequest(of id: SlotID) {
        guard let connection = exchanges[id].connection, let seat = connections[connection].transport.seat
        else {
            return
        }
        end(seat, trailers: requestTrailers(of: id))
    }

    // MARK: Answers

    private func upstreamEventStream(_ stream: Int32, on id: SlotID) -> SlotID? {
        guard let position = sessions[id].position(of: stream) else { return nil }
        let slot = sessions[id].streams[position].slot
        return connections.contains(slot) ? slot : nil
    }

    mutating func upstreamEvent(_ event: HTTP2Port.Event, on id: SlotID, _ bytes: ByteView) {
        switch event {
        case .head(let stream, let text, let isEnd, _):
            guard let connection = upstreamEventStream(stream, on: id) else { return }
            readStreamHead(text, isEnd: isEnd, on: connection)
        case .headTooLarge(let stream, _):
            guard let connection = upstreamEventStream(stream, on: id) else { return }
            perform(connections[connection].machine.responseInvalid(), on: connection)
        case .data(let stream, let range):
            guard let connection = upstreamEventStream(stream, on: id) else {
                return sessions[id].engine.consumeUnclaimed(range.count)
            }
            connections[connection].received.append(
                bytes.slice(range.lowerBound, range.upperBound), pool: &buffers)
            connections[connection].isReadable = true
            advanceConnection(connection)
        case .trailers(let stream, let text):
            guard let connection = upstreamEventStream(stream, on: id) else { return }
            connections[connection].trailers = frames.text(text)
            answerStreamEnded(connection)
        case .end(let stream):
            guard let connection = upstreamEventStream(stream, on: id) else { return }
            answerStreamEnded(connection)
        case .closed(let stream, let code): streamClosed(stream, code, on: id)
        case .goAway:
            // What the server will not deal with, nghttp2 closes; the rest is answered.
            sessions[id].isClosing = true
        case .settings: settingsCame(id)
        }
    }

    private mutating func answerStreamEnded(_ connection: SlotID) {
        connections[connection].inputHasEnded = true
        connections[connection].isReadable = true
        advanceConnection(connection)
    }

    /// An answer's head: read as HTTP/1.1 would have brought it.
    private mutating func readStreamHead(_ text: Range<Int>, isEnd: Bool, on connection: SlotID) {
        guard let id = connections[connection].exchange else { return }
        let region = body.view.slice(Layout.headroom, Layout.headroom + Exchange.largestRead)
        guard frames.copyText(text, into: region) else {
            return perform(connections[connection].machine.responseInvalid(), on: connection)
        }
        let action = connections[connection].machine.bytesReceived()
        guard action == .proceed else { return perform(action, on: connection) }
        if isEnd {
            connections[connection].inputHasEnded = true
            connections[connection].isReadable = true
        }
        _ = parseResponseHeads(id, on: connection, from: 0, to: text.count)
        guard isEnd, connections.contains(connection), connections[connection].exchange != nil else { return }
        advanceConnection(connection)
    }

    /// A stream's connection is no more, or the server has reset it.
    mutating func upstreamStreamClosed(_ connection: SlotID, _ code: UInt32) {
        endRequest(on: connection)
        // Closed in good order: what it has received is still to be passed on.
        if code == HTTP2Error.none.rawValue, connections[connection].inputHasEnded { return }
        // The server has not begun to deal with it (RFC 9113 §8.7).
        if code == HTTP2Error.refusedStream.rawValue { return refuseStream(connection) }
        guard !connections[connection].inputHasEnded else { return }
        connections[connection].wasReset = true
        connections[connection].isReadable = true
        advanceConnection(connection)
    }

    /// The connection below a stream is gone.
    mutating func upstreamStreamLost(_ connection: SlotID) {
        guard let exchange = connections[connection].exchange, exchanges[exchange].usesKeptConnection,
            connections[connection].machine.awaitsHead, !connections[connection].inputHasEnded
        else { return upstreamStreamClosed(connection, HTTP2Error.internalError.rawValue) }
        endRequest(on: connection)
        perform(connections[connection].machine.sharedConnectionClosed(), on: connection)
    }

    /// The request was not begun, here or by the server.
    mutating func refuseStream(_ connection: SlotID) {
        endRequest(on: connection)
        perform(connections[connection].machine.refused(), on: connection)
    }

    /// Nothing more of the request can be sent: its place among what is to be sent belongs to others now.
    private mutating func endRequest(on connection: SlotID) {
        connections[connection].isOver = true
        connections[connection].unsent.removeAll(pool: &buffers)
        if let exchange = connections[connection].exchange { exchanges[exchange].stopsSending = true }
    }

    /// A connection that was a stream is over.
    mutating func leaveStream(_ connection: borrowing UpstreamConnection, _ seat: StreamSeat) {
        guard sessions.contains(seat.session) else {
            if seat.stream == 0 { frames.freeOutgoing(seat.outgoing) }
            return
        }
        if !connection.received.isEmpty {
            sessions[seat.session].engine.consumeUnclaimed(connection.received.count)
        }
        guard seat.stream > 0 else {
            // It never began.
            sessions[seat.session].waiting.removeAll { !connections.contains($0) }
            return frames.freeOutgoing(seat.outgoing)
        }
        guard !connection.isOver else { return }
        if !(connection.inputHasEnded && frames.isSpent(seat.outgoing)) {
            frames.discard(seat.outgoing)
            sessions[seat.session].engine.reset(seat.stream, .cancel)
        }
        makeDirty(seat.session)
    }
}
