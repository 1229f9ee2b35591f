import Addressing
import Pipeline
import Proxy
import Reactor
import Settings
import Stores
import Synchronization
import TLS
import Telemetry
import Time
import Upstream

/// The running gateway as the control plane holds it: workers, doors, resolver, and the settings in force.
/// Everything that outlives a reload stands here.
package final class Gateway: Sendable {
    /// Why the gateway did not start.
    package enum StartFailure: Error, CustomStringConvertible {
        case settings(SettingsFile.Failure)
        case listener(String)
        case accessLog(String)
        case system(SystemError)

        package var description: String {
            switch self {
            case .settings(let failure): failure.description
            case .listener(let text), .accessLog(let text): text
            case .system(let error): "cannot start: \(error)"
            }
        }
    }

    private struct State: ~Copyable {
        var settings: GatewaySettings
        /// The file's text that the settings were read from.
        var text: String
        /// Versions of the files of certificates and keys that are in force.
        var credentials: [String: FileVersion]
        var doors: Doors
        var generation = 1
        var isDraining = false
        var lastReload: (time: WallTime, report: ReloadReport)?
        var admin: AdminServer?
    }

    package let file: SettingsFile
    package let events: EventLog
    package let registry: MetricRegistry
    package let workers: [Worker]
    package let accessLog: AccessLogWriter?
    package let started: WallTime
    package let memory = MemoryPressure()
    /// Nonces and answers that are kept, and what all gateways know.
    package let records = MemoryRecords()
    package let shared: SharedTables
    /// Counters of limits; with Redis, this gateway's view of them.
    let counters = MemoryCounterStore()
    /// Gateways that share limits.
    let fleet = Fleet()
    package let redisHealth: RedisHealth
    /// Where servers are found that the settings do not name themselves.
    package let directory: RedisDirectory
    package let replica: SharedReplica
    package let sentinel = SentinelWatch(now: SystemClock.now())
    /// What session tickets are sealed with, whatever the settings.
    private let ticketKeys = TicketKeys()
    private let resolver: Resolver
    let services: Services
    /// Where the settings set none.
    private let automaticMemoryLimit = MemoryLimit.find(nil).bytes
    /// What can only change with a restart is compared with these.
    private let startSettings: GatewaySettings
    private let state: Mutex<State>

    /// Starts everything but the admin listener. Serves clients when it returns.
    package init(file: SettingsFile, contents: SettingsFile.Contents) throws(StartFailure) {
        self.file = file
        let settings = contents.settings
        startSettings = settings
        events = EventLog(settings.log)
        registry = MetricRegistry()
        started = SystemClock.wallTime()
        let count = settings.workers ?? ProcessLimits.cores
        let events = events
        accessLog = try Gateway.openAccessLog(settings.accessLog, workers: count, events: events)

        let clients = Gateway.maximumClients(
            settings, descriptors: ProcessLimits.raiseDescriptors(), events: events)
        var doors = Doors(workers: count)
        redisHealth = RedisHealth(events: events)
        do throws(SystemError) {
            services = try Services(events: events)
            shared = try SharedTables()
            directory = try RedisDirectory(health: redisHealth, events: events)
            try directory.follow(settings.redis.target)
            replica = try SharedReplica(
                tables: shared, records: records, health: redisHealth, events: events, directory: directory,
                fleet: fleet)
            replica.follow(settings.redis.target)
            let common = WorkerCommon(
                accessLog: accessLog, events: events, memory: memory, records: records, shared: shared,
                counters: counters, fleet: fleet, health: redisHealth, directory: directory,
                services: services, desk: sentinel.desk)
            let workers = try Gateway.startWorkers(
                count, settings: settings, registry: registry, clients: clients, common)
            self.workers = workers
            services.serve(workers)
            directory.serve { layout in
                for worker in workers { worker.post(.storeLaidOut(layout)) }
            }
            services.follow(settings.identity)
            resolver = try Resolver(events: events) { resolution in
                for worker in workers {
                    guard !resolution.target.isStore else {
                        worker.post(.storeResolved(resolution.endpoints.map(\.address)))
                        continue
                    }
                    worker.post(
                        .resolved(
                            upstream: resolution.target.upstream, server: resolution.target.server.label,
                            resolution.endpoints))
                }
            }
            try resolver.follow(settings.resolverTargets)
            resolver.settle(within: .seconds(1))
            directory.settle(within: .seconds(1))
        } catch {
            throw .system(error)
        }
        let listeners: [[WorkerListener]]
        do throws(Doors.Failure) {
            ticketKeys.use(settings.sharedTicketKeys)
            listeners = try doors.open(settings.listeners, ticketKeys: ticketKeys)
        } catch {
            throw .listener(error.description)
        }
        for (worker, listeners) in zip(workers, listeners) { worker.post(.listen(listeners)) }
        state = Mutex(
            State(
                settings: settings, text: contents.text, credentials: contents.credentials, doors: doors))
        listenForResets()
    }

    private static func openAccessLog(
        _ settings: AccessLogSettings, workers: Int, events: EventLog
    ) throws(StartFailure) -> AccessLogWriter? {
        let destination: AccessLogDestination
        switch settings.destination {
        case .off: return nil
        case .stdout: destination = .standardOutput
        case .file(let path): destination = .file(path: path)
        }
        // Two blocks of 64 KiB at least: one that fills while the other is written.
        let blocks = workers * max(2, settings.buffer / 65536)
        do throws(AccessLogError) {
            return try AccessLogWriter(
                to: destination, blocks: blocks, flushInterval: settings.flush, events: events)
        } catch {
            throw .accessLog("cannot write the access log: \(error)")
        }
    }

    /// Client connections that may be open at once. A request needs a descriptor on the upstream's side too:
    /// where an upstream may open as many as it likes, half of the descriptors are kept for that, up to
    /// `upstreamReserve`. The settings may say less, but not more: a gateway that cannot reach its upstreams
    /// serves nobody.
    private static func maximumClients(_ settings: GatewaySettings, descriptors: Int, events: EventLog) -> Int
    {
        let room = descriptors - ownDescriptors
        let caps = settings.upstreams.reduce(0) {
            $0 + ($1.connections == 0 ? upstreamReserve : $1.connections)
        }
        let allowed = max(room - min(caps, upstreamReserve, room / 2), 16)
        guard let wanted = settings.clients.maxConnections else { return allowed }
        if wanted > allowed {
            events.warning(
                "clients.max_connections is more than the limit of open files bears",
                ["max_connections": "\(wanted)", "open_files": "\(descriptors)", "used": "\(allowed)"])
        }
        return min(wanted, allowed)
    }

    /// Descriptors that connections to upstreams may count on where the settings do not bound them.
    private static let upstreamReserve = 4096

    /// Connections that one address may have however few there may be: a household with browsers.
    private static let smallestAddressShare = 64

    /// Descriptors for logs, listeners, loops, the admin listener's clients, and what the gateway asks on its
    /// own account (`FetchCapacity`).
    private static let ownDescriptors = 96

    /// What all workers have in common.
    private struct WorkerCommon {
        let accessLog: AccessLogWriter?
        let events: EventLog
        let memory: MemoryPressure
        let records: MemoryRecords
        let shared: SharedTables
        let counters: MemoryCounterStore
        let fleet: Fleet
        let health: RedisHealth
        let directory: RedisDirectory
        let services: Services
        let desk: SightingDesk
    }

    private static func startWorkers(
        _ count: Int, settings: GatewaySettings, registry: MetricRegistry, clients: Int,
        _ common: WorkerCommon
    ) throws(SystemError) -> [Worker] {
        let compiler = PlanCompiler(settings, registry: registry)
        let neighbours = Neighbours()
        let addresses = AddressLimit(
            counts: ConnectionCounts(),
            maximum: settings.clients.maxConnectionsPerAddress ?? max(smallestAddressShare, clients / 8))
        var workers: [Worker] = []
        for index in 0..<count {
            let share = WorkerShare(index: index, of: count)
            let parts = Worker.Parts(
                plan: compiler.plan(for: share), store: common.counters,
                metrics: registry.makeWorkerMetrics(),
                logWriter: common.accessLog, events: common.events, seed: ProcessLimits.randomSeed,
                maximumClients: share.part(of: clients), addressLimit: addresses, memory: common.memory,
                records: common.records, shared: common.shared, fleet: common.fleet,
                health: common.health, directory: common.directory,
                keySets: common.services.keySets, plans: common.services.plans,
                neighbours: neighbours, desk: common.desk, index: index)
            workers.append(try Worker(index: index, parts: parts))
        }
        return workers
    }

    /// Addresses that are not served for a while.
    package var bans: SharedTable { shared.bans }

    /// Client connections that are open now.
    package var openConnections: Int { workers.reduce(0) { $0 + $1.openConnections } }

    /// Bytes.
    package var memoryLimit: Int { state.withLock { $0.settings.memoryLimit } ?? automaticMemoryLimit }

    package var isDraining: Bool { state.withLock { $0.isDraining } }

    package var settings: GatewaySettings { state.withLock { $0.settings } }

    /// Versions of the files of certificates and keys that are in force, and since which generation.
    var credentials: (generation: Int, versions: [String: FileVersion]) {
        state.withLock { ($0.generation, $0.credentials) }
    }

    package var generation: Int { state.withLock { $0.generation } }

    package var lastReload: (time: WallTime, report: ReloadReport)? { state.withLock { $0.lastReload } }

    /// Where clients connect.
    package var addresses: [SocketAddress] { state.withLock { $0.doors.addresses } }

    /// Opens the admin listener, unless the settings want none.
    package func startAdmin() throws(StartFailure) {
        let settings = settings
        guard let address = settings.admin.address else { return }
        let routes = AdminRoutes(source: self, credentials: self)
        do throws(SystemError) {
            let admin = try AdminServer(
                addresses: address.adminAddresses, token: settings.admin.token, events: events,
                handler: routes.answer)
            state.withLock { $0.admin = admin }
        } catch {
            throw .listener("cannot listen on \(address.text) for the admin listener: \(error)")
        }
    }

    // MARK: Reload

    /// Reads the settings again and puts them in force, or changes nothing and says why (R47). From any
    /// thread.
    @discardableResult
    package func reload() -> ReloadReport {
        let report = state.withLock { state in
            let report = reload(&state)
            state.lastReload = (SystemClock.wallTime(), report)
            return report
        }
        for warning in report.diagnostics where warning.severity == .warning {
            events.warning("settings", ["at": warning.headline])
        }
        if report.isApplied {
            events.info("settings reloaded", ["file": file.path, "generation": "\(report.generation)"])
        }
        for error in report.errors {
            events.error("settings refused, the old ones stay in force", ["reason": error])
        }
        return report
    }

    private func reload(_ state: inout State) -> ReloadReport {
        func refused(_ problem: String) -> ReloadReport {
            ReloadReport(isApplied: false, generation: state.generation, problems: [problem])
        }
        if state.isDraining { return refused("the gateway is shutting down") }
        let loaded: SettingsFile.Contents
        do throws(SettingsFile.Failure) {
            loaded = try file.load()
        } catch .invalid(let diagnostics) {
            return ReloadReport(isApplied: false, generation: state.generation, diagnostics: diagnostics)
        } catch {
            return refused(error.description)
        }
        // What a full disk or an editor at work leaves behind: an empty file means the defaults, and would
        // shut every door.
        guard !loaded.settings.routes.isEmpty || state.settings.routes.isEmpty else {
            return refused("\(file.path) has no routes: nothing would be served any more")
        }
        return apply(loaded, &state)
    }

    /// Puts settings in force that were read and checked, or changes nothing and says why.
    private func apply(_ loaded: SettingsFile.Contents, _ state: inout State) -> ReloadReport {
        let listeners: [[WorkerListener]]
        do throws(Doors.Failure) {
            listeners = try state.doors.open(loaded.settings.listeners, ticketKeys: ticketKeys)
        } catch {
            return ReloadReport(isApplied: false, generation: state.generation, problems: [error.description])
        }
        ticketKeys.use(loaded.settings.sharedTicketKeys)
        warnOfRestarts(from: startSettings, to: loaded.settings)
        do throws(SystemError) {
            // New names first: the first request on a new route should find its servers.
            try resolver.follow(loaded.settings.resolverTargets)
            try directory.follow(loaded.settings.redis.target)
            resolver.settle(within: .seconds(1))
            directory.settle(within: .seconds(1))
        } catch {
            events.error("resolver not started", ["reason": "\(error)"])
        }
        let compiler = PlanCompiler(loaded.settings, registry: registry)
        if loaded.settings.redis != state.settings.redis { redisHealth.forget() }
        replica.follow(loaded.settings.redis.target)
        for (index, worker) in workers.enumerated() {
            worker.post(.install(compiler.plan(for: WorkerShare(index: index, of: workers.count))))
            worker.post(.listen(listeners[index]))
        }
        resolver.publishAll()
        directory.publishAll()
        services.follow(loaded.settings.identity)
        state.admin?.update(token: loaded.settings.admin.token)
        state.settings = loaded.settings
        state.text = loaded.text
        state.credentials = loaded.credentials
        state.generation += 1
        return ReloadReport(isApplied: true, generation: state.generation, diagnostics: loaded.warnings)
    }

    /// Reads certificates, keys and lists again that the settings in force name, because a file has changed:
    /// what they hold is put in force, or the old ones stay and the log says why. The settings' own file is
    /// not read.
    package func refreshFiles() {
        let report = state.withLock { state in
            if state.isDraining { return ReloadReport(isApplied: false, generation: state.generation) }
            do throws(SettingsFile.Failure) {
                return apply(try file.load(text: state.text), &state)
            } catch .invalid(let diagnostics) {
                return ReloadReport(isApplied: false, generation: state.generation, diagnostics: diagnostics)
            } catch {
                return ReloadReport(
                    isApplied: false, generation: state.generation, problems: [error.description])
            }
        }
        if report.isApplied { events.info("files read again", ["generation": "\(report.generation)"]) }
        for error in report.errors {
            events.error("files refused, the old ones stay in force", ["reason": error])
        }
    }

    package func rotateTicketKeys() { ticketKeys.rotate() }

    /// Says which changes wait for a restart.
    private func warnOfRestarts(from old: GatewaySettings, to new: GatewaySettings) {
        let changed = [
            ("workers", old.workers != new.workers),
            ("admin.address", old.admin.address != new.admin.address), ("log", old.log != new.log),
            ("access_log", old.accessLog != new.accessLog),
            ("clients.max_connections", old.clients.maxConnections != new.clients.maxConnections),
            (
                "clients.max_connections_per_address",
                old.clients.maxConnectionsPerAddress != new.clients.maxConnectionsPerAddress
            ),
        ]
        for (key, hasChanged) in changed where hasChanged {
            events.warning("changed settings take effect with a restart", ["key": key])
        }
    }

    // MARK: End

    package func beginDrain() {
        state.withLock { $0.isDraining = true }
        for worker in workers { worker.post(.beginDrain) }
    }

    package func closeDoors() {
        state.withLock { $0.doors.removeFiles() }
        // Whoever wants no announcement wants no wait either; else longer than a handshake takes.
        let threshold = settings.drain.announce == .zero ? Duration.zero : .milliseconds(200)
        for worker in workers { worker.post(.closeDoors(threshold: threshold)) }
    }

    /// Stops the workers, waits for them, and writes out what the access log still holds.
    package func stop() {
        state.withLock { $0.doors.removeFiles() }
        for worker in workers { worker.post(.stop) }
        let limit = SystemClock.now() + .seconds(2)
        while workers.contains(where: { !$0.isStopped }), SystemClock.now() < limit {
            SystemClock.pause(.milliseconds(5))
        }
        if let accessLog, !accessLog.stop(within: .seconds(2)) {
            events.warning("access log not written to its end")
        }
        services.stop()
        state.withLock { $0.admin }?.stop()
        replica.stop()
        directory.stop()
    }
}
