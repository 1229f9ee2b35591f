import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time
import Upstream

// From the stages to a connection, and the request on its way.
extension ProxyCore where Net: ~Copyable {
    /// Connects that one request may cause.
    static var maximumAttempts: Int { 3 }
    /// An idle connection older than this is looked at before a request that cannot be repeated is trusted to
    /// it.
    static var freshness: Duration { .milliseconds(500) }

    /// All stages have let the request through: finds it an upstream.
    mutating func forward(_ id: SlotID) {
        guard let index = exchanges[id].state.plan?.upstream(&random) else {
            preconditionFailure("a route without an upstream answers by itself")
        }
        guard let upstream = place(of: index, in: exchanges[id].plan) else { return fail(id, .noEndpoint) }
        exchanges[id].upstream = upstream
        // Asked of a server that cannot become one, a tunnel would be an ordinary request.
        guard !clients[exchanges[id].client].opensTunnel || switches(id) else {
            exchanges[id].upstream = nil
            return respond(.noTunnel, to: id, outcome: Outcome(endedBy: .gateway, in: .policy))
        }
        if let most = plan.maximumTunnels, openTunnels >= most, switches(id) {
            exchanges[id].upstream = nil
            return respond(.tooManyTunnels, to: id, outcome: Outcome(endedBy: .gateway, in: .policy))
        }
        acquire(id)
    }

    /// Finds a connection, opens one, or waits for one.
    mutating func acquire(_ id: SlotID) {
        guard let upstream = exchanges[id].upstream else { preconditionFailure("no upstream was chosen") }
        exchanges[id].phase = .queue
        while true {
            let acquisition = upstreams[upstream].pool.acquire(
                for: id, avoiding: exchanges[id].avoided, fresh: exchanges[id].wantsFresh, now: now)
            switch acquisition {
            case .reuse(let connection, _):
                guard isTrustworthy(connection, for: id) else {
                    removeConnection(connection)
                    continue
                }
                exchanges[id].timings.upstreamChosen = now
                return attach(connection, to: id)
            case .connect(let endpoint):
                exchanges[id].timings.upstreamChosen = now
                return connect(id, upstream: upstream, endpoint: endpoint)
            case .replace(let idle, let endpoint):
                removeUncounted(idle)
                exchanges[id].timings.upstreamChosen = now
                return connect(id, upstream: upstream, endpoint: endpoint)
            case .wait:
                exchanges[id].waitsSince = now
                return moveClientDeadline(exchanges[id].client)
            case .queueFull: return fail(id, .queueFull)
            case .noEndpoint: return fail(id, .noEndpoint)
            }
        }
    }

    /// Whether an idle connection may be given this request. One that the server has just closed shows it, if
    /// it is asked: worth a call where a failure could not be mended by trying again.
    private mutating func isTrustworthy(_ connection: SlotID, for id: SlotID) -> Bool {
        if connections[connection].peerHasEnded { return false }
        let canRepeat = exchanges[id].state.head.method.isIdempotent && exchanges[id].requestBody.isEnded
        if canRepeat || connections[connection].idleSince + Self.freshness > now { return true }
        return isQuiet(connection)
    }

    private mutating func connect(_ id: SlotID, upstream: SlotID, endpoint: Int) {
        exchanges[id].phase = .connect
        let target = upstreams[upstream].pool.states[endpoint].endpoint
        exchanges[id].server = target.label
        guard !upstreams[upstream].plan.speaksHTTP2 else {
            return joinSession(id, upstream: upstream, endpoint: endpoint)
        }
        let socket: Socket
        do throws(SystemError) {
            socket = try openSocket(to: target.address)
        } catch {
            upstreams[upstream].pool.closed(endpoint: endpoint, wasInFlight: true)
            // Not the server's fault: it must not be avoided for it.
            guard !error.isOutOfDescriptors else { return fail(id, .noDescriptor) }
            return connectFailed(id, endpoint: endpoint, .connectFailed)
        }
        let connection = connections.insert(
            UpstreamConnection(
                Transport(.socket(socket), isReady: false), upstream: upstream, endpoint: endpoint,
                exchange: id,
                limits: upstreams[upstream].plan.headLimits))
        exchanges[id].connection = connection
        connections[connection].machine.requestAssigned(wantsUpgrade: switches(id))
        metrics.add(.upstream(upstreams[upstream].plan.slot, .open))
        do throws(SystemError) {
            try network.watch(socket, token: Token(.upstream, connection).word)
        } catch {
            return connectionFailed(connection, .connectFailed)
        }
        moveConnectionDeadline(connection)
    }

    /// Starts to connect. Where descriptors have run out, an idle connection gives up its own, and nobody new
    /// is let in for a while.
    mutating func openSocket(to address: SocketAddress) throws(SystemError) -> Socket {
        do throws(SystemError) {
            return try network.connect(to: address)
        } catch {
            guard error.isOutOfDescriptors else { throw error }
            lacksDescriptors = true
            guard closeOldestIdle() else { throw error }
            return try network.connect(to: address)
        }
    }

    /// A connect failed: another server may be tried, for nothing has been sent.
    mutating func connectFailed(_ id: SlotID, endpoint: Int?, _ failure: Failure) {
        guard let upstream = exchanges[id].upstream else { return }
        metrics.add(.upstream(upstreams[upstream].plan.slot, .failed))
        upstreams[upstream].pool.connectFailed(endpoint: endpoint, now: now)
        let attempts = min(Self.maximumAttempts, upstreams[upstream].pool.states.count)
        exchanges[id].failedConnects += 1
        guard exchanges[id].failedConnects < attempts else { return fail(id, failure) }
        exchanges[id].retries += 1
        metrics.add(.retries)
        exchanges[id].avoided = endpoint
        acquire(id)
    }

    /// An idle connection takes the exchange over.
    mutating func attach(_ connection: SlotID, to id: SlotID) {
        exchanges[id].connection = connection
        exchanges[id].usesKeptConnection = true
        connections[connection].exchange = id
        connections[connection].machine.requestAssigned(wantsUpgrade: switches(id))
        if let endpoint = connections[connection].endpoint {
            exchanges[id].server =
                upstreams[connections[connection].upstream].pool.states[endpoint].endpoint.label
        }
        metrics.add(.upstream(upstreams[connections[connection].upstream].plan.slot, .reused))
        sendRequest(id)
    }

    /// Whether this request may turn its connection into a tunnel (security.md 4).
    @inline(__always)
    func switches(_ id: SlotID) -> Bool {
        guard exchanges[id].state.head.wantsUpgrade, let upstream = exchanges[id].upstream,
            !upstreams[upstream].plan.speaksHTTP2, exchanges[id].state.plan?.allowsWebSocket == true,
            exchanges[id].state.head.framing == .none,
            let protocolName = exchanges[id].state.head.value(of: .upgrade)
        else { return false }
        return protocolName.equalsIgnoringCase("websocket")
    }

    /// Writes the request's head and as much of its body as came with it, in one call.
    mutating func sendRequest(_ id: SlotID) {
        guard let connection = exchanges[id].connection else {
            preconditionFailure("no connection to send on")
        }
        exchanges[id].phase = .request
        exchanges[id].timings.connected = now
        var head = ByteWriter(heads.view)
        UpstreamHeadWriter.write(
            exchanges[id].state, host: upstreams[connections[connection].upstream].plan.host,
            server: exchanges[id].server, switches: switches(id),
            without: exchanges[id].state.identity?.stripped ?? exchanges[id].plan.identity.stripped, to: &head
        )
        guard !head.overflowed else { return fail(id, .headTooLarge) }
        if connections[connection].transport.seat != nil {
            return sendStreamRequest(heads.view.slice(0, head.count), of: id, on: connection)
        }

        let client = exchanges[id].client
        if exchanges[id].held.isComplete { return sendHeldRequest(head.view, of: id, on: connection) }
        let before = exchanges[id].requestBody
        if before.isEnded, exchanges[id].state.head.framing == .chunked { writeEmptyBody(of: id, to: &head) }
        var message = head.view
        var consumed = 0
        if !before.isEnded, !clients[client].received.isEmpty {
            guard let piece = takeBodyBytes(of: client, into: readRegion(Exchange.smallestRead, of: client))
            else { return }
            guard let framed = readBody(piece, of: id) else { return }
            consumed = framed.consumed
            let start = Layout.headroom + framed.range.lowerBound - head.count
            body.view.write(head.view, at: start)
            message = body.view.view.slice(start, Layout.headroom + framed.range.upperBound)
        }
        switch connections[connection].transport.send(message, &network, encryption, &buffers) {
        case .taken, .kept:
            connections[connection].machine.requestBegan()
            consumeReceived(consumed, of: client)
        case .failed:
            // Nothing has left: the request is whole, and may go another way.
            exchanges[id].requestBody = before
            exchanges[id].requestBodyBytes = 0
            return perform(connections[connection].machine.originClosed(.reset), on: connection)
        }
        requestMoved(id)
        if exchanges.contains(id), !exchanges[id].requestBody.isEnded { passRequestBody(id) }
    }

    /// The end of a chunked body that was found to be empty on the attempt before this one.
    @inline(__always)
    private func writeEmptyBody(of id: SlotID, to writer: inout ByteWriter) {
        let trailers = requestTrailers(of: id)
        writer.write("0\r\n")
        trailers.withView { writer.write($0) }
        writer.write("\r\n")
    }

    /// Takes the payload out of a piece of body and frames it for the server. Ranges are those of the read
    /// region. Nil where the body was refused and the exchange is over.
    private mutating func readBody(_ piece: BodyPiece, of id: SlotID) -> (range: Range<Int>, consumed: Int)? {
        let region = body.view.slice(Layout.headroom, body.view.count)
        let coding = requestCoding(of: id)
        do throws(ChunkError) {
            let step = try readStep(piece, of: id)
            guard isWithinLimit(id) else {
                // Refused, but read: what stands in the queue must not be taken for the next request.
                if piece.isStored { consumeReceived(step.consumed, of: exchanges[id].client) }
                fail(id, .bodyTooLarge)
                return nil
            }
            var range = frame(step.payload, as: coding)
            if step.ended {
                let trailers = requestTrailers(of: id)
                let end = coding.close(
                    at: Layout.headroom + range.upperBound, in: body.view, hasTrailers: !trailers.isEmpty)
                range = range.lowerBound..<(end - Layout.headroom)
                if coding == .chunked { range = appendTrailers(trailers, behind: range, in: region) }
            }
            return (range, step.consumed)
        } catch {
            let client = exchanges[id].client
            perform(clients[client].machine.requestFailed(status: 400), on: client)
            return nil
        }
    }

    /// Takes the payload out of a piece of body, and keeps what belongs to the next request.
    @inline(__always)
    mutating func readStep(_ piece: BodyPiece, of id: SlotID) throws(ChunkError) -> ChunkDecoder.Step {
        var step = try exchanges[id].requestBody.read(piece.bytes)
        if piece.isLast, !step.ended, exchanges[id].requestBody.peerEnded() { step.ended = true }
        // First of all: the frame of the last chunk may be longer than what is read, and would be written
        // over the next request.
        if !piece.isStored {
            clients[exchanges[id].client].received.append(
                piece.bytes.view.dropFirst(step.consumed), pool: &buffers)
        }
        exchanges[id].bytesIn += step.consumed
        clients[exchanges[id].client].machine.requestBodyReceived()
        // A body that came whole was never waited for.
        if !step.ended { exchanges[id].bodyPace.moved(step.consumed, plan.bodyPace, now: now) }
        exchanges[id].requestBodyBytes += step.payload.count
        return step
    }

    /// Whether what has come of the body is within the route's limit.
    @inline(__always)
    func isWithinLimit(_ id: SlotID) -> Bool {
        guard let limit = exchanges[id].state.plan?.bodyLimit?.limit else { return true }
        return exchanges[id].requestBodyBytes <= limit
    }

    /// Frames a payload in the read region; an empty one needs no frame.
    @inline(__always)
    func frame(_ payload: Range<Int>, as coding: BodyCoding) -> Range<Int> {
        let absolute = Layout.headroom + payload.lowerBound..<Layout.headroom + payload.upperBound
        let framed = coding.frame(absolute, in: body.view)
        return framed.lowerBound - Layout.headroom..<framed.upperBound - Layout.headroom
    }

    /// Puts trailers and the empty line behind a last chunk. They were read from the same region, so there is
    /// room.
    func appendTrailers(_ trailers: [UInt8], behind range: Range<Int>, in region: MutableByteView) -> Range<
        Int
    > {
        guard !trailers.isEmpty else { return range }
        trailers.withView { region.write($0, at: range.upperBound) }
        let end = range.upperBound + trailers.count
        region.write(ByteView("\r\n"), at: end)
        return range.lowerBound..<end + 2
    }

    /// Passes on what has come of the request's body, as long as the server takes it.
    mutating func passRequestBody(_ id: SlotID) {
        let client = exchanges[id].client
        for _ in 0..<Self.piecesPerTurn {
            guard let connection = exchanges[id].connection, !connections[connection].isConnecting,
                connections[connection].unsent.isEmpty, !exchanges[id].stopsSending,
                !exchanges[id].requestBody.isEnded
            else { return }
            guard let piece = takeBodyBytes(of: client, into: readRegion(Exchange.largestRead, of: client))
            else {
                if clients.contains(client) { moveClientDeadline(client) }
                return
            }
            guard let framed = readBody(piece, of: id) else { return }
            if piece.isStored { consumeReceived(framed.consumed, of: client) }
            let absolute =
                Layout.headroom + framed.range.lowerBound..<Layout.headroom + framed.range.upperBound
            let message = body.view.view.slice(absolute.lowerBound, absolute.upperBound)
            guard send(message, on: connection) else { return }
            if exchanges[id].requestBody.isEnded { endStreamRequest(of: id) }
            requestMoved(id)
            guard exchanges.contains(id) else { return }
        }
        runLater(client: client)
    }

    /// Pieces of a body that are passed on before others get their turn.
    static var piecesPerTurn: Int { 4 }

    /// Notes whether the request is out, and who is waited for now.
    mutating func requestMoved(_ id: SlotID) {
        guard let connection = exchanges[id].connection else { return }
        if exchanges[id].requestBody.isEnded, !exchanges[id].isRequestComplete {
            exchanges[id].isRequestComplete = true
            let client = exchanges[id].client
            // Of one that was held, its machine has heard already.
            if exchanges[id].state.head.framing != .none, !exchanges[id].held.isWhole {
                _ = clients[client].machine.requestBodyEnded()
            }
        }
        requestSent(on: connection)
        moveConnectionDeadline(connection)
        // Also where nothing is left to come: what ran before, for the head, the queue or the body, must not
        // end the wait for the answer.
        moveClientDeadline(exchanges[id].client)
    }

    /// Tells the machine once the kernel has all of the request.
    mutating func requestSent(on connection: SlotID) {
        guard let id = connections[connection].exchange, exchanges[id].isRequestComplete,
            connections[connection].unsent.isEmpty, exchanges[id].timings.requestSent == .unset
        else { return }
        exchanges[id].timings.requestSent = now
        connections[connection].machine.requestEnded()
        if exchanges[id].phase == .request { exchanges[id].phase = .response }
    }
}

extension LocalResponse {
    static let tooManyTunnels = LocalResponse(
        status: 503, title: "Service unavailable",
        detail: "As many WebSockets are open here as may be. Try again later.", retryAfter: 5)

    static let noTunnel = LocalResponse(
        status: 501, title: "Not implemented", detail: "This path takes no WebSocket.")
}
