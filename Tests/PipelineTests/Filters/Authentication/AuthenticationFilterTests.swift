import JWT
import Settings
import Telemetry
import TestIssuer
import Testing

@testable import Pipeline

/// Who gets through a route, and what the others hear.
@Suite struct AuthenticationFilterTests {
    private static let good = IssuerSecret.ours.token(claims())
    private static let forged = IssuerSecret.theirs.token(claims())
    private static let challenge = "WWW-Authenticate: Bearer realm=\"api\""

    private static func invalid(_ description: String) -> String {
        "\(challenge), error=\"invalid_token\", error_description=\"\(description)\"\r\n"
    }

    struct Case: Sendable, CustomStringConvertible {
        let description: String
        var bearer: String?
        var cookie: String?
        /// Nil goes on.
        var required: Int?
        var optional: Int?
        var user: String?
        var results: [AuthenticationResult]
    }

    @Test(arguments: [
        Case(description: "nothing", required: 401, results: [.missing, .anonymous]),
        Case(description: "a good token", bearer: good, user: "u1", results: [.accepted, .accepted]),
        Case(
            description: "a forged token", bearer: forged, required: 401, optional: 401,
            results: [.signature, .signature]),
        Case(description: "a good cookie", cookie: "s=\(good)", user: "u1", results: [.accepted, .accepted]),
        Case(
            description: "a forged cookie", cookie: "s=\(forged)", required: 401,
            results: [.signature, .signature]),
        Case(
            description: "a cookie that is no token", cookie: "s=x", required: 401,
            results: [.malformed, .malformed]),
        Case(
            description: "another's cookie", cookie: "t=\(good)", required: 401,
            results: [.missing, .anonymous]),
        Case(
            description: "a bad token before a good cookie", bearer: forged, cookie: "s=\(good)",
            required: 401, optional: 401, results: [.signature, .signature]),
        Case(
            description: "a good token before a bad cookie", bearer: good, cookie: "s=x", user: "u1",
            results: [.accepted, .accepted]),
        Case(
            description: "an empty cookie", cookie: "s=", required: 401, results: [.missing, .anonymous]),
    ])
    func `required, optional, and where the token is looked for`(_ row: Case) throws {
        for (isRequired, status) in [(true, row.required), (false, row.optional)] {
            let gate = Gate(.ours { $0.cookie = "s" })
            let answer = try gate.decide(
                gate.filter(required: isRequired), bearer: row.bearer, cookie: row.cookie)
            #expect(answer.status == status)
            #expect(answer.user == row.user)
            #expect(answer.result == row.results[isRequired ? 0 : 1])
            if status == nil { #expect(answer.goesOn) }
        }
    }

    @Test(
        arguments: [
            ("Basic YTpi", 401), ("Bearer", 401), ("Bearer ", 401), ("bearer \(good)", nil),
            ("BEARER  \(good)", nil), ("Bearer \(good) \(good)", 401), ("Bearer \(good),", 401),
            ("Token \(good)", 401), (good, 401),
        ] as [(String, Int?)])
    func `only the scheme Bearer and one token`(value: String, status: Int?) throws {
        let gate = Gate(.ours())
        let answer = try gate.decide(head: "GET / HTTP/1.1\nHost: a.test\nAuthorization: \(value)")
        #expect(answer.status == status)
    }

    // MARK: Queries

    private static func route(websocket: Bool) -> RoutePlan {
        RoutePlan(
            name: "r", slot: .unmatched, target: .upstreams([RoutePlan.Share(upstream: 0, upTo: 1)]),
            rateLimit: nil, bodyLimit: nil, stripPrefix: [], allowsWebSocket: websocket,
            responseTimeout: nil)
    }

    @Test(
        arguments: [
            ("Connection: Upgrade\nUpgrade: websocket", true, nil),
            ("Connection: upgrade\nUpgrade: WebSocket", true, nil),
            ("Connection: Upgrade\nUpgrade: websocket", false, 401),
            ("Connection: Upgrade\nUpgrade: h2c", true, 401), ("Upgrade: websocket", true, 401),
            ("Accept: */*", true, 401),
        ] as [(String, Bool, Int?)])
    func `a query's token counts for a WebSocket alone, where there may be one`(
        fields: String, allowed: Bool, status: Int?
    ) throws {
        let gate = Gate(.ours { $0.query = "access_token" })
        let answer = try gate.decide(
            head: "GET /s?a=b&access_token=\(Self.good) HTTP/1.1\nHost: a.test\n\(fields)",
            route: Self.route(websocket: allowed))
        #expect(answer.status == status)
        #expect(answer.user == (status == nil ? "u1" : nil))
    }

    @Test func `a field and a cookie come before the query`() throws {
        let head = """
            GET /?t=\(Self.forged) HTTP/1.1
            Host: a.test
            Connection: Upgrade
            Upgrade: websocket
            """
        for (bearer, cookie) in [(Self.good, nil), (nil, "s=\(Self.good)")] as [(String?, String?)] {
            let gate = Gate(
                .ours {
                    $0.query = "t"
                    $0.cookie = "s"
                })
            let answer = try gate.decide(
                bearer: bearer, cookie: cookie, head: head, route: Self.route(websocket: true))
            #expect(answer.user == "u1")
        }
        let gate = Gate(.ours { $0.query = "t" })
        // It was meant, unlike a cookie: a bad one is refused where nobody has to be known, too.
        let answer = try gate.decide(
            gate.filter(required: false), head: head, route: Self.route(websocket: true))
        #expect(answer.status == 401)
    }

    @Test func `any source's cookie comes before any query`() throws {
        let gate = Gate(.ours("a") { $0.query = "t" }, .ours("b") { $0.cookie = "s" })
        let answer = try gate.decide(
            cookie: "s=\(Self.good)",
            head: "GET /?t=x HTTP/1.1\nHost: a.test\nConnection: Upgrade\nUpgrade: websocket",
            route: Self.route(websocket: true))
        #expect(answer.user == "u1")
    }

    // MARK: What the token must say

    @Test(
        arguments: [
            (#""scope":"read write""#, nil), (#""scope":"write read more""#, nil), (#""scope":"read""#, 403),
            (#""scope":["read","write"]"#, nil), (#""scope":["read write"]"#, 403),
            (#""scope":"readwrite""#, 403),
            (#""scope":7"#, 403), (#""scope":["read","write",1]"#, 403), (#""scope":"""#, 403),
            (#""x":1"#, 403),
            (#""scope":"READ WRITE""#, 403), (#""scope":{"read":1,"write":1}"#, 403),
        ] as [(String, Int?)])
    func `every scope is needed`(more: String, status: Int?) throws {
        let gate = Gate(.ours())
        let answer = try gate.decide(
            gate.filter(scopes: ["read", "write"]), bearer: IssuerSecret.ours.token(claims(more)))
        #expect(answer.status == status)
        guard status != nil else { return }
        #expect(answer.result == .forbidden)
        #expect(answer.error == "Insufficient scope")
        #expect(
            answer.fields == "\(Self.challenge), error=\"insufficient_scope\", scope=\"read write\"\r\n")
    }

    @Test(
        arguments: [
            (#""roles":["admin"]"#, nil), (#""roles":["user","owner"]"#, nil), (#""roles":"admin""#, nil),
            (#""roles":["user"]"#, 403), (#""roles":[]"#, 403), (#""x":1"#, 403), (#""roles":null"#, 403),
            // A role with a blank is one role, whoever may name their own.
            (#""roles":["no admin"]"#, 403), (#""roles":"no admin""#, 403), (#""roles":["Admin"]"#, 403),
            (#""roles":["admin",{"x":1}]"#, 403), (#""roles":{"admin":true}"#, 403),
            (#""roles":["user"],"roles2":["admin"]"#, 403),
        ] as [(String, Int?)])
    func `one of the roles is needed`(more: String, status: Int?) throws {
        let gate = Gate(.ours())
        let answer = try gate.decide(
            gate.filter(roles: ["admin", "owner"]), bearer: IssuerSecret.ours.token(claims(more)))
        #expect(answer.status == status)
        guard status != nil else { return }
        #expect(answer.result == .forbidden)
        #expect(answer.error == "Forbidden")
        #expect(answer.fields == nil)
    }

    @Test(
        arguments: [
            (#""app":{"verified":true,"level":3}"#, nil),
            (#""app":{"verified":[true,false],"level":3}"#, nil),
            (#""app":{"verified":"true","level":"3"}"#, nil), (#""app":{"verified":false,"level":3}"#, 403),
            (#""app":{"verified":true,"level":30}"#, 403), (#""app":{"verified":true}"#, 403),
            (#""app":{"verified":true,"level":3.0}"#, 403), (#""app.verified":true,"app.level":3"#, 403),
            (#""app":[{"verified":true,"level":3}]"#, 403), (#""x":1"#, 403),
            (#""app":{"verified":true,"verified":true,"level":3}"#, 403),
        ] as [(String, Int?)])
    func `every claim is needed, with exactly its value`(more: String, status: Int?) throws {
        let gate = Gate(.ours())
        let filter = gate.filter(claims: [("app.verified", "true"), ("app.level", "3")])
        #expect(try gate.decide(filter, bearer: IssuerSecret.ours.token(claims(more))).status == status)
    }

    @Test func `a rule whose way leads nowhere is met by nobody`() throws {
        let gate = Gate(.ours())
        let token = IssuerSecret.ours.token(claims(#""a":{"b":1}"#))
        #expect(try gate.decide(gate.filter(claims: [("a..b", "1")]), bearer: token).status == 403)
        let strict = Gate(.ours { $0.claims = [HeaderField("a..b", "1")] })
        #expect(try strict.decide(bearer: token).status == 401)
    }

    @Test func `who is known and may not is known to the log`() throws {
        let gate = Gate(.ours())
        let answer = try gate.decide(gate.filter(roles: ["admin"]), bearer: Self.good)
        #expect(answer.status == 403)
        #expect(answer.user == "u1")
    }

    // MARK: What is said

    @Test(
        arguments: [
            (good, 200, "", "", ""),
            ("", 401, "Missing token", "This path is for who is known: send a token.", "missing"),
            (forged, 401, "Invalid token", "The token's signature cannot be verified.", "invalid"),
            ("x", 401, "Invalid token", "The token is malformed.", "invalid"),
            (
                IssuerSecret.ours.token(#"{"exp":1}"#), 401, "Invalid token",
                "The token has expired. Refresh it, then try again.", "expired"
            ),
            (
                IssuerSecret.ours.token(#"{"exp":2000000000,"nbf":1900000000}"#), 401, "Invalid token",
                "The token is not in force yet: is the issuer's clock right?", "expired"
            ),
            (
                IssuerSecret.ours.token(#"{"sub":"u1"}"#), 401, "Invalid token",
                "The token does not say how long it lasts.", "invalid"
            ),
            (
                IssuerSecret.ours.token(claims(#""iss":"b","aud":"app""#)), 401, "Invalid token",
                "The token comes from somebody who is not believed here.", "invalid"
            ),
            (
                IssuerSecret.ours.token(claims(#""iss":"a","aud":"other""#)), 401, "Invalid token",
                "The token was made for another service.", "invalid"
            ),
        ] as [(String, Int, String, String, String)])
    func `what is said tells how to mend it, and nothing else`(
        token: String, status: Int, error: String, detail: String, challenge: String
    ) throws {
        let isBound = detail.contains("somebody") || detail.contains("service")
        let gate = Gate(
            .ours {
                guard isBound else { return }
                $0.issuers = ["a"]
                $0.audiences = ["app"]
            })
        let answer = try gate.decide(bearer: token.isEmpty ? nil : token)
        guard status != 200 else { return #expect(answer.goesOn) }
        #expect(answer.status == status)
        #expect(answer.error == error)
        #expect(answer.detail == detail)
        #expect(answer.retryAfter == nil)
        let expected =
            switch challenge {
            case "missing": "\(Self.challenge)\r\n"
            case "expired": Self.invalid("The token is not in force")
            default: Self.invalid("The token is not valid")
            }
        #expect(answer.fields == expected)
    }

    @Test(arguments: TokenError.allCases)
    func `every reason has an answer that a browser and a program can use`(_ error: TokenError) {
        let answer = LocalResponse.refusal(error, .token)
        #expect(answer.status == (error.kind == .unavailable ? 503 : 401))
        #expect((answer.fields == nil) == (error.kind == .unavailable))
        #expect((answer.retryAfter != nil) == (error.kind == .unavailable))
        #expect(answer.error != nil)
        #expect(!"\(answer.detail)".isEmpty)
    }

    // MARK: Authorization

    @Test(arguments: [(true, true, false), (false, true, true), (false, false, false)])
    func `the Authorization field is kept or removed as its source says`(
        forwards: Bool, bears: Bool, hidden: Bool
    ) throws {
        let gate = Gate(
            .ours {
                $0.forwards = forwards
                $0.cookie = "s"
            })
        let answer = try gate.decide(
            bearer: bears ? Self.good : nil, cookie: bears ? nil : "s=\(Self.good)")
        #expect(answer.goesOn)
        #expect(answer.hidesAuthorization == hidden)
    }
}
