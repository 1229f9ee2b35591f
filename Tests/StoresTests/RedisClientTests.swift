import Bytes
import Reactor
import Redis
import Stores
import TLS
import TestServers
import Testing
import Time

/// The control plane's client before a real Redis, and before servers that are none.
@Suite(.serialized)
struct RedisClientTests {
    /// Connects, and says what came of it.
    private static func outcome(_ target: RedisTarget, within limit: Duration = .seconds(5)) -> Loss? {
        var client = RedisClient(target)
        do throws(Loss) {
            try client.connect(by: SystemClock.now() + limit)
            let reply = try client.ask(by: SystemClock.now() + limit) { writer in
                writer.begin(2)
                writer.word("ECHO")
                writer.word("hello")
            }
            return reply.bytes.equals("hello") ? nil : .broken
        } catch {
            return error
        }
    }

    private static func isRefused(_ loss: Loss?, _ words: String) -> Bool {
        guard case .refused(let reason) = loss else { return false }
        return reason.contains(words)
    }

    @Test func `a password, and none where one is needed`() throws {
        var options = RedisServer.Options()
        options.password = "s3cr:et"
        let server = try RedisServer(options)
        let port = server.port
        expectEqual(Self.outcome(try target("redis://:s3cr%3Aet@127.0.0.1:\(port)")), nil)
        verify(Self.isRefused(Self.outcome(try target("redis://:wrong@127.0.0.1:\(port)")), "WRONGPASS"))
        verify(Self.isRefused(Self.outcome(try target("redis://127.0.0.1:\(port)")), "NOAUTH"))
    }

    @Test func `a user of Redis' access lists who may do what gateways do and no more`() throws {
        var options = RedisServer.Options()
        options.user = (
            "gate", "pass",
            [
                "~floodgate:*", "&floodgate:*", "-@all", "+auth", "+select", "+ping", "+set", "+echo",
                "+@scripting",
            ]
        )
        let server = try RedisServer(options)
        expectEqual(Self.outcome(try target("redis://gate:pass@127.0.0.1:\(server.port)")), nil)
        verify(
            Self.isRefused(Self.outcome(try target("redis://gate:no@127.0.0.1:\(server.port)")), "WRONGPASS"))
    }

    @Test func `a database of its own, and one that is not there`() throws {
        let server = try RedisServer()
        var client = RedisClient(try target("redis://127.0.0.1:\(server.port)/5"))
        try client.connect(by: seconds(5))
        _ = try client.ask(by: seconds(5)) { writer in
            writer.begin(3)
            writer.word("SET")
            writer.word("k")
            writer.word("v")
        }
        expectEqual(try server.ask("-n", "5", "GET", "k"), "v")
        expectEqual(try server.ask("GET", "k"), "")
        let loss = Self.outcome(try target("redis://127.0.0.1:\(server.port)/99"))
        verify(Self.isRefused(loss, "database 99"), "\(String(describing: loss))")
    }

    @Test func `a unix socket`() throws {
        var options = RedisServer.Options()
        options.listensOnSocket = true
        let server = try RedisServer(options)
        expectEqual(Self.outcome(try target("unix://\(server.socketPath)?db=3")), nil)
        let loss = Self.outcome(try target("unix:///nowhere/redis.sock"))
        guard case .connectFailed = loss else {
            Issue.record("\(String(describing: loss))")
            return
        }
    }

    @Test func `TLS, whose certificate must be by a trusted authority and for the host`() throws {
        let authority = try TestAuthority()
        let pair = try authority.leaf(["127.0.0.1", "redis.internal"])
        var options = RedisServer.Options()
        options.tls = (pair.certificate, pair.key, authority.path)
        let server = try RedisServer(options)
        var wanted = try target("rediss://127.0.0.1:\(server.tlsPort)")
        var material = ClientMaterial()
        material.applications = []
        material.authorities = authority.bytes
        wanted.material = material
        expectEqual(Self.outcome(wanted), nil)

        wanted.certificateName = "redis.internal"
        expectEqual(Self.outcome(wanted), nil)
        wanted.certificateName = "other.internal"
        verify(Self.isUntrusted(Self.outcome(wanted)), "another name")
        wanted.certificateName = nil
        wanted.material?.authorities = try TestAuthority().bytes
        verify(Self.isUntrusted(Self.outcome(wanted)), "another authority")
        wanted.material?.authorities = nil
        verify(Self.isUntrusted(Self.outcome(wanted)), "the system's authorities")
        wanted.material?.verifies = false
        expectEqual(Self.outcome(wanted), nil, "off, because somebody said so")
        // Encrypted words to a server that speaks in plain, and the other way round.
        wanted.address.place = .host("127.0.0.1", port: server.port)
        verify(Self.outcome(wanted) != nil)
        verify(Self.outcome(try target("redis://127.0.0.1:\(server.tlsPort)"), within: .seconds(1)) != nil)
    }

    private static func isUntrusted(_ loss: Loss?) -> Bool {
        guard case .encryption(let reason) = loss else { return false }
        return reason.contains("not trusted")
    }

    @Test(
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", true), ("\u{0}\u{1}\u{2}", true), ("+OK\r\n", true),
            ("*1000000\r\n", false), ("$5\r\nab", false), (nil, true), (nil, false),
        ] as [(String?, Bool)])
    func `a server that is no Redis is a loss within the deadline`(says: String?, closes: Bool) throws {
        let server = try ForeignServer(says: says, closes: closes)
        defer { server.stop() }
        let loss = Self.outcome(try target("redis://127.0.0.1:\(server.port)"), within: .milliseconds(300))
        verify(loss != nil)
        expectEqual(server.connections, 1)
    }

    @Test func `nobody there, a name that is not there, and a server that hangs`() throws {
        let port = try TestPort.free()
        guard case .connectFailed(let reason) = Self.outcome(try target("redis://127.0.0.1:\(port)")) else {
            Issue.record("connected to nobody")
            return
        }
        verify(reason.contains("refused"))
        expectEqual(Self.outcome(try target("redis://no-such-host.invalid")), .unresolved)

        let server = try RedisServer()
        var client = RedisClient(try target(server.address))
        try client.connect(by: seconds(5))
        server.hang()
        defer { server.goOn() }
        expectEqual(Self.outcome(try target(server.address), within: .milliseconds(200)), .connectTimeout)
        do throws(Loss) {
            _ = try client.ask(by: SystemClock.now() + .milliseconds(100)) { writer in
                writer.begin(1)
                writer.word("PING")
            }
            Issue.record("a server that hangs has answered")
        } catch {
            expectEqual(error, .hung)
        }
        expectEqual(client.isConnected, false, "what comes late is nobody's")
    }
}
