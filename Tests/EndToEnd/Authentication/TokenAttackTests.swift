import Foundation
import TestIssuer
import Testing

/// What is done to tokens by those who have no key (RFC 8725, security.md 12), over the wire.
@Suite(.timeLimit(.minutes(20))) struct TokenAttackTests {
    struct Attack: Sendable, CustomStringConvertible {
        let description: String
        let token: @Sendable (IssuerKey, IssuerKey) -> String
        var metric = "malformed"
    }

    /// The source has one RSA and one P-256 key; the second key is the attacker's.
    private static let attacks: [Attack] =
        ["none", "None", "NONE", "nOnE", ""].map { name in
            Attack(
                description: "alg \(name.debugDescription)",
                token: { _, _ in
                    TokenText.signingInput(#"{"alg":"\#(name)"}"#, bound()) + "."
                }, metric: "algorithm")
        } + [
            Attack(
                description: "no alg", token: { _, _ in TokenText.signingInput("{}", bound()) + ".AAAA" },
                metric: "algorithm"),
            Attack(
                description: "the public key as HMAC secret",
                token: { key, _ in Token.signed(bound(), secret: key.pem) }, metric: "algorithm"),
            Attack(
                description: "the public key's DER as HMAC secret",
                token: { key, _ in Token.signed(bound(), secret: key.der) }, metric: "algorithm"),
            Attack(
                description: "the key set as HMAC secret",
                token: { key, _ in Token.signed(bound(), secret: key.jwk(#","kid":"1""#).utf8) },
                metric: "algorithm"),
            Attack(
                description: "an empty HMAC secret",
                token: { _, _ in Token.signed(bound(), secret: [UInt8]()) }, metric: "algorithm"),
            Attack(
                description: "an algorithm that no key is for",
                token: { key, _ in
                    let input = TokenText.signingInput(#"{"alg":"RS384"}"#, bound())
                    return "\(input).\(TokenText.encode(key.signature(input, "RS384")))"
                }, metric: "algorithm"),
            Attack(
                description: "the attacker's key in the header (jwk)",
                token: { _, other in
                    other.token(bound(), "RS256", header: #","jwk":\#(other.jwk(#","kid":"1""#))"#)
                }, metric: "signature"),
            Attack(
                description: "the attacker's key at a URL (jku)",
                token: { _, other in
                    other.token(bound(), "RS256", header: #","jku":"http://127.0.0.1:1/jwks","kid":"1""#)
                }, metric: "signature"),
            Attack(
                description: "the attacker's certificate (x5u, x5c)",
                token: { _, other in
                    other.token(
                        bound(), "RS256", header: #","x5u":"http://127.0.0.1:1/c","x5c":["AAAA"],"kid":"1""#)
                }, metric: "signature"),
            Attack(
                description: "crit",
                token: { key, _ in key.token(bound(), "RS256", header: #","crit":["exp"],"exp":1"#) }),
            Attack(
                description: "an empty crit",
                token: { key, _ in key.token(bound(), "RS256", header: #","crit":[]"#) }),
            Attack(
                description: "b64: false",
                token: { key, _ in key.token(bound(), "RS256", header: #","b64":false"#) }),
            Attack(
                description: "zip", token: { key, _ in key.token(bound(), "RS256", header: #","zip":"DEF""#) }
            ),
            Attack(
                description: "alg twice",
                token: { key, _ in key.token(bound(), "RS256", header: #","alg":"none""#) }),
            Attack(
                description: "a name that no key has",
                token: { key, _ in key.token(bound(), "RS256", header: #","kid":"7""#) },
                metric: "unknown_key"),
            Attack(
                description: "a name that is a path",
                token: { _, other in
                    other.token(bound(), "RS256", header: #","kid":"../../../../dev/null""#)
                }, metric: "unknown_key"),
            Attack(
                description: "a name of 8 KB",
                token: { _, other in
                    let name = String(repeating: "k", count: 8000)
                    return other.token(bound(), "RS256", header: #","kid":"\#(name)""#)
                }, metric: "unknown_key"),
            Attack(
                description: "a name that is no text",
                token: { key, _ in key.token(bound(), "RS256", header: #","kid":1"#) }),
            Attack(
                description: "another's signature", token: { _, other in other.token(bound(), "RS256") },
                metric: "signature"),
            Attack(
                description: "no signature",
                token: { _, _ in TokenText.signingInput(#"{"alg":"RS256","kid":"1"}"#, bound()) + "." },
                metric: "signature"),
            Attack(
                description: "r = s = 0",
                token: { _, _ in
                    TokenText.signingInput(#"{"alg":"ES256","kid":"2"}"#, bound()) + "."
                        + TokenText.encode([UInt8](repeating: 0, count: 64))
                }, metric: "signature"),
            Attack(
                description: "an encrypted token", token: { _, _ in "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA" }),
            Attack(description: "the JSON serialization", token: { _, _ in #"{"payload":"e30"}"# }),
            Attack(description: "dots", token: { _, _ in ".." }),
            Attack(description: "one letter", token: { _, _ in "x" }),
            Attack(
                description: "padding", token: { key, _ in key.token(bound(), "RS256", header: "") + "==" }),
            Attack(
                description: "the other alphabet",
                token: { key, _ in
                    // Base64 of `???>` holds `/` and `+` in its classic form.
                    let input = "eyJhbGciOiJSUzI1NiJ9.Pz8/Pj4+"
                    return "\(input).\(TokenText.encode(key.signature(input, "RS256")))"
                }),
            Attack(
                description: "stray bits",
                token: { key, _ in
                    let input = "eyJhbGciOiJSUzI1NiJ9.e31"
                    return "\(input).\(TokenText.encode(key.signature(input, "RS256")))"
                }, metric: "malformed"),
            Attack(
                description: "a claim twice",
                token: { key, _ in key.token(bound(#""sub":"a","sub":"b""#), "RS256") }, metric: "claims"),
            Attack(
                description: "no expiry",
                token: { key, _ in key.token(#"{"iss":"a","aud":"app"}"#, "RS256") }, metric: "claims"),
            Attack(
                description: "expired", token: { key, _ in key.token(bound(expires: -100), "RS256") },
                metric: "expired"),
            Attack(
                description: "an expiry that is a text",
                token: { key, _ in key.token(#"{"iss":"a","aud":"app","exp":"9999999999"}"#, "RS256") },
                metric: "claims"),
            Attack(
                description: "in force later",
                token: { key, _ in key.token(bound(#""nbf":9999999999"#), "RS256") }, metric: "expired"),
            Attack(
                description: "issued in the future",
                token: { key, _ in key.token(bound(#""iat":9999999999"#), "RS256") }, metric: "expired"),
            Attack(
                description: "another issuer",
                token: { key, _ in key.token(Token.claims(#""iss":"A","aud":"app""#), "RS256") },
                metric: "claims"),
            Attack(
                description: "no issuer",
                token: { key, _ in key.token(Token.claims(#""aud":"app""#), "RS256") }, metric: "claims"),
            Attack(
                description: "another audience",
                token: { key, _ in key.token(Token.claims(#""iss":"a","aud":["x","apps"]"#), "RS256") },
                metric: "claims"),
            Attack(
                description: "no audience",
                token: { key, _ in key.token(Token.claims(#""iss":"a""#), "RS256") }, metric: "claims"),
            Attack(
                description: "a line end in what becomes a field",
                token: { key, _ in key.token(bound(#""sub":"a\r\nX-Admin: 1""#), "RS256") },
                metric: "claims"),
        ]

    private static func bound(_ more: String = #""sub":"u1""#, expires: Int = 3600) -> String {
        Token.claims(#""iss":"a","aud":"app",\#(more)"#, expires: expires)
    }

    @Test func `every attack is a readable 401, by HTTP/1.1 and HTTP/2, and no backend hears of it`() throws {
        let (rsa, ec, other) = (IssuerKey.rsa(), IssuerKey.ec("P-256"), IssuerKey.rsa())
        let house = try TokenGateway(
            source: "keys: FOLDER/keys.json, issuers: [a], audiences: [app], algorithms: [RS256, ES256]",
            listener: GatewayProcess.http2,
            files: ["keys.json": #"{"keys":[\#(rsa.jwk(#","kid":"1""#)),\#(ec.jwk(#","kid":"2""#))]}"#])
        let client = try house.gateway.client()
        let streams = try house.gateway.http2()
        var counts: [String: Int] = [:]
        for (number, attack) in Self.attacks.enumerated() {
            let token = attack.token(rsa, other)
            let answer = try client.ask(get("/\(number)", "Authorization: Bearer \(token)"))
            #expect(answer.status == 401, "\(attack)")
            #expect(answer.problem()["error"] as? String == "Invalid token", "\(attack)")
            #expect(
                answer.value("WWW-Authenticate")?.hasPrefix(
                    #"Bearer realm="api", error="invalid_token", error_description=""#) == true)
            #expect(!answer.text.contains(token))
            let second = try streams.ask(
                UInt32(number * 2 + 1), "/\(number)", [("authorization", "Bearer \(token)")])
            #expect(second.status == 401, "\(attack)")
            #expect(second.value("www-authenticate") != nil)
            counts[attack.metric, default: 0] += 2
            let lines = try house.gateway.logged("/\(number)", count: 2)
            #expect(lines.allSatisfy { $0["outcome"] as? String == "gateway.policy" })
            #expect(lines.allSatisfy { $0["status"] as? Int == 401 && $0["user"] == nil })
        }
        for (result, count) in counts {
            let name = "floodgate_authentications_total{result=\"\(result)\"}"
            #expect(try house.gateway.metric(name) == count, "\(result)")
        }
        // What is right passes beside all this, its header's own key ignored.
        let good = rsa.token(Self.bound(), "RS256", header: #","jwk":\#(other.jwk(#","kid":"1""#))"#)
        #expect(try client.ask(get("/good", "Authorization: Bearer \(good)")).status == 200)
        let curve = ec.token(Self.bound(), "ES256", header: #","kid":"2""#)
        #expect(try client.ask(get("/good", "Authorization: Bearer \(curve)")).status == 200)
        #expect(house.origin.requests.map(\.target) == ["/good", "/good"])
        #expect(streams.violations.isEmpty)
    }

    @Test func `an elliptic signature has one length and one form`() throws {
        let key = IssuerKey.ec("P-256")
        let house = try TokenGateway(
            source: "public_key: FOLDER/key.pem", files: ["key.pem": String(decoding: key.pem, as: UTF8.self)]
        )
        let input = TokenText.signingInput(#"{"alg":"ES256"}"#, Token.claims())
        let right = key.signature(input, "ES256")
        #expect(try house.ask(bearer: "\(input).\(TokenText.encode(right))").status == 200)
        let zeros = [UInt8](repeating: 0, count: 32)
        for wrong in [
            key.rawSignature(input, "ES256"), Array(right.dropLast()), right + [0], [0] + right,
            zeros + right.suffix(32), right.prefix(32) + zeros, [], [UInt8](repeating: 0xFF, count: 64),
        ] {
            #expect(try house.ask(bearer: "\(input).\(TokenText.encode(wrong))").status == 401)
        }
    }

    @Test(arguments: [
        ("", "", 401, "Missing token"), ("Authorization: Bearer", "", 401, "Missing token"),
        ("Authorization: Basic YTpi", "", 401, "Missing token"),
        ("Authorization: Bearer x", "", 401, "Invalid token"),
        ("", "auth_token=x", 401, "Missing token"),
    ])
    func `what is missing is told from what is wrong`(
        field: String, cookie: String, status: Int, error: String
    ) throws {
        let house = try TokenGateway()
        var fields = field.isEmpty ? [] : [field]
        if !cookie.isEmpty { fields.append("Cookie: \(cookie)") }
        let answer = try house.gateway.client().ask(request("GET / HTTP/1.1", fields))
        #expect(answer.status == status)
        #expect(answer.refusal == error)
        if error == "Missing token" {
            #expect(answer.value("WWW-Authenticate") == #"Bearer realm="api""#)
        }
    }

    @Test func `two Authorization fields are two opinions`() throws {
        let house = try TokenGateway()
        let answer = try house.ask(
            bearer: Token.good(), "Authorization: Bearer \(Token.good(#""sub":"u2""#))")
        #expect(answer.status == 400)
        #expect(house.origin.requests.isEmpty)
    }
}
