import Time

/// A fixed window: it begins with its first request and ends so much later, and nothing of it is left then.
package struct WindowCell: CounterCell {
    package let key: UInt64
    private var end = Instant.zero
    private var count: UInt32 = 0

    package init(key: UInt64) { self.key = key }

    package mutating func settle(_ terms: CounterTerms, now: Instant) {
        if end <= now || count == 0 {
            end = .zero
            count = 0
            return
        }
        let latest = now.nanoseconds &+ terms.interval
        if end.nanoseconds > latest &+ CounterTerms.grace { end = Instant(nanoseconds: latest) }
    }

    private func left(now: Instant) -> Int64 { count == 0 ? 0 : max(0, end - now) }

    package func lacks(_ cost: Int64, _ terms: CounterTerms, now: Instant) -> Bool {
        cost > 0 && cost > terms.limit &- Int64(count)
    }

    package func reading(cost: Int64, _ terms: CounterTerms, now: Instant) -> CounterReading {
        CounterReading(
            remaining: max(0, terms.limit &- Int64(count)), reset: left(now: now),
            isShort: lacks(cost, terms, now: now))
    }

    package mutating func take(_ cost: Int64, _ terms: CounterTerms, now: Instant) {
        guard cost > 0 else { return }
        if count == 0 { end = Instant(nanoseconds: now.nanoseconds &+ terms.interval) }
        count &+= UInt32(clamping: cost)
    }

    package func state(_ terms: CounterTerms, now: Instant) -> CounterState {
        CounterState(windowEndsIn: left(now: now), count: count)
    }

    /// The fuller window of the two. Told of one another the windows of two gateways become one: neither
    /// their counts nor their lengths add up.
    package mutating func raise(to state: CounterState, _ terms: CounterTerms, now: Instant) {
        let claimed = state.counts[0]
        guard state.span > 0, claimed > 0 else { return }
        let left = min(state.span, terms.interval)
        guard claimed > count || (claimed == count && left > self.left(now: now)) else { return }
        count = claimed
        end = Instant(nanoseconds: now.nanoseconds &+ left)
    }

    /// By what was taken and not by what is left of the window: who comes with ever new keys must not drive
    /// those out who have used their limit up.
    package func weight(now: Instant) -> Int64 { end <= now ? 0 : Int64(count) }
}
