import Addressing
import Bytes
import Reactor

/// One connection of a gateway in a fuzz run: what its peer sends, in what pieces, and what came to it.
final class VirtualSocket {
    enum End { case open, ended, reset }

    let descriptor: Int32
    /// What the peer sends. The byte 0xFE stands for a pause until nothing else moves.
    private let script: [UInt8]
    /// Else 0xFE is a byte like any other.
    private let pauses: Bool
    private var sent = 0
    private var inbox: [UInt8] = []
    private var taken = 0
    private var end = End.open
    private var isErrorTold = false
    /// Whether a peer with more to say says it now.
    var isPaused: Bool
    /// What the gateway has sent, and when the parts of it left: place in the bytes, number of the turn.
    private(set) var received: [UInt8] = []
    private(set) var departures: [(place: Int, turn: Int)] = []
    /// Bytes of `received` that the peer has reacted to.
    var noticed = 0

    var token: UInt64?
    var isConnecting: Bool
    var refuses = false
    var edge = false
    private var room: Int
    private var wantsRoom = false
    private(set) var isShut = false
    var isClosed = false
    /// Ended by the gateway so that the peer cannot take what it got for all.
    var isAborted = false

    init(descriptor: Int32, script: [UInt8], isPaused: Bool, isConnecting: Bool, pauses: Bool) {
        self.pauses = pauses
        self.descriptor = descriptor
        self.script = script
        self.isPaused = isPaused
        self.isConnecting = isConnecting
        room = 1 << 20
    }

    /// The peer has reset the connection: what it got last proves nothing.
    var hasLeft: Bool { end == .reset }
    var hasMore: Bool { sent < script.count && end == .open }
    var hasUnread: Bool { taken < inbox.count }

    /// The peer sends at most `most` bytes more, up to its next pause.
    func deliver(atMost most: Int) {
        var count = 0
        while !isPaused, hasMore, count < most {
            if pauses, script[sent] == 0xFE {
                isPaused = true
            } else {
                inbox.append(script[sent])
                count += 1
            }
            sent += 1
        }
        if count > 0 { edge = true }
    }

    func finish(_ end: End) {
        guard self.end == .open else { return }
        self.end = end
        edge = true
    }

    func makeRoom(_ bytes: Int) {
        room = bytes
        guard wantsRoom else { return }
        wantsRoom = false
        edge = true
    }

    var readiness: Readiness {
        if isConnecting { return [] }
        if refuses || end == .reset { return [.readable, .writable, .peerEnded, .broken] }
        var readiness: Readiness = room > 0 ? [.writable] : []
        if hasUnread { readiness.insert(.readable) }
        if end == .ended { readiness.insert([.readable, .peerEnded]) }
        return readiness
    }

    // MARK: The gateway's calls

    func receive(into region: MutableByteView) -> Transfer {
        if isConnecting { return .failed(107) }
        if hasUnread, end != .reset {
            let count = min(region.count, inbox.count - taken)
            Array(inbox[taken..<taken + count]).withView { region.write($0, at: 0) }
            taken += count
            return .moved(count)
        }
        if end == .reset, !isErrorTold {
            isErrorTold = true
            return .failed(104)
        }
        return end == .open ? .blocked : .ended
    }

    func send(_ bytes: ByteView, turn: Int) -> Transfer {
        if isConnecting || isShut { return .failed(32) }
        if end == .reset { return .failed(104) }
        guard room > 0 else {
            wantsRoom = true
            return .blocked
        }
        let count = min(room, bytes.count)
        if count < bytes.count { wantsRoom = true }
        room -= count
        departures.append((received.count, turn))
        received += bytes.prefix(count).array()
        return .moved(count)
    }

    func shutdown() { isShut = true }
}

/// A client and the servers behind the gateway.
final class VirtualWorld {
    private(set) var sockets: [VirtualSocket] = []
    private var servers: ArraySlice<[UInt8]>
    var cuts: Cuts
    var turn = 0
    /// A call that no kernel would have understood.
    private(set) var misuse: String?

    /// What a server says of which the input says nothing.
    private static let plainAnswer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)

    init(servers: ArraySlice<[UInt8]>, cuts: Cuts) {
        self.servers = servers
        self.cuts = cuts
    }

    var open: [VirtualSocket] { sockets.filter { !$0.isClosed } }

    func add(
        script: [UInt8], isPaused: Bool, isConnecting: Bool, pauses: Bool = true
    ) -> VirtualSocket {
        let socket = VirtualSocket(
            descriptor: Int32(sockets.count), script: script, isPaused: isPaused, isConnecting: isConnecting,
            pauses: pauses)
        sockets.append(socket)
        return socket
    }

    func connect() -> VirtualSocket {
        let socket = add(
            script: servers.popFirst() ?? Self.plainAnswer, isPaused: true, isConnecting: true)
        socket.refuses = cuts.next(upTo: 19) == 0
        return socket
    }

    func socket(_ socket: Socket, for call: StaticString) -> VirtualSocket? {
        let index = Int(socket.descriptor)
        guard sockets.indices.contains(index), !sockets[index].isClosed else {
            misuse = "\(call) of a descriptor that is not open"
            return nil
        }
        return sockets[index]
    }
}

/// The network as the gateway's core sees it.
struct VirtualNetwork: Network {
    let world: VirtualWorld

    mutating func watchAgain(_ socket: Socket, token: UInt64) {
        // Nothing is known of it that could fail.
        try? watch(socket, token: token)
    }

    mutating func watch(_ socket: Socket, token: UInt64) throws(SystemError) {
        guard let virtual = world.socket(socket, for: "watch") else { return }
        virtual.token = token
        virtual.edge = true
    }

    mutating func receive(_ socket: Socket, into region: MutableByteView) -> Transfer {
        world.socket(socket, for: "receive")?.receive(into: region) ?? .failed(9)
    }

    mutating func send(_ socket: Socket, _ bytes: ByteView) -> Transfer {
        world.socket(socket, for: "send")?.send(bytes, turn: world.turn) ?? .failed(9)
    }

    mutating func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        Socket(descriptor: world.connect().descriptor)
    }

    mutating func connectError(_ socket: Socket) -> Int32? {
        world.socket(socket, for: "connectError")?.refuses == true ? 111 : nil
    }

    /// Peers have at once whatever was sent.
    mutating func queued(_ socket: Socket) -> Int {
        _ = world.socket(socket, for: "queued")
        return 0
    }

    mutating func isQuiet(_ socket: Socket) -> Bool {
        guard let virtual = world.socket(socket, for: "isQuiet") else { return false }
        return !virtual.readiness.contains(.readable)
    }

    mutating func shutdownWrite(_ socket: Socket) { world.socket(socket, for: "shutdown")?.shutdown() }

    mutating func close(_ socket: Socket) {
        guard let virtual = world.socket(socket, for: "close") else { return }
        // Linux resets where bytes were not read (RFC 2525 §2.17).
        virtual.isAborted = virtual.hasUnread
        virtual.isClosed = true
    }

    mutating func abort(_ socket: Socket) {
        guard let virtual = world.socket(socket, for: "abort") else { return }
        virtual.isAborted = true
        virtual.isClosed = true
    }
}
