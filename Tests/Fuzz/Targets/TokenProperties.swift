import Bytes
import JSON
import JWT
import Time

/// Tokens of strangers: none is taken but those that were signed, and of those each in one writing.
///
/// An input is a token. Two keys are known: a secret, and the public key of RFC 7515 §A.3.
enum TokenProperties {
    private static let secret = [UInt8](repeating: 0x2A, count: 64)
    private static let p256 = #"""
        {"keys":[{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
        """#

    /// Headers and payloads that these keys have signed, in the seeds: all that may ever be accepted.
    private static let signed: Set<String> = [
        "eyJhbGciOiJFUzI1NiJ9."
            + "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
            + "LmNvbS9pc19yb290Ijp0cnVlfQ",
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIiwiYXVkIjoiYiIsImV4cCI6MTMwMDgxOTM4MH0",
        "eyJhbGciOiJIUzUxMiIsImtpZCI6ImgiLCJ0eXAiOiJKV1QifQ."
            + "eyJpc3MiOiJhIiwiYXVkIjpbImIiLCJjIl0sInN1YiI6InUiLCJzY29wZSI6InJlYWQgd3JpdGUifQ",
    ]

    private static let issuers: [TokenIssuer] = {
        var rules = TokenRules(issuer: .any, audience: .any, algorithms: .all)
        rules.expiry = .optional
        guard let secretKey = try? VerificationKey(secret: secret),
            let ecKeys = Array(p256.utf8).withView({
                try? KeySet(jwks: $0, source: .remote, algorithms: .asymmetric)
            })
        else { preconditionFailure("the keys of the fuzz target are not taken") }
        return [
            TokenIssuer(rules: rules, keys: KeySet(keys: [secretKey])),
            TokenIssuer(rules: rules, keys: ecKeys),
        ]
    }()

    private static let now = WallTime(nanoseconds: 1_300_819_000_000_000_000)

    static func check(_ bytes: [UInt8]) throws(Violation) {
        let verifier = TokenVerifier(maximumLength: 1024)
        let outcome = bytes.withView { verifier.verify($0, issuers: issuers, now: now) }
        try claims(bytes)
        guard case .accepted(let claims, _) = outcome else {
            if case .refused(.tooLong, _) = outcome {
                return try hold(bytes.count > 1024, "too long with \(bytes.count) bytes")
            }
            return
        }
        try hold(bytes.count <= 1024, "a token of \(bytes.count) bytes is taken")
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(
            Array.init)
        try hold(parts.count == 3, "accepted with \(parts.count) parts")
        for part in parts {
            guard let content = part.withView({ Base64URL.decode($0) }) else {
                throw Violation(description: "accepted, but not base64url: \(shown(part))")
            }
            try hold(
                Array(Base64URL.encode(content).utf8) == part, "accepted in another writing: \(shown(part))")
        }
        try hold(parts[1].withView { Base64URL.decode($0) } == claims.payload, "other claims than its own")
        let input = String(decoding: bytes[..<(parts[0].count + 1 + parts[1].count)], as: UTF8.self)
        try hold(signed.contains(input), "accepted, but nobody has signed it: \(shown(bytes))")
    }

    /// The bytes as claims: whatever is read has been read whole, and can be looked through.
    private static func claims(_ bytes: [UInt8]) throws(Violation) {
        guard let claims = try? Claims(payload: bytes) else { return }
        let isWhole = bytes.withView { (try? JSONScanner.check($0)) != nil }
        try hold(isWhole, "claims, but no JSON: \(shown(bytes))")
        for time in [claims.expires, claims.notBefore, claims.issuedAt].compactMap(\.self) {
            try hold(time.nanoseconds >= 0, "a time before 1970")
        }
        let scope = JSONPath(name: "scope")
        if claims.hasScope(Array("read".utf8), at: scope) {
            try hold(claims.element(scope) != nil, "a scope without a claim")
        }
    }
}

/// Key sets of strangers: bounded, without secrets, and read the same way twice.
enum KeySetProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        let limits = KeySet.Limits(length: 4096, keys: 8)
        let local = bytes.withView { try? KeySet(jwks: $0, source: .local, algorithms: .all, limits: limits) }
        let remote = bytes.withView {
            try? KeySet(jwks: $0, source: .remote, algorithms: .all, limits: limits)
        }
        if let remote {
            try hold(remote.keys.count == local?.keys.count, "a remote set has other keys than a local one")
            let algorithms = remote.keys.reduce(into: AlgorithmSet()) { $0.formUnion($1.algorithms) }
            try hold(algorithms.isDisjoint(with: .hmac), "a secret out of a public set")
        }
        guard let local else { return }
        try hold(!local.keys.isEmpty && local.keys.count + local.skippedCount <= 8, "too many keys, or none")
        for key in local.keys {
            try hold(!key.algorithms.isEmpty, "a key for nothing")
            guard let kid = key.kid else { continue }
            try hold(kid.withView { local.holds(kid: $0) }, "a kid that is not found")
        }
        try hold(local.copy().keys.map(\.algorithms) == local.keys.map(\.algorithms), "another copy")
    }
}
