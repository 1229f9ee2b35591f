import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Slots
import Time

/// What is held of a request's body because a stage wants to see it before anything of the request goes on.
struct HeldBody: ~Copyable {
    enum Progress {
        /// No stage has asked for it, or what was held is gone.
        case none
        /// It is waited for.
        case arriving(limit: Int)
        /// All of it is here.
        case whole
        /// It is longer than a stage wanted to hold: the rest follows as it comes.
        case beginning
    }

    var progress = Progress.none
    /// Payload, without its framing.
    var bytes = ByteQueue()

    var isWhole: Bool {
        if case .whole = progress { return true }
        return false
    }

    /// Whether the request may go on with what is held.
    var isComplete: Bool {
        switch progress {
        case .whole, .beginning: true
        case .none, .arriving: false
        }
    }

    var isArriving: Bool {
        if case .arriving = progress { return true }
        return false
    }
}

// Bodies that are held until a stage has seen them.
extension ProxyCore where Net: ~Copyable {
    /// A stage wants to see the body. Returns the answer where it is known at once, nil where the exchange
    /// waits for it.
    mutating func hold(bodyOf id: SlotID, limit: Int) -> Answer? {
        switch exchanges[id].held.progress {
        case .whole:
            // Another stage has had it held, and may have wanted more of it.
            guard exchanges[id].held.bytes.count <= limit else { return .bodyTooLarge }
            return .body(exchanges[id].held.bytes.view)
        case .beginning: return .bodyTooLarge
        case .none, .arriving: break
        }
        if exchanges[id].requestBody.isEnded { return .body(.empty) }
        if let announced = exchanges[id].requestBody.announced, announced > limit { return .bodyTooLarge }
        exchanges[id].held.progress = .arriving(limit: limit)
        askForBody(of: id)
        return receiveHeld(id)
    }

    /// More of a body that is waited for may have come.
    mutating func advanceHeld(_ id: SlotID) {
        guard let answer = receiveHeld(id) else { return }
        decide(id, with: answer)
    }

    /// The exchange is answered: whatever its stages have waited for comes too late. Without this a body that
    /// arrives behind a refusal, while that still waits to be read, would let the request through after all.
    mutating func stopWaiting(_ id: SlotID) {
        exchanges[id].inquiry = nil
        exchanges[id].held.progress = .none
        exchanges[id].held.bytes.removeAll(pool: &buffers)
    }

    /// A client that asks whether its body is wanted is told so by whoever wants it.
    private mutating func askForBody(of id: SlotID) {
        let client = exchanges[id].client
        guard exchanges[id].state.head.expectsContinue, clients[client].machine.requestBodyWanted() else {
            return
        }
        // The server need not be asked any more.
        exchanges[id].state.head.expectsContinue = false
        var writer = ByteWriter(heads.view)
        writer.write("HTTP/1.1 100 Continue\r\n\r\n")
        _ = sendInterim(writer.count, to: id)
    }

    /// Takes what has come of the body. Nil where the exchange goes on waiting, or is over.
    private mutating func receiveHeld(_ id: SlotID) -> Answer? {
        guard exchanges.contains(id) else { return nil }
        let client = exchanges[id].client
        for _ in 0..<Self.piecesPerTurn {
            guard exchanges.contains(id), case .arriving(let limit) = exchanges[id].held.progress else {
                return nil
            }
            guard let piece = takeBodyBytes(of: client, into: readRegion(Exchange.firstRead, of: client))
            else {
                if clients.contains(client) { moveClientDeadline(client) }
                return nil
            }
            guard let step = readHeld(piece, of: id) else { return nil }
            let region = body.view.view.dropFirst(Layout.headroom)
            exchanges[id].held.bytes.append(
                region.slice(step.payload.lowerBound, step.payload.upperBound), pool: &buffers)
            if step.ended {
                exchanges[id].held.progress = .whole
                _ = clients[client].machine.requestBodyEnded()
                moveClientDeadline(client)
                // A chunked one may have come with its end: what is too long is so all the same.
                guard exchanges[id].held.bytes.count <= limit else { return .bodyTooLarge }
                return .body(exchanges[id].held.bytes.view)
            }
            if exchanges[id].held.bytes.count > limit {
                exchanges[id].held.progress = .beginning
                moveClientDeadline(client)
                return .bodyTooLarge
            }
        }
        runLater(client: client)
        return nil
    }

    /// Takes the payload out of a piece of body. Nil where the body was refused and the exchange is over.
    private mutating func readHeld(_ piece: BodyPiece, of id: SlotID) -> ChunkDecoder.Step? {
        do throws(ChunkError) {
            let step = try readStep(piece, of: id)
            if piece.isStored { consumeReceived(step.consumed, of: exchanges[id].client) }
            guard isWithinLimit(id) else {
                fail(id, .bodyTooLarge)
                return nil
            }
            return step
        } catch {
            let client = exchanges[id].client
            perform(clients[client].machine.requestFailed(status: 400), on: client)
            return nil
        }
    }

    /// Sends a request with what is held of its body, and goes on with the rest.
    mutating func sendHeldRequest(_ head: ByteView, of id: SlotID, on connection: SlotID) {
        var sent = min(Exchange.firstRead, exchanges[id].held.bytes.count)
        let first = frameHeld(0..<sent, of: id, behind: head)
        switch connections[connection].transport.send(first, &network, encryption, &buffers) {
        case .taken, .kept: connections[connection].machine.requestBegan()
        // Nothing has left: the request is whole, and may go another way.
        case .failed: return perform(connections[connection].machine.originClosed(.reset), on: connection)
        }
        while sent < exchanges[id].held.bytes.count {
            let end = min(sent + Exchange.firstRead, exchanges[id].held.bytes.count)
            guard send(frameHeld(sent..<end, of: id, behind: .empty), on: connection) else { return }
            sent = end
        }
        requestMoved(id)
        if exchanges.contains(id), !exchanges[id].requestBody.isEnded { passRequestBody(id) }
    }

    /// Queues what is held on a stream that has begun.
    mutating func queueHeld(of id: SlotID, on connection: SlotID) {
        guard !exchanges[id].held.bytes.isEmpty, let seat = connections[connection].transport.seat else {
            return
        }
        connections[connection].unsent.append(exchanges[id].held.bytes.view, pool: &buffers)
        queue(exchanges[id].held.bytes.count, on: seat)
        if exchanges[id].held.isWhole { endStreamRequest(of: id) }
    }

    /// Frames a piece of what is held in the read region, with `head` before it.
    private func frameHeld(_ piece: Range<Int>, of id: SlotID, behind head: ByteView) -> ByteView {
        let coding = requestCoding(of: id)
        let held = exchanges[id].held.bytes.view
        body.view.write(held.slice(piece.lowerBound, piece.upperBound), at: Layout.headroom)
        var range = coding.frame(Layout.headroom..<Layout.headroom + piece.count, in: body.view)
        if piece.upperBound == held.count, exchanges[id].held.isWhole, coding == .chunked {
            let trailers = requestTrailers(of: id)
            let end = coding.close(at: range.upperBound, in: body.view, hasTrailers: !trailers.isEmpty)
            range = appendTrailers(trailers, behind: range.lowerBound..<end, in: body.view)
        }
        let start = range.lowerBound - head.count
        body.view.write(head, at: start)
        return body.view.view.slice(start, range.upperBound)
    }
}
