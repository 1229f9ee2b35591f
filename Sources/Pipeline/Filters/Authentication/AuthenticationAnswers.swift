import JWT
import Telemetry

// What those hear whose credentials do not do (R11, RFC 6750 §3).
extension LocalResponse {
    static func missing(_ accepted: AcceptedCredentials) -> LocalResponse {
        let challenges = Challenges.of(accepted)
        guard accepted.contains(.token) else {
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: "This path is for who is known: send an API key.",
                error: "Missing API key", fields: challenges.missing)
        }
        return LocalResponse(
            status: 401, title: "Unauthorized",
            detail: accepted.contains(.apiKey)
                ? "This path is for who is known: send a token or an API key."
                : "This path is for who is known: send a token.",
            error: "Missing token", fields: challenges.missing)
    }

    static func refusal(_ error: TokenError, _ accepted: AcceptedCredentials) -> LocalResponse {
        let challenges = Challenges.of(accepted)
        switch error.kind {
        case .unavailable:
            return LocalResponse(
                status: 503, title: "Service unavailable",
                detail: "Tokens cannot be verified now. Try again in a moment.",
                error: "Authentication unavailable", retryAfter: 5)
        case .revoked:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: "The token has been revoked. Sign in again.",
                error: "Authentication failed", fields: challenges.revoked)
        case .time:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: error.advice, error: "Invalid token",
                fields: challenges.expired)
        case .malformed, .algorithm, .unknownKey, .signature, .claims:
            return LocalResponse(
                status: 401, title: "Unauthorized", detail: error.advice, error: "Invalid token",
                fields: challenges.invalid)
        }
    }

    /// Of a key. What is unknown and what does not match are one to whoever shows it.
    static func refusal(
        _ reason: KeyRecognition.Refusal, _ accepted: AcceptedCredentials
    ) -> LocalResponse {
        let detail: StaticString =
            switch reason {
            case .malformed: "This is no API key: it was cut or misspelt, or there are two of them."
            case .unknown, .mismatch: "The API key is not known here."
            case .expired: "The API key has expired. Ask for a new one."
            case .revoked: "The API key has been revoked. Ask for a new one."
            }
        return LocalResponse(
            status: 401, title: "Unauthorized", detail: detail, error: "Authentication failed",
            fields: Challenges.of(accepted).missing)
    }

    static func insufficientScope(_ challenge: PinnedText) -> LocalResponse {
        LocalResponse(
            status: 403, title: "Forbidden",
            detail: "The credential is good, but lacks a scope that this path asks for.",
            error: "Insufficient scope", fields: challenge)
    }

    static let insufficientRole = LocalResponse(
        status: 403, title: "Forbidden",
        detail: "The credential is good, but this path is not for its bearer.", error: "Forbidden")
}

/// Values of WWW-Authenticate: what a route takes, a line each (RFC 9110 §11.6.1).
private final class Challenges: Sendable {
    let missing: PinnedText
    let invalid: PinnedText
    let expired: PinnedText
    let revoked: PinnedText

    private init(_ accepted: AcceptedCredentials) {
        let key = accepted.contains(.apiKey) ? "WWW-Authenticate: ApiKey realm=\"api\"\r\n" : ""
        func lines(_ description: String?) -> PinnedText {
            guard accepted.contains(.token) else { return PinnedText(key) }
            let error = description.map { ", error=\"invalid_token\", error_description=\"\($0)\"" } ?? ""
            return PinnedText("WWW-Authenticate: Bearer realm=\"api\"\(error)\r\n" + key)
        }
        missing = lines(nil)
        invalid = lines("The token is not valid")
        expired = lines("The token is not in force")
        revoked = lines("The token has been revoked")
    }

    static func of(_ accepted: AcceptedCredentials) -> Challenges {
        switch (accepted.contains(.token), accepted.contains(.apiKey)) {
        case (true, true): both
        case (false, true): keys
        case (_, false): tokens
        }
    }

    private static let tokens = Challenges(.token)
    private static let keys = Challenges(.apiKey)
    private static let both = Challenges([.token, .apiKey])
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

extension AuthenticationResult {
    init(_ refusal: KeyRecognition.Refusal) {
        self =
            switch refusal {
            case .malformed: .malformed
            case .unknown: .unknownKey
            case .mismatch: .signature
            case .expired: .expired
            case .revoked: .revoked
            }
    }
}
