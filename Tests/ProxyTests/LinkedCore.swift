import Addressing
import Bytes
import Foundation
import Pipeline
import Reactor
import Redis
import Settings
import Slots
import Stores
import Telemetry
import TestServers
import Testing
import Time

@testable import Proxy

/// A core and what moves it.
struct LinkedCore: ~Copyable {
    var core: ProxyCore<CountingNetwork>
    let health: RedisHealth
    /// Finds nodes and masters, and what it has found since the last turn.
    var directory: RedisDirectory { search.directory }
    private let search: Search
    private let layouts: Mailbox<RedisLayout>
    private let registry = MetricRegistry()
    private let log = Pipe()
    private var text = ""
    /// Errors of Redis that a worker would have logged.
    private(set) var said = ""

    init(_ redis: String) throws {
        let events = EventLog(format: .text, descriptor: log.fileHandleForWriting.fileDescriptor)
        let health = RedisHealth(events: events)
        let directory = try RedisDirectory(health: health, events: events)
        let layouts = try Mailbox<RedisLayout>()
        let plan = try Self.plan(redis, registry)
        let network = try CountingNetwork()
        try directory.follow(plan.redis?.target)
        directory.serve { layouts.post($0) }
        self.health = health
        self.layouts = layouts
        search = Search(directory)
        core = ProxyCore(
            network: network, plan: plan, store: MemoryCounterStore(), metrics: registry.makeWorkerMetrics(),
            log: nil, random: RandomSource(seed: 1), now: SystemClock.now(),
            wallTime: SystemClock.wallTime())
        core.health = health
        core.directory = directory
    }

    private static func plan(_ redis: String, _ registry: MetricRegistry) throws -> GatewayPlan {
        let files = CredentialFiles(now: Int64(Date().timeIntervalSince1970)) { path in
            guard let data = FileManager.default.contents(atPath: path) else {
                return .failure(.init("not there"))
            }
            return .success(Array(data))
        }
        let loaded = GatewaySettings.load(
            text: redis + "\nroutes: [{ path: /, respond: { status: 204 } }]\n", file: "gateway.yaml",
            environment: [:], credentials: files)
        return PlanCompiler(try #require(loaded.settings, "\(loaded.diagnostics.text)"), registry: registry)
            .plan(for: WorkerShare(index: 0, of: 1))
    }

    mutating func install(_ redis: String) throws {
        core.install(try Self.plan(redis, registry))
        try directory.follow(core.plan.redis?.target)
        directory.publishAll()
    }

    var writes: Int { core.network.sends }

    /// Answers so far.
    var trips: UInt64 { registry.snapshot().storeRoundTrips.count }

    func count(_ counter: StoreCounter) -> Int { Int(registry.snapshot().value(of: counter)) }

    /// What was logged so far.
    var logged: String {
        mutating get {
            let descriptor = log.fileHandleForReading.fileDescriptor
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            while poll(&entry, 1, 0) == 1 {
                text += String(decoding: log.fileHandleForReading.availableData, as: UTF8.self)
            }
            return text
        }
    }

    mutating func once(_ key: String) {
        Array(key.utf8).withView { key in
            core.tellStore(StoreQuestion(.once(key: key, lasts: .seconds(60))))
        }
    }

    mutating func begin(_ key: String) {
        Array(key.utf8).withView { key in
            core.tellStore(
                StoreQuestion(
                    .begin(key: key, fingerprint: ByteView("print"), owner: 1, lease: .seconds(60))))
        }
    }

    /// Turns until the numbers are as they should be.
    mutating func run(_ what: String, until holds: (MetricsSnapshot) -> Bool) throws {
        let end = SystemClock.now() + .seconds(20)
        while SystemClock.now() < end {
            turn()
            if holds(registry.snapshot()) { return }
        }
        throw NeverHappened(description: "never \(what)")
    }

    /// Turns until the one server that it asks is one of these, and not that one.
    mutating func runUntilAsking(one servers: [RedisServer], butNot old: Int) throws {
        let end = SystemClock.now() + .seconds(20)
        while SystemClock.now() < end {
            turn()
            let port = core.storeRoutes?.routes.first?.node?.port
            if servers.indices.contains(where: { $0 != old && servers[$0].port == port }) { return }
        }
        throw NeverHappened(description: "never another server")
    }

    mutating func turn() {
        let patience = min(core.patience ?? .max, 2_000_000)
        let count = core.network.real.epoll.wait(milliseconds: Int32((patience + 999_999) / 1_000_000))
        core.now = SystemClock.now()
        core.wallTime = SystemClock.wallTime()
        for index in 0..<count {
            let (word, readiness) = core.network.real.epoll.event(index)
            core.ready(Token(word: word), readiness)
        }
        for layout in layouts.take() { core.storeLaidOut(layout) }
        core.advance()
        for case .storeError(let words, let advice) in core.incidents {
            said += words + ": " + (advice.map { "\($0)" } ?? "") + "\n"
        }
        core.incidents.removeAll()
    }
}

/// Ends with the test.
private final class Search {
    let directory: RedisDirectory

    init(_ directory: RedisDirectory) { self.directory = directory }

    deinit { directory.stop() }
}

struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// The real network, and how often something was sent.
struct CountingNetwork: ~Copyable, Network {
    var real: LinuxNetwork
    var sends = 0

    init() throws(SystemError) { real = try LinuxNetwork() }

    mutating func watch(_ socket: Socket, token: UInt64) throws(SystemError) {
        try real.watch(socket, token: token)
    }
    mutating func watchAgain(_ socket: Socket, token: UInt64) { real.watchAgain(socket, token: token) }
    mutating func receive(_ socket: Socket, into region: MutableByteView) -> Transfer {
        real.receive(socket, into: region)
    }
    mutating func send(_ socket: Socket, _ bytes: ByteView) -> Transfer {
        sends += 1
        return real.send(socket, bytes)
    }
    mutating func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        try real.connect(to: address)
    }
    mutating func connectError(_ socket: Socket) -> Int32? { real.connectError(socket) }
    mutating func queued(_ socket: Socket) -> Int { real.queued(socket) }
    mutating func isQuiet(_ socket: Socket) -> Bool { real.isQuiet(socket) }
    mutating func shutdownWrite(_ socket: Socket) { real.shutdownWrite(socket) }
    mutating func close(_ socket: Socket) { real.close(socket) }
    mutating func abort(_ socket: Socket) { real.abort(socket) }
}
