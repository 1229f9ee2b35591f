import Addressing
import Pipeline
import Proxy
import Settings
import Telemetry
import Upstream

/// The settings of a schedule, and what the control thread says while it runs.
final class PlanSource {
    enum Command {
        case install(GatewayPlan)
        case resolve(upstream: String, server: String, [ServerEndpoint])
        case memory(MemoryPressure.Reading)
        case beginDrain, closeDoors, endAll
    }

    let first: GatewayPlan
    /// When commands are given.
    private(set) var commands: [Int64] = []
    private var queue: [Command] = []
    private let registry: MetricRegistry
    private let world: World

    init(registry: MetricRegistry, world: World) {
        self.registry = registry
        self.world = world
        let settings = Self.settings(world)
        first = PlanCompiler(settings, registry: registry).plan(for: WorkerShare(index: 0, of: 1))
        // The name is known soon, but not from the first moment.
        world.happened.insert(.namesUnknown)
        add(.resolve(upstream: "n", server: "n.test:80", Self.endpoints([1])), upTo: 1000)
        if world.profile.reloads {
            for _ in 0..<world.dice.within(1...6) { add(reload(), upTo: 8_000_000) }
        }
        if world.profile.memory {
            for _ in 0..<world.dice.within(1...3) { add(memory(), upTo: 6_000_000) }
        }
        commands.sort()
        if world.profile.drains {
            let begin = world.now + world.dice.delay(upTo: 6_000_000)
            let doors = begin + world.dice.delay(upTo: 2_000_000)
            commands += [begin, doors].map { max($0, commands.last ?? 0) }
            queue += [.beginDrain, .closeDoors]
            if world.profile.endsAll {
                commands.append((commands.last ?? 0) + world.dice.delay(upTo: 3_000_000))
                queue.append(.endAll)
            }
        }
    }

    func next() -> Command { queue.removeFirst() }

    /// Numbers that must be back at zero in the end.
    var gauges: [(String, Metric)] {
        let slots = ["a", "b", "n"].map {
            ("open connections of \($0)", Metric.upstream(registry.upstreamSlot($0), .open))
        }
        return slots + [("open clients", .connectionsOpen), ("tunnels", .gauge(.tunnelsOpen))]
    }

    private func add(_ command: Command, upTo microseconds: Int) {
        commands.append(world.now + world.dice.delay(upTo: microseconds))
        queue.append(command)
    }

    /// What a look at the memory may find: also that a worker has a little room left for itself.
    private func memory() -> Command {
        let level: MemoryLevel = world.dice.pick([.tight, .full, .calm])
        return .memory(MemoryPressure.Reading(level: level, headroom: world.dice.pick([0, 30_000, .max])))
    }

    private func reload() -> Command {
        if world.dice.chance(40) {
            let addresses: [UInt32] = world.dice.pick([[1], [2], [1, 2], [2, 1], [3, 1], []])
            return .resolve(upstream: "n", server: "n.test:80", Self.endpoints(addresses))
        }
        var settings = Self.settings(world)
        if world.dice.chance(30) {
            let gone = world.dice.pick(["a", "b", "n"])
            settings.upstreams.removeAll { $0.name == gone }
            settings.routes.removeAll { $0.path == .prefix("/\(gone)") }
            world.happened.insert(.routeRemoved)
        }
        return .install(PlanCompiler(settings, registry: registry).plan(for: WorkerShare(index: 0, of: 1)))
    }

    private static func endpoints(_ hosts: [UInt32]) -> [ServerEndpoint] {
        hosts.map {
            ServerEndpoint(
                address: .ip(Addressing.IPAddress(ipv4: 0x0A01_0000 + $0), port: 80), label: "n.test:80")
        }
    }

    private static func settings(_ world: World) -> GatewaySettings {
        var settings = GatewaySettings()
        settings.clients.headTimeout = .seconds(10)
        settings.clients.idleTimeout = .seconds(20)
        settings.clients.bodyTimeout = .seconds(10)
        settings.clients.writeTimeout = .seconds(10)
        settings.clients.tunnelIdleTimeout = .seconds(60)
        if world.dice.chance(20) { settings.clients.maxRequestsPerConnection = world.dice.within(1...3) }
        settings.upstreams = ["a", "b", "n"].map { upstream($0, world) }
        settings.routes = ["a", "b", "n"].map { name in
            var route = RouteSettings()
            route.name = name
            route.path = .prefix("/\(name)")
            route.action = .proxy([RouteSettings.Share(upstream: name)])
            route.upgrade = [.websocket]
            return route
        }
        var fixed = RouteSettings()
        fixed.name = "fixed"
        fixed.path = .exact("/fixed")
        var response = RouteSettings.Response()
        response.body = .text("a fixed answer")
        fixed.action = .respond(response)
        settings.routes.append(fixed)
        return settings
    }

    private static func upstream(_ name: String, _ world: World) -> UpstreamSettings {
        var upstream = UpstreamSettings()
        upstream.name = name
        switch name {
        case "n": upstream.servers = [.name("n.test", port: 80)]
        case "a" where world.dice.chance(70):
            upstream.servers = [
                .ip(Addressing.IPAddress(ipv4: 0x0A00_1001), port: 80),
                .ip(Addressing.IPAddress(ipv4: 0x0A00_1002), port: 80),
            ]
        default:
            upstream.servers = [
                .ip(Addressing.IPAddress(ipv4: 0x0A00_1001 + UInt32(world.dice.below(3))), port: 80)
            ]
        }
        upstream.balance = world.dice.pick([.roundRobin, .leastRequests])
        upstream.connections = world.profile.smallPools ? world.dice.within(1...3) : 0
        upstream.idleConnections = world.dice.pick([1, 4, 64])
        upstream.queue.size = world.dice.pick([0, 1, 10])
        upstream.queue.wait = world.dice.pick([.seconds(1), .seconds(15)])
        upstream.idleTimeout = .seconds(15)
        upstream.connectTimeout = .seconds(5)
        upstream.responseTimeout = .seconds(20)
        upstream.readTimeout = .seconds(10)
        upstream.writeTimeout = .seconds(10)
        return upstream
    }
}
