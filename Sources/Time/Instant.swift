/// A point on the monotonic clock. Comes from the event loop, which reads the clock once a turn; pure code
/// only gets it passed.
@usableFromInline
package struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since an arbitrary start, the same for all threads of the process.
    @usableFromInline package var nanoseconds: Int64

    @inlinable
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `duration` later. Saturates, so that a limit of "never" stays never.
    @inlinable
    package static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// Nanoseconds from `right` to `left`.
    @inlinable
    package static func - (left: Instant, right: Instant) -> Int64 { left.nanoseconds &- right.nanoseconds }

    @inlinable
    package static var distantFuture: Instant { Instant(nanoseconds: .max) }
    @inlinable
    package static var zero: Instant { Instant(nanoseconds: 0) }

    @inlinable
    package static func == (left: Instant, right: Instant) -> Bool { left.nanoseconds == right.nanoseconds }
}

extension Duration {
    /// Whole nanoseconds, saturating at the ends of Int64 (292 years).
    @inlinable
    package var nanoseconds: Int64 {
        // A nanosecond is 2^9 * 5^9 attoseconds. Up to an hour and more the rest fits a word, and is divided
        // as one.
        let shifted = attoseconds >> 9
        if let word = Int64(exactly: shifted), word >= 0 { return word / 1_953_125 }
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
