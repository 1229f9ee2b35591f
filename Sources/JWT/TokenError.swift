/// Why a token is refused. For metrics, logs and the choice of an answer; nothing of the token is in it, so
/// that it can be shown.
package enum TokenError: String, Error, CaseIterable, Sendable {
    /// More bytes than the verifier takes.
    case tooLong = "too_long"
    /// Not three parts with dots between them: the JSON serialization, an encrypted token, anything else.
    case notCompact = "not_compact"
    /// A part is not base64url as RFC 7515 §2 has it: padding, blanks, stray bits, other letters.
    case badEncoding = "bad_encoding"
    /// The header is not one JSON object, or a member of it has the wrong type.
    case badHeader = "bad_header"
    case duplicateHeader = "duplicate_header"
    /// `crit`: none of the extensions that it could name is understood (RFC 7515 §4.1.11).
    case criticalExtension = "critical_extension"
    /// `b64: false` (RFC 7797).
    case unencodedPayload = "unencoded_payload"
    /// `zip` or `enc`.
    case encryptedOrCompressed = "encrypted_or_compressed"
    /// `typ` is not what the rules ask for.
    case wrongType = "wrong_type"

    /// `alg` is missing or names nothing that is known; `none` is such a name.
    case unknownAlgorithm = "unknown_algorithm"
    /// `alg` is not in the issuer's list, or no key of the issuer is for it.
    case algorithmNotAllowed = "algorithm_not_allowed"

    /// The issuer's keys were never there to check with. Not the client's fault.
    case keysUnavailable = "keys_unavailable"
    /// No key has the token's `kid`.
    case unknownKey = "unknown_key"
    case badSignature = "bad_signature"

    /// The payload is not one JSON object, or a registered claim has the wrong type.
    case badClaims = "bad_claims"
    case duplicateClaim = "duplicate_claim"
    case missingExpiry = "missing_expiry"
    case expired
    case notYetValid = "not_yet_valid"
    case issuedInFuture = "issued_in_future"
    /// Issued longer ago than the rules allow.
    case tooOld = "too_old"
    /// The rules bound the age, and `iat` is missing.
    case missingIssueTime = "missing_issue_time"
    case wrongIssuer = "wrong_issuer"
    case wrongAudience = "wrong_audience"
    case missingClaim = "missing_claim"
    case wrongClaim = "wrong_claim"
    /// On the revocation list.
    case revoked

    /// The same reasons in groups that are treated alike.
    package enum Kind: String, CaseIterable, Sendable {
        /// No token that this gateway could read.
        case malformed
        /// Signed with what is not allowed.
        case algorithm
        /// Good perhaps, but not to be checked now: answered with 503.
        case unavailable
        /// Fetching the key set again may help, once per interval.
        case unknownKey = "unknown_key"
        case signature
        /// Genuine, but not at this time.
        case time
        /// Genuine, but not for this gateway.
        case claims
        case revoked
    }

    package var kind: Kind {
        switch self {
        case .tooLong, .notCompact, .badEncoding, .badHeader, .duplicateHeader, .criticalExtension,
            .unencodedPayload, .encryptedOrCompressed, .wrongType:
            .malformed
        case .unknownAlgorithm, .algorithmNotAllowed: .algorithm
        case .keysUnavailable: .unavailable
        case .unknownKey: .unknownKey
        case .badSignature: .signature
        case .expired, .notYetValid, .issuedInFuture, .tooOld: .time
        case .badClaims, .duplicateClaim, .missingExpiry, .missingIssueTime, .wrongIssuer, .wrongAudience,
            .missingClaim, .wrongClaim:
            .claims
        case .revoked: .revoked
        }
    }

    /// Whether the signature was right. A genuine token that has run out is everyday life; the others are
    /// failures of authentication, which count against who sent them.
    package var isGenuine: Bool {
        switch kind {
        case .time, .claims, .revoked: self != .wrongIssuer
        case .malformed, .algorithm, .unavailable, .unknownKey, .signature: false
        }
    }

    package var label: String { rawValue }
}
