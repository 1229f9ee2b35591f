import Addressing
import Reactor

/// Everything outside of the gateway: time, sockets, and what was asked and answered.
final class World {
    var dice: Dice
    let profile: Profile
    var agenda = Agenda()
    /// Nanoseconds of virtual time.
    var now: Int64
    private(set) var violations: [String] = []

    private var sockets: [Int32: SimulatedSocket] = [:]
    private var nextDescriptor: Int32 = 10
    private(set) var openSockets = 0
    /// Sockets that wait to be reported, in the order of their edges.
    private(set) var ready: [SimulatedSocket] = []
    private var isTurnNoted = false

    /// Requests that clients have made, by their number.
    var requests: [Int: RequestRecord] = [:]
    /// Makes the origin's side of a connection and returns its number.
    var makeOrigin: ((SimulatedSocket, SocketAddress) -> Int)?
    /// What may have been waited for while nobody answered.
    var happened: Set<Happening> = []

    private var trace: [String] = []
    private let tracing: Bool

    /// What explains an answer of the gateway's own.
    enum Happening {
        case silentConnect, refusedConnect, brokenConnection, watchFailed, routeRemoved, namesUnknown,
            memoryShort, draining, ended
    }

    init(seed: UInt64, profile: Profile? = nil, tracing: Bool = false) {
        var dice = Dice(seed: seed)
        let drawn = Profile(&dice)
        self.profile = profile ?? drawn
        self.dice = dice
        self.tracing = tracing
        now = Int64(dice.below(1_000_000_000)) + 1_000_000_000
    }

    // MARK: Telling

    func note(_ text: @autoclosure () -> String) {
        guard tracing else { return }
        trace.append("\(Double(now) / 1e9) \(text())")
        if trace.count > 20000 { trace.removeFirst(10000) }
    }

    func violate(_ text: String) {
        violations.append(text)
        note("VIOLATION \(text)")
    }

    func lastEvents(_ count: Int) -> [String] { trace.suffix(count) }

    // MARK: Sockets

    func makeSocket(_ peer: SimulatedSocket.Peer) -> SimulatedSocket {
        let capacities = (profile.capacity(&dice), profile.capacity(&dice))
        let socket = SimulatedSocket(descriptor: nextDescriptor, peer: peer, capacities: capacities)
        nextDescriptor += 1
        openSockets += 1
        sockets[socket.descriptor] = socket
        return socket
    }

    /// The socket, if the gateway still has it.
    func open(_ socket: Socket, for use: String) -> SimulatedSocket? {
        guard let simulated = sockets[socket.descriptor] else {
            violate("\(use) of socket \(socket.descriptor), which is closed or was never open")
            return nil
        }
        return simulated
    }

    func closed(_ socket: SimulatedSocket, withReset reset: Bool) {
        openSockets -= 1
        sockets[socket.descriptor] = nil
        socket.isClosed = true
        socket.token = nil
        if socket.isReady {
            socket.isReady = false
            ready.removeAll { $0 === socket }
        }
        if reset {
            socket.gatewayHasReset = true
            // What a reset overtakes may be lost.
            socket.toPeer.cut(to: dice.below(socket.toPeer.count + 1))
        } else {
            socket.gatewayHasEnded = true
        }
        wake(socket)
    }

    /// A change that edge-triggered epoll would report.
    func edge(_ socket: SimulatedSocket) {
        guard socket.token != nil, !socket.isReady else { return }
        socket.isReady = true
        ready.append(socket)
        noteTurn(after: dice.chance(5) ? dice.delay(upTo: 20_000) : dice.delay(upTo: 500))
    }

    /// Events as one wait would bring them: some of those that are ready, in any order.
    func takeEvents() -> [(token: UInt64, readiness: Readiness)] {
        isTurnNoted = false
        var events: [(token: UInt64, readiness: Readiness)] = []
        let count = dice.chance(70) ? ready.count : dice.below(ready.count + 1)
        for _ in 0..<count {
            let socket = ready.remove(at: dice.below(ready.count))
            socket.isReady = false
            guard let token = socket.token, !socket.readiness.isEmpty else { continue }
            events.append((token, socket.readiness))
            note("event \(socket.descriptor) \(socket.readiness)")
        }
        if !ready.isEmpty { noteTurn(after: dice.delay(upTo: 500)) }
        return events
    }

    func noteTurn(after delay: Int64) {
        guard !isTurnNoted else { return }
        isTurnNoted = true
        agenda.add(.turn, at: now + delay)
    }

    /// Lets the peer know, after a while, that something has happened to its connection.
    func wake(_ socket: SimulatedSocket) { wake(socket, after: profile.latency(&dice)) }

    func wake(_ socket: SimulatedSocket, after delay: Int64) {
        guard !socket.isWaking else { return }
        switch socket.peer {
        case .client(let number): agenda.add(.client(number), at: now + delay)
        case .origin(let number) where number >= 0: agenda.add(.origin(number), at: now + delay)
        case .origin: return
        }
        socket.isWaking = true
    }

    // MARK: Connecting

    func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let fault = profile.connectFault(&dice)
        if fault == .atOnce {
            happened.insert(.refusedConnect)
            throw SystemError("connect", code: 101)
        }
        let socket = makeSocket(.origin(-1))
        socket.connecting = .pending
        note("connect \(socket.descriptor) to \(address), \(fault)")
        switch fault {
        case .none, .atOnce:
            guard let makeOrigin else { preconditionFailure("nobody is there to connect to") }
            socket.peer = .origin(makeOrigin(socket, address))
            agenda.add(.connected(socket.descriptor), at: now + profile.latency(&dice))
        case .refused:
            happened.insert(.refusedConnect)
            agenda.add(.connected(socket.descriptor), at: now + profile.latency(&dice))
        case .silent:
            happened.insert(.silentConnect)
        }
        return Socket(descriptor: socket.descriptor)
    }

    func connectEnds(_ descriptor: Int32) {
        guard let socket = sockets[descriptor], socket.connecting == .pending else { return }
        if case .origin(let number) = socket.peer, number >= 0 {
            socket.connecting = .done
            wake(socket)
        } else {
            socket.connecting = .refused
        }
        edge(socket)
    }

    // MARK: What peers do

    /// Sends as much as there is room for, and returns how much that was.
    func send(_ bytes: ArraySlice<UInt8>, on socket: SimulatedSocket) -> Int {
        let room = min(bytes.count, max(0, socket.toGatewayCapacity - socket.toGateway.count))
        guard room > 0 else { return 0 }
        // Sent to a socket that is closed: the answer is a reset, which may overtake what was on its way.
        guard !socket.isClosed else {
            if !socket.gatewayHasReset {
                socket.gatewayHasReset = true
                socket.toPeer.cut(to: dice.below(socket.toPeer.count + 1))
                wake(socket)
            }
            return bytes.count
        }
        socket.toGateway.append(bytes.prefix(room))
        edge(socket)
        return room
    }

    func receive(on socket: SimulatedSocket, atMost most: Int) -> ArraySlice<UInt8> {
        let bytes = socket.toPeer.take(most)
        if socket.roomWasMade(), !socket.isClosed { edge(socket) }
        return bytes
    }

    func endFromPeer(_ socket: SimulatedSocket) {
        guard !socket.peerHasEnded, !socket.peerHasReset else { return }
        socket.peerHasEnded = true
        edge(socket)
    }

    func resetFromPeer(_ socket: SimulatedSocket) {
        guard !socket.peerHasReset else { return }
        socket.peerHasReset = true
        socket.peerIsGone = true
        // What has arrived may be read or be lost.
        if dice.chance(50) { socket.toGateway.removeAll() }
        socket.toPeer.removeAll()
        edge(socket)
    }

    /// The peer closes its descriptor.
    func closeFromPeer(_ socket: SimulatedSocket) {
        guard !socket.peerIsGone else { return }
        if socket.toPeer.isEmpty {
            endFromPeer(socket)
            socket.peerIsGone = true
        } else {
            resetFromPeer(socket)
        }
    }
}
