import Addressing
import Bytes
import COpenSSL
import HTTPModel
import JWT
import Settings
import Telemetry
import Testing
import Time

@testable import Pipeline

/// Signs tokens as issuers do.
struct Secret {
    let text: String

    static let ours = Secret(text: "0123456789abcdef0123456789abcdef")
    static let theirs = Secret(text: "fedcba9876543210fedcba9876543210")

    func token(_ claims: String, kid: String? = nil) -> String {
        let header = #"{"alg":"HS256"\#(kid.map { #","kid":"\#($0)""# } ?? "")}"#
        let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
        var code = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        let (key, message) = (Array(text.utf8), Array(input.utf8))
        HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
        return input + "." + Base64URL.encode(code)
    }
}

/// A pair of keys for EdDSA, made for the test.
final class Pair {
    private let key: OpaquePointer

    init() {
        let context = EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil)!
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_generate(context, &made) == 1)
        key = made!
    }

    deinit { EVP_PKEY_free(key) }

    func token(_ claims: String, kid: String) -> String {
        let header = #"{"alg":"EdDSA","kid":"\#(kid)"}"#
        let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(claims.utf8))
        let context = EVP_MD_CTX_new()!
        defer { EVP_MD_CTX_free(context) }
        let message = Array(input.utf8)
        var signature = [UInt8](repeating: 0, count: 64)
        var count = 64
        precondition(EVP_DigestSignInit(context, nil, nil, nil, key) == 1)
        precondition(EVP_DigestSign(context, &signature, &count, message, message.count) == 1)
        return input + "." + Base64URL.encode(signature)
    }

    func keys(kid: String) -> KeySet {
        var raw = [UInt8](repeating: 0, count: 32)
        var count = 32
        precondition(EVP_PKEY_get_raw_public_key(key, &raw, &count) == 1)
        let text = """
            {"keys":[{"kty":"OKP","crv":"Ed25519","kid":"\(kid)","x":"\(Base64URL.encode(raw))"}]}
            """
        return Array(text.utf8).withView {
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
    /// A source whose tokens `Secret.ours` signs, and of which nothing is asked but their expiry.
    static func ours(_ name: String = "users", _ change: (inout TokenSettings) -> Void = { _ in })
        -> TokenSettings
    {
        var settings = TokenSettings()
        settings.name = name
        settings.secret = Secret.ours.text
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
