import Pipeline
import Proxy
import Settings
import TestIssuer
import Testing

/// What `check` says of `identity`, and of routes that ask who their clients are.
@Suite struct TokenSettingsTests {
    private static let secret = "0123456789abcdef0123456789abcdef"

    /// Headlines of a file whose source `users` has these lines, from line 4 on.
    private func problems(
        _ lines: String, identity: String = "", route: String = "auth: required",
        files: [String: [UInt8]] = [:], environment: [String: String] = [:]
    ) -> [String] {
        load(lines, identity, route, files, environment).diagnostics.map {
            String($0.headline.dropFirst("gateway.yaml:".count))
        }
    }

    private func load(
        _ lines: String, _ identity: String = "", _ route: String = "auth: required",
        _ files: [String: [UInt8]] = [:], _ environment: [String: String] = [:]
    ) -> Loaded<GatewaySettings> {
        let indented = lines.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")
        let text = """
            identity:
              tokens:
                users:
            \(indented)
            \(identity.isEmpty ? "" : "  \(identity)")
            upstreams: { app: { servers: ["a:1"] } }
            routes:
              - { path: /*, upstream: app, \(route) }
            """
        return GatewaySettings.load(
            text: text, file: "gateway.yaml", environment: environment,
            credentials: CredentialFiles(now: 1_800_000_000) { path in
                files[path].map(Result.success) ?? .failure(.init("No such file or directory"))
            })
    }

    private static let openToAnybody =
        "identity.tokens.users: without audiences, tokens made for other services are believed"
    private static let none =
        "identity.tokens.users: keys, secret or public_key: with nothing to verify them, no token holds"
    private static let sound = "secret: \(secret)\naudiences: [app]"

    @Test func `what is right passes`() throws {
        #expect(problems(Self.sound) == [])
        #expect(
            problems("issuers: [a]\naudiences: [app]\nkeys: https://id.test/jwks\nsecret: \(Self.secret)")
                == [])
        let settings = try #require(
            load(Self.sound, "", "auth: required, scopes: [a], roles: [b], claims: { c.d: \"1\" }").settings)
        #expect(settings.routes[0].claims == [HeaderField("c.d", "1")])
        #expect(settings.identity.tokens[0].fields == [HeaderField("X-User-Id", "sub")])
    }

    // MARK: Trust

    @Test(
        arguments: [
            ("issuers: [a]\naudiences: [app]", ["4:7: error: \(none)"]),
            ("secret: \(secret)", ["4:7: warning: \(openToAnybody)"]),
            (
                "keys: https://id.test/jwks\naudiences: [app]",
                ["4:7: warning: identity.tokens.users: without issuers, tokens of any `iss` are believed"]
            ),
            (
                "\(sound)\nallow_private: true\nauthorities: a.pem",
                [
                    "6:22: warning: identity.tokens.users: allow_private has no effect without keys at a URL",
                    "7:20: warning: identity.tokens.users: authorities has no effect without keys at a URL",
                    "7:20: error: identity.tokens.users.authorities: cannot read a.pem: "
                        + "No such file or directory",
                ]
            ),
            (
                "issuers: [a]\naudiences: [app]\nkeys: http://id.test/jwks",
                [
                    "6:13: error: identity.tokens.users: keys by http can be exchanged on their way; "
                        + "use https"
                ]
            ),
            (
                "issuers: [a]\naudiences: [app]\nkeys: http://127.0.0.1/jwks\nallow_private: true", []
            ),
            (
                "\(sound)\nalgorithms: [none]",
                [
                    "6:20: error: identity.tokens.users.algorithms[0]: expected HS256, HS384, HS512, RS256, "
                        + "RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA, found \"none\""
                ]
            ),
            (
                "\(sound)\nleeway: 1h",
                [
                    "6:15: error: identity.tokens.users.leeway: expected a duration from 0s to 10m, "
                        + "found \"1h\""
                ]
            ),
        ] as [(String, [String])])
    func `who is believed is said, and what that lets through`(lines: String, expected: [String]) {
        #expect(problems(lines) == expected)
    }

    // MARK: Secrets

    @Test(arguments: [
        (
            "short", "",
            "the secret has 5 bytes, HS256 needs 32 or more: make one with `openssl rand -base64 32`"
        ),
        (
            secret, "algorithms: [HS256, HS512]",
            "the secret has 32 bytes, HS512 needs 64 or more: make one with `openssl rand -base64 64`"
        ),
        (secret, "algorithms: [ES256]", "the key is for HS256, HS384, HS512, not for ES256"),
        ("\"-----BEGIN PUBLIC KEY-----\\nAAAA\"", "", "this is a public key"),
        ("'{\"kty\":\"oct\",\"k\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}'", "", "this is a public key"),
        ("\"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ\"", "", "this is a public key"),
        ("\"not base64 at all, is it?\"", "secret_coding: base64", "no base64"),
        ("\"AAAA=AAAA\"", "secret_coding: base64", "no base64"),
        ("c2hvcnQ=", "secret_coding: base64", "the secret has 5 bytes"),
    ])
    func `a secret that lets others sign is refused`(secret: String, more: String, words: String) {
        let found = problems("secret: \(secret)\naudiences: [app]\n\(more)")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("4:15: error: identity.tokens.users: secret: ") == true)
        #expect(found.first?.contains(words) == true, "\(found)")
    }

    @Test func `a secret may be base64`() {
        for text in [
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        ] {
            let loaded = load("secret: \(text)\nsecret_coding: base64\naudiences: [app]")
            #expect(loaded.diagnostics.isEmpty)
            #expect(loaded.settings?.identity.tokens[0].secretBytes == Array(Self.secret.utf8))
        }
    }

    @Test func `a secret is never told, wherever it is wrong`() {
        let secret = "hush-hush"
        for lines in [
            "secret: \(secret)", "secret: [\(secret)]", "secret: { a: \(secret) }",
            "secret: \(secret)\nsecret_coding: base64", "secrets: x\nsecret: \(secret)",
            "secret: \"${SECRET}\"", "secret: \"${SECRET}\"\nalgorithms: [ES256]",
        ] {
            let loaded = load(lines, "", "auth: required", [:], ["SECRET": secret])
            #expect(loaded.diagnostics.hasErrors)
            #expect(!loaded.diagnostics.text.contains(secret), "\(loaded.diagnostics.text)")
        }
    }

    // MARK: Files

    @Test func `a public key's file holds one that can be used`() {
        let small = IssuerKey.rsa(bits: 1024).pem
        let good = IssuerKey.rsa(bits: 2048).pem
        let cases: [(String, [UInt8]?, String?)] = [
            ("", good, nil), ("algorithms: [ES256, RS256]", good, nil),
            ("", nil, "cannot read key.pem: No such file or directory"),
            ("", small, "key.pem: an RSA key of 1024 bits: 2048 or more are needed (RFC 7518 §3.3)"),
            ("", Array("hello".utf8), "key.pem: no public key and no certificate in PEM"),
            ("", [], "key.pem: no public key and no certificate in PEM"),
            (
                "", Array("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".utf8),
                "key.pem: the public key cannot be read: it is damaged or cut off"
            ),
            ("algorithms: [ES256]", good, "not for ES256"), ("algorithms: [HS256]", good, "not for HS256"),
            (
                "", Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8),
                "this is a private key"
            ),
        ]
        for (more, bytes, words) in cases {
            let found = problems(
                "public_key: key.pem\naudiences: [app]\n\(more)", files: bytes.map { ["key.pem": $0] } ?? [:])
            #expect(found.count == (words == nil ? 0 : 1), "\(found)")
            guard let words else { continue }
            #expect(found.first?.hasPrefix("4:19: error: identity.tokens.users.public_key: ") == true)
            #expect(found.first?.contains(words) == true, "\(found)")
        }
    }

    @Test(
        arguments: [
            (nil, "error", "cannot read keys.json: No such file or directory"),
            ("hello", "error", "keys.json: the key set is no JSON"),
            ("{}", "error", "keys.json: the key set has no member `keys`"),
            (#"{"keys":[]}"#, "error", "keys.json: none of 0 keys can be used"),
            (#"{"keys":[{"kty":"EC"}]}"#, "error", "keys.json: none of 1 keys can be used"),
            (
                #"{"keys":[{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},{"kty":"XYZ"}]}"#,
                "warning", "keys.json: a key is left out: key 1 has a type, curve or algorithm that is not "
            ),
            (
                #"{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}"#, "error", "keys.json: none of 1 keys can be used"
            ),
        ] as [(String?, String, String)])
    func `a key set's file holds at least one that can be used`(
        text: String?, severity: String, words: String
    ) {
        let found = problems(
            "keys: keys.json\naudiences: [app]",
            files: text.map { ["keys.json": Array($0.utf8)] } ?? [:])
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("4:13: \(severity): identity.tokens.users.keys: ") == true)
        #expect(found.first?.contains(words) == true, "\(found)")
    }

    // MARK: Headers and claims

    @Test(arguments: [
        "X-Real-IP", "X-Request-Id", "x-forwarded-user", "X-Powered-By", "X-Client-Certificate-Subject",
        "X-Middleware-Subrequest", "X-Original-Url", "X-Frame-Options", "X-Download-Options",
        "X-DNS-Prefetch-Control", "Authorization", "Cookie", "Host", "User-Id", "X-User_Id", "X-User.Id",
        "X-User-Plan",
    ])
    func `an identity header is nobody else's`(name: String) {
        for lines in ["headers: { \(name): sub }", "headers:\n  X-Org: org\n  \(name): sub"] {
            let found = problems("\(Self.sound)\n\(lines)")
            #expect(found.count == 1, "\(found)")
            #expect(found.first?.contains("error: ") == true, "\(found)")
            #expect(found.first?.contains(name) == true, "\(found)")
        }
        guard name != "X-User-Plan" else { return }
        let found = problems(Self.sound, identity: "plan_header: \(name)")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("6:16: error: identity.plan_header: ") == true, "\(found)")
    }

    @Test(arguments: [
        ("headers: { X-A: a..b }", "6:23: error: identity.tokens.users.headers: X-A: "),
        ("headers: { X-A: \"\" }", "6:23: error: identity.tokens.users.headers: X-A: "),
        (
            "headers: { X-A: a, x-a: b }",
            "6:26: error: header \"x-a\" is set twice"
        ),
        ("plan: a..b", "6:13: error: identity.tokens.users.plan: "),
        ("scopes: .a", "6:15: error: identity.tokens.users.scopes: "),
        ("roles: a..b", "6:14: error: identity.tokens.users.roles: "),
        ("claims: { a..b: x }", "6:17: error: identity.tokens.users.claims.a..b: "),
        ("claims: { a: \"\" }", "6:20: error: identity.tokens.users.claims.a: "),
        ("claims: { a: [x] }", "6:20: error: identity.tokens.users.claims.a: "),
        ("cookie: \"a b\"", "6:15: error: identity.tokens.users.cookie: "),
        ("cookie: a=b", "6:15: error: identity.tokens.users.cookie: "),
    ])
    func `names of claims and cookies are names`(line: String, expected: String) {
        let found = problems("\(Self.sound)\n\(line)")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test func `a claim may have a name like a URL`() throws {
        let loaded = load("\(Self.sound)\nclaims: { '\"https://h.io/x\".role': admin }")
        #expect(loaded.diagnostics.isEmpty, "\(loaded.diagnostics.text)")
        #expect(
            loaded.settings?.identity.tokens[0].claims == [HeaderField(#""https://h.io/x".role"#, "admin")])
    }

    @Test func `the plan's field and a claim's are two`() {
        #expect(
            problems("\(Self.sound)\nheaders: { X-Tier: tier }", identity: "plan_header: x-tier") == [
                "6:16: error: identity.tokens.users.headers: x-tier is the field of plan_header: name the "
                    + "claim as `plan`, or another field there"
            ])
    }

    // MARK: Routes

    @Test(
        arguments: [
            (
                "auth: requierd",
                [
                    "9:38: error: routes[0].auth: expected required, optional or none, found \"requierd\" "
                        + "(did you mean \"required\"?)"
                ]
            ),
            (
                "auth: required, tokens: [usres]",
                [
                    "9:57: error: routes[0].tokens[0]: no source of tokens is named \"usres\" "
                        + "(did you mean \"users\"?)"
                ]
            ),
            ("auth: required, scopes: [\"a b\"]", ["9:57: error: routes[0].scopes[0]: "]),
            ("auth: required, roles: [\"a\\\\\"]", ["9:56: error: routes[0].roles[0]: "]),
            ("auth: required, claims: { a..b: x }", ["9:58: error: routes[0].claims.a..b: "]),
            (
                "auth: optional, scopes: [a], roles: [b], claims: { c: d }, tokens: [users]",
                ["scopes", "roles", "claims"].map {
                    "error: routes[0]: \($0) asks for nothing without auth: required"
                }
            ),
        ] as [(String, [String])])
    func `what a route wants, it can get`(route: String, expected: [String]) {
        let found = problems(Self.sound, route: route).filter { !$0.contains("warning: identity") }
        #expect(found.count == expected.count, "\(found)")
        for (one, words) in zip(found, expected) { #expect(one.contains(words), "\(found)") }
    }

    @Test func `a source that no route takes is no use`() {
        for route in ["limits: []", "auth: none"] {
            #expect(
                problems(Self.sound, route: route) == [
                    "3:5: warning: identity.tokens.users: no route takes its tokens"
                ])
        }
    }

    @Test func `rules without auth ask for nothing`() {
        #expect(
            problems(Self.sound, route: "tokens: [users], scopes: [a]") == [
                "9:40: error: routes[0]: tokens asks for nothing without auth: required",
                "9:57: error: routes[0]: scopes asks for nothing without auth: required",
            ])
    }

    @Test func `who asks cannot be known where nobody is believed`() {
        let text = """
            upstreams: { app: { servers: ["a:1"] } }
            routes:
              - { path: /*, upstream: app, auth: optional }
            """
        #expect(
            headlines(text) == [
                "3:38: error: routes[0].auth: nobody can be known: identity has neither tokens nor api_keys"
            ])
    }
}
