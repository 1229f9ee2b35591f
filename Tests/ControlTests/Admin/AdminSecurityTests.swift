import Addressing
import Bytes
import Foundation
import Testing

@testable import Control

@Suite struct AdminSecurityTests {
    // MARK: Host

    @Test(arguments: [
        "localhost", "LocalHost", "localhost:80", "127.0.0.1", "127.0.0.1:9901", "127.8.9.10", "[::1]",
        "[::1]:9901",
        "[::ffff:127.0.0.1]",
    ])
    func `a host of this machine is let in`(host: String) throws {
        let server = try AdminTestServer()
        #expect(server.get(host: host)?.status == 200)
    }

    @Test(arguments: [
        "evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
        "[::2]",
        "0x7f000001", "2130706433", "unix", "localhost.", "0.0.0.0",
    ])
    func `a name that points here but is not ours gets 421 and reaches no handler`(host: String) throws {
        let server = try AdminTestServer()
        let answer = try #require(server.get(host: host))
        #expect(answer.status == 421)
        #expect(answer.json?["status"] as? Int == 421)
        #expect(answer.field("Content-Type") == "application/problem+json")
        #expect(server.handled.value == 0)
    }

    @Test func `a request without a host is refused`() throws {
        let server = try AdminTestServer()
        #expect(server.ask("GET / HTTP/1.0\r\n\r\n")?.status == 421)
        #expect(server.ask("GET / HTTP/1.1\r\n\r\n")?.status == 400)
        #expect(server.ask("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")?.status == 400)
        #expect(server.handled.value == 0)
    }

    @Test func `an absolute target does not get around the host`() throws {
        let server = try AdminTestServer()
        #expect(server.ask("GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")?.status == 400)
        #expect(server.ask("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n")?.status == 400)
        #expect(server.handled.value == 0)
    }

    @Test func `a name that the operator allowed is let in, and only that`() throws {
        let server = try AdminTestServer(hosts: ["Gateway.internal"])
        #expect(server.get(host: "gateway.INTERNAL:9901")?.status == 200)
        #expect(server.get(host: "x.gateway.internal")?.status == 421)
    }

    @Test func `a listener on every address may be asked for by any address, not by any name`() throws {
        let server = try AdminTestServer(address: .ip(Addressing.IPAddress(ipv4: 0), port: 0))
        #expect(server.get(host: "192.0.2.7:9901")?.status == 200)
        #expect(server.get(host: "evil.example")?.status == 421)
    }

    @Test func `a unix socket is asked for as unix or localhost`() throws {
        let path = "/tmp/floodgate-admin-\(UUID().uuidString).sock"
        defer { unlink(path) }
        let server = try AdminTestServer(address: .unix(path: path))
        #expect(server.get(host: "unix")?.status == 200)
        #expect(server.get(host: "localhost")?.status == 200)
        #expect(server.get(host: "evil.example")?.status == 421)
    }

    // MARK: Token

    static let token = "correct-horse-battery"

    @Test(arguments: [
        "", "Authorization: Bearer wrong-horse-battery\r\n", "Authorization: Bearer correct-horse-batter\r\n",
        "Authorization: Bearer correct-horse-battery1\r\n", "Authorization: Bearer \r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer correct-horse-batterycorrect-horse-battery\r\n",
        "Authorization: Basic correct-horse-battery\r\n", "Authorization: correct-horse-battery\r\n",
        "X-Authorization: Bearer correct-horse-battery\r\n",
    ])
    func `without the token there is 401 and nothing else`(field: String) throws {
        let server = try AdminTestServer(token: Self.token)
        let answer = try #require(server.get("/healthz", field))
        #expect(answer.status == 401)
        #expect(answer.field("WWW-Authenticate")?.hasPrefix("Bearer") == true)
        #expect(server.post("/reload", field)?.status == 401)
        #expect(server.handled.value == 0)
    }

    @Test(arguments: ["Bearer", "bearer", "BEARER"])
    func `with the token the request is let in`(scheme: String) throws {
        let server = try AdminTestServer(token: Self.token)
        #expect(server.get("/", "Authorization: \(scheme) \(Self.token)\r\n")?.status == 200)
    }

    @Test func `the token does not get around the host`() throws {
        let server = try AdminTestServer(token: Self.token)
        #expect(server.get(host: "evil.example", "Authorization: Bearer \(Self.token)\r\n")?.status == 421)
    }

    @Test func `another token holds from the next request on`() throws {
        let server = try AdminTestServer(token: Self.token)
        server.server.update(token: "another-token-of-ours")
        #expect(server.get("/", "Authorization: Bearer \(Self.token)\r\n")?.status == 401)
        #expect(server.get("/", "Authorization: Bearer another-token-of-ours\r\n")?.status == 200)
        server.server.update(token: nil)
        #expect(server.get("/")?.status == 200)
    }

    @Test func `neither what was presented nor the token is ever logged or answered`() throws {
        let server = try AdminTestServer(token: Self.token)
        let answer = try #require(
            server.get("/?token=presented-secret", "Authorization: Bearer presented-secret\r\n"))
        let log = server.log.read()
        #expect(log.contains("admin request refused status=401"))
        for text in [log, answer.head, answer.body] {
            #expect(!text.contains(Self.token))
            #expect(!text.contains("presented-secret"))
        }
    }

    @Test func `tokens are equal only where every byte and the length are`() {
        let token = Array("0123456789abcdef".utf8)
        func isEqual(_ bytes: [UInt8]) -> Bool { bytes.withView { AdminGuard.isEqual($0, token) } }
        #expect(isEqual(token))
        for index in token.indices {
            var other = token
            other[index] ^= 0x80
            #expect(!isEqual(other))
            #expect(!isEqual(Array(token[..<index])))
        }
        #expect(!isEqual(token + token))
        #expect(!Array("x".utf8).withView { AdminGuard.isEqual($0, []) })
        #expect(![].withView { AdminGuard.isEqual($0, []) })
    }

    // MARK: Origin

    @Test(arguments: [
        "https://evil.example", "null", "http://localhost:1", "http://localhost",
        "http://localhost:9901.evil.example",
        "ftp://localhost:9901", "http://", "localhost:9901", "http://127.0.0.1:9901",
        "http://localhost:9901/",
    ])
    func `a post from a page of another origin is refused`(origin: String) throws {
        let server = try AdminTestServer()
        let answer = try #require(server.post(host: "localhost:9901", "Origin: \(origin)\r\n"))
        #expect(answer.status == 403)
        #expect(server.handled.value == 0)
    }

    @Test(arguments: ["http://localhost:9901", "https://localhost:9901", "http://LOCALHOST:9901"])
    func `a post from a page of this listener is let in`(origin: String) throws {
        let server = try AdminTestServer()
        #expect(server.post(host: "localhost:9901", "Origin: \(origin)\r\n")?.status == 200)
    }

    @Test func `no page of another origin may read anything`() throws {
        let server = try AdminTestServer()
        let answer = try #require(server.get("/", "Origin: https://evil.example\r\n"))
        #expect(!answer.head.lowercased().contains("access-control"))
        let preflight = try #require(
            server.ask("OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n"))
        #expect(!preflight.head.lowercased().contains("access-control"))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/1.1\r\nHost: evil\r\n\r\n", "x\r\n\r\n",
    ])
    func `every answer forbids guessing, keeping and framing`(request: String) throws {
        let server = try AdminTestServer()
        let answer = try #require(server.ask(request))
        #expect(answer.field("X-Content-Type-Options") == "nosniff")
        #expect(answer.field("Cache-Control") == "no-store")
        #expect(answer.field("X-Frame-Options") == "DENY")
        #expect(answer.field("Connection") == "close")
    }
}
