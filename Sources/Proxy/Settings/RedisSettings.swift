import Redis
import Settings
import Stores
import TLS
import Upstream

/// What gateways share, and by which Redis.
package struct RedisSettings: Equatable, Sendable {
    /// How the server that a command goes to is found.
    package enum Mode: String, CaseIterable, Sendable { case single, cluster, sentinel }

    /// Nil is the memory of this process. The server, or the first of those that tell which servers there
    /// are.
    package var url: RedisAddress?
    package var mode = Mode.single
    /// Further nodes of the cluster, or further sentinels.
    package var nodes: [RedisNode] = []
    /// What sentinels call the master.
    package var master = ""
    /// Of the sentinels themselves; the url's are of the servers that hold data.
    package var sentinelUser: String?
    package var sentinelPassword: String?
    package var tls: UpstreamTLSSettings?
    /// What all keys and channels begin with.
    package var keyPrefix = RedisTarget.defaultPrefix
    package var timeout = RedisTarget.defaultTimeout

    package init() {}

    /// What workers and the control plane use; nil for memory.
    package var target: RedisTarget? {
        guard let url else { return nil }
        var material: ClientMaterial?
        if url.isEncrypted {
            material = tls?.material ?? ClientMaterial()
            // Redis speaks one protocol: none is negotiated.
            material?.applications = []
        }
        let mode: RedisTarget.Mode =
            switch mode {
            case .single: .single
            case .cluster: .cluster
            case .sentinel:
                .sentinel(WatchedMaster(name: master, user: sentinelUser, password: sentinelPassword))
            }
        return RedisTarget(
            address: url, mode: mode, nodes: nodes, material: material, certificateName: tls?.name,
            prefix: keyPrefix, timeout: timeout)
    }
}

extension RedisSettings {
    package static let section = Section(
        "The Redis that gateways share: nonces, answers that are kept, revocations, bans and API keys.",
        initial: RedisSettings(),
        fields: [
            Field(
                "url", \.url, .redisAddress, visibility: .secret, reload: .live,
                "memory, or where the server is and who asks it: redis://, rediss:// with TLS, or unix://.",
                example: "\"${REDIS_URL:-memory}\""),
            Field(
                "mode", \.mode, .choice, reload: .live,
                "What url and nodes are: the server, nodes of a cluster, or sentinels that name a master.",
                example: "cluster"),
            Field(
                "nodes", \.nodes, .list(of: .redisNode, 0...32), reload: .live,
                "Further nodes of the cluster, or further sentinels: who is asked where url does not answer.",
                example: "[10.0.0.2:6379, 10.0.0.3:6379]"),
            Field(
                "master", \.master, .text("what sentinels call the master", maxLength: 128), reload: .live,
                "The name under which the sentinels watch the master.", example: "shop"),
            Field(
                "sentinel_user", \.sentinelUser, .optional(.text("a user of the sentinels", maxLength: 512)),
                reload: .live,
                "Who asks the sentinels, where they know users; those of url are for the servers with data.",
                example: "watcher"),
            Field(
                "sentinel_password", \.sentinelPassword,
                .optional(.text("a password of the sentinels", maxLength: 512)), visibility: .secret,
                reload: .live, "The sentinels' own password, where they ask for one.",
                example: "\"${SENTINEL_PASSWORD}\""),
            Field(
                "tls", \.tls, .optional(UpstreamTLSSettings.section.kind()), reload: .live,
                "How a server that is reached by rediss:// is trusted; the system's authorities without it.",
                example: "{ authorities: Certs/authority.pem }"),
            Field(
                "key_prefix", \.keyPrefix, .keyPrefix, reload: .live,
                "What all keys and channels begin with; gateways that share have the same.",
                example: "\"shop:\""),
            Field(
                "timeout", \.timeout, .duration(.milliseconds(1)...(.seconds(1))), reload: .live,
                "How long a request waits for Redis at most, before it goes on without.", example: "50ms"),
        ],
        check: { settings, node, reader in
            if settings.tls != nil, settings.url?.isEncrypted != true {
                reader.report(
                    at: node.mark, "\(reader.path.text): tls is for a url that begins with rediss://")
            }
            for problem in settings.contradictions {
                reader.report(
                    at: reader.mark(of: reader.path + [.key(problem.key)]),
                    "\(reader.path.text): \(problem.words)")
            }
        })

    /// What cannot be together, each with the key where it is said.
    private var contradictions: [(key: String, words: String)] {
        var found: [(String, String)] = []
        switch mode {
        case .single:
            if !nodes.isEmpty { found.append(("nodes", "nodes are for mode: cluster or mode: sentinel")) }
        case .cluster:
            if let url, url.database != 0 { found.append(("url", "a cluster has database 0 alone")) }
        case .sentinel:
            if master.isEmpty {
                found.append(("mode", "mode: sentinel needs master, the name that the sentinels know"))
            }
        }
        if mode != .sentinel {
            let keys = [
                ("master", !master.isEmpty), ("sentinel_user", sentinelUser != nil),
                ("sentinel_password", sentinelPassword != nil),
            ]
            for (key, isSet) in keys where isSet { found.append((key, "\(key) is for mode: sentinel")) }
        }
        if sentinelUser != nil, sentinelPassword == nil {
            found.append(("sentinel_user", "sentinel_user needs sentinel_password"))
        }
        guard mode != .single else { return found }
        switch url?.place {
        case nil: found.append(("mode", "mode: \(mode.rawValue) needs a url: the first to be asked"))
        case .unix:
            found.append(("url", "mode: \(mode.rawValue) goes over the network: redis:// or rediss://"))
        case .host: break
        }
        return found
    }

    /// The section, or its `url` alone.
    package static var kind: Kind<RedisSettings> {
        let whole = section.kind()
        return Kind(
            words: "memory, an address of Redis, or a map of keys",
            schema: .object([
                ("anyOf", .array([.object([("type", .string("string"))]), whole.schema]))
            ]),
            shape: whole.shape,
            read: { node, reader in
                guard case .scalar = node.content, !node.isNull else { return whole.read(node, &reader) }
                let url = reader.readingSecret(node) { reader in
                    Kind<RedisAddress?>.redisAddress.read(node, &reader)
                }
                guard let url else { return nil }
                var settings = RedisSettings()
                settings.url = url
                return settings
            },
            write: { _ in nil })
    }
}

extension Kind where Value == RedisAddress? {
    fileprivate static var redisAddress: Kind {
        .scalar("memory or an address of Redis") { text throws(Refusal) in
            if text == "memory" { return nil }
            let address: RedisAddress
            do throws(RedisAddress.Problem) {
                address = try RedisAddress(text)
            } catch {
                throw Refusal(error.words)
            }
            for part in [address.user, address.password] where (part?.utf8.count ?? 0) > 512 {
                throw Refusal("a user or a password has 512 bytes at most")
            }
            return address
        } write: { address in
            address == nil ? "memory" : nil
        }
    }
}

extension Kind where Value == RedisNode {
    fileprivate static var redisNode: Kind {
        .scalar("host:port") { text throws(Refusal) in
            do throws(RedisAddress.Problem) {
                return try RedisNode(text)
            } catch {
                throw Refusal(error.words)
            }
        } write: {
            $0.description
        }
    }
}

extension Kind where Value == String {
    fileprivate static var keyPrefix: Kind {
        .text("a prefix", maxLength: 64) { text throws(Refusal) in
            // Braces say which part of a key a cluster looks at: that is the gateway's own to say.
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x7B && $0 != 0x7D }) else {
                throw Refusal("a prefix is visible ASCII without braces")
            }
        }
    }
}
