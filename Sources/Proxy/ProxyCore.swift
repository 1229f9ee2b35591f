import Addressing
import Bytes
import Calls
import HTTP1
import HTTP2
import HTTPModel
import Pipeline
import Reactor
import Slots
import Stores
import TLS
import Telemetry
import Time
import Upstream

/// All that one worker knows and does, but for waiting: connections, exchanges, pools and timers. Driven by
/// events; reads no clock and makes no system call but through `network`, so the whole of it also runs in a
/// simulation.
///
/// What only reads it on the way of a request is inlined by force: a call would first copy all its fields.
package struct ProxyCore<Net: Network & ~Copyable>: ~Copyable {
    package var network: Net
    var clients = SlotTable<ClientConnection>(minimumCapacity: 256)
    var connections = SlotTable<UpstreamConnection>(minimumCapacity: 64)
    var exchanges = SlotTable<Exchange>(minimumCapacity: 64)
    /// HTTP/2 connections of both sides.
    var sessions = SlotTable<HTTP2Connection>(minimumCapacity: 16)
    var upstreams = SlotTable<UpstreamState>(minimumCapacity: 8)
    var buffers = BufferPool()
    var tables = FieldTablePool()
    var timers: TimerWheel<Token>

    var plan: GatewayPlan
    /// Places of the plan's upstreams, in its order.
    var places: [SlotID] = []
    /// Counters of limits; with Redis, what this gateway knows of Redis' own.
    let store: MemoryCounterStore
    /// Until then Redis may lack what this gateway knows: a connection to it is new.
    var storeIsNewUntil = Instant.zero
    /// What requests have asked of it and of Redis.
    var claims = ClaimTable()
    /// Tells the calls of a request apart.
    var callReader = CallReader()
    /// Gateways that share limits.
    package var fleet = Fleet()
    /// Which workers wait for which Idempotency-Keys.
    package var turns = KeyTurns()
    /// Those that wait on this one.
    var waiting: [UInt128: Set<SlotID>] = [:]
    var waitingCount = 0
    /// Keys that were settled and that somebody here waits for.
    var settledKeys: [UInt128] = []
    /// Keys that were settled in this turn and that other workers wait for.
    package var wakeUps: [WakeUp] = []
    /// Requests that go on without their clients.
    var absentClients = 0
    /// Tokens that no longer count.
    let revocations: SharedTable
    /// API keys that no file of the settings holds.
    let apiKeys: SharedTable
    var authenticator: Authenticator
    /// Exchanges that wait for keys of a token source, by its name.
    var keyWaits: [String: [Inquiry]] = [:]
    /// When a source may be asked about again.
    var nextKeyAsk: [String: Instant] = [:]
    /// Sources whose keys are asked for in this turn.
    package var wantedKeys: [WantedKeys] = []
    /// Where plans are asked for that no credential tells.
    package var plans: PlanDesk?
    /// Names of plans that were looked up, this worker's own.
    var planNames = PlanNames()
    /// Nonces and answers in the memory of the process.
    package var records = MemoryRecords()
    /// The servers that other gateways share with this one.
    var links = SlotTable<StoreLink>(minimumCapacity: 1)
    var linkConnections = SlotTable<StoreConnection>(minimumCapacity: 1)
    /// Which of them has which keys; nil where settings name no Redis.
    var storeRoutes: StoreRoutes?
    /// Those with commands that leave with the turn; those whose commands leave now.
    var dirtyLinks: [SlotID] = []
    var flushingLinks: [SlotID] = []
    package var health: RedisHealth?
    /// Where servers are found that the settings do not name themselves.
    package var directory: RedisDirectory?
    /// This worker's number.
    package var index = 0
    /// Addresses that are not served for a while, those of all workers.
    package var bans = SharedTable(.bans, limits: .init(overflow: .evictsSoonest))
    let metrics: WorkerMetrics
    var log: AccessLogBuffer?
    var random: RandomSource
    /// The head in work; it moves into its exchange when it is complete.
    var incoming = RequestHead()

    /// The turn's time; set by whoever delivers events.
    package var now: Instant
    package var wallTime: WallTime
    var dateLine = DateLine()

    /// Connections with work left that others should not wait for.
    var runnable: [Token] = []
    /// Those of them that get their turn now.
    var running: [Token] = []
    /// What sessions have received and what they are to send.
    let frames: HTTP2Port
    /// Sessions that have something to send; those that get their turn now.
    var dirty: [SlotID] = []
    var flushing: [SlotID] = []
    /// Streams whose bytes have just gone; those that are told now.
    var moved: [SlotID] = []
    var settling: [SlotID] = []
    /// Clients' HTTP/2 connections, and streams among `clients`.
    var clientSessions = 0
    var clientStreams = 0
    var openTunnels = 0
    /// What happened in this turn that the operator should hear of.
    package var incidents: [Incident] = []
    let encryption = Encryption(
        longestMessage: Layout.headroom + Exchange.largestRead + Layout.tailroom,
        longestRead: Exchange.largestRead)
    /// HTTP/2's bytes as they come, and as they go.
    let incomingFrames = Scratch(size: Layout.frameRead)
    let outgoingFrames = Scratch(size: Layout.frameWrite)
    /// A read lands here, with room for a head before it and for a chunk's end behind, and for what
    /// encryption holds back.
    let body = Scratch(size: Layout.headroom + Exchange.largestRead + Wire.slack + Layout.tailroom)
    /// What was seen of the settings since it was handed in.
    package var sightings = Sightings()
    /// Keys and values of bans are written here.
    let banKeys = Scratch(size: BanKey.longest)
    let banCauses = Scratch(size: 32)
    /// The path that a call of a batch would have alone.
    let callPath = Scratch(size: 16_384)
    /// What an answer tells of its limits.
    let limitTexts = Scratch(size: RateLimitFields.longest + RateLimitFields.longestViolated)
    /// Heads are written here.
    let heads = Scratch(size: Layout.headroom)

    var drain = DrainPhase.none
    /// Nothing goes on any more.
    var endsAll = false
    /// Set where a connect found no descriptor left: whoever accepts should pause.
    package var lacksDescriptors = false
    /// Client connections that may be open at once.
    package var maximumClients = Int.max
    /// Bounds the connections of one address; nil bounds nobody.
    package var addressLimit: AddressLimit?
    /// Set where a connection was refused because its address has too many.
    package var refusedAddress: IPAddress?
    /// When the next refusal would be told if they came evenly: runs ahead of time in a flood.
    var refusalsTold = Instant.zero
    var memoryLevel = MemoryLevel.calm
    /// Bytes in buffers beyond which no further request is taken on.
    var bufferBound = Int.max

    enum Layout {
        /// Room before a read: as long as any head may be. A head that is written anew replaces one that was
        /// read, and is longer by no more.
        static var headroom: Int { 106_496 }
        /// Room behind a read: for the end of a chunked body and its trailers.
        static var tailroom: Int { 16384 }
        /// A read of a session, or what came with the bytes that told it was one.
        static var frameRead: Int { 65536 + Wire.slack + BufferPool.Size.large.rawValue }
        static var frameWrite: Int { 65536 }
    }

    enum DrainPhase {
        case none
        /// Answers say `Connection: close`.
        case lastRequests
        /// And connections that ask for nothing are closed.
        case closing
    }

    package init(
        network: consuming Net, plan: GatewayPlan, store: MemoryCounterStore,
        revocations: SharedTable = SharedTable(.revocations), apiKeys: SharedTable = SharedTable(.apiKeys),
        metrics: WorkerMetrics,
        log: consuming AccessLogBuffer?, random: RandomSource, now: Instant, wallTime: WallTime
    ) {
        self.network = network
        self.plan = plan
        self.store = store
        self.revocations = revocations
        self.apiKeys = apiKeys
        self.metrics = metrics
        self.log = log
        var random = random
        frames = HTTP2Port(seed: random.next())
        authenticator = Authenticator(plan.identity, seed: (random.next(), random.next()))
        self.random = random
        self.now = now
        self.wallTime = wallTime
        timers = TimerWheel(now: now)
        install(plan)
    }

    /// Connections that the pools count, entries in the timer wheel and upstreams that are kept: for the
    /// simulation.
    package var books: (pooled: Int, timers: Int, upstreams: Int) {
        let pooled = upstreams.identities.reduce(0) { $0 + upstreams[$1].pool.open }
        return (pooled, timers.count, upstreams.count)
    }

    /// Connections, exchanges and blocks that are out: for the simulation and for reports.
    package var census: (clients: Int, connections: Int, exchanges: Int, blocks: Int) {
        (clients.count, connections.count, exchanges.count, buffers.outstanding)
    }

    /// HTTP/2 connections of either side.
    package var sessionCount: Int { sessions.count }
}

// What comes from outside
extension ProxyCore where Net: ~Copyable {
    /// A connection was accepted. It is served at once: most bring their first request along.
    package mutating func accept(_ accepted: Accepted, on listener: ListenerPlan) {
        metrics.add(.connectionsAccepted)
        guard openClients < maximumClients else {
            metrics.add(.refused(.connectionLimit))
            metrics.add(.connectionsClosed)
            return network.close(accepted.socket)
        }
        var admission = Admission.uncounted
        if listener.proxyProtocol == .off, let peer = accepted.peer?.address {
            admission = enter(peer)
            guard admission != .banned, admission != .refused || mayTellRefusal() else {
                metrics.add(.connectionsClosed)
                return network.abort(accepted.socket)
            }
        }
        let id = clients.insert(
            ClientConnection(
                Transport(.socket(accepted.socket), isReady: true), listener: listener,
                peer: accepted.peer?.address ?? .loopback,
                mode: listener.proxyProtocol == .off ? .http : .proxyHeader, limits: plan.headLimits, now: now
            ))
        clients[id].isCounted = admission == .counted
        metrics.add(.connectionsOpen)
        do throws(SystemError) {
            try network.watch(accepted.socket, token: Token(.client, id).word)
        } catch {
            metrics.add(.refused(.descriptors))
            return removeClient(id, closing: .plainly)
        }
        if drain != .none { clients[id].machine.drainBegan() }
        if admission == .refused { return refuseAddress(id) }
        if listener.proxyProtocol == .off {
            open(id)
            guard clients.contains(id) else { return }
        }
        moveClientDeadline(id)
        advanceClient(id)
    }

    /// A connection has become ready for something.
    package mutating func ready(_ token: Token, _ readiness: Readiness) {
        switch token.kind {
        case .client: clientReady(token.id, readiness)
        case .upstream: connectionReady(token.id, readiness)
        case .session: sessionReady(token.id, readiness)
        case .store: linkReady(token.id, readiness)
        case .listener, .mailbox: preconditionFailure("the worker's own events do not come here")
        }
    }

    /// Deadlines that are dealt with before others get their turn: a thousand slow clients that came together
    /// also go together.
    private static var deadlinesPerTurn: Int { 16 }

    /// Goes on with what others should not wait for, and looks after deadlines. Once a turn.
    package mutating func advance() {
        // Two lists in turn: what becomes runnable meanwhile waits for the next turn, and neither list is
        // copied.
        swap(&runnable, &running)
        for token in running {
            switch token.kind {
            case .client:
                guard clients.contains(token.id) else { continue }
                clients[token.id].isRunnable = false
                advanceClient(token.id)
            case .upstream:
                guard connections.contains(token.id) else { continue }
                connections[token.id].isRunnable = false
                advanceConnection(token.id)
            case .session:
                guard sessions.contains(token.id) else { continue }
                sessions[token.id].isRunnable = false
                advanceSession(token.id)
            case .store: advanceLink(token.id)
            case .listener, .mailbox: break
            }
        }
        running.removeAll(keepingCapacity: true)
        for _ in 0..<Self.deadlinesPerTurn {
            guard let token = timers.popExpired(now) else { break }
            switch token.kind {
            case .client where clients.contains(token.id): clientTimerFired(token.id)
            case .upstream where connections.contains(token.id): connectionTimerFired(token.id)
            case .session where sessions.contains(token.id): sessionTimerFired(token.id)
            case .store where links.contains(token.id): linkTimerFired(token.id)
            default: break
            }
        }
        flushLinks()
        wakeWaiting()
        flushSessions()
    }

    /// Nanoseconds that the loop may sleep; nil for as long as nothing happens.
    package var patience: Int64? {
        // A call would copy the core first, once in every turn.
        @inline(__always) get {
            runnable.isEmpty && dirty.isEmpty && dirtyLinks.isEmpty && settledKeys.isEmpty
                ? timers.untilNext(now) : 0
        }
    }

    mutating func runLater(client id: SlotID) {
        guard !clients[id].isRunnable else { return }
        clients[id].isRunnable = true
        runnable.append(Token(.client, id))
    }

    mutating func runLater(connection id: SlotID) {
        guard !connections[id].isRunnable else { return }
        connections[id].isRunnable = true
        runnable.append(Token(.upstream, id))
    }
}
