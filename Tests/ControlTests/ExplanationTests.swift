import Addressing
import Proxy
import Testing

@testable import Control

/// How `floodgate explain` tells in what way an upstream is reached. What becomes of requests, the recipes
/// hold it to.
@Suite struct ExplanationTests {
    /// The line of a request's story that begins with `word`, without it.
    private func line(_ word: String, upstream: String, listeners: String = "") throws -> String {
        let text = """
            \(listeners)
            upstreams:
              app: { \(upstream) }
            routes:
              - { path: /*, upstream: app }
            """
        let loaded = GatewaySettings.load(text: text, file: "gateway.yaml", environment: [:])
        let settings = try #require(loaded.settings, "\(loaded.diagnostics)")
        let client = try #require(IPAddress("203.0.113.7"))
        let story = try Explanation(settings).text(method: "GET", target: "/", client: client, fields: [])
        let line = try #require(story.split(separator: "\n").first { $0.hasPrefix(word) }, "\(story)")
        return String(line.dropFirst(word.count).drop { $0 == " " })
    }

    @Test(arguments: [
        ("servers: [127.0.0.1:3000]", "app: 127.0.0.1:3000"),
        ("servers: [127.0.0.1:3000], protocol: h2", "app: 127.0.0.1:3000; h2"),
        (
            "servers: [\"https://app.internal\"]",
            "app: app.internal:443; https, verified by the system's authorities for the server's own name"
        ),
        (
            "servers: [\"https://10.0.0.7:8443\", \"https://10.0.0.8:8443\"], protocol: h2",
            "app: 10.0.0.7:8443, 10.0.0.8:8443, round_robin; https, verified by the system's authorities "
                + "for each server's own name, h2"
        ),
        (
            "servers: [10.0.0.7:8443], protocol: h2, "
                + "tls: { authorities: Certs/authority.pem, name: video.internal }",
            "app: 10.0.0.7:8443; https, verified by Certs/authority.pem for video.internal, h2"
        ),
        (
            "servers: [10.0.0.7:8443], "
                + "tls: { name: video.internal, certificate: Certs/gateway.pem, key: Certs/gateway.key }",
            "app: 10.0.0.7:8443; https, verified by the system's authorities for video.internal, "
                + "shows Certs/gateway.pem"
        ),
        ("servers: [10.0.0.7:8443], tls: { verify: false }", "app: 10.0.0.7:8443; https, not verified"),
    ])
    func `an upstream's line tells how its servers are reached`(upstream: String, told: String) throws {
        #expect(try line("upstream", upstream: upstream) == told)
    }

    @Test func `listeners that send everybody on to https are named`() throws {
        let listeners = """
            listeners:
              - { address: ":80", redirect: https }
              - { address: 127.0.0.1:8080, redirect: "https:8443" }
              - { address: 127.0.0.1:8081 }
            """
        let told = try line(
            "secureRedirect", upstream: "servers: [127.0.0.1:3000]", listeners: listeners)
        #expect(told == "at :80: 308 to https, at 127.0.0.1:8080: 308 to https:8443")
    }

    /// What is told of browsers about a request for `/orders` with this origin.
    private func browsers(_ line: String, origin: String?, cors: String = "") throws -> [String] {
        let text = """
            cors: { origins: ["https://*.digis.app", "null"], credentials: true, exposed_headers: [] }
            upstreams: { app: { servers: [127.0.0.1:3000] } }
            routes: [{ path: /orders, methods: [PUT], upstream: app, \(cors) }]
            """
        let loaded = GatewaySettings.load(text: text, file: "gateway.yaml", environment: [:])
        let settings = try #require(loaded.settings, "\(loaded.diagnostics)")
        let words = line.split(separator: " ").map(String.init)
        var fields = origin.map { [(name: "Origin", value: $0)] } ?? []
        if words[0] == "OPTIONS" { fields.append((name: "Access-Control-Request-Method", value: "PUT")) }
        let client = try #require(IPAddress("203.0.113.7"))
        let story = try Explanation(settings).text(
            method: words[0], target: words[1], client: client, fields: fields)
        return story.split(separator: "\n").map(String.init).filter { line in
            ["cors ", "origin ", "preflight "].contains { line.hasPrefix($0) }
        }
    }

    @Test func `a route's line of CORS tells its policy, and what an origin gets`() throws {
        let policy =
            "cors           https://*.digis.app, null; credentials; methods PUT; any request fields; "
            + "preflights hold 10m"
        #expect(try browsers("PUT /orders", origin: nil) == [policy])
        let named = "origin         allowed: with credentials"
        #expect(try browsers("PUT /orders", origin: "https://www.digis.app") == [policy, named])
        #expect(
            try browsers("OPTIONS /orders", origin: "https://www.digis.app")
                == [policy, named, "preflight      204, by the gateway; no later stage is asked"])
        #expect(
            try browsers("PUT /orders", origin: "null")
                == [policy, "origin         allowed: as null, without credentials"])
        #expect(
            try browsers("OPTIONS /orders", origin: "https://digis.app.evil.org") == [
                policy, "origin         refused: its pages cannot read the answer",
                "preflight      403, by the gateway; no later stage is asked",
            ])
        #expect(
            try browsers("PUT /orders", origin: "https://www.digis.app", cors: "cors: off")
                == ["cors           off: it is the backend's to say which pages may read its answers"])
        #expect(
            try browsers("OPTIONS /nowhere", origin: "https://www.digis.app").first
                == "preflight      204, though no route leads here")
    }
}
