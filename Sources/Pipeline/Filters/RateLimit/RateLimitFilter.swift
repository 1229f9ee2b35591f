import Addressing

/// One rule as a route uses it.
package struct RateLimitRule: Sendable {
    /// Who shares a bucket.
    package enum Holder: Sendable {
        /// A client's IPv4 address, or all IPv6 addresses of one prefix: a subscriber owns far more than one.
        case address(ipv6Prefix: Int)
        /// All clients together.
        case everyone
    }

    package let name: RuleName
    /// Nanoseconds that one token takes to come back.
    package let interval: Int64
    /// Requests that may come at once.
    package let burst: Int64
    package let holder: Holder
    /// The operator's own body for refusals.
    package let body: FixedBody?
    /// Identity of the rule, the same before and after a reload.
    private let identity: Int

    package init(name: RuleName, interval: Int64, burst: Int64, holder: Holder, body: FixedBody?) {
        self.name = name
        self.interval = interval
        self.burst = burst
        self.holder = holder
        self.body = body
        identity = name.text.view.text().hashValue
    }

    /// The bucket of `client`.
    func bucket(of client: IPAddress) -> TokenDemand.Bucket {
        let address =
            switch holder {
            case .address(let prefix): client.isIPv4 ? client : client.masked(to: prefix)
            case .everyone: IPAddress(bits: 0)
            }
        return TokenDemand.Bucket(of: identity, for: address, interval: interval, burst: burst)
    }
}

extension TokenDemand.Bucket {
    /// One token out of the bucket that a subject keeps for a holder. The hash is keyed by the process' seed,
    /// so nobody can aim for another's bucket.
    ///
    /// - Parameters:
    ///   - subject: Of the rule; the same before and after a reload.
    ///   - holder: An address, or the block that counts as one.
    package init(of subject: Int, for holder: IPAddress, interval: Int64, burst: Int64) {
        var hasher = Hasher()
        hasher.combine(subject)
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits >> 64))
        hasher.combine(UInt64(truncatingIfNeeded: holder.bits))
        self.init(
            key: UInt64(bitPattern: Int64(hasher.finalize())), limit: burst, interval: interval)
    }
}

/// Limits requests by client address with the generic cell rate algorithm: no more than `burst` at once, and
/// the rate for ever. All rules of a route together admit or refuse; a refused request costs no token of any
/// rule.
package struct RateLimitFilter: Sendable {
    package let rules: [RateLimitRule]

    /// Whether a rule counts by the client's address.
    package let countsAddresses: Bool

    package init(rules: [RateLimitRule]) {
        self.rules = rules
        countsAddresses = rules.contains { if case .address = $0.holder { true } else { false } }
    }

    /// How long the store may take. A memory store answers at once.
    package static let storeBudget = Duration.milliseconds(20)

    package func decide(_ exchange: inout ExchangeState) -> Verdict {
        rules.isEmpty ? .next : .ask(.takeTokens, within: RateLimitFilter.storeBudget)
    }

    /// The tokens that a request of `client` wants.
    package func demand(of client: IPAddress) -> TokenDemand {
        var demand = TokenDemand()
        for index in rules.indices { demand.append(rules[index].bucket(of: client)) }
        return demand
    }

    package func resume(_ exchange: inout ExchangeState, with answer: Answer) -> Verdict {
        // No store, no limit: the gateway would rather carry too much than nothing.
        guard case .tokens(let demand) = answer, let index = demand.refusal else { return .next }
        let rule = rules[index]
        exchange.refusedBy = rule.name
        return .respond(
            LocalResponse(
                status: 429, title: "Too many requests",
                detail: "This address has used up its share. Wait, then try again.", rule: rule.name,
                retryAfter: RateLimitFilter.wholeSeconds(demand[index].reset),
                content: rule.body.map { .fixed($0) } ?? .problem))
    }

    /// Rounded up, and at least one: whoever comes back then is admitted.
    private static func wholeSeconds(_ nanoseconds: Int64) -> Int {
        max(1, Int((nanoseconds + 999_999_999) / 1_000_000_000))
    }
}
