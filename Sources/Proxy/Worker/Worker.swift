import Addressing
import Fetch
import JWT
import Pipeline
import Reactor
import Slots
import Stores
import Synchronization
import Telemetry
import Time
import Upstream

/// What the control thread tells a worker.
package enum WorkerMessage: Sendable {
    case install(GatewayPlan)
    /// Listen on these, and on nothing else.
    case listen([WorkerListener])
    case resolved(upstream: String, server: String, [ServerEndpoint])
    /// What is new of a token source's keys.
    case keys(source: String, KeyNews)
    /// The plan that an exchange has asked for.
    case plan(PlanValue, for: Inquiry)
    /// All addresses of the store's name.
    case storeResolved([SocketAddress])
    /// Which servers hold what gateways share.
    case storeLaidOut(RedisLayout)
    /// A request with an Idempotency-Key that somebody here waits for was settled on another worker.
    case keySettled(UInt128)
    case beginDrain
    /// Listeners are closed, and connections that ask for nothing.
    ///
    /// - Parameter threshold: How long whoever is in the middle of connecting still gets in.
    case closeDoors(threshold: Duration)
    /// Everything ends now.
    case stop
}

/// What a worker is told of a token source's keys.
package enum KeyNews: Sendable {
    /// Others than before.
    case keys(KeySet)
    /// They are as new as they can be had now.
    case unchanged
    /// They are trusted no longer.
    case gone
}

/// One worker's socket of a listener.
package struct WorkerListener: Sendable {
    package let listener: Listener
    package let plan: ListenerPlan

    package init(listener: Listener, plan: ListenerPlan) {
        self.listener = listener
        self.plan = plan
    }
}

/// A worker as other threads see it: its thread, its mailbox and its numbers.
package final class Worker: Sendable {
    package let index: Int
    package let metrics: WorkerMetrics
    private let mailbox: Mailbox<WorkerMessage>
    /// Client connections that are open; written once a turn.
    private let open = Atomic<Int>(0)
    private let hasClosedDoors = Atomic<Bool>(false)
    private let hasStopped = Atomic<Bool>(false)

    package struct Parts: Sendable {
        package let plan: GatewayPlan
        package let store: MemoryCounterStore
        package let metrics: WorkerMetrics
        package let logWriter: AccessLogWriter?
        package let events: EventLog
        package let seed: UInt64
        package let maximumClients: Int
        package let addressLimit: AddressLimit
        package let memory: MemoryPressure
        package let keySets: KeySets<KeySet>
        package let plans: PlanLookups
        package let records: MemoryRecords
        package let shared: SharedTables
        package let fleet: Fleet
        package let health: RedisHealth
        package let directory: RedisDirectory
        package let neighbours: Neighbours
        package let desk: SightingDesk
        package let index: Int

        package init(
            plan: GatewayPlan, store: MemoryCounterStore, metrics: WorkerMetrics, logWriter: AccessLogWriter?,
            events: EventLog, seed: UInt64, maximumClients: Int, addressLimit: AddressLimit,
            memory: MemoryPressure, records: MemoryRecords, shared: SharedTables, fleet: Fleet,
            health: RedisHealth, directory: RedisDirectory, keySets: KeySets<KeySet>, plans: PlanLookups,
            neighbours: Neighbours,
            desk: SightingDesk, index: Int
        ) {
            self.plan = plan
            self.store = store
            self.metrics = metrics
            self.logWriter = logWriter
            self.events = events
            self.seed = seed
            self.maximumClients = maximumClients
            self.addressLimit = addressLimit
            self.memory = memory
            self.keySets = keySets
            self.plans = plans
            self.records = records
            self.shared = shared
            self.fleet = fleet
            self.health = health
            self.directory = directory
            self.index = index
            self.desk = desk
            self.neighbours = neighbours
        }
    }

    /// Starts the worker's thread. It serves nobody before it is told what to listen on.
    package init(index: Int, parts: Parts) throws(SystemError) {
        self.index = index
        metrics = parts.metrics
        mailbox = try Mailbox()
        parts.neighbours.join(mailbox, as: index)
        // Its loop is made on its own thread: the start waits to hear that it was.
        let started = try Mailbox<SystemError?>()
        try Thread.start(name: "worker-\(index)") { self.run(parts, started: started) }
        started.wait(milliseconds: 10_000)
        if let failure = started.take().first ?? nil { throw failure }
    }

    package func post(_ message: WorkerMessage) { mailbox.post(message) }

    package var openConnections: Int { open.load(ordering: .relaxed) }

    /// Whether nobody is served any more and nobody new is let in.
    package var isDrained: Bool { hasClosedDoors.load(ordering: .acquiring) && openConnections == 0 }

    /// Whether the thread has ended, after `stop`.
    package var isStopped: Bool { hasStopped.load(ordering: .acquiring) }

    private func run(_ parts: Parts, started: Mailbox<SystemError?>) {
        do throws(SystemError) {
            var loop = try WorkerLoop(parts, index: index, mailbox: mailbox)
            started.post(nil)
            while loop.turn() {
                open.store(loop.openClients, ordering: .relaxed)
                if loop.hasClosedDoors { hasClosedDoors.store(true, ordering: .releasing) }
            }
            open.store(0, ordering: .relaxed)
        } catch {
            started.post(error)
        }
        hasStopped.store(true, ordering: .releasing)
    }
}
