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
        let slots = try cluster.filledSlots(of: 0)
        #expect(slots.count > 5)
        for slot in slots { try cluster.move(slot: slot, from: 0, to: 2) }
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

    @Test func `a limit holds exactly while its slots are on their way from node to node`() throws {
        let cluster = try RedisCluster()
        let gateways = try (0..<2).map { _ in
            try GatewayProcess { ports in
                """
                workers: 1
                listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
                admin: { address: 127.0.0.1:\(ports.admin) }
                drain: { announce: 0s, deadline: 1s }
                redis: { url: \(cluster.address), mode: cluster, timeout: 500ms }
                limits: { each: { rate: 40 per 1d, by: "header:x-user", on_store_error: closed } }
                routes: [{ path: /*, respond: { status: 200, text: ok }, limits: [each] }]

                """
            }
        }
        for gateway in gateways {
            try eventually("connected", within: .seconds(20)) {
                try gateway.metric("floodgate_redis_connects_total") == 3
            }
        }
        let clients = try gateways.map { try $0.client() }
        var answers = [Int: [Int]]()
        func ask(_ rounds: Range<Int>) throws {
            for round in rounds {
                for user in 0..<12 {
                    let answer = try clients[(round + user) % 2].ask(get("/", "X-User: user-\(user)"))
                    answers[user, default: []].append(answer.status)
                }
            }
        }
        try ask(0..<15)
        let slots = try cluster.filledSlots(of: 0)
        #expect(slots.count > 1)
        for slot in slots { try cluster.beginMove(slot: slot, from: 0, to: 1) }
        try ask(15..<25)
        for slot in slots { try cluster.moveKeys(slot: slot, from: 0, to: 1) }
        try ask(25..<35)
        for slot in slots { try cluster.endMove(slot: slot, from: 0, to: 1) }
        try ask(35..<50)
        for (user, statuses) in answers {
            #expect(
                statuses == Array(repeating: 200, count: 40) + Array(repeating: 429, count: 10),
                "user \(user)")
        }
        #expect(try gateways[0].metric("floodgate_redis_redirections_total") ?? 0 > 0)
        for client in clients { client.close() }
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
