import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time
import WebSocket

// Connections that carry another protocol after 101 Switching Protocols: bytes both ways, each direction at
// its own pace.
extension ProxyCore where Net: ~Copyable {
    mutating func beginTunnel(
        _ head: borrowing ResponseHead, of id: SlotID, on connection: SlotID, rest: ByteView
    ) -> Bool {
        var writer = ByteWriter(heads.view)
        let isStream = clients[exchanges[id].client].seat != nil
        ClientHeadWriter.writeSwitch(head, to: exchanges[id].state, writer: &writer)
        let headLength = writer.count
        releaseClaim(of: id)
        exchanges[id].watch = TunnelWatch(largestMessage: plan.clients.maxMessage)
        writer.write(watchTunnel(id, rest, isFromClient: false))
        guard !writer.overflowed else {
            perform(connections[connection].machine.cancelled(), on: connection)
            return false
        }
        let client = exchanges[id].client
        clients[client].machine.upgraded()
        exchanges[id].phase = .tunnel
        exchanges[id].status = 101
        openTunnels += 1
        exchanges[id].timings.responseHead = now
        metrics.add(.gauge(.tunnelsOpen))
        let message = heads.view.slice(0, writer.count)
        if isStream {
            // What switching protocols is over HTTP/1.1, an ordinary success is here (RFC 8441 §5).
            heads.view.write(ByteView("200"), at: 9)
            guard sendStreamHead(message.slice(0, headLength), of: id, hasBody: true) else { return false }
            guard send(message.view.dropFirst(headLength), toClientOf: id) else { return false }
        } else {
            guard send(message.view, toClientOf: id) else { return false }
        }
        _ = connections[connection].deadline.move(to: .distantFuture)
        moveClientDeadline(client)
        return true
    }

    /// Whether a server's 101 answers the key of the request's.
    func isProven(_ head: borrowing ResponseHead, _ id: SlotID) -> Bool {
        guard let value = exchanges[id].state.head.value(of: .secWebSocketKey),
            let key = HandshakeKey(value)
        else { return false }
        for index in 0..<head.fields.count
        where head.name(at: index).equalsIgnoringCase("sec-websocket-accept") {
            return key.isAnswered(by: head.value(at: index))
        }
        return false
    }

    /// Carries what has come, in both directions.
    mutating func advanceTunnel(_ id: SlotID) {
        var hasMoved = false
        for _ in 0..<Self.piecesPerTurn {
            let up = carryToServer(id)
            guard exchanges.contains(id) else { return }
            let down = carryToClient(id)
            guard exchanges.contains(id) else { return }
            closeTunnelIfPossible(id)
            guard exchanges.contains(id) else { return }
            guard up || down else {
                if hasMoved { moveClientDeadline(exchanges[id].client) }
                return endTunnelIfOver(id)
            }
            hasMoved = true
        }
        moveClientDeadline(exchanges[id].client)
        runLater(client: exchanges[id].client)
    }

    /// True where bytes moved.
    private mutating func carryToServer(_ id: SlotID) -> Bool {
        let client = exchanges[id].client
        guard let connection = exchanges[id].connection, connections[connection].unsent.isEmpty,
            !exchanges[id].clientEnded
        else { return false }
        let region = readRegion(Exchange.smallestRead, of: client)
        if !clients[client].received.isEmpty {
            let count = min(clients[client].received.count, Exchange.smallestRead)
            region.write(clients[client].received.view.prefix(count), at: 0)
            consumeReceived(count, of: client)
            return carry(region.view.prefix(count), of: id, to: connection)
        }
        if clients[client].inputHasEnded {
            exchanges[id].clientEnded = true
            endSending(on: connection)
            return false
        }
        guard clients[client].isReadable else { return false }
        switch receive(client: client, into: region) {
        case .moved(let count): return carry(region.view.prefix(count), of: id, to: connection)
        case .blocked: break
        case .ended:
            clients[client].isReadable = false
            exchanges[id].clientEnded = true
            endSending(on: connection)
        case .failed:
            perform(clients[client].machine.clientLeft(), on: client)
        }
        return false
    }

    private mutating func carry(_ bytes: ByteView, of id: SlotID, to connection: SlotID) -> Bool {
        exchanges[id].bytesIn += bytes.count
        return send(watchTunnel(id, bytes, isFromClient: true), on: connection)
    }

    /// True where bytes moved.
    private mutating func carryToClient(_ id: SlotID) -> Bool {
        let client = exchanges[id].client
        guard let connection = exchanges[id].connection, connections[connection].isReadable,
            clients[client].unsent.isEmpty, !exchanges[id].serverEnded
        else { return false }
        let region = body.view.slice(0, Exchange.smallestRead + connections[connection].transport.slack)
        switch receive(connection: connection, into: region) {
        case .moved(let count):
            let bytes = watchTunnel(id, region.view.prefix(count), isFromClient: false)
            return bytes.isEmpty || send(bytes, toClientOf: id)
        case .blocked: break
        case .ended:
            connections[connection].isReadable = false
            exchanges[id].serverEnded = true
            endSending(toClient: client)
        case .failed:
            endTunnel(id, by: .upstream)
        }
        return false
    }

    private mutating func endTunnelIfOver(_ id: SlotID) {
        guard exchanges[id].clientEnded, exchanges[id].serverEnded else { return }
        let client = exchanges[id].client
        if let connection = exchanges[id].connection, !connections[connection].unsent.isEmpty { return }
        guard clients[client].unsent.isEmpty else { return }
        let isOurs = exchanges[id].watch?.isOver == true
        exchanges[id].outcome = isOurs ? Outcome(endedBy: .gateway, in: .tunnel) : .ok
        perform(clients[client].machine.tunnelEnded(), on: client)
    }

    /// Ends a tunnel at once: it broke, was silent for too long, or the drain is over.
    mutating func endTunnel(_ id: SlotID, by origin: Outcome.Origin) {
        let client = exchanges[id].client
        exchanges[id].outcome = Outcome(endedBy: origin, in: .tunnel)
        // A stream that is left without its end would wait for it for ever.
        guard clients[client].seat == nil else { return removeClient(client, closing: .withReset) }
        perform(clients[client].machine.tunnelEnded(), on: client)
    }
}
