import Addressing
import Settings
import Time

/// One named limit; routes list the names.
package struct RateLimitSettings: Equatable, Sendable {
    package enum Algorithm: String, CaseIterable, Sendable {
        case gcra
        case slidingWindow = "sliding_window"
        case fixedWindow = "fixed_window"
    }

    /// What a request takes.
    package enum Cost: Equatable, Sendable {
        case fixed(Int)
        /// What a request field says, at most so much; one where there is none.
        case header(String, max: Int)
    }

    /// What becomes of requests that Redis cannot be asked about.
    package enum StoreFailure: String, CaseIterable, Sendable {
        /// This gateway counts, against its share of the limit.
        case local
        /// They go through.
        case open
        /// They are refused.
        case closed
    }

    /// What users of one plan may.
    package struct PlanRate: Equatable, Sendable {
        package var plan: String
        /// Nil for as much as they like.
        package var rate: Rate?

        package init(plan: String, rate: Rate?) {
            self.plan = plan
            self.rate = rate
        }
    }

    /// Whom the limit does not hold for.
    package struct Exemptions: Equatable, Sendable {
        package var addresses: [AddressRange] = []
        /// Owners of API keys.
        package var keys: [String] = []

        package init() {}
    }

    /// What routes call it, and its identity across reloads.
    package var name = ""
    /// Nil where `plans` say it all.
    package var rate: Rate? = Rate(100, per: .seconds(60))
    /// Requests allowed at once. Nil is the rate's count.
    package var burst: Int?
    package var algorithm = Algorithm.gcra
    /// Empty counts all clients together.
    package var holders: [LimitHolder] = [.ip]
    /// Leading bits of an IPv6 address that count as one client.
    package var ipv6Prefix = 56
    /// In the order of the file; plans are unique.
    package var plans: [PlanRate] = []
    package var cost = Cost.fixed(1)
    package var exempt = Exemptions()
    /// It counts and refuses nothing.
    package var isDry = false
    package var onStoreError = StoreFailure.local
    /// The body of a refusal; nil is the gateway's own problem+json.
    package var body: AnswerBody?

    package init() {}

    /// Requests allowed at once by a rate. A burst of the rule's own is for its own rate.
    package func burst(at rate: Rate) -> Int { algorithm == .gcra ? burst ?? rate.count : rate.count }

    /// Whether authentication has to come before it.
    package var needsIdentity: Bool {
        !plans.isEmpty || !exempt.keys.isEmpty || holders.contains(where: \.needsIdentity)
    }

    /// All rates that it may count by.
    package var rates: [Rate] { [rate].compactMap(\.self) + plans.compactMap(\.rate) }
}
