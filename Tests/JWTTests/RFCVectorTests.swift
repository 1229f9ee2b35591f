import Bytes
import JSON
import JWT
import Testing

/// The examples of RFC 7515, 7517, 7519 and 8037, each judged as it must be.
@Suite struct RFCVectorTests {
    @Test func `the examples of RFC 7515 with HMAC, RSA and ECDSA are verified`() throws {
        let secret = KeySet(keys: [try VerificationKey(secret: decoded(RFCVectors.hs256Secret))])
        let jwk = try keySet(#"{"kty":"oct","k":"\#(RFCVectors.hs256Secret)"}"#)
        #expect(verdict(RFCVectors.hs256, secret) == nil)
        #expect(verdict(RFCVectors.hs256, jwk) == nil)
        #expect(verdict(RFCVectors.rs256, try keySet(RFCVectors.rsaKey)) == nil)
        #expect(verdict(RFCVectors.es256, try keySet(RFCVectors.p256Key)) == nil)
        #expect(verdict(RFCVectors.unencoded, jwk) == .badClaims)
    }

    @Test func `examples whose payload is no JSON come as far as their claims`() throws {
        #expect(verdict(RFCVectors.es512, try keySet(RFCVectors.p521Key)) == .badClaims)
        #expect(verdict(RFCVectors.edDSA, try keySet(RFCVectors.ed25519Key)) == .badClaims)
    }

    @Test func `one bit more or less and the examples are refused`() throws {
        let cases = [
            (RFCVectors.rs256, RFCVectors.rsaKey), (RFCVectors.es256, RFCVectors.p256Key),
            (RFCVectors.es512, RFCVectors.p521Key), (RFCVectors.edDSA, RFCVectors.ed25519Key),
            (RFCVectors.hs256, #"{"kty":"oct","k":"\#(RFCVectors.hs256Secret)"}"#),
        ]
        for (token, key) in cases {
            let keys = try keySet(key)
            let parts = token.split(separator: ".").map(String.init)
            let signature = decoded(parts[2])
            for place in stride(from: 0, to: signature.count, by: max(1, signature.count / 9)) {
                var changed = signature
                changed[place] ^= 1
                let text = "\(parts[0]).\(parts[1]).\(Base64URL.encode(changed))"
                #expect(verdict(text, keys) == .badSignature)
            }
            #expect(
                verdict("\(parts[0]).\(Base64URL.encode(bytes("{}"))).\(parts[2])", keys) == .badSignature)
        }
    }

    @Test func `the unsecured examples are refused`() throws {
        for key in [
            RFCVectors.rsaKey, RFCVectors.p256Key, #"{"kty":"oct","k":"\#(RFCVectors.hs256Secret)"}"#,
        ] {
            #expect(verdict(RFCVectors.unsecured, try keySet(key)) == .unknownAlgorithm)
        }
    }

    @Test func `the JSON serializations and the encrypted examples are refused`() throws {
        let keys = try keySet(RFCVectors.rsaKey, RFCVectors.p256Key)
        #expect(verdict(RFCVectors.general, keys) == .notCompact)
        #expect(verdict(RFCVectors.flattened, keys) == .notCompact)
        #expect(verdict(RFCVectors.encrypted, keys) == .notCompact)
    }

    @Test func `the example's claims are those that it prints`() throws {
        let claims = try Claims(payload: decoded(RFCVectors.joe))
        #expect(claims.issuer == bytes("joe"))
        #expect(claims.expires == time(1_300_819_380))
        #expect(claims.bool(JSONPath(name: "http://example.com/is_root")) == true)
    }

    @Test func `the example expires when it says`() throws {
        let keys = try keySet(RFCVectors.p256Key)
        var rules = TokenRules(issuer: .oneOf([bytes("joe")]), audience: .any, algorithms: [.init(.es256)])
        rules.leeway = .zero
        #expect(verdict(RFCVectors.es256, keys, rules, at: time(1_300_819_379)) == nil)
        #expect(verdict(RFCVectors.es256, keys, rules, at: time(1_300_819_380)) == .expired)
        rules.audience = .oneOf([bytes("me")])
        #expect(verdict(RFCVectors.es256, keys, rules, at: time(1_300_819_379)) == .wrongAudience)
    }

    @Test func `of the key set of RFC 7517 the key for signing is used`() throws {
        let set = try keySet(RFCVectors.encryptionKey, RFCVectors.namedRSAKey, source: .remote)
        #expect(set.keys.map(\.kid) == [bytes("2011-04-29")])
        #expect(set.keys.map(\.algorithms) == [AlgorithmSet(.rs256)])
        #expect(set.skipped == [SkippedKey(index: 0, reason: .otherUse)])
    }

    @Test func `the symmetric key set of RFC 7517 is for one of its keys, and for nobody else to read`()
        throws
    {
        let wrapping = #"{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}"#
        let signing =
            #"{"kty":"oct","k":"\#(RFCVectors.hs256Secret)","#
            + #""kid":"HMAC key used in JWS spec Appendix A.1 example"}"#
        let set = try keySet(wrapping, signing)
        #expect(set.skipped == [SkippedKey(index: 0, reason: .unsupported)])
        #expect(verdict(RFCVectors.hs256, set) == nil)
        #expect(throws: KeySetError.secretInPublicSet(index: 0)) {
            try keySet(wrapping, signing, source: .remote)
        }
    }

    @Test func `the keys for key agreement of RFC 8037 are left out`() throws {
        let x25519 =
            #"{"kty":"OKP","crv":"X25519","kid":"Bob","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}"#
        let set = try keySet(x25519, RFCVectors.ed25519Key)
        #expect(set.keys.count == 1)
        #expect(set.skipped == [SkippedKey(index: 0, reason: .unsupported)])
        #expect(
            throws: KeySetError.nothingUsable(skipped: 1, first: SkippedKey(index: 0, reason: .unsupported))
        ) {
            try keySet(x25519)
        }
    }
}
