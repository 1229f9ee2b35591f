import Bytes
import Pipeline
import Stores
import Time

extension Stages {
    /// A request with a token that was verified before.
    static func authentication(_ rounds: Int) -> Int {
        var source = TokenSettings()
        source.name = "joe"
        source.secret = secret
        source.secretCoding = .base64
        var settings = IdentitySettings()
        settings.tokens = [source]
        let plan = IdentityPlan(settings)
        let filter = AuthenticationFilter(
            isRequired: true, plan: plan, sources: 1, scopes: [], roles: [], claims: [])
        var authenticator = Authenticator(plan, seed: (1, 2))
        let revocations = SharedTable(.revocations)
        let keys = SharedTable(.apiKeys)
        return withState(field: "Authorization: Bearer \(token)\r\n") { state in
            var sum = 0
            for _ in 0..<rounds {
                let decision = filter.decide(
                    &state, &authenticator, revocations: revocations, keys: keys, now: beforeItsEnd)
                if case .next = decision.verdict { sum &+= 1 }
            }
            return sum
        }
    }

    /// The example of RFC 7515, appendix A.1.
    private static let token =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        + "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    private static let secret =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    private static let beforeItsEnd = WallTime(nanoseconds: 1_300_819_000_000_000_000)
}
