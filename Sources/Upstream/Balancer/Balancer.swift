import Time

/// Chooses the endpoint for a request. Pure: the same calls give the same choices.
package struct Balancer: Sendable {
    package enum Policy: Sendable {
        /// Each in turn.
        case roundRobin
        /// The one with the fewest exchanges in flight; among equals the next in turn.
        case leastRequests
    }

    package let policy: Policy
    private var cursor = 0

    /// `offset` spreads the first choices of several workers.
    package init(policy: Policy, offset: Int = 0) {
        self.policy = policy
        cursor = max(0, offset)
    }

    /// Index of the chosen endpoint, or nil when there is none at all.
    ///
    /// Endpoints that cool down, and the one at `avoided`, are taken only when nothing else is left: an
    /// upstream whose servers have all failed is still tried, for they may be back (never eject all).
    package mutating func choose(among states: [EndpointState], avoiding avoided: Int?, now: Instant) -> Int?
    {
        guard !states.isEmpty else { return nil }
        let start = cursor % states.count
        var best: Int?
        for offset in 0..<states.count {
            let index = (start + offset) % states.count
            guard index != avoided, states[index].coolsUntil <= now else { continue }
            guard let current = best else {
                best = index
                if policy == .roundRobin { break }
                continue
            }
            if states[index].inFlight < states[current].inFlight { best = index }
        }
        let chosen = best ?? fallback(among: states, from: start, avoiding: avoided)
        cursor = chosen + 1
        return chosen
    }

    /// The one that cools down soonest, not the avoided one if there are two.
    private func fallback(among states: [EndpointState], from start: Int, avoiding avoided: Int?) -> Int {
        var best = start
        for index in 0..<states.count where index != avoided {
            if best == avoided || states[index].coolsUntil < states[best].coolsUntil { best = index }
        }
        return best
    }
}
