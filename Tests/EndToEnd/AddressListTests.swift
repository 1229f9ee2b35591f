import Foundation
import Testing

/// Who is served by address, and how fast an address may connect.
@Suite(.timeLimit(.minutes(20))) struct AddressListTests {
    private func withGateway(_ top: String, route: String = "", body: (GatewayProcess) throws -> Void) throws
    {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        try body(
            GatewayProcess { ports in
                """
                workers: 2
                listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
                admin: { address: 127.0.0.1:\(ports.admin) }
                access_log: { flush: 10ms }
                drain: { announce: 0s, deadline: 1s }
                upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
                routes:
                  - { name: office, path: /office/*, upstream: app\(route) }
                  - { path: /*, upstream: app }
                \(top)
                """
            })
    }

    private func client(_ gateway: GatewayProcess, from host: UInt8) throws -> RawClient {
        RawClient(socket: try .connect(port: gateway.ports.gateway, from: host))
    }

    @Test func `a denied address gets a readable 403, others are served`() throws {
        try withGateway("addresses: { deny: [127.0.0.2] }") { gateway in
            let denied = try client(gateway, from: 2)
            let response = try denied.ask(get("/"))
            #expect(response.status == 403)
            let problem = response.problem()
            #expect(problem["rule"] as? String == "addresses.deny")
            // The same connection: a refusal by address is an answer like any other.
            #expect(try denied.ask(get("/office/x")).status == 403)
            #expect(try denied.ask(get("/healthz")).status == 200)
            #expect(try client(gateway, from: 3).ask(get("/")).text == "ok")
            #expect(try gateway.metric("floodgate_address_refusals_total{by=\"deny\"}") == 2)
            try eventually("the log tells the rule") {
                gateway.logLines().contains { $0["limit"] as? String == "addresses.deny" }
            }
        }
    }

    @Test func `a route's own list holds beside the gateway's`() throws {
        try withGateway(
            "addresses: { deny: [127.0.0.9] }", route: ", addresses: { allow: [127.0.0.3, 127.0.0.9] }"
        ) { gateway in
            #expect(try client(gateway, from: 3).ask(get("/office/x")).text == "ok")
            let stranger = try client(gateway, from: 4)
            let refused = try stranger.ask(get("/office/x"))
            #expect(refused.status == 403)
            #expect(refused.problem()["rule"] as? String == "office.addresses.allow")
            #expect(try stranger.ask(get("/elsewhere")).text == "ok")
            #expect(try client(gateway, from: 9).ask(get("/office/x")).status == 403)
        }
    }

    @Test func `behind a trusted proxy the client's address decides`() throws {
        try withGateway(
            """
            trusted_proxies: [127.0.0.1]
            addresses: { deny: [198.51.100.0/24, 127.0.0.1, "2001:db8::/32"] }
            """
        ) { gateway in
            let proxy = try gateway.client()
            func ask(for client: String) throws -> Int {
                try proxy.ask(get("/", "X-Forwarded-For: \(client)")).status
            }
            #expect(try ask(for: "198.51.100.7") == 403)
            #expect(try ask(for: "203.0.113.7") == 200)
            #expect(try ask(for: "2001:db8::7") == 403)
            #expect(try ask(for: "::ffff:198.51.100.7") == 403)
            // A stranger's claim is not looked at.
            let stranger = try client(gateway, from: 5)
            #expect(try stranger.ask(get("/", "X-Forwarded-For: 198.51.100.7")).status == 200)
        }
    }

    @Test
    func `a list's file is read at the start, when it changes and on SIGHUP; a bad one changes nothing`()
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lists-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "deny.txt")
        func write(_ text: String) throws { try text.write(to: file, atomically: true, encoding: .utf8) }
        try write("# nobody yet\n127.0.0.2\n")
        try withGateway("addresses: { deny_file: \"\(file.path)\" }") { gateway in
            func status(from host: UInt8) throws -> Int {
                try client(gateway, from: host).ask(get("/")).status
            }
            #expect(try status(from: 2) == 403)
            #expect(try status(from: 3) == 200)

            try write("127.0.0.3\n")
            try eventually("the changed file holds", within: .seconds(20)) { try status(from: 3) == 403 }
            // For one worker a moment sooner than for another.
            try eventually("for all", within: .seconds(20)) { try status(from: 2) == 200 }

            try write("127.0.0.4\n127.0.0.400\n")
            try gateway.waitUntilSaid("files refused, the old ones stay in force", within: .seconds(20))
            #expect(gateway.standardError.contains("deny.txt:2: "))
            #expect(try status(from: 3) == 403)
            #expect(try status(from: 4) == 200)

            try write("127.0.0.4\n")
            gateway.signal(SIGHUP)
            try eventually("the file holds after SIGHUP") { try status(from: 4) == 403 }
            #expect(try status(from: 3) == 200)
        }
    }

    @Test func `an address that begins connections too fast gets a 429, others connect`() throws {
        try withGateway("clients: { connections_per_second: 2 }") { gateway in
            // Four seconds' worth at once.
            let held = try (0..<8).map { _ in try client(gateway, from: 2) }
            for client in held { #expect(try client.ask(get("/")).text == "ok") }
            let more = try (0..<4).map { _ in try client(gateway, from: 2).response() }
            #expect(more.contains { $0.status == 429 && $0.value("Retry-After") == "1" })
            #expect(try client(gateway, from: 3).ask(get("/")).text == "ok")
            let refused = "floodgate_connections_refused_total{reason=\"address_rate\"}"
            #expect(try #require(try gateway.metric(refused)) > 0)
            try gateway.waitUntilSaid("an address begins more connections than it may")
            for client in held { #expect(try client.ask(get("/again")).text == "ok") }
        }
    }
}
