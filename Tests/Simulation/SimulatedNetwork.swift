import Addressing
import Bytes
import Reactor

/// The network as the gateway sees it; all of it stands in the world.
struct SimulatedNetwork: Network {
    let world: World

    mutating func watchAgain(_ socket: Socket, token: UInt64) {
        guard let simulated = world.open(socket, for: "watch again") else { return }
        simulated.token = token
        if !simulated.readiness.isEmpty { world.edge(simulated) }
    }

    mutating func watch(_ socket: Socket, token: UInt64) throws(SystemError) {
        if world.profile.failsWatching, world.dice.chance(3) {
            world.happened.insert(.watchFailed)
            throw SystemError("epoll_ctl", code: 28)
        }
        guard let simulated = world.open(socket, for: "watch") else { return }
        simulated.token = token
        world.note("watch \(socket.descriptor)")
        if !simulated.readiness.isEmpty { world.edge(simulated) }
    }

    mutating func receive(_ socket: Socket, into region: MutableByteView) -> Transfer {
        guard let simulated = world.open(socket, for: "receive") else { return .failed(9) }
        let (transfer, bytes) = simulated.receive(into: region.count)
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            region.write(ByteView(start: start, count: bytes.count), at: 0)
        }
        world.note("receive \(socket.descriptor): \(transfer)")
        if case .moved = transfer { world.wake(simulated) }
        return transfer
    }

    mutating func send(_ socket: Socket, _ bytes: ByteView) -> Transfer {
        guard let simulated = world.open(socket, for: "send") else { return .failed(9) }
        if bytes.isEmpty { world.violate("a send of nothing on \(socket.descriptor)") }
        let transfer = simulated.send(bytes.count)
        world.note("send \(socket.descriptor) of \(bytes.count): \(transfer)")
        guard case .moved(let count) = transfer else { return transfer }
        if simulated.peerIsGone {
            world.resetFromPeer(simulated)
        } else {
            simulated.toPeer.append(UnsafeRawBufferPointer(start: bytes.start, count: count))
            world.wake(simulated)
        }
        return transfer
    }

    mutating func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        try world.connect(to: address)
    }

    mutating func connectError(_ socket: Socket) -> Int32? {
        world.open(socket, for: "connectError")?.takeError()
    }

    mutating func queued(_ socket: Socket) -> Int {
        world.open(socket, for: "queued")?.toPeer.count ?? 0
    }

    mutating func isQuiet(_ socket: Socket) -> Bool {
        guard let simulated = world.open(socket, for: "isQuiet") else { return false }
        return simulated.toGateway.isEmpty && !simulated.peerHasEnded && !simulated.peerHasReset
    }

    mutating func shutdownWrite(_ socket: Socket) {
        guard let simulated = world.open(socket, for: "shutdownWrite") else { return }
        world.note("shutdown \(socket.descriptor)")
        simulated.gatewayHasEnded = true
        if simulated.peerHasEnded { world.edge(simulated) }
        world.wake(simulated)
    }

    mutating func close(_ socket: Socket) {
        guard let simulated = world.open(socket, for: "close") else { return }
        world.note("close \(socket.descriptor)")
        // Linux resets where bytes were not read (RFC 2525 §2.17).
        world.closed(simulated, withReset: !simulated.toGateway.isEmpty)
    }

    mutating func abort(_ socket: Socket) {
        guard let simulated = world.open(socket, for: "abort") else { return }
        world.note("abort \(socket.descriptor)")
        world.closed(simulated, withReset: true)
    }
}
