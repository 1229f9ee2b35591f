import Pipeline
import Proxy
import Testing
import Upstream

@testable import Settings

@Suite struct GatewaySettingsTests {
    @Test func `every error of a file appears at once, in the order of the file`() {
        let text = """
            workers: 65
            listeners:
              - { adress: 127.0.0.1:8080 }
            trusted_proxies: [10.0.0.0/8, nonsense]
            clients:
              head_timeout: 10
              max_head: 64KiB
            limits:
              everyone:
                rate: 100 per 15m
                burts: 200
              bad name: { rate: 1 per 1s }
            upstreams:
              app: { servers: [https://app.internal/x, app], balance: least_request }
            routes:
              - { path: api/*, upstream: ap, limits: [everone] }
              - { upstream: app }
            """
        #expect(
            headlines(text) == [
                "1:10: error: workers: expected a whole number from 1 to 64, found \"65\"",
                "3:5: error: listeners[0]: \"address\" is missing",
                "3:7: error: unknown key \"adress\" (did you mean \"address\"?)",
                "4:31: error: trusted_proxies[1]: expected an address or a block such as "
                    + "10.0.0.0/8, found \"nonsense\"",
                "6:17: error: clients.head_timeout: \"10\": a duration needs a unit: ms, s, m, h "
                    + "or d (did you mean \"10s\"?)",
                "7:13: error: clients.max_head: expected a size from 1KiB to 65535, found \"64KiB\"",
                "11:5: error: unknown key \"burts\" (did you mean \"burst\"?)",
                "12:3: error: \"bad name\" is no name: 1 to 64 letters, digits, - . and _, the "
                    + "first a letter or digit",
                "14:20: error: upstreams.app.servers[0]: \"https://app.internal/x\": "
                    + "a server has no path; use a route's strip_prefix",
                "14:44: error: upstreams.app.servers[1]: \"app\": the port is missing",
                "14:59: error: upstreams.app.balance: expected round_robin or least_requests, "
                    + "found \"least_request\" "
                    + "(did you mean \"least_requests\"?)",
                "16:13: error: routes[0].path: \"api/*\": a path begins with / (did you mean \"/api/*\"?)",
                "16:30: error: routes[0].upstream: no upstream is named \"ap\" (did you mean \"app\"?)",
                "16:43: error: routes[0].limits[0]: no limit is named \"everone\" (did you mean "
                    + "\"everyone\"?)",
                "17:5: error: routes[1]: \"path\" is missing",
            ])
    }

    @Test func `a diagnostic shows the line with a caret below the place`() {
        let found = load("limits:\n  everyone:\n    rate: 1 per 1s\n    burts: 200\n").diagnostics
        #expect(
            found.text == """
                gateway.yaml:4:5: error: unknown key "burts" (did you mean "burst"?)
                    4 |     burts: 200
                      |     ^
                """)
    }

    @Test func `columns count what an editor counts`() {
        #expect(
            headlines("log: { \"levél\": x }\n") == [
                "1:8: error: unknown key \"levél\" (did you mean \"level\"?)"
            ])
        let found = load("log: { format: \"日本\", levl: x }\n").diagnostics
        #expect(found.map(\.mark.column) == [16, 22])
    }

    @Test func `a whole file is read into plain values`() throws {
        let text = """
            workers: 2
            listeners:
              - { address: "[::1]:8080", proxy_protocol: any, backlog: 16 }
              - address: unix:/run/floodgate.sock
            admin: { address: off }
            trusted_proxies: [10.0.0.0/8, "::1"]
            limits:
              a: { rate: 5 per 10s, burst: 9, by: everyone, json: { error: SLOW, n: 1 } }
            upstreams:
              app: { servers: [app:80], queue: { size: 1 }, host: api.example.com }
              canary: { servers: [canary:80], host: upstream }
            routes:
              - path: "/users/{id}/avatar"
                methods: [GET, POST]
                hosts: [Example.com, "*.example.com"]
                headers: { X-Version: "2" }
                upstream: { app: 95, canary: 5 }
                strip_prefix: /users
                limits: [a]
                max_body: 10MiB
                response_timeout: 3s
                upgrade: [websocket]
                feature: pictures
              - { path: /old, respond: { status: 410, text: gone, headers: { X-A: b } } }
            """
        let loaded = load(text)
        #expect(loaded.diagnostics.text == "")
        let settings = try #require(loaded.settings)
        #expect(settings.workers == 2)
        #expect(settings.listeners.map(\.proxyProtocol) == [.any, .off])
        #expect(settings.listeners[1].address == .unix(path: "/run/floodgate.sock"))
        #expect(settings.admin.address == nil)
        #expect(settings.trustedProxies.map(\.description) == ["10.0.0.0/8", "::1/128"])
        #expect(settings.limits[0].body == .json(#"{"error":"SLOW","n":1}"#))
        #expect(settings.limits[0].burst == 9)
        #expect(settings.upstreams.map(\.name) == ["app", "canary"])
        #expect(settings.upstreams.map(\.host) == [.name("api.example.com"), .upstream])
        #expect(settings.upstreams[0].queue.size == 1)
        #expect(settings.upstreams[0].queue.wait == .seconds(5))
        let route = settings.routes[0]
        #expect(route.name == "/users/{id}/avatar")
        #expect(route.path == .segments([.literal("users"), .any(name: "id"), .literal("avatar")]))
        #expect(route.hosts == [.exact("example.com"), .subdomains(of: "example.com")])
        #expect(route.headers == [HeaderField("X-Version", "2")])
        #expect(
            route.action
                == .proxy([.init(upstream: "app", weight: 95), .init(upstream: "canary", weight: 5)]))
        #expect(route.stripPrefix == "/users")
        #expect(route.maxBody == 10 << 20)
        #expect(route.responseTimeout == .seconds(3))
        #expect(route.upgrade == [.websocket])
        var response = RouteSettings.Response()
        response.status = 410
        response.body = .text("gone")
        response.headers = [HeaderField("X-A", "b")]
        #expect(settings.routes[1].action == .respond(response))
        #expect(settings.clients == .init())
    }

    @Test(arguments: [
        (
            "admin: { address: 0.0.0.0:9901 }",
            "1:19: error: admin.address: other machines reach 0.0.0.0:9901, so a token is required"
        ),
        (
            "admin: { address: \":9901\", token: \"\" }",
            "1:19: error: admin.address: other machines reach :9901, so a token is required"
        ),
        (
            "drain: { announce: 31s }",
            "1:20: error: drain.announce: longer than the whole drain (deadline: 30s)"
        ),
        ("listeners: []", "1:12: error: listeners: at least one is needed"),
        (
            "listeners: [{ address: 127.0.0.1:9901 }]",
            "1:24: error: listeners[0].address: 127.0.0.1:9901 is already taken by admin"
        ),
        (
            "listeners: [{ address: \":1\" }, { address: \":1\" }]",
            "1:43: error: listeners[1].address: :1 is already taken"
        ),
        (
            "listeners: [{ address: \":1\", proxy_protocol: v2 }]",
            "1:46: warning: listeners[0].proxy_protocol: no peer is trusted to use it; name "
                + "the proxies in trusted_proxies"
        ),
    ])
    func `keys that contradict each other are reported`(text: String, expected: String) {
        #expect(headlines(text) == [expected])
    }

    @Test func `a token opens the admin listener to other machines`() {
        let text = "admin: { address: 0.0.0.0:9901, token: \"${TOKEN}\" }"
        #expect(
            load(text, environment: ["TOKEN": "0123456789abcdef"]).settings?.admin.token == "0123456789abcdef"
        )
    }
}

@Suite struct SecretTests {
    private let secret = "hunter2 hunter2"

    @Test(arguments: [
        "admin: { token: \"hunter2 hunter2\", adress: x }",
        "admin:\n  token: hunter2 hunter2\n",
        "admin:\n  token: |\n    hunter2\n    hunter2\n  adress: x\n",
        "x-t: &t hunter2 hunter2\nadmin: { token: *t }\n",
        "admin:\n  token: hunter2: hunter2\n",
        "admin:\n  token: \"hunter2\n   hunter2\n",
        "admin: { token: {a: hunter2} }\n",
        "admin: { token: [hunter2] , token: hunter2 }\n",
        "admin:\n  token: ${T}\n",
        "admin: { 'token': hunter2, \"token\": \"hunter2\t\" }\n",
    ])
    func `a secret never appears in a diagnostic`(text: String) {
        let found = load(text, environment: ["T": secret]).diagnostics
        #expect(found.hasErrors)
        #expect(!found.text.contains("hunter2"), "\(found.text)")
    }

    @Test func `what stands before a secret is still shown`() {
        let found = load("admin: { adress: x, token: \"hunter2\" }").diagnostics
        #expect(found.first?.excerpt == "admin: { adress: x, token:<secret>")
    }

    @Test func `the reference shows no secret's default`() {
        let markdown = Reference(GatewaySettings.section.description).markdown
        #expect(markdown.contains("| `token` | a token of 16 to 512 visible characters, or nothing |  |"))
    }
}

/// Random damage to a file that is right: reading never crashes, hangs, or passes what it should not
/// silently.
@Suite struct MutationTests {
    @Test(arguments: [UInt64](1...8)) func `a damaged file is read or refused`(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let source = Array(
            try contents(of: seed % 2 == 0 ? "Config/quickstart.yaml" : "Config/reference.yaml")
                .unicodeScalars)
        let signs = Array("{}[]:,*&#|>-?!%@`\"'$ \n\t\r\u{0}\u{E000}\u{85}\u{2028}é日x0~<".unicodeScalars)
        for round in 0..<60 {
            var scalars = source
            for _ in 0...Int.random(in: 0..<6, using: &random) {
                let index = Int.random(in: 0..<scalars.count, using: &random)
                let end = min(scalars.count, index + Int.random(in: 0..<40, using: &random))
                switch Int.random(in: 0..<5, using: &random) {
                case 0: scalars[index] = signs.randomElement(using: &random) ?? "x"
                case 1: scalars.insert(signs.randomElement(using: &random) ?? "x", at: index)
                case 2: scalars.removeSubrange(index..<end)
                case 3:
                    scalars.insert(
                        contentsOf: scalars[index..<end],
                        at: Int.random(in: 0..<scalars.count, using: &random))
                default: scalars.removeSubrange(index...)
                }
                if scalars.isEmpty { scalars = source }
            }
            let text = String(String.UnicodeScalarView(scalars))
            let loaded = load(text)
            #expect((loaded.settings == nil) == loaded.diagnostics.hasErrors, "seed \(seed) round \(round)")
            let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
            for diagnostic in loaded.diagnostics {
                #expect(
                    (1...lines + 1).contains(diagnostic.mark.line),
                    "seed \(seed) round \(round): \(diagnostic.headline)")
                #expect(!diagnostic.description.isEmpty)
            }
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }
}
