import Bytes
import HTTPModel
import JSON
import JWT
import Settings
import Telemetry

/// An issuer of tokens as one worker uses it.
package struct TokenSource: Sendable {
    package let name: PinnedText
    package let rules: TokenRules
    /// Keys that the settings and their files hold; nil for none.
    package let fixedKeys: KeySet?
    /// Whether further keys come from a URL.
    package let hasRemoteKeys: Bool
    /// In lower case or not, as cookies are: exactly.
    package let cookie: [UInt8]?
    package let query: [UInt8]?
    package let forwards: Bool
    let fields: [(line: [UInt8], path: JSONPath)]
    let plan: JSONPath?
    let scopes: JSONPath
    let roles: JSONPath

    /// - Parameter settings: Checked when they were read. What cannot be used all the same is left out: then
    ///   no token holds.
    init(_ settings: TokenSettings) {
        name = PinnedText(settings.name)
        rules = settings.rules
        var keys: [VerificationKey] = []
        if let secret = settings.secretBytes, let key = try? settings.secretKey(secret) { keys.append(key) }
        if !settings.material.publicKey.isEmpty,
            let key = try? settings.publicKey(pem: settings.material.publicKey)
        {
            keys.append(key)
        }
        if !settings.material.keySet.isEmpty,
            let set = settings.material.keySet.withView({
                try? KeySet(jwks: $0, source: .local, algorithms: settings.allowed)
            })
        {
            keys += set.keys
        }
        fixedKeys = keys.isEmpty ? nil : KeySet(keys: keys)
        hasRemoteKeys = if case .url = settings.keys { true } else { false }
        cookie = settings.cookie.map { Array($0.utf8) }
        query = settings.query.map { Array($0.utf8) }
        forwards = settings.forwards
        fields = settings.fields.compactMap { field in
            (try? JSONPath(field.value)).map { (Array("\(field.name): ".utf8), $0) }
        }
        plan = settings.plan.flatMap { try? JSONPath($0) }
        scopes = (try? JSONPath(settings.scopes)) ?? JSONPath(name: "scope")
        roles = (try? JSONPath(settings.roles)) ?? JSONPath(name: "roles")
    }
}

/// Who may ask, as one worker knows it. Immutable.
package final class IdentityPlan: Sendable {
    package let sources: [TokenSource]
    /// Nil where no API keys are taken.
    package let keys: APIKeyPlan?
    let signingKeys: [SigningKey]
    /// Field that tells backends the plan, with its colon; its name stands in `stripped` too.
    let planLine: [UInt8]
    package let defaultPlan: String?
    let defaultPlanName: PinnedText?
    /// How long a request waits for the plan that is looked up for its user; nil where none is.
    package let planBudget: Duration?
    package let cache: Int
    /// Fields that clients may not send.
    package let stripped: StrippedFields
    /// Claims that limits count by: kept with each identity.
    let counted: [(path: JSONPath, name: PinnedText)]

    /// - Parameter counted: Paths of claims that limits count by.
    package init(_ settings: IdentitySettings, counting counted: [String] = []) {
        self.counted = counted.map { (JSONPath(claim: $0), PinnedText($0)) }
        sources = settings.tokens.map(TokenSource.init)
        planLine = Array("\(settings.planHeader): ".utf8)
        defaultPlan = settings.defaultPlan
        defaultPlanName = settings.defaultPlan.map(PinnedText.init)
        planBudget = settings.planLookup?.budget
        cache = settings.cache
        keys = settings.apiKeys.map(APIKeyPlan.init)
        signingKeys = settings.signingKeys.map(SigningKey.init)
        let identifies = !settings.tokens.isEmpty || settings.apiKeys != nil
        var names = identifies ? [settings.planHeader] : []
        names += settings.tokens.flatMap { $0.fields.map(\.name) }
        if let keys = settings.apiKeys {
            names += keys.fields.map(\.name)
            if !keys.forwards { names.append(keys.header) }
        }
        let hidesKeys = settings.apiKeys.map { !$0.forwards } ?? false
        stripped = StrippedFields(names, hidesKeys: hidesKeys)
    }
}

/// Names of fields by which backends are told who asks: what clients send in them never gets through, whether
/// a route asks who they are or not (security.md 6).
package struct StrippedFields: Sendable {
    /// In lower case, each once.
    package let names: [[UInt8]]
    /// A bit for each length of a name, up to 63: most fields are told apart by it.
    private let lengths: UInt64

    /// Whether an Authorization field that holds an API key stays here.
    private let hidesKeys: Bool

    package init(_ names: [String], hidesKeys: Bool = false) {
        self.hidesKeys = hidesKeys
        var seen: Set<String> = []
        self.names = names.map { $0.lowercased() }.filter { seen.insert($0).inserted }.map { Array($0.utf8) }
        lengths = self.names.reduce(0) { $0 | 1 << UInt64(min($1.count, 63)) }
    }

    /// Whether a field of this name, in any case, is one of them.
    @inline(__always)
    package func contains(_ name: ByteView) -> Bool {
        guard lengths & (1 << UInt64(min(name.count, 63))) != 0 else { return false }
        return isAmong(name)
    }

    /// Whether the value of an Authorization field is for the gateway alone, whether its route asks for keys
    /// or not.
    package func hides(authorization value: ByteView) -> Bool {
        hidesKeys && APIKeyFinder.credentials(value) != nil
    }

    private func isAmong(_ name: ByteView) -> Bool {
        for index in names.indices where names[index].withView({ name.equalsIgnoringCase($0) }) {
            return true
        }
        return false
    }
}

extension TokenSettings {
    var rules: TokenRules {
        var rules = TokenRules(
            issuer: issuers.isEmpty ? .any : .oneOf(issuers.map { Array($0.utf8) }),
            audience: audiences.isEmpty ? .any : .oneOf(audiences.map { Array($0.utf8) }),
            algorithms: allowed)
        rules.leeway = leeway
        rules.expiry = requiresExpiry ? .required : .optional
        rules.maximumAge = maximumAge
        rules.type = type.map { Array($0.utf8) }
        rules.requiredClaims = claims.map {
            RequiredClaim(JSONPath(claim: $0.name), values: [Array($0.value.utf8)])
        }
        return rules
    }

    /// The secret as a key, for the algorithms of the list or, without one, for those it is long enough for.
    package func secretKey(_ secret: [UInt8]) throws(KeyError) -> VerificationKey {
        guard !algorithms.isEmpty else { return try VerificationKey(secret: secret) }
        let used = allowed.intersection(.hmac)
        guard !used.isEmpty else { throw .algorithmsDoNotFit(asked: allowed, fitting: .hmac) }
        return try VerificationKey(secret: secret, algorithms: used)
    }

    /// A public key, for those of its algorithms that are in the list: the others may be for other keys.
    package func publicKey(pem: [UInt8]) throws(KeyError) -> VerificationKey {
        let key = try VerificationKey(pem: pem)
        guard !algorithms.isEmpty else { return key }
        let used = key.algorithms.intersection(allowed)
        guard !used.isEmpty else { throw .algorithmsDoNotFit(asked: allowed, fitting: key.algorithms) }
        return try VerificationKey(pem: pem, algorithms: used)
    }
}

extension JSONPath {
    /// The way to a claim that a rule names. What is no way is a claim of that very name, so that the rule
    /// stays and is not met: settings refuse it long before.
    init(claim text: String) {
        do throws(JSONPathError) { self = try JSONPath(text) } catch { self = JSONPath(name: text) }
    }
}
