import Addressing
import Bytes
import Pipeline
import Proxy
import Reactor
import Stores
import Telemetry
import Time

/// One schedule: a gateway's core, its clients and its origins, and all that happens between them.
final class Simulation {
    struct Report {
        let violations: [String]
        let trace: [String]
        /// Requests of well-behaved clients that were answered whole.
        let turns: Int
    }

    private let world: World
    private var core: ProxyCore<SimulatedNetwork>
    private let plans: PlanSource
    private let metrics: WorkerMetrics
    private let listener = ListenerPlan(address: .ip(.loopback, port: 8080), proxyProtocol: .off)
    private let addresses = ConnectionCounts()
    private var clients: [SimulatedClient] = []
    private var origins: [SimulatedOrigin] = []
    private var arriving: [Int] = []
    private var isListening = true
    private var isRunning = true
    private var turns = 0
    private var nextTimerTurn = Int64.max

    /// Nobody waits longer than this for anything, in nanoseconds.
    private static let horizon: Int64 = 1200 * 1_000_000_000

    init(seed: UInt64, log: AccessLogWriter?, tracing: Bool = false) {
        let world = World(seed: seed, tracing: tracing)
        self.world = world
        let registry = MetricRegistry()
        metrics = registry.makeWorkerMetrics()
        plans = PlanSource(registry: registry, world: world)
        core = ProxyCore(
            network: SimulatedNetwork(world: world), plan: plans.first,
            store: MemoryCounterStore(maximumKeys: 1024),
            metrics: metrics, log: log.map { AccessLogBuffer(writer: $0, query: .presence) },
            random: RandomSource(seed: seed), now: Instant(nanoseconds: world.now),
            wallTime: WallTime(nanoseconds: 1_767_225_600_000_000_000 + world.now))
        core.addressLimit = AddressLimit(counts: addresses, maximum: 1)
        world.makeOrigin = { [unowned self] socket, _ in
            origins.append(SimulatedOrigin(number: origins.count, socket: socket, world: world))
            return origins.count - 1
        }
        prepare()
    }

    private func prepare() {
        var number = 1
        for index in 0..<world.profile.clients {
            let requests = (0..<world.dice.within(1...6)).map { _ in
                let record = RequestRecord(number: number, &world.dice, world.profile)
                world.requests[number] = record
                number += 1
                return record
            }
            // Behind an upgrade there is no further request.
            let last = requests.firstIndex(where: \.upgrades) ?? requests.count - 1
            clients.append(SimulatedClient(number: index, world: world, requests: Array(requests[...last])))
            world.agenda.add(
                .arrival(index), at: world.now + world.dice.delay(upTo: world.dice.pick([1000, 5_000_000])))
        }
        world.agenda.add(.housekeeping, at: world.now + 250_000_000)
        for command in plans.commands {
            world.agenda.add(.control, at: command)
        }
    }

    func run() -> Report {
        let start = world.now
        while isRunning, let (time, event) = world.agenda.pop() {
            world.now = max(world.now, time)
            perform(event)
            if !world.violations.isEmpty { break }
            if isOver { break }
            if world.now - start > Self.horizon {
                world.violate("still at work: \(core.census), \(world.openSockets) sockets")
            }
        }
        if world.violations.isEmpty { checkEnd() }
        return Report(violations: world.violations, trace: world.lastEvents(20_000), turns: turns)
    }

    private var isOver: Bool {
        let census = core.census
        return census.clients == 0 && census.connections == 0 && arriving.isEmpty && world.openSockets == 0
            && clients.allSatisfy { $0.socket != nil || !isListening }
    }

    private func perform(_ event: Agenda.Event) {
        switch event {
        case .turn: turn()
        case .housekeeping:
            setTime()
            core.keepHouse()
            core.flushLog()
            if world.dice.below(4) == 0 { _ = core.releaseMemory() }
            world.agenda.add(.housekeeping, at: world.now + 250_000_000 * Int64(world.dice.within(1...8)))
        case .arrival(let index):
            guard isListening else { return }
            arriving.append(index)
            world.noteTurn(after: world.dice.delay(upTo: 500))
        case .client(let index): clients[index].act()
        case .origin(let index): origins[index].act()
        case .connected(let descriptor): world.connectEnds(descriptor)
        case .control: control()
        }
    }

    private func setTime() {
        core.now = Instant(nanoseconds: world.now)
        core.wallTime = WallTime(nanoseconds: 1_767_225_600_000_000_000 + world.now)
    }

    /// One turn of the loop, as a worker takes it.
    private func turn() {
        turns += 1
        setTime()
        if nextTimerTurn <= world.now { nextTimerTurn = .max }
        for (token, readiness) in world.takeEvents() { core.ready(Token(word: token), readiness) }
        for index in arriving { accept(index) }
        arriving = []
        core.advance()
        guard let patience = core.patience else { return }
        if patience == 0 { return world.noteTurn(after: world.dice.delay(upTo: 50)) }
        // The loop waits in whole milliseconds.
        let due = world.now + (patience + 999_999) / 1_000_000 * 1_000_000
        guard due < nextTimerTurn else { return }
        nextTimerTurn = due
        world.agenda.add(.turn, at: due)
    }

    private func accept(_ index: Int) {
        let socket = clients[index].connect()
        let peer = (address: IPAddress(ipv4: 0x0A00_0001 + UInt32(index)), port: UInt16(40_000 + index))
        core.accept(Accepted(socket: Socket(descriptor: socket.descriptor), peer: peer), on: listener)
    }

    private func control() {
        setTime()
        switch plans.next() {
        case .install(let plan): core.install(plan)
        case .resolve(let upstream, let server, let endpoints):
            core.resolved(upstream: upstream, server: server, endpoints)
        case .memory(let reading):
            world.happened.insert(.memoryShort)
            core.hear(reading)
        case .beginDrain:
            world.happened.insert(.draining)
            core.beginDrain()
        case .closeDoors:
            isListening = false
            core.closeIdle()
        case .endAll:
            world.happened.insert(.ended)
            core.endAll()
            isRunning = false
        }
        world.noteTurn(after: world.dice.delay(upTo: 500))
    }

    /// Everything has come to its end: nothing may be left.
    private func checkEnd() {
        let census = core.census
        if census != (0, 0, 0, 0) { world.violate("left behind: \(census)") }
        if core.books.pooled != 0 { world.violate("pools count \(core.books.pooled) connections") }
        if addresses.totals != (0, 0) { world.violate("addresses still count \(addresses.totals)") }
        if world.openSockets != 0 { world.violate("\(world.openSockets) sockets were never closed") }
        for (name, gauge) in plans.gauges {
            let value = Int64(bitPattern: metrics.value(of: gauge))
            if value != 0 { world.violate("\(name) stands at \(value)") }
        }
    }
}
