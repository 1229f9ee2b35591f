import Bytes
import JSON
import Time

/// Judges the tokens of one worker. Keeps memory and OpenSSL's context between tokens, nothing of the tokens.
package struct TokenVerifier: ~Copyable {
    private let maximumLength: Int
    private let memory: Scratch
    private let workshop = Workshop()

    /// Bytes of the longest token that is looked at.
    package static let standardLength = 16 * 1024

    package init(maximumLength: Int = Self.standardLength) {
        self.maximumLength = maximumLength
        memory = Scratch(size: SignedToken.memory(for: maximumLength))
    }

    /// Whose token it is, if it is anybody's. Refusals come in the order in which they are cheap: form,
    /// header, algorithm, signature; claims are read once the signature is right.
    ///
    /// With several issuers the token's own `iss` chooses among them, which is only a look-up: the chosen
    /// one's keys and rules judge. Issuers of one name are tried one after another.
    ///
    /// - Parameter chosen: Issuers that count, by a bit each; of more than 64 the first ones.
    package func verify(
        _ token: ByteView, issuers: [TokenIssuer], among chosen: UInt64 = .max, now: WallTime
    ) -> TokenOutcome {
        do throws(TokenError) {
            let signed = try SignedToken(token, longest: maximumLength, memory: memory.view)
            if issuers.count == 1, chosen & 1 != 0 {
                return judge(signed, issuers, 0..<1, payload: nil, now)
            }
            guard let payload = Base64URL.decode(signed.payload) else { throw .badEncoding }
            let candidates = Self.candidates(issuers, payload).filter { chosen & 1 << UInt64($0) != 0 }
            guard !candidates.isEmpty else { throw .wrongIssuer }
            return judge(signed, issuers, candidates, payload: payload, now)
        } catch {
            return .refused(error, issuer: nil)
        }
    }

    private static let issuerPath = JSONPath(name: "iss")

    private static func candidates(_ issuers: [TokenIssuer], _ payload: [UInt8]) -> [Int] {
        payload.withView { text in
            let element = issuerPath.find(in: text)
            let issuer = element?.bytes(in: text)
            return issuers.indices.filter { index in
                let match = issuers[index].rules.issuer
                return issuer.map { $0.withView(match.holds) } ?? (match == .any)
            }
        }
    }

    private func judge(
        _ token: SignedToken, _ issuers: [TokenIssuer], _ candidates: some Sequence<Int>, payload: [UInt8]?,
        _ now: WallTime
    ) -> TokenOutcome {
        var tries = KeySet.mostTries
        var worst = Refusal(error: .algorithmNotAllowed, issuer: nil)
        for candidate in candidates {
            if let error = signatureError(token, issuers[candidate], &tries) {
                worst.take(error, issuer: candidate)
                continue
            }
            do throws(TokenError) {
                let claims = try Self.claims(token, payload)
                try issuers[candidate].rules.check(claims, type: token.type, now: now)
                return .accepted(claims, issuer: candidate)
            } catch {
                // Another issuer with the same keys may want other claims.
                worst.take(error, issuer: candidate)
            }
        }
        return .refused(worst.error, issuer: worst.issuer)
    }

    /// Nil where a key of the issuer has signed the token.
    private func signatureError(
        _ token: SignedToken, _ issuer: TokenIssuer, _ tries: inout Int
    ) -> TokenError? {
        guard issuer.rules.algorithms.holds(token.algorithm) else { return .algorithmNotAllowed }
        guard let keys = issuer.keys else { return .keysUnavailable }
        return switch keys.judge(token, in: workshop, tries: &tries) {
        case .verified: nil
        case .badSignature: .badSignature
        case .unknownKey: .unknownKey
        case .noFittingKey: .algorithmNotAllowed
        }
    }

    private static func claims(
        _ token: SignedToken, _ decoded: [UInt8]?
    ) throws(TokenError) -> Claims {
        guard let payload = decoded ?? Base64URL.decode(token.payload) else { throw .badEncoding }
        return try Claims(payload: payload)
    }

    /// What is said of a token that several issuers refuse. A genuine one that is out of time is so for all
    /// of them. Keys that could not be asked come next, since with them it might have been good; then how far
    /// it came with an issuer that has signed it, and what a newer key set might heal.
    private struct Refusal {
        var error: TokenError
        var issuer: Int?

        mutating func take(_ other: TokenError, issuer: Int) {
            guard self.issuer == nil || Self.rank(other) > Self.rank(error) else { return }
            error = other
            self.issuer = issuer
        }

        private static func rank(_ error: TokenError) -> Int {
            switch error.kind {
            case .time: 7
            case .unavailable: 6
            case .claims:
                switch error {
                case .missingClaim, .wrongClaim: 5
                case .wrongAudience: 4
                default: 3
                }
            // Of the reasons of this kind only `wrongType` comes behind the signature.
            case .malformed, .revoked: 3
            case .unknownKey: 2
            case .signature: 1
            case .algorithm: 0
            }
        }
    }
}

/// What became of a token.
package enum TokenOutcome: Sendable {
    /// Good, by the issuer at this place of the list.
    case accepted(Claims, issuer: Int)
    /// Not good. `issuer` is who refuses it, where it came so far: with `.unknownKey`, whose keys to fetch
    /// again.
    case refused(TokenError, issuer: Int?)
}

extension TokenRules {
    /// Holds claims to the rules. Times are compared with `leeway` in the token's favour.
    package func check(_ claims: Claims, type: ByteView?, now: WallTime) throws(TokenError) {
        guard allows(type: type) else { throw .wrongType }
        guard claims.issuerIs(allowedBy: issuer) else { throw .wrongIssuer }
        try check(times: claims, now: now)
        guard claims.audienceIs(allowedBy: audience) else { throw .wrongAudience }
        for required in requiredClaims {
            guard let element = claims.element(required.path), element.kind != .null else {
                throw .missingClaim
            }
            guard
                required.values.isEmpty
                    || required.values.contains(where: { claims.holds($0, at: required.path) })
            else { throw .wrongClaim }
        }
    }

    /// RFC 7519 §4.1.4: now is before `exp`; §4.1.5: now is not before `nbf`. `iat` is not in the future.
    private func check(times claims: Claims, now: WallTime) throws(TokenError) {
        let leeway = self.leeway.nanoseconds
        let earliest = now.nanoseconds.subtractingSaturated(leeway)
        let latest = now.nanoseconds.addingSaturated(leeway)
        if let expires = claims.expires {
            guard earliest < expires.nanoseconds else { throw .expired }
        } else if expiry == .required {
            throw .missingExpiry
        }
        if let notBefore = claims.notBefore, notBefore.nanoseconds > latest { throw .notYetValid }
        if let issuedAt = claims.issuedAt, issuedAt.nanoseconds > latest { throw .issuedInFuture }
        guard let maximumAge else { return }
        guard let issuedAt = claims.issuedAt else { throw .missingIssueTime }
        let oldest = earliest.subtractingSaturated(maximumAge.nanoseconds)
        guard issuedAt.nanoseconds >= oldest else { throw .tooOld }
    }
}

extension Int64 {
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
