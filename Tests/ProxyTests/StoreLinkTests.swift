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

/// A worker's connection to a real Redis, without a worker: its core on the real network, turn by turn.
@Suite(.serialized)
struct StoreLinkTests {
    @Test func `what a turn asks leaves in one write and is answered in order`() throws {
        let server = try RedisServer()
        var worker = try LinkedCore("redis: \(server.address)")
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        let writes = worker.writes
        for number in 0..<50 { worker.once("n\(number)") }
        try worker.run("answered") { $0.storeRoundTrips.count == 50 }
        expectEqual(worker.writes - writes, 1)
        expectEqual(try server.ask("DBSIZE"), "50")
        expectEqual(worker.count(.commands), 50)
        expectEqual(worker.count(.errors), 0)
    }

    @Test func `what is asked before there is a connection waits for it`() throws {
        let server = try RedisServer()
        var worker = try LinkedCore("redis: \(server.address)")
        worker.once("early")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(try server.ask("EXISTS", "floodgate:once:early"), "1")
    }

    @Test func `a script that Redis has forgotten is given to it`() throws {
        let server = try RedisServer()
        var worker = try LinkedCore("redis: \(server.address)")
        for round in 1...3 {
            try server.ask("SCRIPT", "FLUSH")
            worker.begin("k\(round)")
            worker.begin("l\(round)")
            try worker.run("answered") { $0.storeRoundTrips.count == UInt64(round * 2) }
        }
        expectEqual(worker.count(.errors), 0)
        expectEqual(try server.ask("HGET", "floodgate:request:k3", "fingerprint"), "print")
    }

    @Test func `a Redis that hangs is lost after a few moments, and back soon after it goes on`() throws {
        let server = try RedisServer()
        var worker = try LinkedCore("redis: \(server.address)")
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        server.hang()
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        let commands = worker.count(.commands)
        for number in 0..<1000 { worker.once("n\(number)") }
        expectEqual(worker.count(.commands), commands, "nothing is asked any more")
        expectEqual(worker.count(.refused), 1000)
        verify(worker.health.reading.reason != nil)
        server.goOn()
        try worker.run("back") { $0.value(of: .lost) == 0 }
        worker.once("again")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        verify(worker.health.reading.reason == nil)
        verify(worker.logged.contains("redis lost") && worker.logged.contains("redis is back"))
    }

    @Test func `a Redis that is killed is lost, and back when it was started again`() throws {
        let server = try RedisServer()
        var worker = try LinkedCore("redis: \(server.address)")
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        server.kill()
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        try server.start()
        try worker.run("back") { $0.value(of: .lost) == 0 }
        worker.once("again")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
    }

    @Test func `a user, a database and a unix socket`() throws {
        var options = RedisServer.Options()
        options.listensOnSocket = true
        options.user = ("gate", "p@ss", ["~*", "&*", "+@all"])
        let server = try RedisServer(options)
        let url = "unix://gate:p%40ss@\(server.socketPath)?db=4"
        var worker = try LinkedCore("redis: { url: \"\(url)\", key_prefix: \"shop:\" }")
        worker.once("n")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(try server.ask("-n", "4", "EXISTS", "shop:once:n"), "1")
    }

    @Test func `TLS, verified`() throws {
        let authority = try LinkAuthority()
        var options = RedisServer.Options()
        options.tls = (authority.certificate, authority.key, authority.path)
        let server = try RedisServer(options)
        let url = "rediss://127.0.0.1:\(server.tlsPort)"
        var worker = try LinkedCore("redis: { url: \(url), tls: { authorities: \(authority.path) } }")
        for number in 0..<200 { worker.once("n\(number)") }
        worker.begin("k")
        try worker.run("answered") { $0.storeRoundTrips.count == 201 }
        expectEqual(try server.ask("DBSIZE"), "201")

        var stranger = try LinkedCore("redis: \(url)")
        try stranger.run("lost") { $0.value(of: .lost) == 1 }
        verify(stranger.health.reading.reason?.contains("not trusted") == true, "\(stranger.health.reading)")
        expectEqual(stranger.count(.connects), 0)
    }

    @Test(
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", true), ("-ERR go away\r\n", false), ("+OK\r\n", true),
            ("$1000000000\r\n", false), (nil, true), (nil, false),
        ] as [(String?, Bool)])
    func `a server that is no Redis is lost, and asked nothing`(says: String?, closes: Bool) throws {
        let server = try ForeignServer(says: says, closes: closes)
        defer { server.stop() }
        var worker = try LinkedCore("redis: redis://:secret@127.0.0.1:\(server.port)")
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        worker.once("n")
        expectEqual(worker.count(.refused), 1)
        verify(!worker.logged.contains("secret"), "\(worker.logged)")
    }

    @Test func `new settings: another server, memory, and back`() throws {
        let (first, second) = (try RedisServer(), try RedisServer())
        var worker = try LinkedCore("redis: \(first.address)")
        worker.once("a")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        try worker.install("redis: { url: \(first.address), timeout: 20ms }")
        worker.once("b")
        try worker.run("answered") { $0.storeRoundTrips.count == 2 }
        expectEqual(worker.count(.connects), 1, "the same server keeps its connection")
        try worker.install("redis: \(second.address)")
        worker.once("c")
        try worker.run("answered") { $0.storeRoundTrips.count == 3 }
        try worker.install("redis: memory")
        worker.once("d")
        expectEqual(worker.core.records.size.entries, 1)
        expectEqual(worker.core.linkConnections.count, 0)
        expectEqual([try first.ask("DBSIZE"), try second.ask("DBSIZE")], ["2", "1"])
        try worker.install("redis: \(first.address)")
        worker.once("e")
        try worker.run("answered") { $0.storeRoundTrips.count == 4 }
        worker.core.endAll()
        expectEqual(worker.core.linkConnections.count, 0)
        expectEqual(worker.core.census.blocks, 0)
    }
}

/// A core and what moves it.
private struct LinkedCore: ~Copyable {
    var core: ProxyCore<CountingNetwork>
    let health: RedisHealth
    private let registry = MetricRegistry()
    private let log = Pipe()
    private var text = ""

    init(_ redis: String) throws {
        let events = EventLog(format: .text, descriptor: log.fileHandleForWriting.fileDescriptor)
        health = RedisHealth(events: events)
        core = ProxyCore(
            network: try CountingNetwork(), plan: try Self.plan(redis, registry),
            store: MemoryCounterStore(), metrics: registry.makeWorkerMetrics(), log: nil,
            random: RandomSource(seed: 1), now: SystemClock.now(), wallTime: SystemClock.wallTime())
        core.health = health
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

    mutating func install(_ redis: String) throws { core.install(try Self.plan(redis, registry)) }

    var writes: Int { core.network.sends }

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

    private mutating func turn() {
        let patience = min(core.patience ?? .max, 5_000_000)
        let count = core.network.real.epoll.wait(milliseconds: Int32((patience + 999_999) / 1_000_000))
        core.now = SystemClock.now()
        core.wallTime = SystemClock.wallTime()
        for index in 0..<count {
            let (word, readiness) = core.network.real.epoll.event(index)
            core.ready(Token(word: word), readiness)
        }
        core.advance()
        core.incidents.removeAll()
    }
}

private struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// The real network, and how often something was sent.
private struct CountingNetwork: ~Copyable, Network {
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
