import Proxy
import Redis
import Stores
import TLS
import Testing

@testable import Settings

@Suite struct RedisSettingsTests {
    private func target(_ redis: String, environment: [String: String] = [:]) -> RedisTarget? {
        load(valid + redis, environment: environment).settings?.redis.target
    }

    @Test(arguments: ["", "redis: memory\n", "redis: { url: memory }\n", "redis: \"${REDIS_URL:-memory}\"\n"])
    func `without an address, memory is shared with nobody`(redis: String) {
        #expect(headlines(valid + redis) == [])
        #expect(target(redis) == nil)
    }

    @Test func `an address alone, or with what belongs to it`() throws {
        let short = target("redis: redis://:secret@cache.internal/2\n")
        #expect(short?.address.description == "redis://:***@cache.internal:6379/2")
        #expect(short?.prefix == "floodgate:")
        #expect(short?.timeout == .milliseconds(20))
        #expect(short?.material == nil)
        #expect(short?.name == "cache.internal")

        let long = target(
            "redis: { url: \"${REDIS_URL}\", key_prefix: \"shop:\", timeout: 50ms, tls: { name: cache } }\n",
            environment: ["REDIS_URL": "rediss://gate:secret@10.0.0.1:7000"])
        #expect(long?.address.description == "rediss://gate:***@10.0.0.1:7000")
        #expect(long?.prefix == "shop:")
        #expect(long?.timeout == .milliseconds(50))
        #expect(long?.certificateName == "cache")
        #expect(long?.material?.verifies == true, "verified without a word")
        #expect(long?.name == nil)
        #expect(target("redis: rediss://h\n")?.material?.applications == [])
    }

    @Test(arguments: [
        (
            "redis: http://secret@h\n",
            "redis: a secret: an address begins with redis://, rediss:// or unix://"
        ),
        ("redis: \"redis://u:secret@h@h\"\n", "redis: a secret: an @ in a password is written %40"),
        ("redis: { url: redis }\n", "redis.url: a secret: an address begins with"),
        ("redis: [1]\n", "redis: expected a map of keys, found a list"),
        (
            "redis: { url: redis://h, tls: { verify: true } }\n",
            "redis: tls is for a url that begins with rediss://"
        ),
        ("redis: { url: redis://h, key_prefix: \"{x}\" }\n", "a prefix is visible ASCII without braces"),
        ("redis: { url: redis://h, timeout: 2s }\n", "redis.timeout: expected a duration from 1ms to 1s"),
        (
            "redis: { url: redis://h/1, mode: cluster }\n", "redis: a cluster has database 0 alone"
        ),
        ("redis: { url: unix:///r.sock, mode: cluster }\n", "redis: mode: cluster goes over the network"),
        ("redis: { url: memory, mode: cluster }\n", "redis: mode: cluster needs a url"),
        ("redis: { url: redis://h, mode: clustered }\n", "did you mean \"cluster\"?"),
        ("redis: { url: redis://h, nodes: [i:1] }\n", "redis: nodes are for mode: cluster or mode: sentinel"),
        ("redis: { url: redis://h, mode: cluster, nodes: [i] }\n", "a node is host:port"),
        ("redis: { url: redis://h, mode: cluster, nodes: [\"u:p@i:1\"] }\n", "all else is said by url"),
        ("redis: { url: redis://h, mode: cluster, nodes: [\"i:0\"] }\n", "a port is a number from 1"),
        ("redis: { url: redis://h, mode: cluster, master: shop }\n", "redis: master is for mode: sentinel"),
        (
            "redis: { url: redis://h, mode: cluster, sentinel_password: secret }\n",
            "redis: sentinel_password is for mode: sentinel"
        ),
        ("redis: { url: redis://h, mode: sentinel }\n", "redis: mode: sentinel needs master"),
        (
            "redis: { url: unix:///r.sock, mode: sentinel, master: m }\n",
            "mode: sentinel goes over the network"
        ),
        (
            "redis: { url: redis://h, mode: sentinel, master: m, sentinel_user: u }\n",
            "sentinel_user needs sentinel_password"
        ),
        ("redis: { urll: redis://h }\n", "unknown key \"urll\" (did you mean \"url\"?)"),
    ])
    func `what is wrong is said without the secret`(redis: String, words: String) {
        let found = load(valid + redis)
        #expect(found.diagnostics.contains { $0.headline.contains(words) }, "\(found.diagnostics.text)")
        #expect(!found.diagnostics.text.contains("secret@"), "\(found.diagnostics.text)")
    }
}
