import Pipeline
import Time

/// How much a counter gives, and how fast it comes back.
package struct CounterTerms: Sendable {
    /// Tokens that may be taken at once: the burst, or a window's count.
    package let limit: Int64
    /// Nanoseconds that one token takes to come back; or a window's length.
    package let interval: Int64

    package init(limit: Int64, interval: Int64) {
        self.limit = max(1, limit)
        self.interval = min(max(1, interval), Self.longest)
    }

    package init(_ bucket: TokenDemand.Bucket) { self.init(limit: bucket.limit, interval: bucket.interval) }

    /// GCRA: nanoseconds of debt at which nothing is left.
    var tolerance: Int64 { Self.time(limit, interval) }

    /// GCRA: nanoseconds that so many tokens take to come back.
    func time(of tokens: Int64) -> Int64 { Self.time(tokens, interval) }

    /// Nanoseconds of one slice of a sliding window: an eighth of it, rounded up to whole microseconds, for
    /// those are what Redis' clock counts.
    var slice: Int64 { (interval &+ 7999) / 8000 &* 1000 }

    /// Nanoseconds by which two readers of one clock may differ. What lies further in the future than a
    /// counter can say comes of another clock, and is cut to what it can say.
    static let grace: Int64 = 1_000_000_000

    /// Nanoseconds by which one and the same slice may begin earlier where it was told of: a reply is dated
    /// back to when it was asked for, and a hint by `MemoryCounterStore.hintMargin` too.
    private static let slack: Int64 = 100_000_000

    /// Slices, rounded up, by which the newest slice of one window began before that of another. Where slices
    /// are long enough to tell them apart for all that, those that differ by the slack are the same.
    func slices(from earlier: Instant, to later: Instant) -> Int {
        let slack = slice >= 2 * Self.slack ? Self.slack : 0
        let difference = later - earlier &- slack
        return Int(clamping: difference > 0 ? (difference &+ slice &- 1) / slice : difference / slice)
    }

    /// No time of ours is longer: 73 years. What would be is as long, so that sums of two never overflow.
    private static let longest: Int64 = 1 << 61

    private static func time(_ tokens: Int64, _ interval: Int64) -> Int64 {
        let (product, overflow) = tokens.multipliedReportingOverflow(by: interval)
        return overflow ? longest : min(product, longest)
    }
}

/// How a counter stands.
package struct CounterReading: Equatable, Sendable {
    package var remaining: Int64
    /// Nanoseconds; see `TokenDemand.Bucket.reset`.
    package var reset: Int64
    package var isShort: Bool

    package init(remaining: Int64, reset: Int64, isShort: Bool) {
        self.remaining = remaining
        self.reset = reset
        self.isShort = isShort
    }
}

/// One counter of a table, by one algorithm. Pure: whoever holds it says what time it is.
///
/// Workers read the clock once a turn, each for itself: `now` may lie a little before what was said to the
/// counter last. What was taken then counts a little longer, never shorter.
package protocol CounterCell: Sendable {
    /// Zero is an empty cell.
    var key: UInt64 { get }

    /// A counter of which nothing has been taken.
    init(key: UInt64)

    /// Brings the counter to `now`: what is over is forgotten, and what a clock that was ahead has said (or a
    /// higher limit) is cut to all of the limit.
    mutating func settle(_ terms: CounterTerms, now: Instant)

    /// Whether a settled counter has fewer tokens than `cost`.
    func lacks(_ cost: Int64, _ terms: CounterTerms, now: Instant) -> Bool

    /// How a settled counter stands before whoever wants `cost` tokens; 0 only looks.
    func reading(cost: Int64, _ terms: CounterTerms, now: Instant) -> CounterReading

    /// Takes what a reading of the settled counter has found to be there.
    mutating func take(_ cost: Int64, _ terms: CounterTerms, now: Instant)

    /// What somebody else may be told of a settled counter.
    func state(_ terms: CounterTerms, now: Instant) -> CounterState

    /// Takes in what somebody else knows of the counter: it holds what each of the two holds by itself. A
    /// state that is never above what the settled counter says changes nothing.
    mutating func raise(to state: CounterState, _ terms: CounterTerms, now: Instant)

    /// What forgetting the counter would lose, comparable among the cells of one algorithm: 0 is nothing.
    func weight(now: Instant) -> Int64
}
