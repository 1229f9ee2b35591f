import Bytes
import Pipeline
import Proxy
import Reactor
import Stores
import Telemetry
import Testing
import Time

@Suite struct TimerTests {
    /// Each request moves the connection's deadline nearer (the head's) and away again (the idle one): over
    /// 400 requests in two hours the wheel must not gather an entry for each.
    @Test func `a connection that lives long costs the timer wheel no more than one that lives short`() {
        let world = World(seed: 1, profile: .quiet)
        let registry = MetricRegistry()
        let plans = PlanSource(registry: registry, world: world)
        var core = ProxyCore(
            network: SimulatedNetwork(world: world), plan: plans.first,
            store: MemoryCounterStore(maximumKeys: 1024),
            metrics: registry.makeWorkerMetrics(), log: nil, random: RandomSource(seed: 1),
            now: Instant(nanoseconds: world.now), wallTime: WallTime(nanoseconds: world.now))
        func turn(after seconds: Int64) {
            world.now += seconds * 1_000_000_000
            core.now = Instant(nanoseconds: world.now)
            repeat {
                for (token, readiness) in world.takeEvents() { core.ready(Token(word: token), readiness) }
                core.advance()
            } while !world.ready.isEmpty || core.patience == 0
        }
        let socket = world.makeSocket(.client(0))
        core.accept(
            Accepted(socket: Socket(descriptor: socket.descriptor), peer: nil),
            on: ListenerPlan(address: .ip(.loopback, port: 8080), proxyProtocol: .off))
        for round in 0..<400 {
            _ = world.send(Array("GET /healthz HTTP/1.1\r\n".utf8)[...], on: socket)
            turn(after: 1)
            _ = world.send(Array("Host: sim.test\r\n\r\n".utf8)[...], on: socket)
            turn(after: 3)
            var answer = 0
            while socket.toPeer.count > 0 {
                answer += world.receive(on: socket, atMost: 65536).count
                turn(after: 0)
            }
            #expect(answer > 100)
            turn(after: [3, 7, 15][round % 3])
        }
        #expect(world.violations.isEmpty)
        #expect(core.books.timers <= 4)
        core.endAll()
        #expect(core.census == (0, 0, 0, 0))
    }
}
