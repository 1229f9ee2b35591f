import Foundation
import Redis
import Reactor
import Stores
import Telemetry
import TestServers
import Testing
import Time

/// What the control plane asks about keys, wherever they lie.
@Suite(.serialized)
struct RedisKeyClientTests {
    private static func directory(_ target: RedisTarget) throws -> RedisDirectory {
        let events = EventLog(format: .text, descriptor: FileHandle.nullDevice.fileDescriptor)
        let directory = try RedisDirectory(health: RedisHealth(events: events), events: events)
        try directory.follow(target)
        directory.settle(within: .seconds(10))
        return directory
    }

    private static func set(_ client: inout RedisKeyClient, _ key: String) throws -> String {
        let bytes = Array(key.utf8)
        let reply = try client.ask(bytes.withView { KeySlot($0) }, by: seconds(5)) { writer in
            writer.begin(3)
            writer.word("SET")
            writer.word(bytes)
            writer.word("1")
        }
        return reply.bytes.text()
    }

    @Test func `one server is asked for every key, and again when it was away`() throws {
        let server = try RedisServer()
        var client = RedisKeyClient(try target(server.address), directory: nil)
        expectEqual(try Self.set(&client, "a"), "OK")
        server.kill()
        #expect(throws: Loss.self) { try Self.set(&client, "a") }
        try server.start()
        expectEqual(try Self.set(&client, "b"), "OK")
    }

    @Test func `in a cluster each key is asked for where it lies, also when it has moved`() throws {
        let cluster = try RedisCluster()
        let target = RedisTarget(address: try RedisAddress(cluster.address), mode: .cluster)
        let directory = try Self.directory(target)
        defer { directory.stop() }
        var client = RedisKeyClient(target, directory: directory)
        for index in 0..<3 {
            let key = try cluster.key("k", on: index)
            expectEqual(try Self.set(&client, key), "OK")
            expectEqual(try cluster.nodes[index].ask("EXISTS", key), "1")
        }
        let key = try cluster.key("k", on: 1)
        try cluster.move(slot: cluster.slot(of: key), from: 1, to: 0)
        expectEqual(try Self.set(&client, key), "OK")
        let script = Script("return redis.call('EXISTS', KEYS[1])")
        let reply = try client.ask(Array(key.utf8).withView { KeySlot($0) }, by: seconds(5), script: script) {
            $0.begin(script, keys: 1, arguments: 0)
            $0.word(Array(key.utf8))
        }
        expectEqual(reply.integer, 1)
    }

    @Test func `behind sentinels the master is asked, also when it has changed`() throws {
        let house = try RedisSentinels()
        let target = RedisTarget(
            address: try RedisAddress("redis://\(house.places[0])"),
            mode: .sentinel(WatchedMaster(name: house.name)))
        let directory = try Self.directory(target)
        defer { directory.stop() }
        var client = RedisKeyClient(target, directory: directory)
        expectEqual(try Self.set(&client, "a"), "OK")
        try house.failover()
        // Until the directory knows, the old master takes what nobody will see, refuses, or is gone.
        try eventually("followed") {
            try (try? Self.set(&client, "b")) == "OK" && house.master.ask("EXISTS", "b") == "1"
        }
    }
}
