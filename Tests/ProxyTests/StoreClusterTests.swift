import Bytes
import Redis
import Stores
import Telemetry
import TestServers
import Testing
import Time

@testable import Proxy

/// A worker's connections to the nodes of a real cluster.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct StoreClusterTests {
    private static func worker(_ cluster: RedisCluster) throws -> LinkedCore {
        var worker = try LinkedCore("redis: { url: \(cluster.address), mode: cluster }")
        try worker.run("connected") { $0.value(of: .connects) >= cluster.masters.count }
        return worker
    }

    /// A key of records, with what comes before it, that one node has.
    private static func key(_ cluster: RedisCluster, on index: Int, _ name: String = "k") throws -> String {
        String(try cluster.key("floodgate:once:" + name, on: index).dropFirst("floodgate:once:".count))
    }

    @Test func `what a turn asks leaves in one write to each node, and each has its own`() throws {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let writes = worker.writes
        for number in 0..<120 { worker.once("n\(number)") }
        try worker.run("answered") { $0.storeRoundTrips.count == 120 }
        expectEqual(worker.writes - writes, 3)
        let sizes = try cluster.nodes.map { Int(try $0.ask("DBSIZE")) ?? 0 }
        expectEqual(sizes.reduce(0, +), 120)
        verify(sizes.allSatisfy { $0 > 0 }, "\(sizes)")
        expectEqual(worker.count(.redirected), 0)
        expectEqual(worker.count(.errors), 0)
    }

    @Test func `a slot that has moved is asked of its new node, and from then on at once`() throws {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let key = try Self.key(cluster, on: 1)
        worker.once(key)
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        try cluster.move(slot: cluster.slot(of: "floodgate:once:" + key), from: 1, to: 2)
        worker.once(key)
        try worker.run("answered") { $0.storeRoundTrips.count == 2 }
        expectEqual(worker.count(.redirected), 1)
        worker.once(key)
        try worker.run("answered") { $0.storeRoundTrips.count == 3 }
        expectEqual(worker.count(.redirected), 1)
        expectEqual(worker.count(.errors), 0)
        expectEqual(worker.count(.failed), 0)
    }

    @Test func `while a slot moves, what is not there any more is asked of the other node, with its script`()
        throws
    {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let key = String(try cluster.key("floodgate:request:k", on: 0).dropFirst("floodgate:request:".count))
        let slot = try cluster.slot(of: "floodgate:request:" + key)
        try cluster.beginMove(slot: slot, from: 0, to: 1)
        worker.begin(key)
        worker.begin(key)
        try worker.run("answered") { $0.storeRoundTrips.count == 2 }
        expectEqual(worker.count(.redirected), 2)
        expectEqual(worker.count(.errors), 0)
        expectEqual(worker.count(.failed), 0)
        try cluster.endMove(slot: slot, from: 0, to: 1)
        expectEqual(try cluster.nodes[1].ask("HGET", "floodgate:request:" + key, "fingerprint"), "print")
    }

    @Test func `a map that is old is mended by what nodes say, and unknown nodes are found`() throws {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let target = try #require(worker.core.storePlan?.target)
        let first = try #require(worker.core.storeRoutes?.routes.first?.node)
        let place = RedisLayout.Place(node: first, addresses: [.ip(.init("127.0.0.1")!, port: first.port)])
        worker.directory.stop()
        worker.core.storeLaidOut(
            RedisLayout(target: target, places: [place], owners: Array(repeating: 0, count: KeySlot.count)))
        expectEqual(worker.core.links.count, 1)
        for number in 0..<60 { worker.once("n\(number)") }
        try worker.run("answered") { $0.storeRoundTrips.count == 60 }
        expectEqual(worker.core.links.count, 3)
        expectEqual(worker.count(.failed) + worker.count(.refused) + worker.count(.errors), 0)
        let redirected = worker.count(.redirected)
        verify(redirected > 20, "\(redirected)")
        for number in 0..<60 { worker.once("n\(number)") }
        try worker.run("answered") { $0.storeRoundTrips.count == 120 }
        expectEqual(worker.count(.redirected), redirected, "each slot was learnt once")
    }

    @Test func `nodes that send a command to each other are not followed without end`() throws {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let key = try Self.key(cluster, on: 1)
        let slot = try cluster.slot(of: "floodgate:once:" + key)
        try cluster.nodes[1].ask("CLUSTER", "SETSLOT", "\(slot)", "NODE", cluster.id(of: 0))
        worker.once(key)
        try worker.run("given up") { $0.value(of: .failed) == 1 }
        expectEqual(worker.count(.redirected), Int(StrayCommand.maximumHops) + 1)
    }

    @Test func `a node that hangs costs what lives there, and nothing else`() throws {
        let cluster = try RedisCluster()
        var worker = try Self.worker(cluster)
        let keys = try (0..<3).map { try Self.key(cluster, on: $0) }
        cluster.nodes[1].hang()
        defer { cluster.nodes[1].goOn() }
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        let answered = worker.count(.commands)
        for _ in 0..<100 { worker.once(keys[1]) }
        expectEqual(worker.count(.refused), 100, "nobody waits for it")
        let trips = worker.trips
        for _ in 0..<10 {
            worker.once(keys[0])
            worker.once(keys[2])
        }
        try worker.run("answered") { $0.storeRoundTrips.count == trips + 20 }
        expectEqual(worker.count(.commands), answered + 20)
        expectEqual(worker.count(.expired) + worker.count(.failed), 0)
        verify(worker.health.reading.reason?.contains("\(cluster.nodes[1].port)") == true)
        cluster.nodes[1].goOn()
        try worker.run("back") { $0.value(of: .lost) == 0 }
        worker.once(keys[1])
        try worker.run("answered") { $0.storeRoundTrips.count == trips + 21 }
        verify(worker.health.reading.reason == nil)
    }

    @Test func `a replica that takes over is found`() throws {
        var options = RedisCluster.Options()
        options.replicas = 1
        let cluster = try RedisCluster(options)
        var worker = try Self.worker(cluster)
        let key = try Self.key(cluster, on: 0)
        cluster.nodes[0].kill()
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        try worker.run("found") { $0.value(of: .lost) == 0 }
        let trips = worker.trips
        worker.once(key)
        try worker.run("answered") { $0.storeRoundTrips.count == trips + 1 }
        expectEqual(try cluster.nodes[3].ask("EXISTS", "floodgate:once:" + key), "1")
    }

    @Test func `a password and TLS hold for all nodes`() throws {
        let authority = try LinkAuthority()
        var options = RedisCluster.Options()
        options.server.password = "secret"
        options.server.tls = (authority.certificate, authority.key, authority.path)
        let cluster = try RedisCluster(options)
        var worker = try LinkedCore(
            "redis: { url: \"\(cluster.address)\", mode: cluster, tls: { authorities: \(authority.path) } }")
        try worker.run("connected") { $0.value(of: .connects) == 3 }
        for number in 0..<60 { worker.once("n\(number)") }
        try worker.run("answered") { $0.storeRoundTrips.count == 60 }
        expectEqual(worker.count(.errors), 0)
        verify(!worker.logged.contains("secret"))
    }

    @Test func `a user who may do what README lists can ask a cluster, while slots move too`() throws {
        let cluster = try RedisCluster()
        let rules = "~floodgate:* +auth +ping +set +hmget +@scripting +hset +pexpire +cluster|slots +asking"
        for node in cluster.nodes {
            try node.ask(
                ["ACL", "SETUSER", "gate", "on", ">pass"] + rules.split(separator: " ").map(String.init))
        }
        var worker = try LinkedCore(
            "redis: { url: \"redis://gate:pass@\(cluster.places[0])\", mode: cluster }")
        try worker.run("connected") { $0.value(of: .connects) == 3 }
        let key = String(try cluster.key("floodgate:request:k", on: 0).dropFirst("floodgate:request:".count))
        let slot = try cluster.slot(of: "floodgate:request:" + key)
        try cluster.beginMove(slot: slot, from: 0, to: 1)
        worker.begin(key)
        worker.once("n")
        try worker.run("answered") { $0.storeRoundTrips.count == 2 }
        expectEqual(worker.count(.errors), 0, "\(worker.said)")
        expectEqual(worker.count(.redirected), 1)
    }

    @Test func `a node that is asked as if it were alone says what to do`() throws {
        let cluster = try RedisCluster()
        var worker = try LinkedCore("redis: \(cluster.address)")
        worker.once(try Self.key(cluster, on: 2))
        try worker.run("error") { $0.value(of: .errors) == 1 }
        verify(worker.said.contains("set redis.mode to cluster"), "\(worker.said)")
    }

    @Test func `new settings: from a cluster to one server, to memory, and back`() throws {
        let cluster = try RedisCluster()
        let server = try RedisServer()
        var worker = try Self.worker(cluster)
        try worker.install("redis: \(server.address)")
        worker.once("a")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(worker.core.links.count, 1)
        try worker.install("redis: memory")
        worker.once("b")
        expectEqual(worker.core.links.count, 0)
        try worker.install("redis: { url: \(cluster.address), mode: cluster }")
        worker.once("early")
        expectEqual(worker.count(.refused), 1, "nobody is found yet")
        try worker.run("connected") { $0.value(of: .connects) == 7 }
        worker.once("c")
        try worker.run("answered") { $0.storeRoundTrips.count == 2 }
        worker.core.endAll()
        expectEqual(worker.core.linkConnections.count, 0)
        expectEqual(worker.core.census.blocks, 0)
    }
}
