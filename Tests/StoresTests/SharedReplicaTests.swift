import Bytes
import Foundation
import Pipeline
import Reactor
import Redis
import Stores
import Telemetry
import TestServers
import Testing
import Time

/// Shared tables of several gateways around one real Redis.
@Suite(.serialized)
struct SharedReplicaTests {
    /// What one gateway has.
    private final class Gateway {
        let tables: SharedTables
        let health: RedisHealth
        let replica: SharedReplica
        private let log: Pipe

        init(_ server: RedisServer?, prefix: String = "floodgate:") throws {
            log = Pipe()
            let events = EventLog(format: .text, descriptor: log.fileHandleForWriting.fileDescriptor)
            tables = try SharedTables()
            health = RedisHealth(events: events)
            replica = try SharedReplica(
                tables: tables, records: MemoryRecords(), health: health, events: events,
                checkInterval: .milliseconds(300))
            if let server { try follow(server, prefix: prefix) }
        }

        deinit { replica.stop() }

        func follow(_ server: RedisServer, prefix: String = "floodgate:") throws {
            replica.follow(try target(server.address, prefix: prefix))
        }

        func put(_ key: String, _ value: String = "", lasts: Int64 = 3600, in name: SharedTable.Name = .bans)
        {
            let now = SystemClock.wallTime()
            expectEqual(tables[name].put(key, value, expires: now + lasts, now: now), .stored)
        }

        func value(_ key: String, in name: SharedTable.Name = .bans) -> String? {
            tables[name].value(of: key, now: SystemClock.wallTime())
        }

        var keys: [String] { tables.bans.keys(now: SystemClock.wallTime()) }

        func waitUntilConnected() throws { try eventually("connected") { replica.reading.isConnected } }

        /// What it has logged so far.
        var logged: String {
            String(decoding: log.fileHandleForReading.availableData, as: UTF8.self)
        }
    }

    @Test func `what one gateway changes, another one knows`() throws {
        let server = try RedisServer()
        let (first, second) = (try Gateway(server), try Gateway(server))
        try first.waitUntilConnected()
        try second.waitUntilConnected()
        first.put("10.0.0.1", "429 too often")
        first.put("jti", in: .revocations)
        expectEqual(first.value("10.0.0.1"), "429 too often", "at once where it was changed")
        try eventually("told") { second.value("10.0.0.1") == "429 too often" }
        try eventually("told") { second.value("jti", in: .revocations) == "" }
        second.put("10.0.0.1", "again")
        try eventually("changed") { first.value("10.0.0.1") == "again" }
        second.tables.bans.remove("10.0.0.1")
        try eventually("removed") { first.value("10.0.0.1") == nil }
        expectEqual(first.value("jti", in: .revocations), "")
    }

    @Test func `a gateway that comes later knows all, and any bytes are keys and values`() throws {
        let server = try RedisServer()
        let first = try Gateway(server)
        try first.waitUntilConnected()
        for number in 0..<2000 { first.put("key \(number)\r\n\0", "value \(number): ") }
        try eventually("told") { first.replica.reading.waiting == 0 }
        let second = try Gateway(server)
        try eventually("known") { second.keys.count == 2000 }
        expectEqual(second.value("key 77\r\n\0"), "value 77: ")
        expectEqual(first.keys, second.keys)
    }

    @Test func `Redis' keys are named as documented, and end an hour after the last entry`() throws {
        let server = try RedisServer()
        let first = try Gateway(server, prefix: "shop:")
        try first.waitUntilConnected()
        first.put("a", "x", lasts: 60)
        try eventually("told") { try server.ask("HLEN", "shop:{bans}:entries") == "1" }
        let names = try server.ask("KEYS", "*").split(separator: "\n").map(String.init).sorted()
        let tables = ["shop:{bans}:ends", "shop:{bans}:entries", "shop:{bans}:state"]
        // Gateways say every other second that they are there.
        expectEqual(names, tables + ["shop:{fleet}:gateways"])
        for name in tables {
            let left = Int(try server.ask("TTL", name)) ?? -1
            verify((3600...3660).contains(left), "\(name) has \(left) s left")
        }
        let other = try Gateway(server, prefix: "other:")
        try other.waitUntilConnected()
        expectEqual(other.keys, [], "another prefix is another table")
    }

    @Test func `entries that have ended leave Redis with the next change`() throws {
        let server = try RedisServer()
        let first = try Gateway(server)
        try first.waitUntilConnected()
        try server.ask("HSET", "floodgate:{bans}:entries", "old", "1000:x")
        try server.ask("ZADD", "floodgate:{bans}:ends", "1000", "old")
        first.put("new")
        try eventually("swept") { try server.ask("HKEYS", "floodgate:{bans}:entries") == "new" }
    }

    @Test func `Redis away: gateways go on, and tell later what has changed meanwhile`() throws {
        var options = RedisServer.Options()
        options.persists = true
        let server = try RedisServer(options)
        let (first, second) = (try Gateway(server), try Gateway(server))
        try first.waitUntilConnected()
        try second.waitUntilConnected()
        first.put("before")
        first.put("gone")
        try eventually("told") { second.keys == ["before", "gone"] }
        server.kill()
        try eventually("lost") { first.health.reading.lost > 0 && second.health.reading.lost > 0 }
        first.put("meanwhile")
        first.tables.bans.remove("gone")
        second.put("elsewhere")
        expectEqual(first.keys, ["before", "meanwhile"])
        verify(first.replica.reading.waiting == 2, "\(first.replica.reading)")
        try server.start()
        try eventually("told later") { second.keys == ["before", "elsewhere", "meanwhile"] }
        try eventually("heard") { first.keys == second.keys }
        try eventually("back") { first.health.reading.lost == 0 }
        let log = first.logged
        verify(log.contains("redis lost") && log.contains("redis is back"), "\(log)")
    }

    @Test func `a Redis that comes back empty is given back what gateways know`() throws {
        let server = try RedisServer()
        let first = try Gateway(server)
        try first.waitUntilConnected()
        first.put("revoked", in: .revocations)
        try eventually("told") { try server.ask("HLEN", "floodgate:{revocations}:entries") == "1" }
        server.kill()
        try eventually("lost") { first.health.reading.lost > 0 }
        try server.start()
        try eventually("given back") { try server.ask("HLEN", "floodgate:{revocations}:entries") == "1" }
        expectEqual(first.value("revoked", in: .revocations), "")
        let second = try Gateway(server)
        try eventually("known") { second.value("revoked", in: .revocations) == "" }
    }

    @Test func `a Redis that was emptied under way is found out, too`() throws {
        let server = try RedisServer()
        let first = try Gateway(server)
        try first.waitUntilConnected()
        first.put("banned")
        try eventually("told") { try server.ask("HLEN", "floodgate:{bans}:entries") == "1" }
        try server.ask("FLUSHALL")
        try eventually("given back") { try server.ask("HLEN", "floodgate:{bans}:entries") == "1" }
        expectEqual(first.keys, ["banned"])
    }

    @Test func `a change that was not heard of is found by the next look`() throws {
        let server = try RedisServer()
        let first = try Gateway(server)
        try first.waitUntilConnected()
        first.put("a")
        try eventually("told") { try server.ask("HLEN", "floodgate:{bans}:entries") == "1" }
        // As another gateway would, but its word is lost.
        try server.ask("HSET", "floodgate:{bans}:entries", "b", "9000000000000:x")
        try server.ask("ZADD", "floodgate:{bans}:ends", "9000000000000", "b")
        try server.ask("HINCRBY", "floodgate:{bans}:state", "version", "1")
        try eventually("found") { first.value("b") == "x" }
        // And a removal.
        try server.ask("HDEL", "floodgate:{bans}:entries", "a")
        try server.ask("HINCRBY", "floodgate:{bans}:state", "version", "1")
        try eventually("found") { first.keys == ["b"] }
    }

    @Test func `a Redis that hangs is lost, and what it says behind that counts`() throws {
        let server = try RedisServer()
        let (first, second) = (try Gateway(server), try Gateway(server))
        try first.waitUntilConnected()
        try second.waitUntilConnected()
        server.hang()
        first.put("a")
        try eventually("lost") { first.health.reading.lost == 1 }
        verify(first.health.reading.reason?.contains("time") == true, "\(first.health.reading)")
        server.goOn()
        try eventually("told") { second.keys == ["a"] }
        try eventually("back") { first.health.reading.lost == 0 }
        expectEqual(first.replica.reading.waiting, 0)
    }

    @Test func `without Redis, memory is all there is, and settings may name one later`() throws {
        let first = try Gateway(nil)
        first.put("early")
        expectEqual(first.replica.reading.waiting, 0, "nothing is kept for nobody")
        let server = try RedisServer()
        let second = try Gateway(server)
        try second.waitUntilConnected()
        try first.follow(server)
        try eventually("told") { second.keys == ["early"] }
        second.put("late")
        try eventually("told") { first.keys == ["early", "late"] }
    }

    @Test func `a user who may do what README lists can do all that a gateway does`() throws {
        let rules = """
            ~floodgate:* &floodgate:* +auth +select +ping +set +subscribe +hmget +hscan +@scripting +mget \
            +hset +hsetnx +hget +hexists +hdel +zadd +zrem +zrangebyscore +zremrangebyscore +zcard \
            +zrevrange +pexpire +pexpireat +del +time +publish
            """
        var options = RedisServer.Options()
        options.user = ("gate", "pass", rules.split(separator: " ").map(String.init))
        let server = try RedisServer(options)
        let wanted = try target("redis://gate:pass@127.0.0.1:\(server.port)")
        let (first, second) = (try Gateway(nil), try Gateway(nil))
        first.put("early")
        first.replica.follow(wanted)
        second.replica.follow(wanted)
        try eventually("told") { second.keys == ["early"] }
        first.put("late")
        second.tables.bans.remove("early")
        try eventually("told") { first.keys == ["late"] && second.keys == ["late"] }
        var client = RedisClient(wanted)
        try client.connect(by: seconds(5))
        for operation in [
            StoreQuestion.Operation.once(key: ByteView("n"), lasts: .seconds(9)),
            .begin(key: ByteView("k"), fingerprint: ByteView("f"), owner: 1, lease: .seconds(9)),
            .finish(key: ByteView("k"), owner: 1, answer: ByteView("x"), lasts: .seconds(9)),
            .begin(key: ByteView("l"), fingerprint: ByteView("f"), owner: 1, lease: .seconds(9)),
            .abandon(key: ByteView("l"), owner: 1),
        ] {
            if let script = RecordCommands.script(of: operation) { try client.load(script, by: seconds(5)) }
            let reply = try client.ask(by: seconds(5)) {
                RecordCommands.write(operation, prefix: ByteView("floodgate:"), into: &$0)
            }
            verify(RecordCommands.answer(reply, to: .init(operation)) != .unavailable, "\(reply.words)")
        }
    }

    @Test func `nonsense in Redis' keys and on its channel changes nothing`() throws {
        let server = try RedisServer()
        try server.ask("HSET", "floodgate:{bans}:entries", "bad", "no end", "worse", "99999999999999999:x")
        try server.ask("HSET", "floodgate:{bans}:state", "version", "7", "epoch", "1")
        try server.ask("SET", "floodgate:{revocations}:state", "not a hash")
        let first = try Gateway(server)
        // One table is not what it should be: that is a loss, not a crash.
        try eventually("lost") { first.health.reading.reason?.contains("WRONGTYPE") == true }
        try server.ask("DEL", "floodgate:{revocations}:state")
        try first.waitUntilConnected()
        expectEqual(first.keys, ["worse"])
        for message in ["", "x", "9 9", "-1 1 5 1 a", "99999999999999 1 5 900 a", "99999999999999 1 5 1 "] {
            try server.ask("PUBLISH", "floodgate:{bans}:changes", message)
        }
        first.put("good")
        try eventually("told") { try server.ask("HEXISTS", "floodgate:{bans}:entries", "good") == "1" }
        expectEqual(first.keys, ["good", "worse"])
    }
}
