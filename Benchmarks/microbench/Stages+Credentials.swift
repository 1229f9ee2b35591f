import Bytes
import Pipeline
import Settings
import Stores
import Time

extension Stages {
    private static let signedAt = WallTime(nanoseconds: 1_795_958_614_000_000_000)

    /// A request with a body of 1000 bytes that was signed, and whose nonce is new.
    static func signature(_ rounds: Int) -> Int {
        var key = SigningKeySettings()
        key.name = "partner"
        key.secret = "the secret of a partner, long enough"
        var settings = IdentitySettings()
        settings.signingKeys = [key]
        let plan = IdentityPlan(settings)
        let filter = SignatureFilter(SignedSettings(), plan)
        let authenticator = Authenticator(plan, seed: (1, 2))
        let body = [[UInt8]](repeating: Array("hello".utf8), count: 200).flatMap(\.self)
        let field =
            "X-Signature: keyId=partner,ts=1795958614,nonce=0123456789abcdef,"
            + "sig=LTZq9MObZSIpbaP8lthcgpVQ0eCiMSccQ84R-diPhRQ\r\n"
        return withState(field: field) { state in
            body.withView { view in
                var sum = 0
                for _ in 0..<rounds {
                    for answer in [nil, Answer.body(view), .store(.first)] {
                        let decision = filter.decide(&state, authenticator, now: signedAt, with: answer)
                        if case .next = decision.verdict { sum &+= 1 }
                    }
                }
                return sum
            }
        }
    }

    /// A request with an API key that is remembered.
    static func apiKey(_ rounds: Int) -> Int {
        let text =
            "fgk_0123456789_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_2o0EX9"
        guard let key = Array(text.utf8).withView({ APIKey($0) }) else { return 0 }
        let record = APIKeyRecord(id: key.id, digest: key.digest, owner: "acme", created: signedAt)
        let table = SharedTable(.apiKeys)
        guard table.put(record, now: signedAt) == .stored else { return 0 }
        var settings = IdentitySettings()
        settings.apiKeys = APIKeySettings()
        let plan = IdentityPlan(settings)
        let filter = AuthenticationFilter(
            isRequired: true, accepted: .apiKey, plan: plan, sources: 0, scopes: [], roles: [], claims: [])
        var authenticator = Authenticator(plan, seed: (1, 2))
        let revocations = SharedTable(.revocations)
        return withState(field: "X-Api-Key: \(text)\r\n") { state in
            var sum = 0
            for _ in 0..<rounds {
                let decision = filter.decide(
                    &state, &authenticator, revocations: revocations, keys: table, now: signedAt)
                if case .next = decision.verdict { sum &+= 1 }
            }
            return sum
        }
    }
}
