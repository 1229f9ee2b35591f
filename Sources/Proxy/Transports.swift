import Bytes
import Pipeline
import Reactor
import Slots
import TLS
import Telemetry

// Reading from and writing to transports of either kind: sockets, and streams of HTTP/2 connections.
extension ProxyCore where Net: ~Copyable {
    /// Where a read of `limit` bytes lands, with room before and behind it, and for what encryption holds
    /// back.
    @inline(__always)
    func readRegion(_ limit: Int, of client: SlotID) -> MutableByteView {
        body.view.slice(Layout.headroom, Layout.headroom + limit + clients[client].transport.slack)
    }

    /// Reads from a client's socket. `region` has the transport's slack.
    @inline(__always)
    mutating func receive(client id: SlotID, into region: MutableByteView) -> Transfer {
        clients[id].transport.receive(into: region, &network, encryption, &buffers)
    }

    /// Reads from a server: from its socket, or what its stream has received. `region` has the transport's
    /// slack.
    @inline(__always)
    mutating func receive(connection id: SlotID, into region: MutableByteView) -> Transfer {
        guard let seat = connections[id].transport.seat else {
            return connections[id].transport.receive(into: region, &network, encryption, &buffers)
        }
        return receive(stream: seat, of: id, into: region)
    }

    private mutating func receive(
        stream seat: StreamSeat, of id: SlotID, into region: MutableByteView
    ) -> Transfer {
        let count = min(connections[id].received.count, region.count)
        guard count > 0 else {
            if connections[id].inputHasEnded { return .ended }
            if connections[id].wasReset { return .failed(0) }
            connections[id].isReadable = false
            return .blocked
        }
        region.write(connections[id].received.view.prefix(count), at: 0)
        connections[id].received.consume(count, pool: &buffers)
        consume(count, of: seat)
        return .moved(count)
    }

    /// Whether an idle connection is still open with nothing to read.
    mutating func isQuiet(_ connection: SlotID) -> Bool {
        // Nothing of another exchange can stand in a stream.
        guard let socket = connections[connection].transport.socket else { return true }
        return network.isQuiet(socket)
    }

    /// So much of what a client has sent was used.
    @inline(__always)
    mutating func consumeReceived(_ count: Int, of client: SlotID) {
        clients[client].received.consume(count, pool: &buffers)
        if let seat = clients[client].seat { consume(count, of: seat) }
    }

    /// A stream's bytes were passed on: its peer may send as many again.
    mutating func consume(_ count: Int, of seat: StreamSeat) {
        guard count > 0, sessions.contains(seat.session) else { return }
        sessions[seat.session].engine.consume(count, of: seat.stream)
        makeDirty(seat.session)
    }

    /// Bytes that the kernel holds for a client, as far as it tells.
    mutating func queuedBytes(_ client: SlotID) -> Int {
        guard let socket = clients[client].transport.socket else { return 0 }
        return network.queued(socket)
    }

    enum Ending {
        case plainly, withReset
    }

    mutating func close(_ transport: borrowing Transport, _ closing: Ending) {
        guard let socket = transport.socket else { return }
        switch closing {
        case .plainly: network.close(socket)
        case .withReset: network.abort(socket)
        }
    }

    /// Nothing more goes to the server; what it sends is still read.
    mutating func endSending(on connection: SlotID) {
        switch connections[connection].transport.carrier {
        case .socket(let socket):
            connections[connection].transport.sayClosed(&network, encryption, &buffers)
            network.shutdownWrite(socket)
        case .stream(let seat): end(seat, trailers: [])
        case .nobody: break
        }
    }

    /// Nothing more goes to the client; what it sends is still read.
    mutating func endSending(toClient client: SlotID) {
        switch clients[client].transport.carrier {
        case .socket(let socket):
            clients[client].transport.sayClosed(&network, encryption, &buffers)
            network.shutdownWrite(socket)
        case .stream(let seat): end(seat, trailers: [])
        case .nobody: break
        }
    }
}
