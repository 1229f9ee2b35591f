import Time

/// The generic cell rate algorithm: a counter is one instant, the theoretical arrival time, at which its
/// bucket is full again.
package struct ArrivalCell: CounterCell {
    package let key: UInt64
    private var arrival = Instant.zero

    package init(key: UInt64) { self.key = key }

    private func debt(now: Instant) -> Int64 { max(0, arrival - now) }

    package mutating func settle(_ terms: CounterTerms, now: Instant) {
        let full = now.nanoseconds &+ terms.tolerance
        if arrival.nanoseconds > full &+ CounterTerms.grace { arrival = Instant(nanoseconds: full) }
    }

    package func lacks(_ cost: Int64, _ terms: CounterTerms, now: Instant) -> Bool {
        cost > terms.limit || (cost > 0 && debt(now: now) &+ terms.time(of: cost) > terms.tolerance)
    }

    package func reading(cost: Int64, _ terms: CounterTerms, now: Instant) -> CounterReading {
        let debt = debt(now: now)
        let left = terms.tolerance &- debt
        let isShort = lacks(cost, terms, now: now)
        return CounterReading(
            remaining: max(0, left) / terms.interval,
            reset: isShort && cost <= terms.limit ? terms.time(of: cost) &- left : debt, isShort: isShort)
    }

    package mutating func take(_ cost: Int64, _ terms: CounterTerms, now: Instant) {
        arrival = Instant(nanoseconds: max(arrival, now).nanoseconds &+ terms.time(of: cost))
    }

    package func state(_ terms: CounterTerms, now: Instant) -> CounterState {
        CounterState(debt: debt(now: now))
    }

    package mutating func raise(to state: CounterState, _ terms: CounterTerms, now: Instant) {
        let claimed = Instant(
            nanoseconds: now.nanoseconds &+ min(state.span, terms.tolerance &+ CounterTerms.grace))
        if state.span > 0, claimed > arrival { arrival = claimed }
    }

    package func weight(now: Instant) -> Int64 { debt(now: now) }
}
