import Addressing
import Proxy
import Reactor
import Synchronization
import Telemetry
import Time
import Upstream

/// Resolves the names of servers on a thread of its own, again and again (R26). A name that does not resolve
/// keeps the addresses that it had; one that never did leaves its server out, and never stops the start.
final class Resolver: Sendable {
    struct Target: Hashable, Sendable {
        let upstream: String
        let server: ServerName
        /// Between two successful look-ups.
        let interval: Duration

        /// The server that gateways share: no upstream, whose names are never empty.
        static func store(_ server: ServerName) -> Target {
            Target(upstream: "", server: server, interval: .seconds(30))
        }

        var isStore: Bool { upstream.isEmpty }
    }

    /// What came of a look-up, whenever it differs from what was known.
    struct Resolution: Sendable {
        let target: Target
        let endpoints: [ServerEndpoint]
    }

    private struct State {
        var targets: [Target: Entry] = [:]
        var hasStarted = false
    }

    private struct Entry {
        var due = Instant.zero
        var endpoints: [ServerEndpoint] = []
    }

    /// After a failure, sooner than the settings say.
    private static let retryInterval = Duration.seconds(5)

    private let state = Mutex(State())
    private let wake: Mailbox<Void>
    private let events: EventLog
    private let publish: @Sendable (Resolution) -> Void

    /// - Parameter publish: Called on the resolver's thread.
    init(events: EventLog, publish: @escaping @Sendable (Resolution) -> Void) throws(SystemError) {
        self.events = events
        self.publish = publish
        wake = try Mailbox()
    }

    /// Resolves these targets from now on. Known ones keep their addresses.
    func follow(_ targets: [Target]) throws(SystemError) {
        let isFirst = state.withLock { state in
            var followed: [Target: Entry] = [:]
            for target in targets { followed[target] = state.targets[target] ?? Entry() }
            state.targets = followed
            let isFirst = !state.hasStarted && !targets.isEmpty
            if isFirst { state.hasStarted = true }
            return isFirst
        }
        if isFirst { try Thread.start(name: "resolver") { self.run() } }
        wake.post(())
    }

    /// Waits until every name has been tried once, up to `limit`: the first requests should find servers.
    func settle(within limit: Duration) {
        let end = SystemClock.now() + limit
        while SystemClock.now() < end, state.withLock({ $0.targets.values.contains { $0.due == .zero } }) {
            SystemClock.pause(.milliseconds(5))
        }
    }

    /// Tells all that is known once more, for upstreams that were made anew. Under the lock, as every
    /// telling: what is told last is what was found last.
    func publishAll() {
        state.withLock { state in
            for (target, entry) in state.targets where !entry.endpoints.isEmpty {
                publish(Resolution(target: target, endpoints: entry.endpoints))
            }
        }
    }

    private func run() {
        while true {
            let now = SystemClock.now()
            let due = state.withLock { state in state.targets.filter { $0.value.due <= now }.map(\.key) }
            for target in due { lookUp(target) }
            let next = state.withLock { state in state.targets.values.map(\.due).min() }
            let pause = next.map { max(0, $0 - SystemClock.now()) / 1_000_000 + 1 } ?? 60_000
            wake.wait(milliseconds: Int32(clamping: pause))
            _ = wake.take()
        }
    }

    private func lookUp(_ target: Target) {
        do throws(NameLookup.Failure) {
            let addresses = try NameLookup.addresses(of: target.server.name)
            let endpoints = addresses.map { address in
                ServerEndpoint(address: .ip(address, port: target.server.port), label: target.server.label)
            }
            // Resolvers rotate their answers: the order says nothing.
            let hasChanged = state.withLock { state in
                guard let known = state.targets[target] else { return false }
                state.targets[target]?.due = SystemClock.now() + target.interval
                guard Set(known.endpoints) != Set(endpoints) else { return false }
                state.targets[target]?.endpoints = endpoints
                publish(Resolution(target: target, endpoints: endpoints))
                return true
            }
            guard hasChanged else { return }
            events.info(
                "name resolved",
                [
                    "name": target.server.name,
                    "addresses": addresses.map(\.description).joined(separator: " "),
                ])
        } catch {
            state.withLock { state in
                state.targets[target]?.due = SystemClock.now() + min(target.interval, Self.retryInterval)
            }
            events.log(
                .warning, "name not resolved, addresses found before stay in use",
                ["name": target.server.name, "reason": error.description], about: target.server.name,
                atMostEvery: .seconds(60))
        }
    }
}

extension GatewaySettings {
    /// All servers that are names.
    var resolverTargets: [Resolver.Target] {
        let servers = upstreams.flatMap { upstream in
            upstream.servers.compactMap(ServerName.init).map { server in
                Resolver.Target(upstream: upstream.name, server: server, interval: upstream.resolveEvery)
            }
        }
        guard let redis = redis.target, !redis.isSearched, let name = redis.name else { return servers }
        return servers + [.store(ServerName(name: name, port: redis.port))]
    }
}
