import Addressing
import Bytes
import HTTPModel
import JWT
import Settings
import Telemetry
import TestIssuer
import Testing
import Time

@testable import Pipeline

extension IssuerSecret {
    static let ours = IssuerSecret("0123456789abcdef0123456789abcdef".utf8)
    static let theirs = IssuerSecret("fedcba9876543210fedcba9876543210".utf8)

    /// As settings hold it.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension IssuerKey {
    /// A token of EdDSA.
    func token(_ claims: String, kid: String) -> String {
        token(claims, "EdDSA", header: #","kid":"\#(kid)""#)
    }

    /// The set that its issuer publishes.
    func keys(kid: String) -> KeySet {
        Array(#"{"keys":[\#(jwk(#","kid":"\#(kid)""#))]}"#.utf8).withView {
            do {
                return try KeySet(jwks: $0, source: .remote, algorithms: .all)
            } catch { preconditionFailure("\(error)") }
        }
    }
}

/// Revocations as a test has them.
final class Revoked: RevocationTable {
    var isEmpty: Bool { false }
    var version: UInt64 = 1
    var entries: [RevocationKey: [UInt8]] = [:] { didSet { version += 1 } }
    /// How often it was asked.
    private(set) var looks = 0

    func revokes(_ keys: RevocationKeys, issuedAt: WallTime?, now: WallTime) -> Bool {
        looks += 1
        return [keys.token, keys.tokenID, keys.subject].contains { key in
            guard let key, let value = entries[key] else { return false }
            return value.withView { RevocationEntry.revokes(key.kind, $0, issuedAt: issuedAt) }
        }
    }
}

/// What a filter made of a request.
struct GateAnswer {
    var status: Int?
    var error: String?
    var detail: String?
    var fields: String?
    var retryAfter: Int?
    /// The source that is asked for keys.
    var question: Int?
    var result: AuthenticationResult
    var identity: Identity?
    var hidesAuthorization: Bool

    var goesOn: Bool { status == nil && question == nil }
    var user: String? { identity?.subject.view.text() }
    var lines: String? { identity.map { String(decoding: $0.fieldLines, as: UTF8.self) } }
}

/// An authenticator behind settings, at a time that stands still unless a test moves it.
final class Gate {
    var authenticator: Authenticator
    var plan: IdentityPlan
    let revoked = Revoked()
    var now = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)

    static let expiry = 1_800_000_600

    init(_ sources: TokenSettings..., change: (inout IdentitySettings) -> Void = { _ in }) {
        plan = Self.plan(sources, change)
        authenticator = Authenticator(plan, seed: (1, 2))
    }

    static func plan(
        _ sources: [TokenSettings], _ change: (inout IdentitySettings) -> Void = { _ in }
    ) -> IdentityPlan {
        var settings = IdentitySettings()
        settings.tokens = sources
        change(&settings)
        return IdentityPlan(settings)
    }

    /// New settings come, as a reload brings them.
    func reload(
        _ sources: TokenSettings..., change: (inout IdentitySettings) -> Void = { _ in }
    ) {
        plan = Self.plan(sources, change)
        authenticator.install(plan)
    }

    func filter(
        required: Bool = true, sources: UInt64 = .max, scopes: [String] = [], roles: [String] = [],
        claims: [(String, String)] = []
    ) -> AuthenticationFilter {
        AuthenticationFilter(
            isRequired: required, plan: plan, sources: sources, scopes: scopes, roles: roles, claims: claims)
    }

    func decide(
        _ filter: AuthenticationFilter? = nil, bearer: String? = nil, cookie: String? = nil,
        head: String = "GET / HTTP/1.1\nHost: a.test", route: RoutePlan? = nil, with answer: Answer? = nil
    ) throws -> GateAnswer {
        var text = head
        if let bearer { text += "\nAuthorization: Bearer \(bearer)" }
        if let cookie { text += "\nCookie: \(cookie)" }
        var pool = BufferPool()
        var tables = FieldTablePool()
        var state = try ExchangeState.of(text, pool: &pool)
        state.plan = route
        let decision = (filter ?? self.filter()).decide(
            &state, &authenticator, revocations: revoked, keys: NoKeys(), now: now, with: answer)
        var outcome = GateAnswer(
            result: decision.result, identity: state.identity, hidesAuthorization: state.hidesAuthorization)
        switch decision.verdict {
        case .next: break
        case .respond(let response):
            outcome.status = response.status
            outcome.error = response.error.map { "\($0)" }
            outcome.detail = "\(response.detail)"
            outcome.fields = response.fields?.view.text()
            outcome.retryAfter = response.retryAfter
        case .ask(.keys(let source), AuthenticationFilter.keyBudget): outcome.question = source
        case .ask, .replay: Issue.record("a verdict that is not this stage's")
        }
        state.giveBack(to: &pool, &tables)
        return outcome
    }
}

extension TokenSettings {
    /// A source whose tokens `IssuerSecret.ours` signs, and of which nothing is asked but their expiry.
    static func ours(_ name: String = "users", _ change: (inout TokenSettings) -> Void = { _ in })
        -> TokenSettings
    {
        var settings = TokenSettings()
        settings.name = name
        settings.secret = IssuerSecret.ours.text
        change(&settings)
        return settings
    }

    /// A source whose keys come from a URL.
    static func remote(_ name: String = "users", _ change: (inout TokenSettings) -> Void = { _ in })
        -> TokenSettings
    {
        var settings = TokenSettings()
        settings.name = name
        do { settings.keys = .url(try HTTPURL("https://id.test/jwks")) } catch {
            preconditionFailure("\(error)")
        }
        change(&settings)
        return settings
    }
}

/// Claims that hold at the gate's time, with more behind.
func claims(_ more: String = #""sub":"u1""#) -> String { #"{"exp":\#(Gate.expiry),\#(more)}"# }

/// A gateway that knows no API keys but those of its settings.
private struct NoKeys: APIKeyTable {
    var version: UInt64 { 0 }

    func record(of id: APIKeyID, now: WallTime) -> APIKeyRecord? { nil }
}
