import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// The server's answer on its way to the client.
extension ProxyCore where Net: ~Copyable {
    /// Passes on what has come of the answer, as long as the client takes it.
    mutating func passResponse(_ id: SlotID) {
        for _ in 0..<Self.piecesPerTurn {
            guard let connection = exchanges[id].connection, connections[connection].isReadable,
                clients[exchanges[id].client].unsent.isEmpty || isOnlyEnd(connection)
            else { return }
            let goesOn =
                connections[connection].machine.awaitsHead
                ? readResponseHead(id, on: connection) : readResponseBody(id, on: connection)
            guard goesOn, exchanges.contains(id) else { return }
            if exchanges[id].phase == .tunnel { return advanceTunnel(id) }
        }
        if let connection = exchanges[id].connection { runLater(connection: connection) }
    }

    /// Reads from the server into the scratch region, behind `stored` bytes that stand there already. Nil
    /// where nothing came; an end has been dealt with then.
    private mutating func receive(on id: SlotID, behind stored: Int, limit: Int) -> Int? {
        let start = Layout.headroom + stored
        let region = body.view.slice(start, start + limit + connections[id].transport.slack)
        switch receive(connection: id, into: region) {
        case .moved(let count): return count
        case .blocked: break
        case .ended where connections[id].isBroken || isCutBody(on: id):
            perform(connections[id].machine.originClosed(.reset), on: id)
        case .ended:
            guard endBody(on: id) else { return nil }
            perform(connections[id].machine.originClosed(.fin), on: id)
        case .failed:
            noteFailure(of: id)
            perform(connections[id].machine.originClosed(.reset), on: id)
        }
        return nil
    }

    /// A body that lasts until the close is whole only where TLS has said so itself (RFC 9112 §9.8).
    private func isCutBody(on id: SlotID) -> Bool {
        guard connections[id].transport.wasCut, let exchange = connections[id].exchange else { return false }
        return exchanges[exchange].phase == .body && exchanges[exchange].responseBody.announced == nil
    }

    // MARK: Heads

    /// Reads the answer's head, or as much of it as there is. True where there may be more to do.
    private mutating func readResponseHead(_ id: SlotID, on connection: SlotID) -> Bool {
        let stored = connections[connection].received.count
        body.view.write(connections[connection].received.view, at: Layout.headroom)
        guard let count = receive(on: connection, behind: stored, limit: exchanges[id].readSize) else {
            return false
        }
        connections[connection].received.removeAll(pool: &buffers)
        let action = connections[connection].machine.bytesReceived()
        guard action == .proceed else {
            perform(action, on: connection)
            return false
        }
        return parseResponseHeads(id, on: connection, from: 0, to: stored + count)
    }

    /// Parses the heads in the read region's `from ..< to`: interim ones, and the final one.
    mutating func parseResponseHeads(_ id: SlotID, on connection: SlotID, from: Int, to: Int) -> Bool {
        var head = ResponseHead(fields: tables.take())
        let goesOn = parseResponseHeads(id, on: connection, from: from, to: to, into: &head)
        tables.give(head.intoFields())
        return goesOn
    }

    private mutating func parseResponseHeads(
        _ id: SlotID, on connection: SlotID, from: Int, to: Int, into head: inout ResponseHead
    ) -> Bool {
        var start = from
        while true {
            let bytes = body.view.view.slice(Layout.headroom + start, Layout.headroom + to)
            let length: Int?
            do throws(HeadError) {
                length = try connections[connection].parser.parse(
                    bytes, answering: exchanges[id].state.head.method, into: &head)
            } catch {
                perform(connections[connection].machine.responseInvalid(), on: connection)
                return false
            }
            guard let length else {
                connections[connection].received.append(bytes, pool: &buffers)
                return connections[connection].isReadable
            }
            // An agreement to something that was not asked for is none (RFC 9110 §7.8).
            if head.status == 101, head.value(of: .upgrade)?.equalsIgnoringCase("websocket") != true {
                perform(connections[connection].machine.responseInvalid(), on: connection)
                return false
            }
            // The gateway asked in a client's place, and holds the proof for it (RFC 6455 §4.1, RFC 8441 §5).
            if head.status == 101, clients[exchanges[id].client].opensTunnel, !isProven(head, id) {
                perform(connections[connection].machine.responseInvalid(), on: connection)
                return false
            }
            let action = connections[connection].machine.responseHead(
                head, endsItself: connections[connection].seat != nil)
            switch action {
            case .interim:
                guard passInterim(head, id) else { return false }
                start += length
                if start == to { return connections[connection].isReadable }
            case .response(let sendsOn):
                if !sendsOn { exchanges[id].stopsSending = true }
                return beginResponse(head, of: id, on: connection, from: start + length, to: to)
            case .upgrade:
                return beginTunnel(head, of: id, on: connection, rest: bytes.dropFirst(length))
            case .proceed, .reuse, .close, .fail:
                perform(action, on: connection)
                return false
            }
        }
    }

    /// Passes a 1xx answer on; HTTP/1.0 knows none (RFC 9110 §15.2).
    private mutating func passInterim(_ head: borrowing ResponseHead, _ id: SlotID) -> Bool {
        let client = exchanges[id].client
        guard exchanges[id].state.head.minorVersion == 1 else { return true }
        if head.status == 100, !clients[client].machine.requestBodyWanted() {
            // Nobody waits for it any more.
            return true
        }
        var writer = ByteWriter(heads.view)
        ClientHeadWriter.writeInterim(head, to: &writer)
        return sendInterim(writer.count, to: id)
    }

    /// Sends the interim head that `heads` begins with. False where the client was lost.
    mutating func sendInterim(_ length: Int, to id: SlotID) -> Bool {
        let head = heads.view.slice(0, length)
        guard let seat = clients[exchanges[id].client].seat else { return send(head.view, toClientOf: id) }
        guard sessions.contains(seat.session) else { return true }
        _ = sessions[seat.session].engine.submitInterim(head, on: seat.stream)
        makeDirty(seat.session)
        return true
    }

    /// The final head is here: writes the client's, with what has come of the body behind it, in one call.
    private mutating func beginResponse(
        _ head: borrowing ResponseHead, of id: SlotID, on connection: SlotID, from: Int, to: Int
    ) -> Bool {
        let client = exchanges[id].client
        // Whoever asked for a tunnel would take this for one.
        if clients[client].opensTunnel, head.status < 300 {
            perform(connections[connection].machine.responseInvalid(), on: connection)
            return false
        }
        // Read before anything is promised: a body that is none from its beginning on is a readable 502.
        // A stream tells by itself where its body ends, and trailers may follow.
        let endsItself = connections[connection].seat != nil && head.framing != .none
        exchanges[id].responseBody = BodyReader(endsItself ? .untilClose : head.framing)
        guard var step = readPiece(of: id, from: from, to: to, on: connection) else { return false }
        if endsItself, hasEnded(connection) { step.ended = exchanges[id].responseBody.peerEnded() }
        let coding =
            clients[client].seat == nil ? Self.coding(of: head, for: exchanges[id].state.head) : .asIs
        let framing: BodyFraming =
            switch coding {
            case .asIs: head.framing
            case .chunked: .chunked
            case .untilClose: .untilClose
            }
        // An error before the body has ended is the last word on it; what is long is not waited for.
        let isRefusal = head.status >= 400 && !mayDropBody(of: id)
        let persists = clients[client].machine.responseDecided(
            framing: framing, keepAlive: !isRefusal && mayServeMore(client))
        exchanges[id].phase = .body
        exchanges[id].held.bytes.removeAll(pool: &buffers)
        exchanges[id].status = head.status
        exchanges[id].responseCoding = coding
        if let type = head.value(of: .contentType), type.count >= 17,
            type.prefix(17).equalsIgnoringCase("text/event-stream")
        {
            exchanges[id].events = EventBoundary()
        }
        exchanges[id].timings.responseHead = now
        look(at: head, of: id)
        if exchanges[id].state.idempotency != nil { beginCapture(head, of: id) }
        if exchanges[id].isGRPC { exchanges[id].grpcStatus = GRPC.status(in: head.bytes) }

        var writer = ByteWriter(heads.view)
        ClientHeadWriter.write(
            head, to: exchanges[id].state, coding: coding, persists: persists,
            cors: exchanges[id].cors, securityHeaders: exchanges[id].securityHeaders,
            limits: limitLines(of: id), date: dateLine.bytes(at: wallTime), writer: &writer)
        releaseClaim(of: id)
        precondition(!writer.overflowed, "the headroom is longer than any head")
        guard clients[client].seat == nil else {
            guard
                sendStreamHead(
                    heads.view.slice(0, writer.count), of: id, hasBody: !step.ended || !step.payload.isEmpty)
            else { return false }
            return pass(step, of: id, on: connection, head: .empty, from: from, to: to)
        }
        return pass(step, of: id, on: connection, head: writer.view, from: from, to: to)
    }

    /// How the body is framed for the client.
    private static func coding(of head: borrowing ResponseHead, for request: borrowing RequestHead)
        -> BodyCoding
    {
        switch head.framing {
        case .none, .length: .asIs
        case .chunked, .untilClose: request.minorVersion == 1 ? .chunked : .untilClose
        }
    }

    // MARK: Bodies

    private mutating func readResponseBody(_ id: SlotID, on connection: SlotID) -> Bool {
        let limit = exchanges[id].readSize
        guard let count = receive(on: connection, behind: 0, limit: limit) else { return false }
        // Encryption takes a little of what was read.
        if count >= limit - limit / 64, memoryLevel == .calm {
            let most = exchanges[id].stream == 0 ? Exchange.largestRead : Exchange.firstRead
            exchanges[id].readSize = min(limit * 4, most)
        }
        guard var step = readPiece(of: id, from: 0, to: count, on: connection) else { return false }
        // The end goes with the last bytes: behind them, a client's window may be closed to its frame.
        if hasEnded(connection) { step.ended = exchanges[id].responseBody.peerEnded() }
        return pass(step, of: id, on: connection, head: .empty, from: 0, to: count)
    }

    /// Whether a stream has nothing left but its end, which needs no room at the client.
    @inline(__always)
    private func isOnlyEnd(_ connection: SlotID) -> Bool {
        hasEnded(connection) && !connections[connection].machine.awaitsHead
    }

    /// Whether a stream has brought all that it will.
    @inline(__always)
    private func hasEnded(_ connection: SlotID) -> Bool {
        connections[connection].inputHasEnded && connections[connection].received.isEmpty
    }

    /// The answer's trailers that may be passed on, as lines; once it has ended.
    @inline(__always)
    private func responseTrailers(of id: SlotID, on connection: SlotID) -> [UInt8] {
        connections[connection].seat == nil
            ? exchanges[id].responseBody.trailers : connections[connection].trailers
    }

    @inline(__always)
    private mutating func noteCallEnd(of id: SlotID, _ trailers: [UInt8]) {
        guard exchanges[id].isGRPC, let status = trailers.withView({ GRPC.status(in: $0) }) else { return }
        exchanges[id].grpcStatus = status
    }

    /// Takes the payload out of the read region's `from ..< to`. Nil where it is no body, and the exchange
    /// has failed.
    private mutating func readPiece(
        of id: SlotID, from: Int, to: Int, on connection: SlotID
    ) -> ChunkDecoder.Step? {
        let bytes = body.view.slice(Layout.headroom + from, Layout.headroom + to)
        do throws(ChunkError) {
            return try exchanges[id].responseBody.read(bytes)
        } catch {
            perform(connections[connection].machine.responseInvalid(), on: connection)
            return nil
        }
    }

    /// Frames the payload that a step found in the read region's `from ..< to`, puts `head` before it and
    /// sends all of it in one call.
    private mutating func pass(
        _ step: ChunkDecoder.Step, of id: SlotID, on connection: SlotID, head: ByteView, from: Int, to: Int
    ) -> Bool {
        let coding = exchanges[id].responseCoding
        if exchanges[id].state.idempotency != nil {
            let first = Layout.headroom + from
            capture(
                body.view.view.slice(first + step.payload.lowerBound, first + step.payload.upperBound), of: id
            )
        }
        var range = frame(from + step.payload.lowerBound..<from + step.payload.upperBound, as: coding)
        if exchanges[id].events != nil {
            let first = Layout.headroom + from
            exchanges[id].events?.pass(
                body.view.view.slice(first + step.payload.lowerBound, first + step.payload.upperBound))
        }
        if step.ended {
            let trailers = responseTrailers(of: id, on: connection)
            noteCallEnd(of: id, trailers)
            range = closeBody(coding, behind: range, trailers)
            if exchanges[id].stream > 0 { endStreamBody(of: id, trailers: trailers) }
        }
        let start = Layout.headroom + range.lowerBound - head.count
        body.view.write(head, at: start)
        let message = body.view.view.slice(start, Layout.headroom + range.upperBound)
        if !message.isEmpty {
            guard send(message, toClientOf: id) else { return false }
        }
        if step.ended {
            // A read that filled its room may have left bytes behind in the socket, of which no further event
            // tells: they would be taken for the answer to the next request.
            let mayHoldMore = connections[connection].isReadable
            let surplus = step.consumed < to - from || (mayHoldMore && !isQuiet(connection))
            perform(connections[connection].machine.responseEnded(surplus: surplus), on: connection)
            return false
        }
        moveConnectionDeadline(connection)
        guard drain == .closing else { return true }
        endEventStreamIfPossible(id)
        return exchanges.contains(id) && exchanges[id].connection == connection
    }

    /// Puts the last chunk and the trailers behind a body that ends in this piece.
    @inline(__always)
    private func closeBody(
        _ coding: BodyCoding, behind range: Range<Int>, _ trailers: [UInt8]
    ) -> Range<Int> {
        guard coding == .chunked else { return range }
        let end = coding.close(
            at: Layout.headroom + range.upperBound, in: body.view, hasTrailers: !trailers.isEmpty)
        let closed = range.lowerBound..<end - Layout.headroom
        return appendTrailers(trailers, behind: closed, in: body.view.slice(Layout.headroom, body.view.count))
    }

    /// The server has ended its side. Where that is how the body ends, the client is told so. False where the
    /// client was lost.
    private mutating func endBody(on connection: SlotID) -> Bool {
        guard let id = connections[connection].exchange, exchanges[id].phase == .body,
            exchanges[id].responseBody.peerEnded()
        else { return true }
        let trailers = responseTrailers(of: id, on: connection)
        noteCallEnd(of: id, trailers)
        endStreamBody(of: id, trailers: trailers)
        guard exchanges[id].responseCoding == .chunked else { return true }
        var writer = ByteWriter(heads.view)
        writer.write("0\r\n")
        trailers.withView { writer.write($0) }
        writer.write("\r\n")
        return send(writer.view, toClientOf: id)
    }
}
