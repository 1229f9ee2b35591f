import Addressing
import Bytes
import Telemetry

/// The limits of a route. All of them together admit or refuse; a refused request costs no token of any
/// rule.
///
/// They stand at two stages. Rules that need no identity are asked before authentication, and where all of a
/// route's rules are such, that is all. Where some count users, the first stage only looks whether those by
/// address would refuse, and all are asked in one step behind authentication.
package final class RateLimitFilter: Sendable {
    package let table: RateLimitTable
    /// Indices of the route's rules.
    package let rules: [Int]
    /// Those that need no identity.
    private let early: [Int]
    /// Whether tokens are taken behind authentication.
    package let isDeferred: Bool
    /// Whether a rule counts by the client's address.
    package let countsAddresses: Bool
    /// How the calls of a request are told apart; nil where a request is one.
    package let calls: CallPlan?

    /// How long Redis may take at most; its own settings have less.
    package static let storeBudget = Duration.seconds(1)

    package init(_ table: RateLimitTable, rules: [Int], calls: CallPlan? = nil) {
        self.table = table
        self.calls = calls
        self.rules = rules
        early = rules.filter { !table.rules[$0].needsIdentity }
        // Calls of a batch may belong to routes that count users.
        isDeferred = calls != nil || early.count < rules.count
        countsAddresses = rules.contains { table.rules[$0].countsAddresses }
    }

    /// Which rules a claim is about.
    package enum Selection {
        case all
        /// Those that need no identity.
        case early
    }

    /// Adds what a request wants to its claim. False where that is more than a claim holds.
    ///
    /// - Parameters:
    ///   - route: The name of the route whose rules these are.
    ///   - times: Calls that the request makes of it.
    package func add(
        _ selection: Selection, of exchange: borrowing ExchangeState, route: ByteView, times: Int64 = 1,
        to claim: inout TokenClaim
    ) -> Bool {
        let chosen = selection == .all ? rules : early
        for position in chosen.indices {
            let rule = chosen[position]
            guard let rate = table.rules[rule].rate(for: exchange) else { continue }
            let isAdded = claim.add(
                rule: rule, rate: rate,
                key: table.rules[rule].key(of: exchange, rate: rate, route: route),
                cost: table.rules[rule].cost(of: exchange) &* times,
                writingHolder: { table.rules[rule].write(holderOf: exchange, route: route, to: &$0) })
            guard isAdded else { return false }
        }
        return true
    }

    /// What the client hears of an answer; nil where the request goes on.
    package static func verdict(
        _ answer: TokenAnswer, of claim: inout TokenClaim, _ exchange: inout ExchangeState
    ) -> Verdict {
        switch answer {
        case .admitted: return .next
        case .denied:
            guard let refusal = claim.refusal else { return .next }
            let rule = claim.rule(refusal)
            exchange.refusedBy = rule.name
            return .respond(
                LocalResponse(
                    status: 429, title: "Too many requests",
                    detail: "More requests came than are allowed in this time. Wait, then try again.",
                    rule: rule.name, retryAfter: wholeSeconds(claim.bucket(refusal).reset),
                    content: rule.body.map { .fixed($0) } ?? .quota))
        case .unchecked(let rule):
            let rule = claim.table.rules[rule]
            exchange.refusedBy = rule.name
            return .respond(
                LocalResponse(
                    status: 503, title: "Service unavailable",
                    detail: "Limits cannot be checked now. Try again in a moment.", rule: rule.name,
                    retryAfter: 1))
        }
    }

    /// Rounded up, and at least one: whoever comes back then is admitted.
    package static func wholeSeconds(_ nanoseconds: Int64) -> Int {
        max(1, Int((nanoseconds &+ 999_999_999) / 1_000_000_000))
    }
}

extension LocalResponse {
    /// A batch whose calls have more limits between them than one request may.
    package static let tooManyLimits = LocalResponse(
        status: 400, title: "Bad request",
        detail: "The calls of this batch have too many limits between them. Send fewer at once.")
}
