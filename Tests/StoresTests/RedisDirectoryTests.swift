import Foundation
import Redis
import Reactor
import Stores
import Telemetry
import TestServers
import Testing
import Time

/// Who is asked for nodes and masters, and who is believed.
@Suite(.serialized)
struct RedisDirectoryTests {
    private final class Search {
        let directory: RedisDirectory
        let health: RedisHealth
        private let log = Pipe()
        private let found: Mailbox<RedisLayout>
        /// All that were told, in their order.
        private var layouts: [RedisLayout] = []

        init(_ target: RedisTarget) throws {
            let events = EventLog(format: .text, descriptor: log.fileHandleForWriting.fileDescriptor)
            health = RedisHealth(events: events)
            let found = try Mailbox<RedisLayout>()
            self.found = found
            directory = try RedisDirectory(health: health, events: events)
            directory.serve { found.post($0) }
            try directory.follow(target)
        }

        deinit { directory.stop() }

        var told: [RedisLayout] {
            layouts += found.take()
            return layouts
        }

        var nodes: [UInt16] { (told.last?.places ?? []).map(\.node.port).sorted() }
    }

    private static func cluster(_ places: [String], _ credentials: String = "") throws -> RedisTarget {
        RedisTarget(
            address: try RedisAddress("redis://\(credentials)\(places[0])"), mode: .cluster,
            nodes: try places.dropFirst().map { try RedisNode($0) })
    }

    @Test func `a cluster is found by any node of it, whoever of the others is gone`() throws {
        let nobody = try RedisServer()
        nobody.kill()
        let stranger = try RedisServer()
        let cluster = try RedisCluster()
        let search = try Search(
            Self.cluster(["127.0.0.1:\(nobody.port)", "127.0.0.1:\(stranger.port)", cluster.places[2]]))
        try eventually("found") { search.nodes == cluster.nodes.map(\.port).sorted() }
        expectEqual(search.told.last?.owners.contains(ClusterMap.nobody), false)
        let slot = KeySlot(try cluster.slot(of: "k"))
        expectEqual(
            slot.flatMap { search.told.last?.node(of: $0)?.port },
            cluster.nodes[cluster.index(of: try cluster.slot(of: "k"))].port)
        search.directory.search()
        SystemClock.pause(.milliseconds(300))
        expectEqual(search.told.count, 1, "what is found again is no news")
    }

    @Test func `a slot that has moved is news, soon after somebody has asked for a look`() throws {
        let cluster = try RedisCluster()
        let search = try Search(Self.cluster([cluster.places[0]]))
        try eventually("found") { search.told.count == 1 }
        let slot = try cluster.slot(of: "k")
        let (old, new) = (cluster.index(of: slot), (cluster.index(of: slot) + 1) % 3)
        try cluster.move(slot: slot, from: old, to: new)
        search.directory.search()
        try eventually("news", within: .seconds(5)) {
            search.told.last?.node(of: KeySlot(slot)!)?.port == cluster.nodes[new].port
        }
    }

    @Test(
        arguments: [
            ("127.0.0.1:1", "Connection refused"), ("alone", "cluster support disabled"),
            ("nowhere.invalid:7000", "no address"),
        ])
    func `who is no node of a cluster is said, once, and asked again`(place: String, reason: String) throws {
        let alone = try RedisServer()
        let search = try Search(Self.cluster([place == "alone" ? "127.0.0.1:\(alone.port)" : place]))
        try eventually("said") { search.health.reading.reason?.contains(reason) == true }
        expectEqual(search.health.reading.losses, 1)
        expectEqual(search.told.count, 0)
    }

    @Test func `what was found stays while nobody answers, and is no loss of its own`() throws {
        let cluster = try RedisCluster()
        let search = try Search(Self.cluster([cluster.places[0]]))
        try eventually("found") { search.told.count == 1 }
        for node in cluster.nodes { node.kill() }
        search.directory.search()
        SystemClock.pause(.milliseconds(600))
        verify(search.directory.layout != nil)
        expectEqual(search.health.reading.losses, 0)
    }

    @Test func `a sentinel that names a replica is not believed`() throws {
        let master = try RedisServer()
        var options = RedisServer.Options()
        options.more = ["--replicaof", "127.0.0.1", "\(master.port)"]
        let replica = try RedisServer(options)
        var watcher = RedisServer.Options()
        watcher.sentinel = [
            "sentinel monitor shop 127.0.0.1 \(replica.port) 1",
            "sentinel down-after-milliseconds shop 60000",
        ]
        let wrong = try RedisServer(watcher)
        watcher.sentinel?[0] = "sentinel monitor shop 127.0.0.1 \(master.port) 1"
        let right = try RedisServer(watcher)
        let target = RedisTarget(
            address: try RedisAddress("redis://127.0.0.1:\(wrong.port)"),
            mode: .sentinel(WatchedMaster(name: "shop")))
        let misled = try Search(target)
        try eventually("said") { misled.health.reading.reason?.contains("it is a replica") == true }
        expectEqual(misled.told.count, 0)
        var both = target
        both.nodes = [RedisNode(host: "127.0.0.1", port: right.port)]
        let search = try Search(both)
        try eventually("found") { search.nodes == [master.port] }
    }
}
