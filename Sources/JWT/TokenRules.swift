import Bytes
import JSON

/// What an issuer's tokens must say, besides being signed by one of its keys.
package struct TokenRules: Sendable {
    /// What `iss` and `aud` are held to.
    package enum Match: Equatable, Sendable {
        /// The claim is there and one of these, byte by byte.
        case oneOf([[UInt8]])
        /// Not looked at: the operator says so.
        case any

        func holds(_ value: ByteView) -> Bool {
            switch self {
            case .oneOf(let values): values.contains { $0.withView { $0.equals(value) } }
            case .any: true
            }
        }
    }

    package enum Presence: Equatable, Sendable {
        case required, optional
    }

    package var issuer: Match
    package var audience: Match
    /// Those that the issuer signs with. A key's own list holds as well.
    package var algorithms: AlgorithmSet
    /// How far clocks may be apart, for `exp`, `nbf`, `iat` and the age.
    package var leeway = Duration.seconds(60)
    package var expiry = Presence.required
    /// Since `iat`, which is required then.
    package var maximumAge: Duration?
    /// What `typ` must be, without `application/` and whatever its case (RFC 8725 §3.11): `at+jwt`.
    package var type: [UInt8]?
    package var requiredClaims: [RequiredClaim] = []

    package init(issuer: Match, audience: Match, algorithms: AlgorithmSet) {
        self.issuer = issuer
        self.audience = audience
        self.algorithms = algorithms
    }

    /// `typ` as the rule has it (RFC 7515 §4.1.9).
    func allows(type found: ByteView?) -> Bool {
        guard let type else { return true }
        guard let found else { return false }
        let lowered = type.map(ASCII.lowercased)
        let prefix = ByteView("application/")
        let hasPrefix =
            found.count > prefix.count && found.prefix(prefix.count).equalsIgnoringCase(prefix)
        let bare = hasPrefix ? found.dropFirst(prefix.count) : found
        return lowered.withView { bare.equalsIgnoringCase($0) }
    }
}

/// A claim that must be there.
package struct RequiredClaim: Equatable, Sendable {
    package let path: JSONPath
    /// One of these is the claim, or is in it where it is an array; numbers and booleans as they are written.
    /// Without values the claim must only be there, and not be null.
    package let values: [[UInt8]]

    package init(_ path: JSONPath, values: [[UInt8]] = []) {
        self.path = path
        self.values = values
    }
}

/// An issuer with its keys, as a worker has them.
package struct TokenIssuer: Sendable {
    package var rules: TokenRules
    /// Nil where they were never reachable.
    package var keys: KeySet?

    package init(rules: TokenRules, keys: KeySet?) {
        self.rules = rules
        self.keys = keys
    }
}
