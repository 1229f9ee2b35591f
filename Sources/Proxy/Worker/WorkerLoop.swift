import Fetch
import Glibc
import JWT
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

/// A worker's loop: waits, delivers events to the core, accepts, and hears what the control thread says.
/// Lives on one thread.
struct WorkerLoop: ~Copyable {
    private var core: ProxyCore<LinuxNetwork>
    private let mailbox: Mailbox<WorkerMessage>
    private let events: EventLog
    private let memory: MemoryPressure
    private let keySets: KeySets<KeySet>
    private let desk: SightingDesk
    private let neighbours: Neighbours
    /// Looks at the memory that were heard of.
    private var memoryLooks = 0
    private var listeners: [WorkerListener] = []
    /// Set while no more connections can be taken; the kernel's backlog holds them meanwhile.
    private var acceptsAgain: Instant?
    private var nextHousekeeping: Instant
    private var nextRelease: Instant
    private var isRunning = true
    private(set) var hasClosedDoors = false
    /// When the doors close: newcomers are turned away already, whoever is on the threshold still comes in.
    private var closesDoors: Instant?

    /// Connections accepted from one listener before others get their turn.
    private static let acceptsPerTurn = 64
    private static let acceptPause = Duration.milliseconds(100)
    private static let housekeeping = Duration.milliseconds(250)
    /// How long memory of a burst is kept for the next one.
    private static let releaseInterval = Duration.seconds(10)

    init(_ parts: Worker.Parts, index: Int, mailbox: Mailbox<WorkerMessage>) throws(SystemError) {
        let network = try LinuxNetwork()
        try network.epoll.addLevelTriggered(
            mailbox.descriptor, token: Token(.mailbox, SlotID(index: 0, generation: 0)).word)
        let now = SystemClock.now()
        let log = parts.logWriter.map { AccessLogBuffer(writer: $0, query: .presence) }
        core = ProxyCore(
            network: network, plan: parts.plan, store: parts.store, revocations: parts.shared.revocations,
            apiKeys: parts.shared.apiKeys,
            metrics: parts.metrics, log: log,
            random: RandomSource(seed: parts.seed), now: now, wallTime: SystemClock.wallTime())
        core.maximumClients = parts.maximumClients
        core.addressLimit = parts.addressLimit
        core.plans = PlanDesk(parts.plans, mailbox: mailbox)
        core.records = parts.records
        core.health = parts.health
        core.directory = parts.directory
        core.index = parts.index
        core.turns = parts.neighbours.turns
        neighbours = parts.neighbours
        memory = parts.memory
        keySets = parts.keySets
        core.bans = parts.shared.bans
        core.fleet = parts.fleet
        desk = parts.desk
        self.mailbox = mailbox
        events = parts.events
        nextHousekeeping = now + Self.housekeeping
        nextRelease = now + Self.releaseInterval
    }

    var openClients: Int { core.openClients }

    /// One turn: false where it was the last.
    mutating func turn() -> Bool {
        let count = core.network.epoll.wait(milliseconds: waitingTime())
        core.now = SystemClock.now()
        core.wallTime = SystemClock.wallTime()
        if let reading = memory.news(since: &memoryLooks) { core.hear(reading) }
        for index in 0..<count {
            let (word, readiness) = core.network.epoll.event(index)
            let token = Token(word: word)
            switch token.kind {
            case .client, .upstream, .session, .store: core.ready(token, readiness)
            case .listener: accept(Int(token.id.index))
            case .mailbox: for message in mailbox.take() { hear(message) }
            }
        }
        core.advance()
        if !core.wantedKeys.isEmpty { askForKeys() }
        if !core.wakeUps.isEmpty { wakeNeighbours() }
        if core.lacksDescriptors {
            core.lacksDescriptors = false
            pauseAccepting("no descriptor left to connect with, accepting pauses", [:])
        }
        if !core.incidents.isEmpty { tellIncidents() }
        if core.now >= nextHousekeeping { keepHouse() }
        if let instant = closesDoors, instant <= core.now { closeDoors() }
        if let instant = acceptsAgain, instant <= core.now, core.openClients < core.maximumClients {
            resumeAccepting()
        }
        let busy = SystemClock.now() - core.now
        core.metrics.observe(.loopTurn, nanoseconds: busy)
        return isRunning
    }

    private mutating func wakeNeighbours() {
        for wakeUp in core.wakeUps { neighbours.post(.keySettled(wakeUp.place), to: wakeUp.workers) }
        core.wakeUps.removeAll(keepingCapacity: true)
    }

    /// Milliseconds, rounded up, so that a deadline has passed when the wait is over.
    @inline(__always)
    private func waitingTime() -> Int32 {
        let untilHousekeeping = max(0, nextHousekeeping - core.now)
        let untilDoors = closesDoors.map { max(0, $0 - core.now) } ?? .max
        let nanoseconds = min(core.patience ?? .max, untilHousekeeping, untilDoors)
        return Int32((nanoseconds + 999_999) / 1_000_000)
    }

    private mutating func closeDoors() {
        closesDoors = nil
        listen([])
        core.closeIdle()
        hasClosedDoors = true
    }

    private mutating func keepHouse() {
        nextHousekeeping = core.now + Self.housekeeping
        core.keepHouse()
        core.flushLog()
        if !core.sightings.isEmpty {
            desk.handIn(core.sightings)
            core.sightings = Sightings()
        }
        guard core.now >= nextRelease else { return }
        nextRelease = core.now + Self.releaseInterval
        if core.releaseMemory() { ProcessLimits.returnFreeMemory() }
    }

    // MARK: Accepting

    private mutating func accept(_ index: Int) {
        guard index < listeners.count, acceptsAgain == nil else { return }
        defer { tellRefusedAddress() }
        for _ in 0..<Self.acceptsPerTurn {
            guard core.openClients < core.maximumClients else {
                return pauseAccepting("connections at their limit", ["limit": "\(core.maximumClients)"])
            }
            do throws(SystemError) {
                guard let accepted = try listeners[index].listener.accept() else { return }
                core.accept(accepted, on: listeners[index].plan)
            } catch {
                core.metrics.add(.refused(.descriptors))
                return pauseAccepting("accept failed, pausing", ["reason": "\(error)"])
            }
        }
    }

    private mutating func askForKeys() {
        for wanted in core.wantedKeys {
            let name = wanted.source
            keySets.askRefetch(name, hasKeys: wanted.hasKeys) { [mailbox] in
                mailbox.post(.keys(source: name, .unchanged))
            }
        }
        core.wantedKeys.removeAll(keepingCapacity: true)
    }

    private mutating func tellIncidents() {
        for incident in core.incidents {
            let pause = Duration.seconds(10)
            switch incident {
            case .handshakeFailed(let address, let failure):
                events.log(
                    .info, "TLS handshake failed", ["address": "\(address)", "reason": failure.description],
                    atMostEvery: pause)
            case .handshakesRefused(let address):
                events.log(
                    .warning, "an address begins more TLS handshakes than it may", ["address": "\(address)"],
                    atMostEvery: pause)
            case .connectionsRefused(let address):
                events.log(
                    .warning, "an address begins more connections than it may", ["address": "\(address)"],
                    atMostEvery: pause)
            case .banned(let address, let status):
                events.log(
                    .warning, "an address was banned", ["address": "\(address)", "status": "\(status)"],
                    atMostEvery: .seconds(1))
            case .upstreamHandshakeFailed(let upstream, let server, let failure):
                events.log(
                    .error, "TLS with a server failed",
                    ["upstream": upstream.view.text(), "server": server, "reason": failure.description],
                    atMostEvery: pause)
            case .noHTTP2(let upstream, let server):
                events.log(
                    .error, "a server does not speak HTTP/2",
                    ["upstream": upstream.view.text(), "server": server], atMostEvery: pause)
            case .serverFlooded(let upstream, let server):
                events.log(
                    .error, "a server's HTTP/2 connection was ended: a head without end",
                    ["upstream": upstream.view.text(), "server": server], atMostEvery: pause)
            case .storeError(let words, let advice):
                let reason = advice.map { "\(words): \($0)" } ?? words
                events.log(
                    .error, "redis answers with an error", ["reason": reason], about: words,
                    atMostEvery: pause)
            case .flooded(let address):
                events.log(
                    .warning, "an HTTP/2 connection was ended for a flood", ["address": "\(address)"],
                    atMostEvery: pause)
            }
        }
        core.incidents.removeAll(keepingCapacity: true)
    }

    private mutating func tellRefusedAddress() {
        guard let address = core.refusedAddress, let limit = core.addressLimit?.maximum else { return }
        core.refusedAddress = nil
        events.log(
            .warning, "an address has as many connections as it may",
            ["address": "\(address)", "limit": "\(limit)"], atMostEvery: .seconds(10))
    }

    private mutating func pauseAccepting(_ message: StaticString, _ details: EventLog.Details) {
        for listener in listeners { core.network.epoll.remove(listener.listener.socket.descriptor) }
        acceptsAgain = core.now + Self.acceptPause
        events.log(.warning, message, details, atMostEvery: .seconds(10))
    }

    private mutating func resumeAccepting() {
        acceptsAgain = nil
        for index in listeners.indices { watch(index) }
    }

    private mutating func watch(_ index: Int) {
        let token = Token(.listener, SlotID(index: UInt32(index), generation: 0))
        do throws(SystemError) {
            try core.network.epoll.addLevelTriggered(
                listeners[index].listener.socket.descriptor, token: token.word)
        } catch {
            events.error("listener not watched", ["reason": "\(error)"])
        }
    }

    // MARK: Messages

    private mutating func hear(_ message: WorkerMessage) {
        switch message {
        case .install(let plan): core.install(plan)
        case .listen(let wanted): listen(wanted)
        case .resolved(let upstream, let server, let endpoints):
            core.resolved(upstream: upstream, server: server, endpoints)
        case .keys(let source, .keys(let keys)): core.keysCame(keys.copy(), of: source)
        case .keys(let source, .unchanged): core.keysCame(nil, of: source)
        case .keys(let source, .gone): core.keysGone(of: source)
        case .plan(let plan, let inquiry): core.planCame(plan, for: inquiry)
        case .storeResolved(let addresses): core.storeResolved(addresses)
        case .storeLaidOut(let layout): core.storeLaidOut(layout)
        case .keySettled(let place): core.keySettled(place)
        case .beginDrain: core.beginDrain()
        case .closeDoors(let threshold):
            for listener in listeners { listener.listener.turnAwayNewcomers() }
            closesDoors = core.now + threshold
        case .stop:
            listen([])
            core.endAll()
            isRunning = false
        }
    }

    /// Takes new listeners in and closes those that are no longer wanted, after whoever waits at them has
    /// been let in.
    private mutating func listen(_ wanted: [WorkerListener]) {
        for listener in listeners { core.network.epoll.remove(listener.listener.socket.descriptor) }
        for old in listeners where !wanted.contains(where: { $0.listener.socket == old.listener.socket }) {
            while core.openClients < core.maximumClients, let accepted = try? old.listener.accept() {
                core.accept(accepted, on: old.plan)
            }
            old.listener.socket.close()
        }
        listeners = wanted
        acceptsAgain = nil
        for index in listeners.indices { watch(index) }
    }
}
