import Bytes
import Pipeline
import Proxy
import Reactor
import Stores
import Telemetry
import Testing
import Time

/// Whose time runs, in a world where nothing but the clock moves by itself.
@Suite struct SlownessTests {
    /// A worker with one client, whose request goes to one origin; the test is both of them.
    private final class Stage {
        let world = World(seed: 1, profile: .quiet)
        let client: SimulatedSocket
        var origin: SimulatedSocket?
        private var core: ProxyCore<SimulatedNetwork>

        init() {
            let registry = MetricRegistry()
            let plans = PlanSource(registry: registry, world: world)
            core = ProxyCore(
                network: SimulatedNetwork(world: world), plan: plans.first,
                store: MemoryCounterStore(maximumKeys: 1024), metrics: registry.makeWorkerMetrics(), log: nil,
                random: RandomSource(seed: 1), now: Instant(nanoseconds: world.now),
                wallTime: WallTime(nanoseconds: world.now))
            client = world.makeSocket(.client(0))
            client.toPeerCapacity = 1 << 20
            world.makeOrigin = { [unowned self] socket, _ in
                // Small, so that little fills it.
                socket.toPeerCapacity = 4096
                origin = socket
                return 0
            }
            core.accept(
                Accepted(socket: Socket(descriptor: client.descriptor), peer: nil),
                on: ListenerPlan(address: .ip(.loopback, port: 8080), proxyProtocol: .off))
        }

        func turn(after seconds: Int64 = 0) {
            world.now += seconds * 1_000_000_000
            core.now = Instant(nanoseconds: world.now)
            repeat {
                for (token, readiness) in world.takeEvents() { core.ready(Token(word: token), readiness) }
                core.advance()
            } while !world.ready.isEmpty || core.patience == 0
        }

        func send(_ text: String) {
            #expect(world.send(Array(text.utf8)[...], on: client) == text.utf8.count)
            turn()
        }

        /// Sends a request's head and lets the connection to the origin be made.
        func begin(length: Int) throws -> SimulatedSocket {
            send("POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: \(length)\r\n\r\n")
            let origin = try #require(origin)
            world.connectEnds(origin.descriptor)
            turn()
            return origin
        }

        /// What the client has been told so far.
        func answer() -> String {
            defer { turn() }
            return String(decoding: world.receive(on: client, atMost: 65_536), as: UTF8.self)
        }

        func end() {
            core.endAll()
            #expect(core.census == (0, 0, 0, 0))
            #expect(world.violations.isEmpty)
        }
    }

    /// The time-out is ten seconds. The origin takes nothing for nine of them, then the client has nothing to
    /// send for another nine.
    @Test func `while the origin takes nothing the client's time stands still`() throws {
        let stage = Stage()
        let length = 100_000
        let origin = try stage.begin(length: length)
        var sent = 0
        // In small pieces, until the gateway keeps one that the origin's side has no room for.
        while origin.toPeer.count < origin.toPeerCapacity {
            stage.send(String(repeating: "x", count: 1000))
            sent += 1000
        }
        stage.turn(after: 9)
        while origin.toPeer.count > 0 {
            _ = stage.world.receive(on: origin, atMost: 65_536)
            stage.turn()
        }
        stage.turn(after: 9)
        #expect(stage.answer() == "")
        #expect(!stage.client.isClosed)
        // And from here on its time is over when it is over.
        stage.turn(after: 2)
        #expect(stage.answer().hasPrefix("HTTP/1.1 408 "))
        #expect(sent < length)
        stage.end()
    }

    @Test func `a body that drips is given up in its time`() throws {
        let stage = Stage()
        _ = try stage.begin(length: 100_000)
        var seconds = 0
        while stage.client.toPeer.isEmpty, seconds < 100 {
            seconds += 1
            stage.send("x")
            stage.turn(after: 1)
        }
        #expect(seconds == 11)
        #expect(stage.answer().hasPrefix("HTTP/1.1 408 "))
        stage.end()
    }
}
