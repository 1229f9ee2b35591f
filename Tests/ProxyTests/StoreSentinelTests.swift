import Redis
import Stores
import Telemetry
import TestServers
import Testing
import Time

@testable import Proxy

/// A worker's connection to a real master that sentinels watch.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct StoreSentinelTests {
    private static func settings(_ house: RedisSentinels, credentials: String = "", more: String = "")
        -> String
    {
        let places = house.places
        return "redis: { url: \"redis://\(credentials)\(places[0])\", mode: sentinel, master: \(house.name), "
            + "nodes: [\(places.dropFirst().joined(separator: ", "))]\(more) }"
    }

    @Test func `the master is found, followed when it changes, and found when it was killed`() throws {
        let house = try RedisSentinels()
        var worker = try LinkedCore(Self.settings(house))
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        worker.once("a")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(try house.servers[0].ask("EXISTS", "floodgate:once:a"), "1")

        let first = try house.masterIndex
        try house.failover()
        try worker.runUntilAsking(one: house.servers, butNot: first)
        try worker.run("connected") { $0.value(of: .lost) == 0 }
        let trips = worker.trips
        worker.once("b")
        try worker.run("answered") { $0.storeRoundTrips.count == trips + 1 }
        expectEqual(worker.count(.errors), 0)
        expectEqual(try house.master.ask("EXISTS", "floodgate:once:b"), "1")

        try house.waitUntilWhole()
        let second = try house.masterIndex
        house.servers[second].kill()
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        try worker.run("found") { $0.value(of: .lost) == 0 }
        let more = worker.trips
        worker.once("c")
        try worker.run("answered") { $0.storeRoundTrips.count == more + 1 }
        expectEqual(try house.servers[first].ask("EXISTS", "floodgate:once:c"), "1")
        verify(worker.logged.contains("redis master found"), "\(worker.logged)")
    }

    @Test func `the first sentinel may be gone, and both have passwords of their own`() throws {
        var options = RedisSentinels.Options()
        options.server.password = "secret"
        options.sentinelPassword = "guarded"
        let house = try RedisSentinels(options)
        house.sentinels[0].kill()
        var worker = try LinkedCore(
            Self.settings(house, credentials: ":secret@", more: ", sentinel_password: guarded"))
        worker.directory.settle(within: .seconds(10))
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        worker.once("a")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(try house.servers[0].ask("EXISTS", "floodgate:once:a"), "1")
        verify(!worker.logged.contains("secret") && !worker.logged.contains("guarded"))
    }

    @Test func `a master that has become a replica is left at once`() throws {
        let house = try RedisSentinels()
        var worker = try LinkedCore(Self.settings(house))
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        worker.directory.stop()
        try house.servers[0].ask("CLIENT", "NO-EVICT", "on")
        // By hand, so that its connections stay: sentinels end them.
        try house.servers[0].ask("REPLICAOF", "127.0.0.1", "1")
        worker.once("a")
        try worker.run("lost") { $0.value(of: .lost) == 1 }
        expectEqual(worker.count(.errors), 1)
        for _ in 0..<100 { worker.once("b") }
        expectEqual(worker.count(.refused), 100, "a replica is asked nothing")
        verify(worker.health.reading.reason == "the server is a replica now", "\(worker.health.reading)")
    }

    @Test func `users who may do what README lists are enough`() throws {
        var options = RedisSentinels.Options()
        options.replicas = 0
        options.sentinels = 1
        let house = try RedisSentinels(options)
        func allow(_ server: RedisServer, _ rules: String) throws {
            try server.ask(
                ["ACL", "SETUSER", "gate", "on", ">pass"] + rules.split(separator: " ").map(String.init))
            try server.ask("ACL", "SETUSER", "default", "off")
        }
        try allow(house.sentinels[0], "+auth +ping +sentinel|get-master-addr-by-name")
        try allow(house.servers[0], "~floodgate:* +auth +ping +set +role")
        var worker = try LinkedCore(
            Self.settings(
                house, credentials: "gate:pass@", more: ", sentinel_user: gate, sentinel_password: pass"))
        try worker.run("connected") { $0.value(of: .connects) == 1 }
        worker.once("a")
        try worker.run("answered") { $0.storeRoundTrips.count == 1 }
        expectEqual(worker.count(.errors), 0, "\(worker.said)")
    }

    @Test(
        arguments: [
            ("master: shop", "master: another", "no master of this name"),
            ("sentinel_password: guarded", "sentinel_password: wrong", "WRONGPASS"),
            (":secret@", ":wrong@", "WRONGPASS"),
        ])
    func `what is wrong is said once, without the secret, and nothing is asked`(
        old: String, new: String, reason: String
    ) throws {
        var options = RedisSentinels.Options()
        options.replicas = 0
        options.sentinels = 1
        options.server.password = "secret"
        options.sentinelPassword = "guarded"
        let house = try RedisSentinels(options)
        let settings = Self.settings(house, credentials: ":secret@", more: ", sentinel_password: guarded")
        var worker = try LinkedCore(settings.replacing(old, with: new))
        worker.directory.settle(within: .seconds(10))
        worker.turn()
        worker.once("a")
        expectEqual(worker.count(.refused), 1)
        verify(worker.health.reading.reason?.contains(reason) == true, "\(worker.health.reading)")
        let logged = worker.logged
        expectEqual(logged.split(separator: "\n").count { $0.contains("redis lost") }, 1, "\(logged)")
        verify(logged.contains(reason), "\(logged)")
        verify(!logged.contains("secret") && !logged.contains("guarded"))
    }
}
