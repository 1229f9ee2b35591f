import Bytes
import JSON
import JWT
import TestIssuer
import Testing
import Time

/// What claims are held to, and how they are read.
@Suite struct TokenRulesTests {
    private static let now = 1_800_000_000.0
    private let signer = IssuerSecret.standard

    private func judge(
        _ claims: String, _ change: (inout TokenRules) -> Void = { _ in }, at now: Double = now
    ) throws -> TokenError? {
        var rules = TokenRules(
            issuer: .oneOf([bytes("https://a.example/")]), audience: .oneOf([bytes("api"), bytes("web")]),
            algorithms: [.init(.hs256)])
        rules.leeway = .seconds(60)
        change(&rules)
        return verdict(signer.token(claims), try signer.keys(), rules, at: time(now))
    }

    private func claims(_ more: String = "", iss: String = #""https://a.example/""#, aud: String = #""api""#)
        -> String
    {
        #"{"iss":\#(iss),"aud":\#(aud),"exp":1800000100\#(more)}"#
    }

    @Test func `issuer, audience and expiry are required`() throws {
        #expect(try judge(claims()) == nil)
        #expect(try judge(#"{"aud":"api","exp":1800000100}"#) == .wrongIssuer)
        #expect(try judge(#"{"iss":"https://a.example/","exp":1800000100}"#) == .wrongAudience)
        #expect(try judge(#"{"iss":"https://a.example/","aud":"api"}"#) == .missingExpiry)
        #expect(try judge("{}", { $0 = lenient() }) == nil)
        #expect(try judge(#"{"exp":1}"#, { $0 = lenient() }) == .expired)
    }

    @Test(
        arguments: [
            #""https://a.example""#, #""https://a.example//""#, #""https://a.example/ ""#,
            #""https://A.example/""#,
            #""https://a.example/evil""#, #""https://a.example.evil/""#, #""http://a.example/""#, #""""#,
            #""https://a.example/\u0000""#,
            #""https://a.example@evil/""#,
        ])
    func `an issuer that only looks like it is refused`(_ issuer: String) throws {
        #expect(try judge(claims(iss: issuer)) == .wrongIssuer)
    }

    @Test func `an issuer is the same however it is escaped`() throws {
        #expect(try judge(claims(iss: #""https:\/\/a.example\/""#)) == nil)
        #expect(try judge(claims(iss: #""\u0068ttps://a.example/""#)) == nil)
        #expect(try judge(#"{"\u0069ss":"https://a.example/","aud":"api","exp":1800000100}"#) == nil)
    }

    @Test(
        arguments: [
            (#""api""#, nil), (#""web""#, nil), (#"["x","web"]"#, nil), (#"["api"]"#, nil),
            (#"["a\u0070i"]"#, nil),
            ("[]", .wrongAudience), (#""ap""#, .wrongAudience), (#""apis""#, .wrongAudience),
            (#""API""#, .wrongAudience),
            (#""api web""#, .wrongAudience), (#"["ap","i"]"#, .wrongAudience), (#""*""#, .wrongAudience),
            ("null", .badClaims), ("1", .badClaims), (#"{"api":1}"#, .badClaims), (#"["api",1]"#, .badClaims),
            (#"[["api"]]"#, .badClaims), ("true", .badClaims),
        ] as [(String, TokenError?)])
    func `audiences are one or a list`(_ audience: String, _ error: TokenError?) throws {
        #expect(try judge(claims(aud: audience)) == error)
    }

    @Test func `exp is the first second at which a token is no good, leeway aside`() throws {
        for leeway in [0.0, 60, 3600] {
            let set = { (rules: inout TokenRules) in rules.leeway = .seconds(leeway) }
            let end = 1_800_000_100 + leeway
            #expect(try judge(claims(), set, at: end - 0.001) == nil)
            #expect(try judge(claims(), set, at: end) == .expired)
            #expect(try judge(claims(), set, at: end + 1) == .expired)
        }
    }

    @Test func `nbf is the first second at which a token is good, leeway aside`() throws {
        for leeway in [0.0, 60] {
            let set = { (rules: inout TokenRules) in rules.leeway = .seconds(leeway) }
            let start = 1_800_000_050 - leeway
            #expect(try judge(claims(#","nbf":1800000050"#), set, at: start) == nil)
            #expect(try judge(claims(#","nbf":1800000050"#), set, at: start - 0.001) == .notYetValid)
        }
    }

    @Test func `iat is not in the future, and no older than the age`() throws {
        #expect(try judge(claims(#","iat":1800000060"#)) == nil)
        #expect(try judge(claims(#","iat":1800000060.001"#)) == .issuedInFuture)
        let aged = { (rules: inout TokenRules) in rules.maximumAge = .seconds(600) }
        #expect(try judge(claims(), aged) == .missingIssueTime)
        #expect(try judge(claims(#","iat":1799999340"#), aged) == nil)
        #expect(try judge(claims(#","iat":1799999339.999"#), aged) == .tooOld)
        #expect(try judge(claims(#","iat":0"#), aged) == .tooOld)
    }

    @Test(
        arguments: [
            #""1800000100""#, "null", "true", "[]", "{}", "-1", "-0.5", "1e300", "1e400", "1800000100000000",
            "253402300800",
            "99999999999999999999999", "1E20", "-1e-9",
        ])
    func `times that are none are refused`(_ value: String) throws {
        for name in ["exp", "nbf", "iat"] {
            let text = #"{"iss":"https://a.example/","aud":"api","\#(name)":\#(value)}"#
            #expect(try judge(text, { $0.expiry = .optional }) == .badClaims, "\(name) \(value)")
        }
    }

    @Test(
        arguments: [
            ("1800000100.5", 1_800_000_100_500_000_000), ("1.8000001e9", 1_800_000_100_000_000_000),
            ("1800000100.123456789", 1_800_000_100_123_456_789),
            ("1800000100.1234567899999999999", 1_800_000_100_123_456_789),
            ("18000001000e-1", 1_800_000_100_000_000_000), ("9999999999", .max), ("253402300799", .max),
            ("0", 0), ("0e5", 0), ("-0", 0),
            ("0.0000000001", 0), ("1e-400", 0), ("0.000000001", 1), ("1e9", 1_000_000_000_000_000_000),
        ] as [(String, Int64)])
    func `times are exact to the nanosecond`(_ text: String, _ nanoseconds: Int64) throws {
        #expect(
            try Claims(payload: bytes(#"{"exp":\#(text)}"#)).expires == WallTime(nanoseconds: nanoseconds))
    }

    @Test(
        arguments: [
            #","iss":"https://a.example/""#, #","exp":1900000000"#, #","aud":"api""#, #","x":1,"x":1"#,
            #","\u0065xp":1900000000"#,
            #","nbf":1,"nbf":1"#, #","jti":"a","jti":"b""#, #","sub":"a","sub":"b""#, #","iat":1,"iat":1"#,
        ])
    func `a claim that stands twice is refused`(_ more: String) throws {
        #expect(try judge(claims(more)) == .duplicateClaim)
    }

    @Test(
        arguments: [
            "", "null", "[]", "1", #""x""#, "{", #"{"a":1}x"#, #"{"a":01}"#, "{\"a\":\"\u{1}\"}",
            #"{"a":NaN}"#, #"{"sub":1}"#,
            #"{"sub":null}"#, #"{"jti":{}}"#, #"{"iss":["https://a.example/"]}"#, #"{"a":"\ud800"}"#,
        ])
    func `a payload that is not one object of JSON is refused`(_ payload: String) throws {
        #expect(try judge(payload) == .badClaims)
    }

    @Test func `bombs of nesting and of members are refused`() throws {
        #expect(try judge(#"{"a":\#(String(repeating: "[", count: 8000))}"#) == .badClaims)
        #expect(try judge(#"{"a":\#(String(repeating: #"{"a":"#, count: 2000))1}"#) == .badClaims)
        let many = (0..<129).map { #""m\#($0)":0"# }.joined(separator: ",")
        #expect(try judge("{\(many)}") == .badClaims)
        let input =
            TokenText.signingInput(#"{"alg":"HS256"}"#, "").dropLast(0)
            + Base64URL.encode([0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x31, 0x7D])
        let token = "\(input).\(Base64URL.encode(signer.code(String(input))))"
        #expect(verdict(token, try signer.keys()) == .badClaims)
    }

    @Test func `the signature comes before the claims`() throws {
        let forged =
            TokenText.signingInput(#"{"alg":"HS256"}"#, "{not json") + "."
            + Base64URL.encode([UInt8](repeating: 1, count: 32))
        #expect(verdict(forged, try signer.keys()) == .badSignature)
    }

    @Test func `claims that must be there are asked for`() throws {
        let more = #","role":"admin","n":7,"ok":true,"roles":["a","b"],"app":{"plan":"pro"},"none":null"#
        let cases: [(String, [String], TokenError?)] = [
            ("role", [], nil), ("role", ["admin"], nil), ("role", ["user", "admin"], nil),
            ("role", ["user"], .wrongClaim),
            ("role", ["adm"], .wrongClaim), ("n", ["7"], nil), ("n", ["70"], .wrongClaim),
            ("ok", ["true"], nil), ("ok", ["false"], .wrongClaim),
            ("roles", ["b"], nil), ("roles", ["c"], .wrongClaim), ("app.plan", ["pro"], nil),
            ("app.plan", ["free"], .wrongClaim),
            ("app", [], nil), ("app", ["pro"], .wrongClaim), ("none", [], .missingClaim),
            ("missing", [], .missingClaim),
            ("app.missing", ["x"], .missingClaim),
        ]
        for (path, values, error) in cases {
            let required = RequiredClaim(try JSONPath(path), values: values.map(bytes))
            #expect(try judge(claims(more), { $0.requiredClaims = [required] }) == error, "\(path) \(values)")
        }
    }

    @Test func `a deadline is where rules and claims end`() throws {
        var rules = TokenRules(issuer: .any, audience: .any, algorithms: .all)
        rules.leeway = .seconds(60)
        let claims = try Claims(payload: bytes(#"{"exp":1000,"iat":500}"#))
        #expect(rules.deadline(of: claims) == time(1060))
        rules.maximumAge = .seconds(100)
        #expect(rules.deadline(of: claims) == time(660))
        #expect(rules.deadline(of: try Claims(payload: bytes("{}"))) == nil)
        let endless = try Claims(payload: bytes(#"{"exp":9999999999}"#))
        #expect(rules.deadline(of: endless) == WallTime(nanoseconds: .max))
    }
}

@Suite struct ClaimsTests {
    private func path(_ text: String) -> JSONPath {
        guard let path = try? JSONPath(text) else { preconditionFailure("\(text) is no path") }
        return path
    }

    private func claims() throws -> Claims {
        try Claims(
            payload: bytes(
                #"""
                {"sub":"user-1","jti":"t\u002d1","scope":"read:a write:b","scp":["read:a","admin"],
                 "level":7,"ratio":1.5,
                 "admin":true,"app_metadata":{"plan":"pro"},
                 "https://hasura.io/claims":{"x-role":"editor"},"none":null,
                 "mixed":["a",1],"name":"Zo\u00eb","empty":"","list":[]}
                """#))
    }

    @Test func `registered claims have their values`() throws {
        let claims = try claims()
        #expect(claims.subject == bytes("user-1") && claims.tokenID == bytes("t-1") && claims.issuer == nil)
        #expect(claims.expires == nil && claims.notBefore == nil && claims.issuedAt == nil)
    }

    @Test func `claims are found by their paths`() throws {
        let claims = try claims()
        #expect(claims.string(path("app_metadata.plan")) == bytes("pro"))
        #expect(claims.string(path(#""https://hasura.io/claims".x-role"#)) == bytes("editor"))
        #expect(claims.integer(path("level")) == 7 && claims.double(path("ratio")) == 1.5)
        #expect(claims.bool(path("admin")) == true && claims.bool(path("level")) == nil)
        #expect(claims.strings(path("scp")) == [bytes("read:a"), bytes("admin")])
        #expect(
            claims.strings(path("sub")) == [bytes("user-1")]
                && claims.strings(path("list")) == [])
        #expect(claims.strings(path("mixed")) == nil && claims.strings(path("level")) == nil)
    }

    @Test func `claims are written as headers want them`() throws {
        let claims = try claims()
        for (path, expected) in [
            ("name", "Zoë"), ("level", "7"), ("ratio", "1.5"), ("admin", "true"), ("empty", ""),
        ] {
            let place = self.path(path)
            var isWritten = false
            let text = ByteWriter.text(capacity: 16) { isWritten = claims.write(place, into: &$0) }
            #expect(isWritten && text == expected)
        }
        for path in ["scp", "app_metadata", "none", "missing"] {
            let place = self.path(path)
            _ = ByteWriter.text(capacity: 64) { #expect(!claims.write(place, into: &$0)) }
        }
    }

    @Test func `scopes are words or items, whole ones`() throws {
        let claims = try claims()
        let (scope, scp) = (path("scope"), path("scp"))
        for word in ["read:a", "write:b"] { #expect(claims.hasScope(bytes(word), at: scope)) }
        for word in ["read", "read:", "a", "read:a write:b", "", " ", "READ:A", "read:ab"] {
            #expect(!claims.hasScope(bytes(word), at: scope), "\(word)")
        }
        #expect(claims.hasScope(bytes("admin"), at: scp) && !claims.hasScope(bytes("adm"), at: scp))
        #expect(
            !claims.hasScope(bytes("7"), at: path("app_metadata"))
                && !claims.hasScope(bytes("x"), at: path("missing")))
        let escaped = try Claims(payload: bytes(#"{"scope":"a\u0020b"}"#))
        #expect(escaped.hasScope(bytes("b"), at: scope) && escaped.hasScope(bytes("a"), at: scope))
    }
}
