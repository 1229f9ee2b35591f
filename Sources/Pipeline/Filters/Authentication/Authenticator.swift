import Bytes
import HTTPModel
import JWT
import Time

/// A token that was verified, and what it makes of its bearer. Immutable, and this worker's own.
package final class KnownToken: Sendable {
    package let identity: Identity
    /// Index of the source that vouches for it.
    package let source: Int
    package let claims: Claims

    init(identity: Identity, source: Int, claims: Claims) {
        self.identity = identity
        self.source = source
        self.claims = claims
    }
}

/// What a token turned out to be.
package enum Recognition {
    case known(KnownToken)
    /// - Parameter source: The source whose keys would have to be asked for, where that may help.
    case refused(TokenError, source: Int?)
}

/// Verifies tokens for one worker, and remembers those that it has verified. Reads no clock.
package struct Authenticator: ~Copyable {
    package private(set) var plan: IdentityPlan
    private var verifier = TokenVerifier()
    private var cache: TokenCache<Remembered>
    private var ring = KeyRing()
    /// The sources' rules with the keys that are known now, in the plan's order. A source whose keys come
    /// from its settings and from a URL stands here twice: what those of the URL would say of a token is not
    /// known until they have come, whatever the others say.
    private var issuers: [TokenIssuer] = []
    /// Index of the source that each of `issuers` is of.
    private var owners: [Int] = []
    /// Keys that came from URLs, by the source's name; they outlive a reload.
    private var remoteKeys: [String: KeySet] = [:]
    /// Cookies are put together and decoded here.
    let workspace = Scratch(size: 2 * TokenFinder.longestCookie)
    private let seed: (UInt64, UInt64)

    private struct Remembered {
        let token: KnownToken
        /// Version of the revocations that it was held against.
        let checked: UInt64
    }

    package init(_ plan: IdentityPlan, seed: (UInt64, UInt64)) {
        self.plan = plan
        self.seed = seed
        cache = TokenCache(limits: Self.limits(plan), seed: seed)
        rebuild()
    }

    /// Bytes of tokens for each entry, on average: more than most have. Where nothing is to be remembered,
    /// the smallest table that there is stays empty.
    private static func limits(_ plan: IdentityPlan) -> TokenCache<Remembered>.Limits {
        TokenCache<Remembered>.Limits(
            entries: max(8, plan.cache), bytes: max(8, plan.cache) * 2048, maximumAge: .seconds(300))
    }

    /// New settings: tokens are judged by them from now on.
    package mutating func install(_ plan: IdentityPlan) {
        if plan.cache != self.plan.cache { cache = TokenCache(limits: Self.limits(plan), seed: seed) }
        self.plan = plan
        ring.forgetAll()
        let names = Set(plan.sources.filter(\.hasRemoteKeys).map { $0.name.view.text() })
        remoteKeys = remoteKeys.filter { names.contains($0.key) }
        rebuild()
    }

    /// The keys of a source's URL have come, or are others now.
    package mutating func install(_ keys: KeySet, of source: String) {
        remoteKeys[source] = keys
        rebuild()
    }

    package func hasRemoteKeys(of source: String) -> Bool { remoteKeys[source] != nil }

    package mutating func removeKeys(of source: String) {
        guard remoteKeys.removeValue(forKey: source) != nil else { return }
        rebuild()
    }

    private mutating func rebuild() {
        issuers = []
        owners = []
        for (index, source) in plan.sources.enumerated() {
            if source.fixedKeys != nil || !source.hasRemoteKeys {
                issuers.append(TokenIssuer(rules: source.rules, keys: source.fixedKeys))
                owners.append(index)
            }
            guard source.hasRemoteKeys else { continue }
            var rules = source.rules
            // Nobody's secret stands at a URL: keys that are not here yet are none for HMAC.
            rules.algorithms.formIntersection(.asymmetric)
            issuers.append(TokenIssuer(rules: rules, keys: remoteKeys[source.name.view.text()]))
            owners.append(index)
        }
        cache.invalidate()
    }

    /// Who bears this token.
    ///
    /// - Parameters:
    ///   - token: As the client sent it; not kept.
    ///   - believed: The plan's sources that may vouch for it, by a bit each.
    package mutating func recognise(
        _ token: ByteView, among believed: UInt64 = .max, revocations: some RevocationTable, now: WallTime
    ) -> Recognition {
        let version = revocations.version
        // Remembered for another source, it is a token that this one has to judge for itself.
        if plan.cache > 0, let known = cache.find(token, now: now),
            believed & 1 << UInt64(known.token.source) != 0
        {
            if known.checked == version { return .known(known.token) }
            return admit(known.token, token, revocations, version, now)
        }
        switch verifier.verify(token, issuers: issuers, among: chosen(believed), now: now) {
        case .refused(let error, let issuer):
            return .refused(error, source: issuer.map { owners[$0] })
        case .accepted(let claims, let issuer):
            let source = owners[issuer]
            guard let identity = plan.identity(of: claims, from: source) else {
                return .refused(.badClaims, source: source)
            }
            let known = KnownToken(
                identity: identity, source: source, claims: claims)
            return admit(known, token, revocations, version, now)
        }
    }

    /// Bits of `issuers` for those of sources.
    private func chosen(_ believed: UInt64) -> UInt64 {
        var chosen: UInt64 = 0
        for (index, owner) in owners.enumerated() where believed & 1 << UInt64(owner) != 0 {
            chosen |= 1 << UInt64(index)
        }
        return chosen
    }

    /// Who shows this API key.
    ///
    /// - Parameter key: As the client sent it; not kept.
    package mutating func recognise(
        key: ByteView, table: some APIKeyTable, now: WallTime
    ) -> KeyRecognition {
        guard let keys = plan.keys else { return .refused(.unknown) }
        return ring.recognise(key, keys, in: plan, table: table, now: now)
    }

    /// A token that is good by itself: unless it was revoked, it is remembered.
    private mutating func admit(
        _ known: KnownToken, _ token: ByteView, _ revocations: some RevocationTable, _ version: UInt64,
        _ now: WallTime
    ) -> Recognition {
        // Each key costs a hash, so none is made for nothing.
        if !revocations.isEmpty,
            revocations.revokes(
                RevocationKeys(token: token, claims: known.claims), issuedAt: known.claims.issuedAt, now: now)
        {
            cache.remove(token, now: now)
            return .refused(.revoked, source: known.source)
        }
        if plan.cache > 0 {
            cache.insert(
                Remembered(token: known, checked: version), for: token,
                cost: known.claims.payload.count + known.identity.fieldLines.count,
                expires: plan.sources[known.source].rules.deadline(of: known.claims), now: now)
        }
        return .known(known)
    }
}
