import Bytes
import JWT
import TestIssuer
import Testing

/// Key sets as issuers publish them, and as attackers would.
@Suite struct KeySetTests {
    private static let one = IssuerKey.ec("P-256")
    private static let two = IssuerKey.ec("P-256")
    private static let rsa = IssuerKey.rsa()

    /// The point of RFC 7515 §A.3.
    private static let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    private static let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    private static let zero = String(repeating: "A", count: 43)

    private static func point(_ curve: String, _ x: String, _ y: String) -> String {
        #"{"kty":"EC","crv":"\#(curve)","x":"\#(x)","y":"\#(y)"}"#
    }

    private func error(
        _ text: String, _ source: KeySet.Source = .remote, _ limits: KeySet.Limits = KeySet.Limits()
    ) -> KeySetError? {
        bytes(text).withView { text in
            do throws(KeySetError) {
                _ = try KeySet(jwks: text, source: source, algorithms: .all, limits: limits)
                return nil
            } catch { return error }
        }
    }

    @Test func `a kid chooses among keys`() throws {
        let keys = try keySet(
            Self.one.jwk(#","kid":"1""#), Self.two.jwk(#","kid":"2""#), Self.rsa.jwk(#","kid":"3""#))
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"1""#), keys) == nil)
        #expect(verdict(Self.two.token("{}", .es256, header: #","kid":"2""#), keys) == nil)
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"2""#), keys) == .badSignature)
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"3""#), keys) == .algorithmNotAllowed)
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"4""#), keys) == .unknownKey)
        #expect(bytes("2").withView { keys.holds(kid: $0) } && !bytes("4").withView { keys.holds(kid: $0) })
    }

    @Test func `a token without a kid is tried with the keys for its algorithm, four at most`() throws {
        let others = (0..<6).map { _ in IssuerKey.ec("P-256") }
        let jwks = others.enumerated().map { $1.jwk(#","kid":"\#($0)""#) }
        let keys = try bytes(#"{"keys":[\#(Self.rsa.jwk()),\#(jwks.joined(separator: ","))]}"#).withView {
            try KeySet(jwks: $0, source: .remote, algorithms: .all)
        }
        for (place, signer) in others.enumerated() {
            #expect(
                verdict(signer.token("{}", .es256), keys) == (place < KeySet.mostTries ? nil : .badSignature))
        }
        #expect(verdict(Self.rsa.token("{}", .rs256), keys) == nil)
        #expect(verdict(IssuerKey.ed25519().token("{}", .edDSA), keys) == .algorithmNotAllowed)
    }

    @Test func `a key without a kid is for tokens with any`() throws {
        let keys = try keySet(Self.one.jwk())
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"whatever""#), keys) == nil)
        #expect(verdict(Self.two.token("{}", .es256, header: #","kid":"whatever""#), keys) == .badSignature)
        let mixed = try keySet(Self.one.jwk(), Self.two.jwk(#","kid":"2""#))
        #expect(verdict(Self.one.token("{}", .es256, header: #","kid":"x""#), mixed) == nil)
        // Where keys have names, this one may be new: whoever keeps the set fetches it again.
        #expect(verdict(Self.two.token("{}", .es256, header: #","kid":"x""#), mixed) == .unknownKey)
    }

    @Test func `two keys with one kid are both tried`() throws {
        let keys = try keySet(
            Self.one.jwk(#","kid":"k""#), Self.rsa.jwk(#","kid":"k""#), Self.two.jwk(#","kid":"k""#))
        for (signer, algorithm) in [(Self.one, Algorithm.es256), (Self.two, .es256), (Self.rsa, .rs256)] {
            #expect(verdict(signer.token("{}", algorithm, header: #","kid":"k""#), keys) == nil)
        }
    }

    @Test func `an algorithm in a key narrows it, and the issuer's list does`() throws {
        let narrowed = try keySet(Self.rsa.jwk(#","alg":"PS256""#))
        #expect(narrowed.keys[0].algorithms == [.init(.ps256)])
        #expect(verdict(Self.rsa.token("{}", .rs256), narrowed) == .algorithmNotAllowed)
        let listed = try bytes(#"{"keys":[\#(Self.rsa.jwk()),\#(Self.one.jwk())]}"#).withView {
            try KeySet(jwks: $0, source: .remote, algorithms: [.init(.rs256), .init(.rs512)])
        }
        #expect(listed.keys.map(\.algorithms) == [[.init(.rs256), .init(.rs512)]])
        #expect(listed.skipped == [SkippedKey(index: 1, reason: .algorithmNotAllowed)])
        // An algorithm that is not of the key's type.
        #expect(error(#"{"keys":[\#(Self.rsa.jwk(#","alg":"ES256""#))]}"#) != nil)
        #expect(error(#"{"keys":[\#(Self.one.jwk(#","alg":"HS256""#))]}"#) != nil)
    }

    @Test(
        arguments: [
            (#","use":"enc""#, .otherUse), (#","use":"SIG""#, .otherUse),
            (#","key_ops":["sign"]"#, .otherUse),
            (#","key_ops":[]"#, .otherUse), (#","use":1"#, .malformed("use")),
            (#","key_ops":"verify""#, .malformed("key_ops")),
            (#","alg":"RSA-OAEP""#, .unsupported), (#","alg":"none""#, .unsupported),
            (#","alg":5"#, .malformed("alg")),
            (#","kid":5"#, .malformed("kid")), (#","x":"AA""#, .malformed("member, once")),
        ] as [(String, SkippedKey.Reason)])
    func `a key that is not for verifying is left out and told`(
        _ members: String, _ reason: SkippedKey.Reason
    ) throws {
        let keys = try keySet(
            Self.one.jwk(members), Self.two.jwk(#","use":"sig","key_ops":["sign","verify"]"#))
        #expect(keys.keys.count == 1 && keys.skippedCount == 1)
        #expect(keys.skipped == [SkippedKey(index: 0, reason: reason)])
        #expect(!keys.skipped[0].description.isEmpty)
    }

    @Test(
        arguments: [
            "{}", "1", "null", "[]", #"{"kty":"XYZ"}"#, #"{"kty":5}"#, #"{"kty":"EC"}"#,
            #"{"kty":"EC","crv":"P-256"}"#,
            #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, #"{"kty":"OKP","crv":"Ed448","x":"AA"}"#,
            #"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, #"{"kty":"RSA","n":"AQAB"}"#,
            #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            #"{"kty":"RSA","n":"","e":"AQAB"}"#,
            // A point that is not on the curve, coordinates too short and too long.
            point("P-256", x, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"),
            point("P-256", x + "A", y),
            point("P-384", x, y),
            // The point at infinity.
            point("P-256", zero, zero),
        ])
    func `a key that is none is left out, and the others are used`(_ jwk: String) throws {
        let keys = try keySet(jwk, Self.one.jwk(), source: .remote)
        #expect(keys.keys.count == 1 && keys.skippedCount == 1)
        #expect(verdict(Self.one.token("{}", .es256), keys) == nil)
    }

    @Test(arguments: ["AQ", "AA", "AAAB", "AQAA", "BA", "AQAAAAAAAAAB"])
    func `an exponent that RSA cannot have is refused`(_ exponent: String) throws {
        let jwk = Self.rsa.jwk().replacing(#""e":"AQAB""#, with: #""e":"\#(exponent)""#)
        #expect(jwk.contains("\"\(exponent)\""))
        let keys = try keySet(jwk, Self.one.jwk())
        #expect(keys.skipped == [SkippedKey(index: 0, reason: .malformed("e"))])
    }

    @Test func `a secret or a private key in a public set is told, and the set refused`() throws {
        let secret = #"{"kty":"oct","k":"\#(Base64URL.encode(IssuerSecret.standard.bytes))"}"#
        let privateKeys = [
            Self.one.jwk(#","d":"AAAA""#), Self.rsa.jwk(#","p":"AAAA""#), #"{"kty":"oct"}"#,
            Self.one.jwk(#","\u0064":"AAAA""#),
            #"{"kty":"XYZ","k":"AAAA"}"#, Self.one.jwk(#","use":"enc","d":"AAAA""#),
        ]
        for jwk in [secret] + privateKeys {
            #expect(error(#"{"keys":[\#(Self.two.jwk()),\#(jwk)]}"#) == .secretInPublicSet(index: 1))
        }
        // In the operator's own file secrets are used, and private members passed over.
        let keys = try keySet(secret, Self.one.jwk(#","d":"AAAA""#))
        #expect(verdict(IssuerSecret.standard.token("{}", .hs512), keys) == nil)
        #expect(verdict(Self.one.token("{}", .es256), keys) == nil)
        let short = #"{"kty":"oct","k":"\#(Base64URL.encode([1, 2, 3]))"}"#
        #expect(
            try keySet(short, Self.one.jwk()).skipped
                == [SkippedKey(index: 0, reason: .unusable(.secretTooShort(bytes: 3, needed: 32, .hs256)))])
    }

    @Test(
        arguments: [
            "", "<html>", "[]", "null", "{", #"{"keys":[}"#, #"{"keys":[]} x"#, "{\"keys\":[\"\u{0}\"]}",
        ])
    func `a text that is no JSON is refused`(_ text: String) {
        guard case .notJSON(let fault) = error(text) else {
            Issue.record("\(String(describing: error(text)))")
            return
        }
        #expect(fault.offset <= text.utf8.count)
    }

    @Test func `a set without keys is refused`() {
        for text in ["{}", #"{"keys":{}}"#, #"{"keys":null}"#, #"{"Keys":[]}"#, #"{"keys":[],"keys":[]}"#] {
            #expect(error(text) == .noKeys)
        }
        #expect(error(#"{"keys":[]}"#) == .nothingUsable(skipped: 0, first: nil))
        #expect(
            error(#"{"keys":[1]}"#)
                == .nothingUsable(skipped: 1, first: SkippedKey(index: 0, reason: .malformed("kty"))))
        #expect(error(#"{"keys":[\#(Self.one.jwk())],"x":{"keys":5},"more":[]}"#) == nil)
    }

    @Test func `too many keys are refused before one of them is looked at`() throws {
        let key = Self.one.jwk()
        let text =
            #"{"keys":[\#(Array(repeating: #"{"kty":"XYZ"}"#, count: 10_000).joined(separator: ","))]}"#
        let start = ContinuousClock.now
        #expect(error(text) == .tooManyKeys(limit: 1000))
        #expect(ContinuousClock.now - start < .seconds(5))
        let exact =
            #"{"keys":[\#(Array(repeating: #"{"kty":"X"}"#, count: 999).joined(separator: ",")),\#(key)]}"#
        let keys = try bytes(exact).withView { try KeySet(jwks: $0, source: .remote, algorithms: .all) }
        #expect(keys.keys.count == 1 && keys.skippedCount == 999 && keys.skipped.count == 16)
        #expect(
            error(#"{"keys":[\#(key),\#(key),\#(key)]}"#, .remote, KeySet.Limits(keys: 2))
                == .tooManyKeys(limit: 2))
    }

    @Test func `a set that is too long or too deep is refused`() {
        let blanks = String(repeating: " ", count: 1 << 20)
        #expect(error(#"{"keys":[]}"# + blanks) == .tooLong(bytes: 1 << 20))
        let nested = String(repeating: "[", count: 400_000)
        guard case .notJSON(let fault) = error(#"{"keys":[\#(nested)]}"#) else {
            Issue.record("not refused")
            return
        }
        #expect(fault.kind == .tooDeep)
    }

    @Test func `kids are found among a thousand`() throws {
        let keys = KeySet(
            keys: try (0..<1000).map { number in
                try VerificationKey(
                    secret: IssuerSecret.standard.bytes, algorithms: [.init(.hs256)],
                    kid: bytes("kid-\(number * 7919 % 1000)"))
            })
        for number in 0..<1000 { #expect(bytes("kid-\(number)").withView { keys.holds(kid: $0) }) }
        for kid in ["kid-1000", "kid--1", "kid-", "", "kid-01"] {
            #expect(!bytes(kid).withView { keys.holds(kid: $0) })
        }
    }

    @Test func `what a set says of itself has nothing of a key in it`() {
        let errors: [KeySetError] = [
            .tooLong(bytes: 5), .noKeys, .tooManyKeys(limit: 5), .secretInPublicSet(index: 5),
            .nothingUsable(skipped: 1, first: nil),
        ]
        for error in errors { #expect(error.description.count > 20) }
    }
}
