import Foundation
import Testing

/// Where clients connect, and who balancers say they are (PROXY protocol).
@Suite(.timeLimit(.minutes(20))) struct ListenerTests {
    @Test func `clients connect by IPv4, IPv6 and unix sockets alike`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let path = Loopback.unusedSocketPath()
        let gateway = try GatewayProcess(otherPorts: 1) { ports in
            """
            workers: 1
            # Opened in this order: the one that the start is known by comes last.
            listeners:
              - address: "[::1]:\(ports.other[0])"
              - address: unix:\(path)
              - address: 127.0.0.1:\(ports.gateway)
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        let six = RawClient(socket: try .connect(ipv6Port: gateway.ports.other[0]))
        let local = RawClient(socket: try .connect(unix: path))
        for client in [try gateway.client(), six, local] {
            for _ in 0..<2 { #expect(try client.ask(get("/l")).text == "ok") }
        }
        let requests = try origin.requests(6)
        #expect(requests[2].value("X-Forwarded-For") == "::1")
        #expect(requests[2].value("X-Forwarded-Port") == "\(gateway.ports.other[0])")
        #expect(requests[4].values("X-Forwarded-Port").isEmpty)
        #expect(try gateway.logged("/l", count: 6).contains { $0["client"] as? String == "::1" })
        gateway.terminate()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// - Parameter trusted: whether the tests' own address is.
    private func withBalancer(
        _ versions: String, trusted: Bool = true, body: (GatewayProcess, ScriptedOrigin) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "head_timeout: 300ms", listener: "proxy_protocol: \(versions)",
            top: "trusted_proxies: [\(trusted ? "127.0.0.1" : "10.0.0.0/8")]")
        try body(gateway, origin)
    }

    /// What a balancer sends first.
    struct Head: CustomTestStringConvertible, Sendable {
        let versions: String
        let bytes: [UInt8]
        let client: String
        var testDescription: String {
            "\(versions): \(String(decoding: bytes, as: UTF8.self).debugDescription)"
        }

        static func text(_ versions: String, _ text: String, _ client: String = "") -> Head {
            Head(versions: versions, bytes: Array(text.utf8), client: client)
        }

        static func bytes(_ versions: String, _ bytes: [UInt8], _ client: String = "") -> Head {
            Head(versions: versions, bytes: bytes, client: client)
        }
    }

    /// A head of version 2: command, family, and the addresses with whatever follows them.
    private static func v2(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8]
    {
        let size = length ?? rest.count
        return Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [command, family, UInt8(size >> 8), UInt8(size & 0xFF)]
            + rest
    }

    private static let four: [UInt8] = [203, 0, 113, 7, 127, 0, 0, 1, 0x12, 0x34, 0x1F, 0x90]
    private static let six: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 0, count: 15) + [1]
        + [0x12, 0x34, 0x1F, 0x90]

    @Test(arguments: [
        Head.text("v1", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n", "203.0.113.7"),
        .text("any", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n", "203.0.113.7"),
        .text("v1", "PROXY TCP6 2001:db8::7 ::1 4660 8080\r\n", "2001:db8::7"),
        .text("v1", "PROXY UNKNOWN\r\n", "127.0.0.1"),
        .text("v1", "PROXY UNKNOWN ffff:f...f:ffff 1 2\r\n", "127.0.0.1"),
        .bytes("v2", v2(0x21, 0x11, four), "203.0.113.7"), .bytes("any", v2(0x21, 0x21, six), "2001:db8::7"),
        .bytes("v2", v2(0x21, 0x11, four + [4, 0, 2, 9, 9]), "203.0.113.7"),
        .bytes("v2", v2(0x20, 0, []), "127.0.0.1"),
        .bytes("v2", v2(0x20, 0x11, four), "127.0.0.1"), .bytes("v2", v2(0x21, 0, []), "127.0.0.1"),
    ])
    func `a trusted balancer tells whose connection it is`(head: Head) throws {
        try withBalancer(head.versions) { gateway, origin in
            let whole = try gateway.client()
            try whole.send(head.bytes + Array((get("/p", "X-Forwarded-For: 6.6.6.6") + get("/p")).utf8))
            for _ in 0..<2 { #expect(try whole.response().text == "ok") }
            let dripping = try gateway.client()
            for byte in head.bytes { try dripping.send([byte]) }
            #expect(try dripping.ask(get("/p")).text == "ok")
            let expected = head.client == "127.0.0.1" ? "6.6.6.6, 127.0.0.1" : head.client
            #expect(try origin.requests(3)[0].value("X-Forwarded-For") == expected)
            #expect(try origin.requests(3).dropFirst().allSatisfy { $0.value("X-Real-IP") == head.client })
        }
    }

    @Test(arguments: [
        Head.text("v1", get("/")), .text("v2", get("/")), .text("any", get("/")),
        .text("v2", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n"), .bytes("v1", v2(0x21, 0x11, four)),
        .text("v1", "PROXY TCP4 203.0.113.7 127.0.0.1 4660\r\n"),
        .text("v1", "PROXY TCP4 203.0.113.777 127.0.0.1 4660 8080\r\n"),
        .text("v1", "PROXY TCP4 2001:db8::7 ::1 4660 8080\r\n"),
        .text("v1", "PROXY TCP4  203.0.113.7 127.0.0.1 4660 8080\r\n"),
        .text("v1", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 99999\r\n"),
        .text("v1", "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\n"),
        .text("v1", "PROXY UDP4 203.0.113.7 127.0.0.1 4660 8080\r\n"),
        .text("v1", "PROXY UNKNOWN " + String(repeating: "x", count: 120) + "\r\n"),
        .bytes("v2", v2(0x31, 0x11, four)), .bytes("v2", v2(0x22, 0x11, four)),
        .bytes("v2", v2(0x21, 0x11, [1, 2, 3])),
        .bytes("v2", v2(0x21, 0x41, four)), .bytes("v2", v2(0x21, 0x11, four, length: 60_000)),
    ])
    func `a head that is malformed or missing costs the connection`(head: Head) throws {
        try withBalancer(head.versions) { gateway, origin in
            let client = try gateway.client()
            try client.send(head.bytes)
            #expect(throws: SocketError.reset) { try client.readToEnd() }
            #expect(origin.connections.isEmpty)
            #expect(gateway.process.exit == nil)
        }
    }

    @Test(arguments: ["v1", "any"])
    func `a stranger is not believed, nor served`(versions: String) throws {
        try withBalancer(versions, trusted: false) { gateway, origin in
            for text in ["PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n" + get("/"), get("/")] {
                // The reset may come before the connect has returned.
                guard let client = try? gateway.client() else { continue }
                try? client.send(text)
                #expect(throws: SocketError.reset) { try client.readToEnd() }
            }
            #expect(origin.connections.isEmpty)
        }
    }

    @Test func `without the setting the head is no HTTP`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, top: "trusted_proxies: [127.0.0.1]")
        let response = try gateway.client().ask("PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n\r\n")
        #expect(response.status == 400)
        #expect(origin.connections.isEmpty)
    }

    @Test func `a peer on a unix socket is trusted to tell whose connection it is`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let path = Loopback.unusedSocketPath()
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners:
              - address: 127.0.0.1:\(ports.gateway)
              - { address: "unix:\(path)", proxy_protocol: any }
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        let client = RawClient(socket: try .connect(unix: path))
        let head = "PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080\r\n"
        #expect(try client.ask(head + get("/")).text == "ok")
        #expect(try origin.requests(1)[0].value("X-Forwarded-For") == "203.0.113.7")
        withExtendedLifetime(gateway) {}
    }

    @Test func `connections above the limit wait until others have gone`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "max_connections: 2")
        // The harness' own probe may still be open for a moment.
        let first = try gateway.client()
        #expect(try first.ask(get("/1")).text == "ok")
        let second = try gateway.client()
        #expect(try second.ask(get("/2")).text == "ok")
        let third = try RawClient(port: gateway.ports.gateway, limit: .milliseconds(300))
        try third.send(get("/3"))
        #expect(throws: SocketError.timedOut("to receive")) { try third.response() }
        #expect(try first.ask(get("/1")).text == "ok")
        second.close()
        #expect(try third.response().text == "ok")
    }

    @Test func `a balancer that says nothing is closed in time`() throws {
        try withBalancer("v1") { gateway, _ in
            let client = try gateway.client()
            try client.send("PROXY TCP4 203")
            #expect(try client.readToEnd().isEmpty)
        }
    }
}
