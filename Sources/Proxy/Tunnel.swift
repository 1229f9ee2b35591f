import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// Connections that carry another protocol after 101 Switching Protocols: bytes both ways, each direction at
// its own pace.
extension ProxyCore where Net: ~Copyable {
    mutating func beginTunnel(
        _ head: borrowing ResponseHead, of id: SlotID, on connection: SlotID, rest: ByteView
    ) -> Bool {
        var writer = ByteWriter(heads.view)
        ClientHeadWriter.writeSwitch(head, to: exchanges[id].state, writer: &writer)
        writer.write(rest)
        guard !writer.overflowed else {
            perform(connections[connection].machine.cancelled(), on: connection)
            return false
        }
        let client = exchanges[id].client
        clients[client].machine.upgraded()
        exchanges[id].phase = .tunnel
        exchanges[id].status = 101
        exchanges[id].timings.responseHead = now
        metrics.add(.gauge(.tunnelsOpen))
        guard send(writer.view, toClientOf: id) else { return false }
        _ = connections[connection].deadline.move(to: .distantFuture)
        moveClientDeadline(client)
        return true
    }

    /// Carries what has come, in both directions.
    mutating func advanceTunnel(_ id: SlotID) {
        var hasMoved = false
        for _ in 0..<Self.piecesPerTurn {
            let up = carryToServer(id)
            guard exchanges.contains(id) else { return }
            let down = carryToClient(id)
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
        let region = body.view.slice(0, Exchange.smallestRead)
        if !clients[client].received.isEmpty {
            let count = min(clients[client].received.count, region.count)
            region.write(clients[client].received.view.prefix(count), at: 0)
            clients[client].received.consume(count, pool: &buffers)
            exchanges[id].bytesIn += count
            return send(region.view.prefix(count), on: connection)
        }
        guard clients[client].isReadable else { return false }
        switch network.receive(clients[client].socket, into: region) {
        case .moved(let count):
            noteRead(client: client, count, of: region.count)
            exchanges[id].bytesIn += count
            return send(region.view.prefix(count), on: connection)
        case .blocked:
            clients[client].isReadable = false
        case .ended:
            clients[client].isReadable = false
            exchanges[id].clientEnded = true
            network.shutdownWrite(connections[connection].socket)
        case .failed:
            perform(clients[client].machine.clientLeft(), on: client)
        }
        return false
    }

    /// True where bytes moved.
    private mutating func carryToClient(_ id: SlotID) -> Bool {
        let client = exchanges[id].client
        guard let connection = exchanges[id].connection, connections[connection].isReadable,
            clients[client].unsent.isEmpty, !exchanges[id].serverEnded
        else { return false }
        let region = body.view.slice(0, Exchange.smallestRead)
        switch network.receive(connections[connection].socket, into: region) {
        case .moved(let count):
            if count < region.count, !connections[connection].peerHasEnded {
                connections[connection].isReadable = false
            }
            return send(region.view.prefix(count), toClientOf: id)
        case .blocked:
            connections[connection].isReadable = false
        case .ended:
            connections[connection].isReadable = false
            exchanges[id].serverEnded = true
            network.shutdownWrite(clients[client].socket)
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
        exchanges[id].outcome = .ok
        perform(clients[client].machine.tunnelEnded(), on: client)
    }

    /// Ends a tunnel at once: it broke, was silent for too long, or the drain is over.
    mutating func endTunnel(_ id: SlotID, by origin: Outcome.Origin) {
        let client = exchanges[id].client
        exchanges[id].outcome = Outcome(endedBy: origin, in: .tunnel)
        perform(clients[client].machine.tunnelEnded(), on: client)
    }
}
