import Foundation
import Testing

/// Addresses that go on asking for what they do not get.
@Suite(.timeLimit(.minutes(20))) struct BanTests {
    private func withGateway(
        _ bans: String, top: String = "", origin status: Int = 200, body: (GatewayProcess) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin.answering(status, body: "ok")
        defer { origin.stop() }
        try body(
            GatewayProcess { ports in
                """
                workers: 2
                listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }]
                admin: { address: 127.0.0.1:\(ports.admin) }
                access_log: { flush: 10ms }
                drain: { announce: 0s, deadline: 1s }
                \(bans)
                upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
                limits: { few: { rate: 1 per 1h, by: everyone } }
                routes:
                  - { path: /app/*, upstream: app }
                  - { path: /few, upstream: app, limits: [few] }
                \(top)
                """
            })
    }

    private func client(_ gateway: GatewayProcess, from host: UInt8) throws -> RawClient {
        RawClient(socket: try .connect(port: gateway.ports.gateway, from: host))
    }

    private func admin(_ gateway: GatewayProcess, _ line: String) throws -> RawResponse {
        let client = try eventually("the admin listener") { try? RawClient(port: gateway.ports.admin) }
        defer { client.close() }
        return try client.ask(
            "\(line) HTTP/1.1\r\nHost: 127.0.0.1:\(gateway.ports.admin)\r\nContent-Length: 0\r\n\r\n")
    }

    private static let three = "bans: { count: 3, within: 1h, ban: 1h, close: false }"

    /// The route's, a backend's and a limit's refusals.
    @Test(arguments: [("/nowhere", 200, 404), ("/app/x", 401, 401), ("/few", 200, 429)])
    func `who is refused too often is banned, others are served`(path: String, origin: Int, status: Int)
        throws
    {
        try withGateway(Self.three, origin: origin) { gateway in
            // The limit lets the first one pass.
            if path == "/few" { #expect(try gateway.client().ask(get(path)).status == 200) }
            let pest = try client(gateway, from: 2)
            for _ in 0..<3 { #expect(try pest.ask(get(path)).status == status) }
            let banned = try pest.ask(get("/app/y"))
            #expect(banned.status == 403)
            #expect(banned.problem()["rule"] as? String == "bans")
            #expect(try #require(banned.value("Retry-After").flatMap(Int.init)) > 3500)
            // Health checks are always answered, and so is a path that nobody serves.
            #expect(try pest.ask(get("/healthz")).status == 200)
            #expect(try client(gateway, from: 3).ask(get("/app/z")).status == origin)
            #expect(try gateway.metric("floodgate_bans_total") == 1)
            #expect(try gateway.metric("floodgate_bans_active") == 1)
            #expect(try gateway.metric("floodgate_address_refusals_total{by=\"ban\"}") == 1)
            try gateway.waitUntilSaid("an address was banned address=127.0.0.2 status=\(status)")
            // What a ban refuses is not counted again.
            for _ in 0..<5 { #expect(try pest.ask(get("/app/y")).status == 403) }
            #expect(try gateway.metric("floodgate_bans_total") == 1)
        }
    }

    @Test func `a banned address' connections end, and new ones are closed unheard`() throws {
        try withGateway("bans: { count: 2, within: 1h, ban: 1h, status: 429 }") { gateway in
            let pest = try client(gateway, from: 2)
            for _ in 0..<2 { #expect(try pest.ask(get("/nowhere")).status == 404) }
            let last = try pest.ask(get("/app/x"))
            #expect(last.status == 429)
            #expect(last.value("Connection") == "close")
            try eventually("new connections are closed") {
                guard let next = try? client(gateway, from: 2) else { return true }
                return (try? next.ask(get("/app/x"))) == nil
            }
            #expect(
                try #require(try gateway.metric("floodgate_connections_refused_total{reason=\"banned\"}")) > 0
            )
            #expect(try client(gateway, from: 3).ask(get("/app/x")).text == "ok")
        }
    }

    @Test func `a ban ends by itself`() throws {
        try withGateway("bans: { count: 2, within: 1s, ban: 1s, close: false }") { gateway in
            let pest = try client(gateway, from: 2)
            for _ in 0..<2 { #expect(try pest.ask(get("/nowhere")).status == 404) }
            #expect(try pest.ask(get("/app/x")).status == 403)
            try eventually("the ban is over") { try pest.ask(get("/app/x")).status == 200 }
            try eventually("and forgotten", within: .seconds(10)) {
                try gateway.metric("floodgate_bans_active") == 0
            }
        }
    }

    @Test func `behind a trusted proxy the client is banned, never the proxy`() throws {
        try withGateway(Self.three, top: "trusted_proxies: [127.0.0.1]") { gateway in
            let proxy = try gateway.client()
            func ask(_ path: String, for client: String) throws -> Int {
                try proxy.ask(get(path, "X-Forwarded-For: \(client)")).status
            }
            for _ in 0..<3 { #expect(try ask("/nowhere", for: "2001:db8:1:100::7") == 404) }
            #expect(try ask("/app/x", for: "2001:db8:1:1ff::8") == 403)
            #expect(try ask("/app/x", for: "2001:db8:1:200::8") == 200)
            // Requests of the proxy itself, such as its health checks.
            for _ in 0..<10 { #expect(try proxy.ask(get("/nowhere")).status == 404) }
            #expect(try proxy.ask(get("/app/x")).status == 200)
            #expect(try admin(gateway, "GET /bans").text.contains("\"2001:db8:1:100::/56\""))
            #expect(try admin(gateway, "POST /bans/add?address=127.0.0.1").status == 409)
            #expect(try admin(gateway, "POST /bans/lift?address=2001:db8:1:100::9").status == 200)
            #expect(try ask("/app/x", for: "2001:db8:1:1ff::8") == 200)
        }
    }

    @Test func `streams of an HTTP/2 connection are counted and refused one by one`() throws {
        try withGateway(Self.three) { gateway in
            let pest = HTTP2Client(socket: try .connect(port: gateway.ports.gateway, from: 2))
            try pest.greet()
            for stream in [1, 3, 5] as [UInt32] {
                #expect(try pest.ask(stream, "/nowhere").status == 404)
            }
            let banned = try pest.ask(7, "/app/x")
            #expect(banned.status == 403)
            #expect(banned.value("retry-after") != nil)
            #expect(try admin(gateway, "POST /bans/lift?address=127.0.0.2").status == 200)
            #expect(try pest.ask(9, "/app/x").text == "ok")
            #expect(pest.violations.isEmpty)
        }
    }

    @Test func `operators list, add and lift bans by the command line`() throws {
        // No settings ask for bans: operators may still ban.
        try withGateway("") { gateway in
            func bans(_ words: String...) throws -> (text: String, isGood: Bool) {
                let access = ["--admin", "127.0.0.1:\(gateway.ports.admin)"]
                let end = try ChildProcess.run(GatewayProcess.binary, ["bans"] + words + access)
                return (end.output + end.errors, end.exit == .code(0))
            }
            #expect(try bans("list").text == "nobody is banned\n")
            let added = try bans("add", "127.0.0.2", "--for", "1h")
            #expect(added.isGood)
            #expect(added.text.contains("banned 127.0.0.2 for operator"))
            #expect(try bans("list").text.contains("127.0.0.2 for operator, until "))
            #expect(try bans("list", "--json").text.contains("\"seconds_left\""))
            #expect((try? client(gateway, from: 2).ask(get("/app/x"))) == nil)
            #expect(try client(gateway, from: 3).ask(get("/app/x")).text == "ok")
            #expect(try bans("lift", "127.0.0.2").isGood)
            #expect(try client(gateway, from: 2).ask(get("/app/x")).text == "ok")
            let again = try bans("lift", "127.0.0.2")
            #expect(!again.isGood)
            #expect(again.text.contains("127.0.0.2 is not banned"))
            #expect(try bans("add", "nobody").text.contains("is the address to ban"))
        }
    }
}
