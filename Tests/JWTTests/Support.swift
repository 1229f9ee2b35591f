import Bytes
import JSON
import JWT
import TestIssuer
import Testing
import Time

/// Seconds since 1970 as a time.
func time(_ seconds: Double) -> WallTime { WallTime(nanoseconds: Int64(seconds * 1_000_000_000)) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func decoded(_ text: String) -> [UInt8] { bytes(text).withView { Base64URL.decode($0) } ?? [] }

func keySet(_ keys: String..., source: KeySet.Source = .local) throws -> KeySet {
    try bytes(#"{"keys":[\#(keys.joined(separator: ","))]}"#).withView {
        try KeySet(jwks: $0, source: source, algorithms: .all)
    }
}

/// Rules that ask for nothing but a signature.
func lenient(_ algorithms: AlgorithmSet = .all) -> TokenRules {
    var rules = TokenRules(issuer: .any, audience: .any, algorithms: algorithms)
    rules.expiry = .optional
    return rules
}

func verdict(
    _ token: String, _ keys: KeySet?, _ rules: TokenRules = lenient(), at now: WallTime = time(1_300_819_000)
) -> TokenError? {
    verdict(bytes(token), [TokenIssuer(rules: rules, keys: keys)], at: now)
}

func verdict(_ token: [UInt8], _ issuers: [TokenIssuer], at now: WallTime) -> TokenError? {
    let verifier = TokenVerifier()
    return token.withView { token in
        switch verifier.verify(token, issuers: issuers, now: now) {
        case .accepted: nil
        case .refused(let error, _): error
        }
    }
}

extension IssuerSecret {
    static let standard = IssuerSecret((0..<64).map { UInt8($0) &* 3 &+ 17 })

    func token(_ claims: String, _ algorithm: Algorithm, header more: String = "") -> String {
        token(claims, algorithm.rawValue, header: more)
    }

    func token(header: String, _ claims: String = "{}", _ algorithm: Algorithm) -> String {
        token(header: header, claims, algorithm.rawValue)
    }

    func keys(kid: String? = nil) throws -> KeySet {
        KeySet(keys: [try VerificationKey(secret: bytes, kid: kid.map { Array($0.utf8) })])
    }
}

extension IssuerKey {
    func token(_ claims: String, _ algorithm: Algorithm, header more: String = "") -> String {
        token(claims, algorithm.rawValue, header: more)
    }

    func token(header: String, _ claims: String, _ algorithm: Algorithm) -> String {
        token(header: header, claims, algorithm.rawValue)
    }
}
