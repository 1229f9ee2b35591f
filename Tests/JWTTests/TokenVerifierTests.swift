import Bytes
import JWT
import TestIssuer
import Testing

/// Several issuers behind one gateway.
@Suite struct TokenVerifierTests {
    private let ours = IssuerSecret.standard
    private let theirs = IssuerSecret((0..<64).map { UInt8($0) ^ 0x5A })
    private let signer = IssuerKey.ec("P-256")

    private func rules(_ issuer: TokenRules.Match) -> TokenRules {
        var rules = lenient()
        rules.issuer = issuer
        return rules
    }

    private func judge(_ token: String, _ issuers: [TokenIssuer]) -> (TokenError?, Int?) {
        let verifier = TokenVerifier()
        return bytes(token).withView { token in
            switch verifier.verify(token, issuers: issuers, now: time(1_800_000_000)) {
            case .accepted(_, let issuer): (nil, issuer)
            case .refused(let error, let issuer): (error, issuer)
            }
        }
    }

    private func issuers() throws -> [TokenIssuer] {
        [
            TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: try ours.keys()),
            TokenIssuer(rules: rules(.oneOf([bytes("b"), bytes("c")])), keys: try theirs.keys()),
        ]
    }

    @Test func `a token's issuer chooses whose keys judge it`() throws {
        let issuers = try issuers()
        #expect(judge(ours.token(#"{"iss":"a"}"#), issuers) == (nil, 0))
        #expect(judge(theirs.token(#"{"iss":"b"}"#), issuers) == (nil, 1))
        #expect(judge(theirs.token(#"{"iss":"c"}"#), issuers) == (nil, 1))
        // One issuer's key is no other's.
        #expect(judge(theirs.token(#"{"iss":"a"}"#), issuers) == (.badSignature, 0))
        #expect(judge(ours.token(#"{"iss":"b"}"#), issuers) == (.badSignature, 1))
        for payload in ["{}", #"{"iss":"d"}"#, #"{"iss":1}"#, #"{"iss":"a","iss":"a"}"#, "x", ""] {
            #expect(judge(ours.token(payload), issuers) == (.wrongIssuer, nil))
        }
    }

    @Test func `issuers of one name are tried one after another`() throws {
        let issuers = [
            TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: try keySet(signer.jwk(#","kid":"1""#))),
            TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: try ours.keys()),
        ]
        #expect(judge(ours.token(#"{"iss":"a"}"#), issuers) == (nil, 1))
        #expect(judge(signer.token(#"{"iss":"a"}"#, .es256), issuers) == (nil, 0))
        #expect(judge(theirs.token(#"{"iss":"a"}"#), issuers) == (.badSignature, 1))
    }

    @Test func `issuers of one name and one key are each asked for their own claims`() throws {
        let keys = try ours.keys()
        func issuer(_ audience: String, _ change: (inout TokenRules) -> Void = { _ in }) -> TokenIssuer {
            var rules = rules(.oneOf([bytes("a")]))
            rules.audience = .oneOf([bytes(audience)])
            change(&rules)
            return TokenIssuer(rules: rules, keys: keys)
        }
        let role = RequiredClaim(.init(name: "role"))
        let issuers = [issuer("app"), issuer("desk") { $0.requiredClaims = [role] }]
        for (claims, error, place) in [
            (#""aud":"app""#, nil, 0), (#""aud":"desk","role":"x""#, nil, 1),
            (#""aud":["app","desk"],"role":"x""#, nil, 0),
            // The one who misses least says why.
            (#""aud":"desk""#, .missingClaim, 1), (#""aud":"other""#, .wrongAudience, 0),
            // Out of time it is for both.
            (#""aud":"desk","role":"x","exp":1"#, .expired, 0),
        ] as [(String, TokenError?, Int)] {
            #expect(judge(ours.token(#"{"iss":"a",\#(claims)}"#), issuers) == (error, place), "\(claims)")
        }
        // Keys that are not there might be those of an issuer whom it suits; for an expired one it is over.
        let missing = TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: nil)
        let token = ours.token(#"{"iss":"a","aud":"other"}"#)
        #expect(judge(token, [issuer("app"), missing]) == (.keysUnavailable, 1))
        let expired = ours.token(#"{"iss":"a","aud":"app","exp":1}"#)
        #expect(judge(expired, [issuer("app"), missing]) == (.expired, 0))
    }

    @Test func `only the issuers that were chosen count`() throws {
        let issuers = try issuers()
        let verifier = TokenVerifier()
        for (chosen, isGood) in [(0b01, true), (0b11, true), (0b10, false), (0, false)] as [(UInt64, Bool)] {
            for issuers in [issuers, [issuers[0]]] {
                let outcome = bytes(ours.token(#"{"iss":"a"}"#)).withView {
                    verifier.verify($0, issuers: issuers, among: chosen, now: time(1_800_000_000))
                }
                if case .accepted = outcome { #expect(isGood) } else { #expect(!isGood) }
            }
        }
    }

    @Test func `an issuer whose keys are not there makes 503 of it, not 401`() throws {
        let missing = TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: nil)
        #expect(judge(ours.token(#"{"iss":"a"}"#), [missing]) == (.keysUnavailable, 0))
        #expect(TokenError.keysUnavailable.kind == .unavailable && !TokenError.keysUnavailable.isGenuine)
        let present = TokenIssuer(rules: rules(.oneOf([bytes("a")])), keys: try theirs.keys())
        #expect(judge(ours.token(#"{"iss":"a"}"#), [present, missing]) == (.keysUnavailable, 1))
        #expect(judge(theirs.token(#"{"iss":"a"}"#), [missing, present]) == (nil, 1))
        // What no key of it could have signed is refused without it.
        var narrow = missing
        narrow.rules.algorithms = [.init(.es256)]
        #expect(judge(ours.token(#"{"iss":"a"}"#), [narrow]) == (.algorithmNotAllowed, 0))
    }

    @Test func `of several reasons the one that can be mended is told`() throws {
        let named = TokenIssuer(rules: rules(.any), keys: try keySet(signer.jwk(#","kid":"1""#)))
        let other = TokenIssuer(rules: rules(.any), keys: try ours.keys())
        let token = signer.token("{}", .es256, header: #","kid":"2""#)
        #expect(judge(token, [other, named]) == (.unknownKey, 1))
        #expect(judge(token, [named, other]) == (.unknownKey, 0))
        #expect(judge(token, [other, other]) == (.algorithmNotAllowed, 0))
    }

    @Test func `however many issuers there are, four keys are tried`() throws {
        let wrong = TokenIssuer(rules: rules(.any), keys: try theirs.keys())
        let right = TokenIssuer(rules: rules(.any), keys: try ours.keys())
        #expect(judge(ours.token("{}"), Array(repeating: wrong, count: 3) + [right]) == (nil, 3))
        #expect(judge(ours.token("{}"), Array(repeating: wrong, count: 4) + [right]).0 == .badSignature)
    }

    @Test func `nobody to trust is nobody trusted`() {
        #expect(judge(ours.token(#"{"iss":"a"}"#), []) == (.wrongIssuer, nil))
    }

    @Test func `a verifier judges one token after another`() throws {
        let verifier = TokenVerifier()
        let issuers = try issuers()
        let tokens = [
            (ours.token(#"{"iss":"a"}"#), true), (ours.token(#"{"iss":"b"}"#), false), ("x", false),
            (theirs.token(#"{"iss":"b"}"#), true),
            (ours.token(#"{"iss":"a","x":"\#(String(repeating: "y", count: 9000))"}"#), true),
        ]
        for _ in 0..<3 {
            for (token, isGood) in tokens {
                let outcome = bytes(token).withView { verifier.verify($0, issuers: issuers, now: time(0)) }
                if case .accepted = outcome { #expect(isGood) } else { #expect(!isGood) }
            }
        }
    }
}

private func == (left: (TokenError?, Int?), right: (TokenError?, Int?)) -> Bool {
    left.0 == right.0 && left.1 == right.1
}
