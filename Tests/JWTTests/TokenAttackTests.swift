import Bytes
import JWT
import TestIssuer
import Testing

/// What is done to tokens by those who have no key (RFC 8725 §2).
@Suite struct TokenAttackTests {
    private static let rsa = IssuerKey.rsa()
    private static let evil = IssuerKey.rsa()
    private let signer = IssuerSecret.standard

    private func refusal(header: String, claims: String = "{}") throws -> TokenError? {
        verdict(signer.token(header: header, claims), try signer.keys())
    }

    @Test(
        arguments: [
            "none", "None", "NONE", "nOnE", "noNe", "", " none", "none ", "none\\u0000", "\\u006eone",
            "n\\u006fne",
            "HS256 ", " HS256", "hs256", "Hs256", "HS256\\u0000", "\\u0048S256", "HS-256", "HS1", "HS255",
            "RS256,HS256",
            "ES256K", "RSA-OAEP", "dir", "Ed25519", "A128KW", "null", "0", "HS256HS256",
        ])
    func `alg that names nothing known is refused`(_ name: String) throws {
        #expect(try refusal(header: #"{"alg":"\#(name)"}"#) == .unknownAlgorithm)
        let unsigned = TokenText.signingInput(#"{"alg":"\#(name)"}"#, "{}")
        #expect(verdict(unsigned + ".", try signer.keys()) == .unknownAlgorithm)
        #expect(verdict(unsigned, try signer.keys()) == .notCompact)
    }

    @Test(arguments: ["null", "true", "0", "256", "[\"HS256\"]", "{}", "[]"])
    func `alg that is no string is refused`(_ value: String) throws {
        #expect(try refusal(header: #"{"alg":\#(value)}"#) == .unknownAlgorithm)
    }

    @Test func `a header without alg is refused`() throws {
        #expect(try refusal(header: "{}") == .unknownAlgorithm)
        #expect(try refusal(header: #"{"typ":"JWT"}"#) == .unknownAlgorithm)
        #expect(try refusal(header: #"{"Alg":"HS256"}"#) == .unknownAlgorithm)
    }

    /// RFC 8725 §2.1: the public key is no secret.
    @Test func `a token signed with the public key as a secret is refused`() throws {
        let forms = [Self.rsa.pem, Self.rsa.der, Array(Self.rsa.pem.dropLast()), bytes(Self.rsa.jwk())]
        for form in forms {
            let forged = IssuerSecret(form).token(#"{"sub":"admin"}"#)
            for keys in [KeySet(keys: [try VerificationKey(pem: Self.rsa.pem)]), try keySet(Self.rsa.jwk())] {
                #expect(verdict(forged, keys) == .algorithmNotAllowed)
            }
            // Even beside a secret of the same issuer.
            let both = KeySet(keys: [
                try VerificationKey(pem: Self.rsa.pem), try VerificationKey(secret: signer.bytes),
            ])
            #expect(verdict(forged, both) == .badSignature)
        }
    }

    /// RFC 8725 §3.10: keys come from the configuration.
    @Test func `keys that a token brings along are ignored`() throws {
        let keys = KeySet(keys: [try VerificationKey(pem: Self.rsa.pem)])
        let headers = [
            #","jwk":\#(Self.evil.jwk())"#, #","jku":"https://evil.example/jwks.json""#,
            #","x5u":"https://evil.example/cert.pem""#, #","x5c":["\#(Base64URL.encode(Self.evil.der))"]"#,
            #","x5t":"abc","x5t#S256":"def""#,
            #","jwk":\#(Self.evil.jwk()),"jku":"http://169.254.169.254/","x5u":"file:///etc/passwd""#,
        ]
        for header in headers {
            #expect(verdict(Self.evil.token("{}", .rs256, header: header), keys) == .badSignature)
            // A genuine token may have them: nobody asks.
            #expect(verdict(Self.rsa.token("{}", .rs256, header: header), keys) == nil)
        }
    }

    @Test(
        arguments: [
            #""crit":["exp"]"#, #""crit":[]"#, #""crit":null"#, #""crit":["b64"],"b64":true"#,
            #""cr\u0069t":["x"]"#,
            #""crit":["http://example.com/UNDEFINED"],"http://example.com/UNDEFINED":true"#,
        ])
    func `crit is refused`(_ member: String) throws {
        #expect(try refusal(header: #"{"alg":"HS256",\#(member)}"#) == .criticalExtension)
    }

    @Test func `a payload that is not encoded, compressed or encrypted is refused`() throws {
        #expect(try refusal(header: #"{"alg":"HS256","b64":false}"#) == .unencodedPayload)
        #expect(try refusal(header: #"{"alg":"HS256","b64":"true"}"#) == .unencodedPayload)
        #expect(try refusal(header: #"{"alg":"HS256","b6\u0034":false}"#) == .unencodedPayload)
        #expect(try refusal(header: #"{"alg":"HS256","b64":true}"#) == nil)
        #expect(try refusal(header: #"{"alg":"HS256","zip":"DEF"}"#) == .encryptedOrCompressed)
        #expect(try refusal(header: #"{"alg":"HS256","enc":"A128GCM"}"#) == .encryptedOrCompressed)
        #expect(try refusal(header: #"{"alg":"HS256","\u007aip":"DEF"}"#) == .encryptedOrCompressed)
    }

    @Test(
        arguments: [
            #"{"alg":"HS256","alg":"none"}"#, #"{"alg":"none","alg":"HS256"}"#,
            #"{"alg":"HS256","\u0061lg":"none"}"#,
            #"{"alg":"HS256","kid":"a","kid":"b"}"#, #"{"alg":"HS256","x":1,"x":1}"#,
        ])
    func `a header with a member twice is refused`(_ header: String) throws {
        #expect(try refusal(header: header) == .duplicateHeader)
    }

    @Test(
        arguments: [
            "", " ", "null", "[]", #""HS256""#, #"{"alg":"HS256""#, #"{"alg":"HS256"} {}"#,
            #"{"alg":"HS256",}"#,
            #"{'alg':'HS256'}"#, #"{"alg":"HS256","x":NaN}"#, #"{"alg":"HS256","kid":1}"#,
            #"{"alg":"HS256","kid":null}"#,
            #"{"alg":"HS256","typ":["JWT"]}"#, "\u{FEFF}" + #"{"alg":"HS256"}"#, #"{"alg":"HS256"}"# + "\0",
        ])
    func `a header that is not one object of JSON is refused`(_ header: String) throws {
        #expect(try refusal(header: header) == .badHeader)
    }

    @Test func `deep, wide and broken headers are refused`() throws {
        let deep = String(repeating: "[", count: 5000)
        #expect(try refusal(header: #"{"alg":"HS256","x":\#(deep)}"#) == .badHeader)
        let closed = String(repeating: "[", count: 9) + String(repeating: "]", count: 9)
        #expect(try refusal(header: #"{"alg":"HS256","x":\#(closed)}"#) == .badHeader)
        let wide = (0..<200).map { #""m\#($0)":0"# }.joined(separator: ",")
        #expect(try refusal(header: #"{"alg":"HS256",\#(wide)}"#) == .badHeader)
        let broken = Base64URL.encode([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D])
        #expect(verdict("\(broken).e30.AAAA", try signer.keys()) == .badHeader)
    }

    @Test(
        arguments: [
            "../../etc/passwd", "/dev/null", "' OR '1'='1", "k1'; DROP TABLE keys;--", "$(curl evil.example)",
            "`id`",
            "|whoami", "%00", "k1\\u0000", "K1", "k1 ", " k1", "", "http://evil.example/k1", "\\ud83d\\ude00",
        ])
    func `kid is a name that is looked up and nothing else`(_ kid: String) throws {
        let keys = try signer.keys(kid: "k1")
        let header = #"{"alg":"HS256","kid":"\#(kid)"}"#
        #expect(verdict(signer.token(header: header), keys) == .unknownKey)
        // Nor does it lead to an empty key, which somebody could sign with.
        #expect(verdict(IssuerSecret([]).token(header: header), keys) == .unknownKey)
        #expect(verdict(signer.token(header: #"{"alg":"HS256","kid":"k1"}"#), keys) == nil)
        #expect(verdict(signer.token(header: #"{"alg":"HS256","kid":"\u006b1"}"#), keys) == nil)
    }

    @Test func `a token of a megabyte costs a look at its length`() throws {
        let keys = try signer.keys(kid: "k1")
        let kid = String(repeating: "k", count: 1 << 20)
        #expect(verdict(signer.token(header: #"{"alg":"HS256","kid":"\#(kid)"}"#), keys) == .tooLong)
        let huge = [UInt8](repeating: 0x2E, count: 1 << 20)
        let issuers = [TokenIssuer(rules: lenient(), keys: keys)]
        #expect(verdict(huge, issuers, at: time(0)) == .tooLong)
        #expect(verdict(Array(huge.prefix(16_384)), issuers, at: time(0)) == .notCompact)
        let long = signer.token(header: #"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 12_000))"}"#)
        #expect(verdict(long, keys) == .unknownKey)
    }

    @Test func `the longest token that is taken is verified, one byte more is not`() throws {
        let keys = try signer.keys()
        var padding = 12_200
        var token = ""
        repeat {
            padding += 1
            token = signer.token(#"{"x":"\#(String(repeating: "x", count: padding))"}"#)
        } while token.utf8.count < 16_384
        #expect(verdict(token, keys) == (token.utf8.count == 16_384 ? nil : .tooLong))
        #expect(
            verdict(signer.token(#"{"x":"\#(String(repeating: "x", count: padding - 3))"}"#), keys) == nil)
        let verifier = TokenVerifier(maximumLength: 64)
        let issuers = [TokenIssuer(rules: lenient(), keys: keys)]
        let outcome = bytes(signer.token("{}")).withView {
            verifier.verify($0, issuers: issuers, now: time(0))
        }
        guard case .refused(.tooLong, issuer: nil) = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test(arguments: ["", ".", "..", "...", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "{}", "Bearer a.b.c"])
    func `what is not three parts is no token`(_ text: String) throws {
        let error = verdict(text, try signer.keys())
        #expect(error == .notCompact || error == .badHeader || error == .badEncoding)
    }

    @Test func `base64url is canonical or refused`() throws {
        let keys = try signer.keys()
        let token = signer.token(#"{"a":1}"#)
        let parts = token.split(separator: ".").map(String.init)
        #expect(verdict(token, keys) == nil)
        // 32 bytes are 43 characters, whose last one has two bits too many: three texts decode to the same.
        let last = try #require(parts[2].last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let place = try #require(alphabet.firstIndex(of: last))
        #expect(place % 4 == 0)
        for twin in 1..<4 {
            #expect(verdict(String(token.dropLast()) + String(alphabet[place + twin]), keys) == .badEncoding)
        }
        let endings = ["=", "==", "A", " ", "\n", "\r\n", "\t", ".", "%3D", "\u{0}", "é"]
        for ending in endings { #expect(verdict(token + ending, keys) != nil, "\(ending.debugDescription)") }
        for ending in endings.dropFirst() { #expect(verdict(ending + token, keys) != nil) }
        #expect(verdict("\(parts[0])=.\(parts[1]).\(parts[2])", keys) == .badEncoding)
        #expect(verdict("\(parts[0]).\(parts[1])=.\(parts[2])", keys) == .badSignature)
        // Signed with the padding in it.
        let padded = "\(parts[0]).\(parts[1])="
        #expect(verdict("\(padded).\(Base64URL.encode(signer.code(padded)))", keys) == .badEncoding)
        for wrong in ["+", "/", "*", "\\"] {
            let input = "\(parts[0]).\(parts[1].dropLast())\(wrong)"
            #expect(verdict("\(input).\(Base64URL.encode(signer.code(input)))", keys) == .badEncoding)
        }
    }

    @Test func `typ is asked for where the rules do`() throws {
        var rules = lenient()
        rules.type = bytes("at+JWT")
        let keys = try signer.keys()
        let cases: [(String, TokenError?)] = [
            ("at+jwt", nil), ("AT+JWT", nil), ("application/at+jwt", nil), ("APPLICATION/at+jwt", nil),
            ("JWT", .wrongType),
            ("", .wrongType), ("at+jwt ", .wrongType), ("x/at+jwt", .wrongType), ("application/", .wrongType),
            ("a\\u0074+jwt", nil),
        ]
        for (type, error) in cases {
            #expect(
                verdict(signer.token("{}", header: #","typ":"\#(type)""#), keys, rules) == error, "\(type)")
        }
        #expect(verdict(signer.token("{}"), keys, rules) == .wrongType)
    }

    @Test func `nothing of a token is in what is said about it`() {
        for error in TokenError.allCases {
            #expect(error.label.allSatisfy { $0.isLowercase || $0 == "_" })
            #expect(!error.isGenuine || [.time, .claims, .revoked].contains(error.kind))
        }
        #expect(Set(TokenError.allCases.map(\.label)).count == TokenError.allCases.count)
        #expect(Set(TokenError.allCases.map(\.kind)) == Set(TokenError.Kind.allCases))
    }
}
