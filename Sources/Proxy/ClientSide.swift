import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// The client's side: reading requests, writing answers, ending connections.
extension ProxyCore where Net: ~Copyable {
    /// Requests of one connection that are served before others get their turn.
    static var requestsPerTurn: Int { 16 }

    mutating func clientReady(_ id: SlotID, _ readiness: Readiness) {
        guard clients.contains(id) else { return }
        if readiness.contains(.readable) { clients[id].isReadable = true }
        if readiness.contains(.peerEnded) { clients[id].peerHasEnded = true }
        if readiness.contains(.writable) {
            clients[id].isWritable = true
            if !clients[id].unsent.isEmpty {
                flushClient(id)
                guard clients.contains(id) else { return }
            }
        }
        advanceClient(id)
    }

    /// Does whatever can be done for the connection now.
    mutating func advanceClient(_ id: SlotID) {
        for _ in 0..<Self.requestsPerTurn {
            guard clients.contains(id) else { return }
            switch clients[id].mode {
            case .proxyHeader:
                guard readProxyHeader(id) else { return }
                continue
            case .handshake:
                guard advanceHandshake(id) else { return }
                continue
            case .preface:
                guard readPreface(id) else { return }
                continue
            case .lingering:
                return discardLingering(id)
            case .absent: return
            case .http: break
            }
            if let exchange = clients[id].exchange {
                return clientAdvances(exchange)
            }
            if clients[id].machine.mayParse {
                guard readHead(id) else { return }
            } else if !clients[id].machine.isClosed, clients[id].unsent.isEmpty, clients[id].seat == nil {
                guard discardBody(id) else { return }
            } else {
                return
            }
        }
        if clients.contains(id) { runLater(client: id) }
    }

    /// Something has become possible on the client's side of an exchange.
    private mutating func clientAdvances(_ exchange: SlotID) {
        let client = exchanges[exchange].client
        if exchanges[exchange].phase == .tunnel { return advanceTunnel(exchange) }
        if exchanges[exchange].held.isArriving { return advanceHeld(exchange) }
        if !exchanges[exchange].requestBody.isEnded, !exchanges[exchange].stopsSending {
            return passRequestBody(exchange)
        }
        if clients[client].peerHasEnded {
            perform(clients[client].machine.clientHalfClosed(), on: client)
        }
    }

    /// Reads a request's head, or as much of it as there is, and serves it. True where there may be more to
    /// do.
    private mutating func readHead(_ id: SlotID) -> Bool {
        if clients[id].received.count > clients[id].parsed {
            if clients[id].headBegun == nil { clients[id].headBegun = now }
            return parseReceived(id)
        }
        guard clients[id].isReadable else { return false }
        if !clients[id].received.isEmpty { return continueHead(id) }

        let region = readRegion(Exchange.smallestRead, of: id)
        switch receive(client: id, into: region) {
        case .moved(let count):
            clients[id].headBegun = now
            return parse(region.view.prefix(count), of: id)
        case .blocked:
            return false
        case .ended:
            perform(clients[id].machine.clientHalfClosed(), on: id)
            return false
        case .failed:
            perform(clients[id].machine.clientLeft(), on: id)
            return false
        }
    }

    /// Reads more of a head that has begun to arrive.
    private mutating func continueHead(_ id: SlotID) -> Bool {
        clients[id].received.reserve(1024 + clients[id].transport.slack, pool: &buffers)
        let room = clients[id].received.tail
        switch receive(client: id, into: room) {
        case .moved(let count):
            clients[id].received.commit(count)
            return parseReceived(id)
        case .blocked:
            return false
        case .ended:
            perform(clients[id].machine.clientHalfClosed(), on: id)
            return false
        case .failed:
            perform(clients[id].machine.clientLeft(), on: id)
            return false
        }
    }

    private mutating func parseReceived(_ id: SlotID) -> Bool {
        let bytes = clients[id].received.view
        return parse(bytes, of: id)
    }

    /// Parses a head that `bytes` begins with; they stand in `received` or in the scratch region. True where
    /// there may be more to do.
    private mutating func parse(_ bytes: ByteView, of id: SlotID) -> Bool {
        let isStored = !clients[id].received.isEmpty
        do throws(HeadError) {
            guard let length = try clients[id].parser.parse(bytes, into: &incoming) else {
                if !isStored { clients[id].received.append(bytes, pool: &buffers) }
                clients[id].parsed = clients[id].received.count
                clients[id].machine.requestHeadBegan()
                moveClientDeadline(id)
                return clients[id].isReadable
            }
            beginExchange(of: id, bytes: bytes, length: length, isStored: isStored)
        } catch {
            metrics.add(.headFault(error.fault))
            let action = clients[id].machine.requestFailed(status: error.status)
            refuseHead(
                id, action, LocalResponse(status: error.status, title: error.title, detail: error.detail),
                of: bytes)
        }
        return clients.contains(id)
    }

    /// A head is complete: makes the exchange and lets the stages decide.
    mutating func beginExchange(
        of id: SlotID, bytes: ByteView, length: Int, isStored: Bool
    ) {
        let pathLength = incoming.path.end - incoming.path.start
        let room = incoming.bytes.count + PathNormaliser.longestNormalForm(ofPath: pathLength)
        var buffer = buffers.take(holding: room)
        buffer.append(incoming.bytes)
        var head = RequestHead(fields: tables.take())
        swap(&head, &incoming)
        var state = ExchangeState(
            head: head, buffer: buffer, peer: clients[id].peer, isEncrypted: clients[id].isEncrypted,
            localPort: clients[id].listener.port)
        state.normaliseAuthority()
        noteEntrance(of: id, in: &state)
        if isStored {
            clients[id].received.consume(length, pool: &buffers)
        } else {
            clients[id].received.append(bytes.dropFirst(length), pool: &buffers)
        }
        clients[id].parsed = 0
        clients[id].machine.requestHeadEnded(state.head)
        let isOpenEnded = state.head.framing == .chunked
        var exchange = Exchange(client: id, plan: plan, state: state)
        exchange.bytesIn = length
        if let seat = clients[id].seat {
            exchange.stream = seat.stream
            exchange.readSize = Exchange.smallestRead
            // Its end comes from the stream, not from the bytes.
            if isOpenEnded { exchange.requestBody = BodyReader(.untilClose) }
        }
        exchange.timings.accepted = clients[id].accepted
        exchange.timings.headBegun = clients[id].headBegun ?? now
        exchange.timings.headComplete = now
        clients[id].headBegun = nil
        let exchangeID = exchanges.insert(exchange)
        clients[id].exchange = exchangeID
        if clients[id].seat != nil { noteCall(exchangeID) }
        decide(exchangeID)
    }

    /// Answers a head that was not understood or did not come in time, and logs it like any other request.
    /// `bytes` is what has come of it, and may be what `received` holds.
    mutating func refuseHead(
        _ id: SlotID, _ action: ServerConnectionMachine.Action, _ response: LocalResponse, of bytes: ByteView
    ) {
        guard case .refuse = action else { return perform(action, on: id) }
        clients[id].parser.reset()
        let line = RefusedHead.requestLine(of: bytes)
        let page = RefusedHead.origin(in: bytes)
        var buffer = buffers.take(holding: line.count + (page?.count ?? 0))
        buffer.append(line)
        if let page { buffer.append(page) }
        var state = ExchangeState(
            head: RequestHead(fields: tables.take()), buffer: buffer, peer: clients[id].peer,
            isEncrypted: clients[id].isEncrypted, localPort: clients[id].listener.port)
        RefusedHead.read(state.buffer.view.prefix(line.count), into: &state.head)
        if page != nil { state.refusedOrigin = state.buffer.view.dropFirst(line.count) }
        var exchange = Exchange(client: id, plan: plan, state: state)
        exchange.phase = .head
        if let seat = clients[id].seat { exchange.stream = seat.stream }
        exchange.timings.accepted = clients[id].accepted
        exchange.timings.headBegun = clients[id].headBegun ?? now
        exchange.bytesIn = bytes.count
        clients[id].received.removeAll(pool: &buffers)
        clients[id].parsed = 0
        let exchangeID = exchanges.insert(exchange)
        clients[id].exchange = exchangeID
        _ = plan.clientAddress.decide(&exchanges[exchangeID].state)
        _ = plan.requestID.decide(&exchanges[exchangeID].state, time: wallTime, random: &random)
        let origin: Outcome.Origin = response.status == 503 ? .gateway : .client
        respond(response, to: exchangeID, outcome: Outcome(endedBy: origin, in: .head))
    }

    /// Reads the rest of a body whose request has been answered, and drops it. True where there may be more
    /// to do.
    private mutating func discardBody(_ id: SlotID) -> Bool {
        guard let piece = takeBodyBytes(of: id, into: readRegion(Exchange.smallestRead, of: id)) else {
            return false
        }
        do throws(ChunkError) {
            let step = try clients[id].leftover.read(piece.bytes)
            settle(piece, consumed: step.consumed, of: id)
            let dropped = clients[id].machine.requestBodyDropped(step.consumed)
            if dropped != .proceed {
                perform(dropped, on: id)
                return false
            }
            if step.ended { perform(clients[id].machine.requestBodyEnded(), on: id) }
        } catch {
            perform(clients[id].machine.requestFailed(status: 400), on: id)
            return false
        }
        return clients.contains(id)
    }

    /// Bytes of a request's body in the scratch region, and where they came from.
    struct BodyPiece {
        let bytes: MutableByteView
        /// They still stand in `received`; else they came from the socket and stand nowhere else.
        let isStored: Bool
        /// Nothing comes behind them, as the end of a stream has told.
        var isLast = false
    }

    /// Bytes of a request's body: those that came with its head, or from the socket. Nil where there are
    /// none now; a connection that has ended is dealt with. `region` has the transport's slack.
    mutating func takeBodyBytes(of id: SlotID, into region: MutableByteView) -> BodyPiece? {
        if !clients[id].received.isEmpty {
            let count = min(clients[id].received.count, region.count)
            region.write(clients[id].received.view.prefix(count), at: 0)
            let isLast = clients[id].inputHasEnded && count == clients[id].received.count
            return BodyPiece(bytes: region.slice(0, count), isStored: true, isLast: isLast)
        }
        if clients[id].inputHasEnded {
            return BodyPiece(bytes: region.slice(0, 0), isStored: true, isLast: true)
        }
        guard clients[id].isReadable else { return nil }
        switch receive(client: id, into: region) {
        case .moved(let count): return BodyPiece(bytes: region.slice(0, count), isStored: false)
        case .blocked: break
        case .ended: perform(clients[id].machine.clientHalfClosed(), on: id)
        case .failed: perform(clients[id].machine.clientLeft(), on: id)
        }
        return nil
    }

    /// So much of a piece belonged to the body; what stands behind it is the next request.
    mutating func settle(_ piece: BodyPiece, consumed: Int, of id: SlotID) {
        if piece.isStored {
            clients[id].received.consume(consumed, pool: &buffers)
        } else {
            clients[id].received.append(piece.bytes.view.dropFirst(consumed), pool: &buffers)
        }
    }

    private mutating func discardLingering(_ id: SlotID) {
        for _ in 0..<Self.requestsPerTurn {
            guard clients[id].isReadable else { return }
            switch receive(client: id, into: readRegion(Exchange.smallestRead, of: id)) {
            case .moved, .blocked: break
            case .ended, .failed: return removeClient(id, closing: .plainly)
            }
        }
        runLater(client: id)
    }
}

// What the connection tells of every request on it.
extension ProxyCore where Net: ~Copyable {
    @inline(__always)
    func noteEntrance(of client: SlotID, in state: inout ExchangeState) {
        state.redirectPort = clients[client].listener.redirectPort
        if let subject = clients[client].certificateSubject { state.certificateSubject = subject }
    }
}
