import Addressing

/// One rule as a route uses it.
package struct RateLimitRule: Sendable {
    package let name: RuleName
    /// Nanoseconds that one token takes to come back.
    package let interval: Int64
    /// Requests that may come at once.
    package let burst: Int64
    /// Clients of one IPv6 prefix of this length share a bucket: a subscriber owns far more than one address.
    package let ipv6Prefix: Int
    /// The operator's own body for refusals.
    package let body: FixedBody?
    /// Identity of the rule, the same before and after a reload.
    private let identity: Int

    package init(name: RuleName, interval: Int64, burst: Int64, ipv6Prefix: Int, body: FixedBody?) {
        self.name = name
        self.interval = interval
        self.burst = burst
        self.ipv6Prefix = ipv6Prefix
        self.body = body
        identity = name.text.view.text().hashValue
    }

    /// The bucket of `client`. The hash is keyed by the process' seed, so nobody can aim for another's bucket.
    func bucket(of client: IPAddress) -> TokenDemand.Bucket {
        let holder = client.isIPv4 ? client : client.masked(to: ipv6Prefix)
        var hasher = Hasher()
        hasher.combine(identity)
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits >> 64))
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits))
        let key = UInt64(bitPattern: Int64(hasher.finalize()))
        return TokenDemand.Bucket(key: key, interval: interval, burst: burst, cost: 1)
    }
}

/// Limits requests by client address with the generic cell rate algorithm: no more than `burst` at once, and the rate for ever.
/// All rules of a route together admit or refuse; a refused request costs no token of any rule.
package struct RateLimitFilter: Sendable {
    package let rules: [RateLimitRule]

    package init(rules: [RateLimitRule]) { self.rules = rules }

    /// How long the store may take. A memory store answers at once.
    package static let storeBudget = Duration.milliseconds(20)

    package func decide(_ exchange: inout ExchangeState) -> Verdict {
        guard !rules.isEmpty else { return .next }
        var demand = TokenDemand()
        for index in rules.indices { demand.append(rules[index].bucket(of: exchange.client)) }
        return .ask(.takeTokens(demand), within: RateLimitFilter.storeBudget)
    }

    package func resume(_ exchange: inout ExchangeState, with answer: Answer) -> Verdict {
        switch answer {
        case .tokens(.admitted):
            return .next
        case .tokens(.denied(let index, let retryAfter)):
            let rule = rules[index]
            exchange.refusedBy = rule.name
            return .respond(
                LocalResponse(
                    status: 429, title: "Too many requests",
                    detail: "This address has used up its share. Wait, then try again.", rule: rule.name,
                    retryAfter: RateLimitFilter.wholeSeconds(retryAfter),
                    content: rule.body.map { .fixed($0) } ?? .problem))
        case .expired:
            // No store, no limit: the gateway would rather carry too much than nothing.
            return .next
        }
    }

    /// Rounded up, and at least one: whoever comes back then is admitted.
    private static func wholeSeconds(_ nanoseconds: Int64) -> Int {
        max(1, Int((nanoseconds + 999_999_999) / 1_000_000_000))
    }
}
