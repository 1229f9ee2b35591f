import Addressing
import Bytes
import Pipeline
import Proxy
import Reactor
import Stores
import Telemetry
import Time

/// A whole worker between a client and servers that say whatever the input says: servers see no request that
/// the client has not sent, the client sees no answer that it has not asked for, and everything is given
/// back.
///
/// The input's first byte chooses a schedule: in what pieces bytes come, how fast they are taken, who ends
/// how. Then come the client's bytes and, behind the byte 0xFF each time, those of one server's connection
/// after another.
enum ConnectionProperties {
    private static let metrics = Gateway.registry.makeWorkerMetrics()
    private static let store = MemoryCounterStore(maximumKeys: 64)
    private static let listener = ListenerPlan(address: .ip(.loopback, port: 8080), proxyProtocol: .off)
    /// Turns that a run may take until nothing moves any more.
    private static let longestRun = 40_000

    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let schedule = bytes.first else { return }
        let parts = bytes.dropFirst().split(separator: 0xFF, omittingEmptySubsequences: false).map(Array.init)
        let world = VirtualWorld(servers: parts.dropFirst(), cuts: Cuts([schedule]))
        let client = world.add(script: parts[0], isPaused: false, isConnecting: false)
        var core = ProxyCore(
            network: VirtualNetwork(world: world), plan: Gateway.plan, store: store, metrics: metrics,
            log: nil, random: RandomSource(seed: 1), now: Instant(nanoseconds: 1_000_000_000),
            wallTime: WallTime(nanoseconds: 0))
        core.accept(
            Accepted(socket: Socket(descriptor: client.descriptor), peer: (Gateway.stranger, 40_000)),
            on: listener)
        try run(&core, world, client, isDrip: schedule & 1 == 1)
        if let misuse = world.misuse { throw Violation(description: misuse) }
        let census = core.census
        try hold(census == (0, 0, 0, 0), "left behind: \(census)")
        try hold(core.books.pooled == 0, "pools count \(core.books.pooled) connections")
        try hold(world.open.isEmpty, "\(world.open.count) sockets were never closed")
        try WireProperties.check(client: client, said: parts[0], servers: world.sockets.dropFirst())
    }

    static func run(
        _ core: inout ProxyCore<VirtualNetwork>, _ world: VirtualWorld, _ client: VirtualSocket, isDrip: Bool
    ) throws(Violation) {
        var endings = 0
        for turn in 1...longestRun {
            world.turn = turn
            let moved = turnWorld(world, client, isDrip: isDrip)
            for socket in world.open where socket.edge {
                socket.edge = false
                guard let token = socket.token, !socket.readiness.isEmpty else { continue }
                core.ready(Token(word: token), socket.readiness)
            }
            core.advance()
            if world.open.isEmpty { return }
            if moved || world.open.contains(where: \.edge) || core.patience == 0 {
                core.now = core.now + .microseconds(50)
                continue
            }
            // Nothing moves: whoever paused goes on, then everybody ends, then time passes.
            if resume(world, client) { continue }
            if endings < 2 {
                endings += 1
                finish(world, client, endings)
                continue
            }
            core.now = core.now + .seconds(5)
            core.keepHouse()
        }
        throw Violation(
            description:
                "still at work after \(longestRun) turns: \(core.census), \(core.sessionCount) sessions")
    }

    /// Peers send and take what the schedule lets them.
    private static func turnWorld(_ world: VirtualWorld, _ client: VirtualSocket, isDrip: Bool) -> Bool {
        var moved = false
        for socket in world.open {
            if socket.isConnecting {
                socket.isConnecting = false
                socket.edge = true
                moved = true
                continue
            }
            if isDrip { socket.makeRoom(1 + world.cuts.next(upTo: 40)) } else { socket.makeRoom(1 << 20) }
            guard socket.hasMore, !socket.isPaused else { continue }
            socket.deliver(atMost: isDrip ? 1 + world.cuts.next(upTo: 30) : 1 << 20)
            moved = true
        }
        return moved
    }

    /// Servers answer what has come to them; only when they have said all they can does the client go on.
    private static func resume(_ world: VirtualWorld, _ client: VirtualSocket) -> Bool {
        var resumed = false
        for socket in world.open where socket !== client && socket.isPaused && socket.hasMore {
            guard socket.received.count > socket.noticed else { continue }
            socket.noticed = socket.received.count
            socket.isPaused = false
            resumed = true
        }
        if !resumed, client.isPaused, client.hasMore, !client.isClosed {
            client.isPaused = false
            resumed = true
        }
        return resumed
    }

    /// Some leave with a FIN, some with a reset, some not at all: then deadlines must end it.
    private static func finish(_ world: VirtualWorld, _ client: VirtualSocket, _ round: Int) {
        for socket in world.open where (socket === client) == (round == 2) {
            switch world.cuts.next(upTo: 2) {
            case 0: socket.finish(.ended)
            case 1: socket.finish(.reset)
            default: break
            }
        }
    }
}
