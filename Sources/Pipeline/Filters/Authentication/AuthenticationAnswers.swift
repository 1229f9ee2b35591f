import JWT
import Telemetry

// What those hear whose credentials do not do (R11, RFC 6750 §3).
extension LocalResponse {
    static let missingToken = LocalResponse(
        status: 401, title: "Unauthorized", detail: "This path is for who is known: send a token.",
        error: "Missing token", fields: Challenge.missing)

    static func refusal(_ error: TokenError) -> LocalResponse {
        switch error.kind {
        case .unavailable:
            return LocalResponse(
                status: 503, title: "Service unavailable",
                detail: "Tokens cannot be verified now. Try again in a moment.",
                error: "Authentication unavailable", retryAfter: 5)
        case .revoked:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: "The token has been revoked. Sign in again.",
                error: "Authentication failed", fields: Challenge.revoked)
        case .time:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: error.advice, error: "Invalid token",
                fields: Challenge.expired)
        case .malformed, .algorithm, .unknownKey, .signature, .claims:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: error.advice, error: "Invalid token",
                fields: Challenge.invalid)
        }
    }

    static func insufficientScope(_ challenge: PinnedText) -> LocalResponse {
        LocalResponse(
            status: 403, title: "Forbidden",
            detail: "The token is good, but lacks a scope that this path asks for.",
            error: "Insufficient scope", fields: challenge)
    }

    static let insufficientRole = LocalResponse(
        status: 403, title: "Forbidden", detail: "The token is good, but this path is not for its bearer.",
        error: "Forbidden")
}

/// Values of WWW-Authenticate.
private enum Challenge {
    static let missing = PinnedText("WWW-Authenticate: Bearer realm=\"api\"\r\n")
    static let invalid = line("The token is not valid")
    static let expired = line("The token is not in force")
    static let revoked = line("The token has been revoked")

    private static func line(_ description: String) -> PinnedText {
        PinnedText(
            "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\", "
                + "error_description=\"\(description)\"\r\n")
    }
}

extension TokenError {
    /// What its bearer may know: enough to mend it, nothing of what would have been right.
    fileprivate var advice: StaticString {
        switch self {
        case .expired, .tooOld: "The token has expired. Refresh it, then try again."
        case .notYetValid, .issuedInFuture: "The token is not in force yet: is the issuer's clock right?"
        case .missingExpiry, .missingIssueTime: "The token does not say how long it lasts."
        case .wrongAudience: "The token was made for another service."
        case .wrongIssuer: "The token comes from somebody who is not believed here."
        case .badSignature, .unknownKey, .keysUnavailable: "The token's signature cannot be verified."
        case .unknownAlgorithm, .algorithmNotAllowed:
            "The token is not signed in a way that is accepted here."
        case .tooLong: "The token is too long."
        case .notCompact, .badEncoding, .badHeader, .duplicateHeader, .criticalExtension, .unencodedPayload,
            .encryptedOrCompressed, .wrongType, .badClaims, .duplicateClaim:
            "The token is malformed."
        case .missingClaim, .wrongClaim: "The token lacks something that is asked for here."
        case .revoked: "The token has been revoked."
        }
    }
}

extension AuthenticationResult {
    init(_ kind: TokenError.Kind) {
        self =
            switch kind {
            case .malformed: .malformed
            case .algorithm: .algorithm
            case .unknownKey: .unknownKey
            case .signature: .signature
            case .time: .expired
            case .claims: .claims
            case .revoked: .revoked
            case .unavailable: .unavailable
            }
    }
}
