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

/// Shared tables of several gateways around a real cluster, and around a master that sentinels watch.
@Suite(.serialized)
struct SharedReplicaNodesTests {
    /// What one gateway has.
    private final class Gateway {
        let tables: SharedTables
        let health: RedisHealth
        let replica: SharedReplica
        private let directory: RedisDirectory
        private let log = Pipe()

        init(_ target: RedisTarget) throws {
            let events = EventLog(format: .text, descriptor: log.fileHandleForWriting.fileDescriptor)
            tables = try SharedTables()
            health = RedisHealth(events: events)
            directory = try RedisDirectory(health: health, events: events)
            replica = try SharedReplica(
                tables: tables, records: MemoryRecords(), health: health, events: events,
                directory: directory, checkInterval: .milliseconds(300))
            try directory.follow(target)
            replica.follow(target)
            try eventually("connected") { replica.reading.isConnected }
        }

        deinit {
            replica.stop()
            directory.stop()
        }

        func put(_ key: String, in name: SharedTable.Name = .bans) {
            let now = SystemClock.wallTime()
            expectEqual(tables[name].put(key, "x", expires: now + 3600, now: now), .stored)
        }

        func has(_ key: String, in name: SharedTable.Name = .bans) -> Bool {
            tables[name].value(of: key, now: SystemClock.wallTime()) == "x"
        }
    }

    private static func target(_ cluster: RedisCluster) throws -> RedisTarget {
        RedisTarget(address: try RedisAddress(cluster.address), mode: .cluster)
    }

    private static func target(_ house: RedisSentinels) throws -> RedisTarget {
        let nodes = try house.places.map { try RedisNode($0) }
        return RedisTarget(
            address: try RedisAddress("redis://\(house.places[0])"),
            mode: .sentinel(WatchedMaster(name: house.name)), nodes: Array(nodes.dropFirst()))
    }

    private static func slot(_ cluster: RedisCluster, of name: SharedTable.Name) throws -> Int {
        try cluster.slot(of: "floodgate:{\(name.rawValue)}:entries")
    }

    @Test func `what one gateway changes another one knows, in each table, wherever it lies`() throws {
        let cluster = try RedisCluster()
        let (first, second) = (try Gateway(Self.target(cluster)), try Gateway(Self.target(cluster)))
        for name in SharedTable.Name.allCases {
            first.put("a", in: name)
            second.put("b", in: name)
        }
        for name in SharedTable.Name.allCases {
            try eventually("told") { second.has("a", in: name) && first.has("b", in: name) }
            let home = cluster.nodes[cluster.index(of: try Self.slot(cluster, of: name))]
            expectEqual(try home.ask("HLEN", "floodgate:{\(name.rawValue)}:entries"), "2")
        }
        let third = try Gateway(Self.target(cluster))
        for name in SharedTable.Name.allCases {
            verify(
                third.has("a", in: name) && third.has("b", in: name), "a gateway that comes later knows all")
        }
        expectEqual(first.health.reading.losses, 0)
    }

    @Test func `a table that moves to another node is followed, and nothing is lost meanwhile`() throws {
        let cluster = try RedisCluster()
        let (first, second) = (try Gateway(Self.target(cluster)), try Gateway(Self.target(cluster)))
        first.put("before")
        try eventually("told") { second.has("before") }
        let slot = try Self.slot(cluster, of: .bans)
        let old = cluster.index(of: slot)
        let new = (old + 1) % 3
        try cluster.move(slot: slot, from: old, to: new)
        first.put("after")
        try eventually("told") { second.has("after") }
        second.tables.bans.remove("before")
        try eventually("told") { !first.has("before") }
        expectEqual(try cluster.nodes[new].ask("HKEYS", "floodgate:{bans}:entries"), "after")
        expectEqual(first.health.reading.losses + second.health.reading.losses, 0)
    }

    @Test func `a node that is away takes its tables along, and no others`() throws {
        let cluster = try RedisCluster()
        let (first, second) = (try Gateway(Self.target(cluster)), try Gateway(Self.target(cluster)))
        first.put("a", in: .bans)
        try eventually("told") { second.has("a", in: .bans) }
        let home = cluster.index(of: try Self.slot(cluster, of: .bans))
        let other = try #require(
            SharedTable.Name.allCases.first {
                try cluster.index(of: Self.slot(cluster, of: $0)) != home
            })
        cluster.nodes[home].kill()
        try eventually("lost") { first.health.reading.lost == 1 && second.health.reading.lost == 1 }
        first.put("b", in: other)
        first.put("c", in: .bans)
        try eventually("told") { second.has("b", in: other) }
        expectEqual(second.has("c", in: .bans), false)
        try cluster.nodes[home].start()
        try eventually("told") { second.has("c", in: .bans) && second.has("a", in: .bans) }
        try eventually("all is well") { first.health.reading.lost == 0 && second.health.reading.lost == 0 }
    }

    @Test func `a replica of a node takes over, and has what the gateways know`() throws {
        var options = RedisCluster.Options()
        options.replicas = 1
        let cluster = try RedisCluster(options)
        let (first, second) = (try Gateway(Self.target(cluster)), try Gateway(Self.target(cluster)))
        first.put("before")
        try eventually("told") { second.has("before") }
        let home = cluster.index(of: try Self.slot(cluster, of: .bans))
        cluster.nodes[home].kill()
        first.put("meanwhile")
        try eventually("told") { second.has("meanwhile") }
        try eventually("all is well") { first.health.reading.lost == 0 && second.health.reading.lost == 0 }
        let keys = try cluster.nodes[home + 3].ask("HKEYS", "floodgate:{bans}:entries").split(separator: "\n")
        expectEqual(keys.sorted(), ["before", "meanwhile"])
    }

    @Test func `a master that changes is followed`() throws {
        let house = try RedisSentinels()
        let (first, second) = (try Gateway(Self.target(house)), try Gateway(Self.target(house)))
        first.put("before")
        try eventually("told") { second.has("before") }
        try house.failover()
        first.put("after")
        try eventually("told") { second.has("after") }
        try eventually("all is well") { first.health.reading.lost == 0 && second.health.reading.lost == 0 }
        try eventually("there") {
            try house.master.ask("HLEN", "floodgate:{bans}:entries") == "2"
        }
    }
}
