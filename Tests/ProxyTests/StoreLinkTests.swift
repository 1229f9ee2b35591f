import Bytes
import Foundation
import Pipeline
import Redis
import Settings
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
