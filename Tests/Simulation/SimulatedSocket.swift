import Reactor

/// One connection between the gateway and a peer: two queues of bytes and what a kernel would remember.
///
/// Behaves like a TCP socket of Linux under edge-triggered epoll: an error is told once and then the end, a
/// short read has emptied the queue, a send that was cut short is followed by an edge once there is room.
final class SimulatedSocket {
    enum Peer { case client(Int), origin(Int) }
    enum Connecting { case done, pending, refused }

    let descriptor: Int32
    var peer: Peer
    var connecting = Connecting.done
    /// What the gateway watches it with.
    var token: UInt64?
    /// Waits to be reported.
    var isReady = false
    /// The peer will act soon anyway.
    var isWaking = false

    var toGateway = ByteLine()
    var toGatewayCapacity: Int
    /// The peer has ended its side.
    var peerHasEnded = false
    /// The peer has closed: what the gateway still sends is answered with a reset.
    var peerIsGone = false
    /// The peer has reset the connection.
    var peerHasReset = false
    private var isErrorTold = false

    var toPeer = ByteLine()
    var toPeerCapacity: Int
    /// The gateway has ended its side.
    var gatewayHasEnded = false
    var gatewayHasReset = false
    /// The gateway has closed its descriptor.
    var isClosed = false
    private var wantsRoom = false

    init(descriptor: Int32, peer: Peer, capacities: (toGateway: Int, toPeer: Int)) {
        self.descriptor = descriptor
        self.peer = peer
        toGatewayCapacity = capacities.toGateway
        toPeerCapacity = capacities.toPeer
    }

    /// What epoll would report now.
    var readiness: Readiness {
        switch connecting {
        case .pending: return []
        case .refused: return [.readable, .writable, .peerEnded, .broken]
        case .done: break
        }
        if peerHasReset { return [.readable, .writable, .peerEnded, .broken] }
        var readiness: Readiness = []
        if !toGateway.isEmpty { readiness.insert(.readable) }
        if peerHasEnded { readiness.insert([.readable, .peerEnded]) }
        if peerHasEnded, gatewayHasEnded { readiness.insert([.writable, .broken]) }
        if toPeer.count < toPeerCapacity { readiness.insert(.writable) }
        return readiness
    }

    // MARK: The gateway's calls

    func receive(into count: Int) -> (Transfer, ArraySlice<UInt8>) {
        guard connecting == .done else { return (.failed(107), []) }
        if !toGateway.isEmpty {
            let bytes = toGateway.take(count)
            return (.moved(bytes.count), bytes)
        }
        if peerHasReset {
            if isErrorTold { return (.ended, []) }
            isErrorTold = true
            return (.failed(104), [])
        }
        return peerHasEnded ? (.ended, []) : (.blocked, [])
    }

    /// How many bytes the socket takes, or why none.
    func send(_ length: Int) -> Transfer {
        guard connecting == .done else { return .failed(107) }
        if gatewayHasEnded { return .failed(32) }
        if peerHasReset {
            let code: Int32 = isErrorTold ? 32 : 104
            isErrorTold = true
            return .failed(code)
        }
        if peerIsGone { return .moved(length) }
        let room = toPeerCapacity - toPeer.count
        if room < length { wantsRoom = true }
        return room > 0 ? .moved(min(room, length)) : .blocked
    }

    /// The pending error, which is told once.
    func takeError() -> Int32? {
        if connecting == .refused { return 111 }
        guard peerHasReset, !isErrorTold else { return nil }
        isErrorTold = true
        return 104
    }

    // MARK: The peer's calls

    /// Makes room; true where the gateway waits for it.
    func roomWasMade() -> Bool {
        guard wantsRoom, toPeer.count < toPeerCapacity else { return false }
        wantsRoom = false
        return true
    }
}

/// Bytes under way, in their order.
struct ByteLine {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { start == bytes.count }

    mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

    mutating func take(_ most: Int) -> ArraySlice<UInt8> {
        let end = min(bytes.count, start + most)
        let taken = bytes[start..<end]
        start = end
        if start == bytes.count {
            bytes = []
            start = 0
        }
        return taken
    }

    /// Drops all but the first `length` bytes.
    mutating func cut(to length: Int) { bytes.removeLast(max(0, count - length)) }

    mutating func removeAll() {
        bytes = []
        start = 0
    }
}
