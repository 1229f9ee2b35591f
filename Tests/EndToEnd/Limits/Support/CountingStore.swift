import TestServers

/// Where gateways of a test count together.
final class CountingStore {
    enum Kind: CaseIterable { case redis, cluster, sentinels }

    /// What stands behind `redis:`. Patient: how many are admitted is not to depend on a busy machine.
    let settings: String
    let server: RedisServer?
    let cluster: RedisCluster?
    let sentinels: RedisSentinels?

    init(_ kind: Kind) throws {
        switch kind {
        case .redis:
            let server = try RedisServer()
            (self.server, cluster, sentinels) = (server, nil, nil)
            settings = "{ url: \(server.address), timeout: 1s }"
        case .cluster:
            let cluster = try RedisCluster()
            (server, self.cluster, sentinels) = (nil, cluster, nil)
            let nodes = cluster.places.dropFirst().joined(separator: ", ")
            settings = "{ url: \(cluster.address), mode: cluster, nodes: [\(nodes)], timeout: 1s }"
        case .sentinels:
            let sentinels = try RedisSentinels()
            (server, cluster, self.sentinels) = (nil, nil, sentinels)
            let (first, nodes) = (sentinels.places[0], sentinels.places.dropFirst().joined(separator: ", "))
            settings =
                "{ url: redis://\(first), mode: sentinel, master: \(sentinels.name), "
                + "nodes: [\(nodes)], timeout: 1s }"
        }
    }
}
