import Redis
import Settings
import Stores
import TLS
import Upstream

/// What gateways share, and by which Redis.
package struct RedisSettings: Equatable, Sendable {
    /// Nil is the memory of this process.
    package var url: RedisAddress?
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
        return RedisTarget(
            address: url, material: material, certificateName: tls?.name, prefix: keyPrefix, timeout: timeout)
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
        })

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
