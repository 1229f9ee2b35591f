import Foundation
import TestServers
import Testing

/// Gateways around a real Redis Cluster, and around a master that sentinels watch: what a key has done is
/// done for all of them, and whatever happens to a server, no client sees it.
@Suite(.serialized, .timeLimit(.minutes(20))) struct RedisNodesTests {
    private static func gateway(_ origin: ScriptedOrigin, _ redis: String) throws -> GatewayProcess {
        let gateway = try GatewayProcess(keyed: origin, workers: 2, top: "redis: \(redis)")
        try eventually("shared", within: .seconds(20)) {
            let client = try RawClient(port: gateway.ports.admin)
            defer { client.close() }
            let body = try client.ask(
                "GET /status HTTP/1.1\r\nHost: 127.0.0.1:\(gateway.ports.admin)\r\n\r\n"
            )
            .body
            let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            return (object?["redis"] as? [String: Any])?["shared"] as? Bool == true
        }
        return gateway
    }

    private static func origin() throws -> ScriptedOrigin {
        try ScriptedOrigin(scripts: [[.forever([.expectRequest, .respond(body: "done")])]])
    }

    /// Asks by a key, which must be answered well, and says whether the answer was one that was kept.
    private static func ask(_ gateway: GatewayProcess, _ key: String) throws -> Bool {
        let client = try gateway.client()
        defer { client.close() }
        let answer = try client.ask(keyed(key))
        #expect(answer.status == 200, "\(key): \(answer.status) \(answer.text)")
        return answer.isReplayed
    }

    @Test func `what one gateway has done by a key, another one knows, over all nodes of a cluster`() throws {
        let cluster = try RedisCluster()
        let origin = try Self.origin()
        defer { origin.stop() }
        let redis = "{ url: \(cluster.address), mode: cluster, nodes: [\(cluster.places[1])] }"
        let (first, second) = (try Self.gateway(origin, redis), try Self.gateway(origin, redis))
        for number in 0..<40 { #expect(try Self.ask(first, "key-\(number)") == false) }
        for number in 0..<40 { #expect(try Self.ask(second, "key-\(number)"), "key-\(number)") }
        for node in cluster.nodes {
            #expect(try Int(node.ask("DBSIZE")) ?? 0 > 0, "each node has some")
        }
        #expect(first.said("redis lost") == 0)
    }

    @Test func `slots move and a node dies while clients are served`() throws {
        let cluster = try RedisCluster()
        let origin = try Self.origin()
        defer { origin.stop() }
        let redis = "{ url: \(cluster.address), mode: cluster, nodes: [\(cluster.places[1])] }"
        let (first, second) = (try Self.gateway(origin, redis), try Self.gateway(origin, redis))
        for number in 0..<40 { _ = try Self.ask(first, "key-\(number)") }
        let keys = try cluster.nodes[0].ask("KEYS", "*").split(separator: "\n").map(String.init)
        for slot in Set(try keys.map { try cluster.slot(of: $0) }) {
            try cluster.move(slot: slot, from: 0, to: 2)
        }
        for number in 0..<40 {
            #expect(try Self.ask(second, "key-\(number)"), "key-\(number) after the move")
        }
        cluster.nodes[1].kill()
        var replayed = 0
        for number in 0..<40 where try Self.ask(second, "key-\(number)") { replayed += 1 }
        #expect(replayed > 10, "what other nodes have is known: \(replayed)")
        try second.waitUntilSaid("redis lost, going on without it", within: .seconds(20))
        try cluster.nodes[1].start()
        try second.waitUntilSaid("redis is back", within: .seconds(20))
    }

    @Test func `a master is killed, and another one has what was done`() throws {
        let house = try RedisSentinels()
        let origin = try Self.origin()
        defer { origin.stop() }
        let redis =
            "{ url: redis://\(house.places[0]), mode: sentinel, master: \(house.name), "
            + "nodes: [\(house.places.dropFirst().joined(separator: ", "))] }"
        let (first, second) = (try Self.gateway(origin, redis), try Self.gateway(origin, redis))
        for number in 0..<20 { #expect(try Self.ask(first, "key-\(number)") == false) }
        let old = try house.masterIndex
        // What a master has told nobody dies with it: the replica has everything first.
        try eventually("replicated", within: .seconds(20)) {
            try house.servers[1 - old].ask("DBSIZE") == house.servers[old].ask("DBSIZE")
        }
        house.servers[old].kill()
        for number in 0..<20 { _ = try Self.ask(second, "while-\(number)") }
        try house.waitForMaster(otherThan: old)
        try eventually("followed", within: .seconds(20)) {
            _ = try Self.ask(first, "probe-\(UUID().uuidString)")
            return first.said("redis master found") == 2 && second.said("redis master found") == 2
        }
        try second.waitUntilSaid("redis is back", within: .seconds(20))
        for number in 0..<20 { #expect(try Self.ask(second, "key-\(number)"), "key-\(number)") }
    }
}
