import Time

/// A sliding window in slices of an eighth of its length. What was taken in a slice counts until eight whole
/// slices have followed it: for a window at least and a slice more at most, so that no window of that length
/// ever holds more than the limit.
package struct SliceCell: CounterCell {
    package let key: UInt64
    /// When the newest slice began. The first one begins with its first request.
    private var start = Instant.zero
    /// The newest first.
    private var counts = InlineArray<9, UInt32>(repeating: 0)
    /// Seconds behind `start`, rounded up, for which anything counts: the table knows no lengths.
    private var lasts: UInt32 = 0

    private static let slices = CounterState.slices

    package init(key: UInt64) { self.key = key }

    package mutating func settle(_ terms: CounterTerms, now: Instant) {
        let slice = terms.slice
        let elapsed = now - start
        if elapsed < -CounterTerms.grace { start = now }
        guard elapsed >= slice else { return }
        let passed = elapsed / slice
        guard passed < Self.slices else {
            counts = InlineArray(repeating: 0)
            return
        }
        shift(by: Int(passed))
        start = Instant(nanoseconds: start.nanoseconds &+ passed &* slice)
    }

    private mutating func shift(by passed: Int) {
        var index = Self.slices - 1
        while index >= 0 {
            counts[index] = index >= passed ? counts[index - passed] : 0
            index -= 1
        }
    }

    private var total: Int64 {
        var sum: Int64 = 0
        for index in 0..<Self.slices { sum &+= Int64(counts[index]) }
        return sum
    }

    /// Nanoseconds until the slice counts no more.
    private func leaving(_ index: Int, _ terms: CounterTerms, now: Instant) -> Int64 {
        max(0, start.nanoseconds &+ Int64(Self.slices - index) &* terms.slice &- now.nanoseconds)
    }

    package func lacks(_ cost: Int64, _ terms: CounterTerms, now: Instant) -> Bool {
        cost > 0 && cost > terms.limit &- total
    }

    package func reading(cost: Int64, _ terms: CounterTerms, now: Instant) -> CounterReading {
        let total = total
        let remaining = max(0, terms.limit &- total)
        let isShort = cost > 0 && cost > remaining
        // All of it, where more is wanted than there is: then the last slice to leave is the one.
        let awaited = isShort ? min(total &+ cost &- terms.limit, total) : min(1, total)
        guard awaited > 0 else { return CounterReading(remaining: remaining, reset: 0, isShort: isShort) }
        var freed: Int64 = 0
        var index = Self.slices
        while freed < awaited, index > 0 {
            index -= 1
            freed &+= Int64(counts[index])
        }
        return CounterReading(
            remaining: remaining, reset: leaving(index, terms, now: now), isShort: isShort)
    }

    package mutating func take(_ cost: Int64, _ terms: CounterTerms, now: Instant) {
        guard cost > 0 else { return }
        if total == 0 { begin(at: now, terms) }
        counts[0] &+= UInt32(clamping: cost)
    }

    private mutating func begin(at instant: Instant, _ terms: CounterTerms) {
        start = instant
        lasts = UInt32(clamping: (terms.slice &* 9 &+ 999_999_999) / 1_000_000_000)
    }

    package func state(_ terms: CounterTerms, now: Instant) -> CounterState {
        var state = CounterState()
        state.span = max(0, now - start)
        state.counts = counts
        return state
    }

    /// Adds, from the newest slice on, what the other one is ahead by: put into slices that do not outlast
    /// the other's, so that a window which holds all of it already stays as it is.
    package mutating func raise(to state: CounterState, _ terms: CounterTerms, now: Instant) {
        var other = SliceCell(key: key)
        other.begin(at: Instant(nanoseconds: now.nanoseconds &- max(0, state.span)), terms)
        other.counts = state.counts
        other.settle(terms, now: now)
        guard other.total > 0 else { return }
        guard total > 0 else { return self = other }
        let lag = terms.slices(from: other.start, to: start)
        var (own, others, given, next) = (Int64(0), Int64(0), Int64(0), 0)
        for index in 0..<Self.slices {
            own &+= Int64(counts[index])
            while next < Self.slices, next <= index - lag {
                others &+= Int64(other.counts[next])
                next += 1
            }
            let sum = max(own, others)
            counts[index] = UInt32(clamping: sum &- given)
            given = sum
        }
    }

    package func weight(now: Instant) -> Int64 {
        now.nanoseconds &- start.nanoseconds >= Int64(lasts) &* 1_000_000_000 ? 0 : total
    }
}
