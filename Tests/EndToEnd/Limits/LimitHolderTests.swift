import Foundation
import TestServers
import Testing

/// Whose requests are counted together.
@Suite(.timeLimit(.minutes(20))) struct LimitHolderTests {
    private static let identity = """
        identity:
          tokens: { users: { secret: "\(Token.secret)", plan: plan } }
          api_keys: {}
        """

    private func gateway(
        _ limit: String, auth: String = "optional", redis: String = "memory"
    ) throws -> GatewayProcess {
        try GatewayProcess(
            limits: ["few: { \(limit) }"], routes: ["path: /*, limits: [few], auth: \(auth)"], redis: redis,
            top: Self.identity)
    }

    /// Statuses of requests with the fields of each in turn.
    private func statuses(_ gateway: GatewayProcess, _ requests: [[String]]) throws -> [Int] {
        try requests.map { try gateway.ask("/", fields: $0).status }
    }

    private func bearer(_ subject: String, _ more: String = "") -> String {
        "Authorization: Bearer \(Token.good(#""sub":"\#(subject)"\#(more)"#))"
    }

    @Test func `IPv6 addresses count by their first 56 bits, IPv4 addresses alone`() throws {
        let gateway = try gateway("rate: 1 per 1h, by: ip")
        func status(_ address: String) throws -> Int {
            try gateway.ask("/", fields: ["X-Forwarded-For: \(address)"]).status
        }
        #expect(try status("2001:db8:0:aa00::1") == 200)
        #expect(try status("2001:db8:0:aaff:1:2:3:4") == 429)
        #expect(try status("2001:db8:0:ab00::1") == 200)
        #expect(try status("203.0.113.1") == 200)
        #expect(try status("203.0.113.2") == 200)
        #expect(try status("203.0.113.1") == 429)
        #expect(try status("::ffff:203.0.113.2") == 429, "an IPv4 address in IPv6's clothes")
    }

    @Test func `users count by their token wherever they come from, and strangers by address`() throws {
        let gateway = try gateway("rate: 2 per 1h, by: user")
        let far = "X-Forwarded-For: 203.0.113.9"
        let alice = bearer("alice")
        #expect(
            try statuses(gateway, [[alice], [alice, far], [alice], [alice, far]]) == [200, 200, 429, 429])
        #expect(try statuses(gateway, [[bearer("bob")]]) == [200])
        // Another token of the same user is the same user.
        #expect(try statuses(gateway, [[bearer("alice", #","n":1"#)]]) == [429])
        #expect(try statuses(gateway, [[], [], []]) == [200, 200, 429])
        #expect(try statuses(gateway, [[far], [far], [far]]) == [200, 200, 429])
    }

    @Test func `each plan has its rate, and whoever is on none has the rule's own`() throws {
        let gateway = try gateway(
            "by: user, plans: { free: 1 per 1d, pro: 3 per 1d, staff: unlimited }, rate: 2 per 1d")
        for (plan, most) in [("free", 1), ("pro", 3), ("gold", 2)] {
            let fields = [bearer("u-\(plan)", #","plan":"\#(plan)""#)]
            #expect(
                try statuses(gateway, Array(repeating: fields, count: 5))
                    == admitted(most, refused: 5 - most))
        }
        let staff = [bearer("u-staff", #","plan":"staff""#)]
        #expect(try statuses(gateway, Array(repeating: staff, count: 8)) == admitted(8, refused: 0))
    }

    @Test func `an API key counts for itself, and exempt keys and addresses do not count`() throws {
        let gateway = try GatewayProcess(
            limits: [
                "few: { rate: 1 per 1h, by: api_key, "
                    + "exempt: { keys: [ci], addresses: [198.51.100.0/24] } }"
            ], routes: ["path: /*, limits: [few], auth: optional"], top: Self.identity)
        _ = try gateway.adminPage("/healthz")
        func key(_ owner: String) throws -> String {
            let words = ["keys", "create", "--owner", owner, "--admin", "127.0.0.1:\(gateway.ports.admin)"]
            let run = try ChildProcess.run(GatewayProcess.binary, words)
            #expect(run.exit == .code(0), "\(run.errors)")
            return "X-Api-Key: \(run.output.trimmingCharacters(in: .newlines))"
        }
        let (first, second, ci) = (try key("acme"), try key("acme"), try key("ci"))
        #expect(try statuses(gateway, [[first], [first], [second], [second]]) == [200, 429, 200, 429])
        #expect(try statuses(gateway, [[ci], [ci], [ci]]) == [200, 200, 200])
        let exempt = ["X-Forwarded-For: 198.51.100.7"]
        #expect(try statuses(gateway, [exempt, exempt, exempt]) == [200, 200, 200])
        #expect(try statuses(gateway, [[], []]) == [200, 429])
    }

    @Test func `headers, cookies and claims tell clients apart`() throws {
        let gateway = try GatewayProcess(
            limits: [
                "field: { rate: 1 per 1h, by: 'header:X-Tenant' }",
                "cookie: { rate: 1 per 1h, by: 'cookie:sid' }",
                "claim: { rate: 1 per 1h, by: 'claim:org.id' }",
            ],
            routes: ["field", "cookie", "claim"].map { "path: /\($0), limits: [\($0)], auth: optional" },
            top: Self.identity)
        func status(_ path: String, _ fields: String...) throws -> Int {
            try gateway.ask(path, fields: fields).status
        }
        for tenant in ["one", "two"] {
            #expect(try status("/field", "X-Tenant: \(tenant)") == 200)
            #expect(try status("/field", "x-tenant: \(tenant)") == 429)
        }
        for session in ["a", "b"] {
            #expect(try status("/cookie", "Cookie: other=\(session)x; sid=\(session)") == 200)
            #expect(try status("/cookie", "Cookie: sid=\(session)") == 429)
        }
        for org in ["o1", "o2"] {
            #expect(try status("/claim", bearer("x-\(org)", #","org":{"id":"\#(org)"}"#)) == 200)
            #expect(try status("/claim", bearer("y-\(org)", #","org":{"id":"\#(org)"}"#)) == 429)
        }
        // Whoever has none of it counts by address.
        for path in ["/field", "/cookie", "/claim"] {
            #expect(try status(path) == 200)
            #expect(try status(path) == 429)
            #expect(try status(path, "X-Forwarded-For: 203.0.113.4") == 200)
        }
    }

    @Test func `mixed holders, routes, hosts and everyone count as they are named`() throws {
        let gateway = try GatewayProcess(
            limits: [
                "mix: { rate: 1 per 1h, by: [user, route] }", "host: { rate: 1 per 1h, by: host }",
                "all: { rate: 2 per 1h, by: everyone }",
            ],
            routes: [
                "path: /a, limits: [mix], auth: optional", "path: /b, limits: [mix], auth: optional",
                "path: /host, limits: [host]", "path: /all, limits: [all]",
            ], top: Self.identity)
        func status(_ path: String, _ fields: String...) throws -> Int {
            try gateway.ask(path, fields: fields).status
        }
        for user in ["alice", "bob"] {
            for path in ["/a", "/b"] {
                #expect(try status(path, bearer(user)) == 200)
                #expect(try status(path, bearer(user)) == 429)
            }
        }
        let client = try gateway.client()
        func host(_ name: String) throws -> Int {
            try client.ask("GET /host HTTP/1.1\r\nHost: \(name)\r\n\r\n").status
        }
        #expect(try [host("one.example"), host("one.example"), host("two.example")] == [200, 429, 200])
        #expect(try host("ONE.example") == 429)
        #expect(
            try (1...3).map { try status("/all", "X-Forwarded-For: 203.0.113.\($0)") } == [200, 200, 429])
    }

    @Test(arguments: [false, true])
    func `hostile keys are told apart, bounded, and end`(inRedis: Bool) throws {
        let server = inRedis ? try RedisServer() : nil
        let gateway = try GatewayProcess(
            limits: ["few: { rate: 1 per 1h, by: 'header:X-Key' }"], routes: ["path: /*, limits: [few]"],
            redis: server?.address ?? "memory")
        if inRedis { try gateway.waitForRedis() }
        let long = String(repeating: "k", count: 12_000)
        let values = [
            long + "1", long + "2", "{a}", "{a}:{b}", "}{", "a,b", "a\u{7F}b", "#0123", "ip=127.0.0.1",
            "\u{E9}\u{4E2D}", "a:b|c", "' OR 1=1 --", "%00", "*", "$(id)", "'\"\\",
        ]
        for value in values {
            let twice = try statuses(gateway, [["X-Key: \(value)"], ["X-Key: \(value)"]])
            // A value that no field may have is refused before anybody counts.
            if twice != [400, 400] {
                #expect(twice == [200, 429], "\(value.prefix(20)) \(value.utf8.count)")
            }
        }
        let oversized = try gateway.ask("/", fields: ["X-Key: \(String(repeating: "x", count: 1 << 20))"])
        #expect(oversized.status == 431)
        // Two fields of one name are one value, whatever their order.
        #expect(try statuses(gateway, [["X-Key: v1", "X-Key: v2"]]).allSatisfy { [200, 400].contains($0) })
        #expect(gateway.process.exit == nil)
        guard let server else { return }
        let keys = try server.ask("KEYS", "*limit:*").split(separator: "\n").map(String.init)
        #expect(keys.count >= values.count - 2)
        for key in keys {
            #expect(key.utf8.count <= 256)
            #expect((1...7200).contains(Int(try server.ask("TTL", key)) ?? 0), "\(key)")
        }
    }

    @Test func `a refusal in between takes the tokens of the rules by address`() throws {
        let gateway = try GatewayProcess(
            limits: ["address: { rate: 3 per 1h, by: ip }", "person: { rate: 100 per 1h, by: user }"],
            routes: ["path: /*, limits: [address, person], auth: required"], top: Self.identity)
        let wrong = ["Authorization: Bearer \(Token.signed(Token.claims(), secret: "another".utf8))"]
        let statuses = try statuses(gateway, Array(repeating: wrong, count: 5))
        #expect(statuses == [401, 401, 401, 429, 429], "who guesses tokens is limited by address")
        #expect(try gateway.ask("/", fields: [bearer("alice")]).status == 429)
        let far = [bearer("alice"), "X-Forwarded-For: 203.0.113.77"]
        #expect(try gateway.ask("/", fields: far).status == 200)
    }
}
