import Bytes
import Pipeline
import Proxy
import Settings

extension Explanation {
    /// The counters that the request would be counted by, as Redis has them.
    func limitKeys(of exchange: borrowing ExchangeState, _ plan: GatewayPlan) -> [String] {
        guard let route = exchange.plan, let filter = route.rateLimit else { return [] }
        var pool = BufferPool()
        var claim = TokenClaim(plan.limits)
        claim.keepTexts(
            in: pool.take(holding: TokenClaim.longestTexts), prefix: Array(settings.redis.keyPrefix.utf8))
        _ = filter.add(.all, of: exchange, route: route.name.view, to: &claim)
        let lines = (0..<claim.count).map { index in
            let cost = claim.demand[index].cost
            return "counter        \(claim.key(index).text())\(cost == 1 ? "" : ", takes \(cost)")"
        }
        claim.giveBack(to: &pool)
        return lines
    }
}

extension RateLimitSettings {
    /// What it allows to whom.
    var words: String {
        var words = [
            ([rate].compactMap(\.self).map(words(of:)) + plans.map(words(of:))).joined(separator: ", ")
        ]
        if let burst, algorithm == .gcra { words.append("at once \(burst)") }
        switch algorithm {
        case .gcra: break
        case .slidingWindow: words.append("in any such time")
        case .fixedWindow: words.append("from the first request on")
        }
        let holders =
            holders == [.ip]
            ? "each client address, IPv6 by /\(ipv6Prefix)"
            : holders.isEmpty
                ? "all clients together" : "each \(holders.map(\.text).joined(separator: " and "))"
        words.append("for \(holders)")
        switch cost {
        case .fixed(1): break
        case .fixed(let number): words.append("a request takes \(number)")
        case .header(let name, let max): words.append("a request takes what \(name) says, at most \(max)")
        }
        if isDry { words.append("dry run: refuses nothing") }
        return words.joined(separator: ", ")
    }

    private func words(of rate: Rate) -> String { "\(rate.count) per \(Quantity.text(rate.period))" }

    private func words(of plan: PlanRate) -> String {
        "\(plan.plan) \(plan.rate.map { words(of: $0) } ?? "unlimited")"
    }
}
