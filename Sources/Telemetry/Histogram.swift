/// Durations counted in buckets that grow with them: eight to each power of two, so that any quantile is
/// known to 1/8 of its value at worst, from 1 µs to 71 minutes. What is longer counts in the last bucket.
///
/// This is the value that a scrape gathers; workers keep the same cells in `WorkerMetrics`.
package struct Histogram: Equatable, Sendable {
    /// Buckets to each power of two.
    static let bucketsPerOctave = 8
    /// Microseconds at which the last bucket begins: 2^32, about 71 minutes.
    static let limit: UInt64 = 1 << 32
    /// 0-7 µs in buckets of 1 µs, then 29 powers of two of eight buckets each, then the last.
    @inlinable package static var bucketCount: Int { 8 + 29 * 8 + 1 }

    /// How many durations fell into each bucket.
    package private(set) var buckets: [UInt64]
    /// Sum of all durations in microseconds.
    package private(set) var sum: UInt64

    package init() {
        buckets = Array(repeating: 0, count: Histogram.bucketCount)
        sum = 0
    }

    init(buckets: [UInt64], sum: UInt64) {
        precondition(buckets.count == Histogram.bucketCount)
        self.buckets = buckets
        self.sum = sum
    }

    /// How many durations were counted.
    package var count: UInt64 { buckets.reduce(0, &+) }

    /// Counts a duration; a negative one as zero.
    package mutating func record(nanoseconds: Int64) {
        buckets[Histogram.bucket(of: nanoseconds)] &+= 1
        sum &+= Histogram.microseconds(of: nanoseconds)
    }

    /// Adds what `other` counted.
    package mutating func merge(_ other: Histogram) {
        for index in buckets.indices { buckets[index] &+= other.buckets[index] }
        sum &+= other.sum
    }

    /// The duration in nanoseconds that a share of `quantile` (0...1) of the counted ones does not exceed;
    /// nil where none is counted. Interpolated inside its bucket: off by at most one bucket's width, which is
    /// 1/8 of the value from 8 µs on.
    package func quantile(_ quantile: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let rank = max(1, min(Double(total), (Double(total) * quantile).rounded(.up)))
        var below: UInt64 = 0
        for index in buckets.indices where buckets[index] > 0 {
            if Double(below + buckets[index]) >= rank {
                let low = Double(Histogram.lowerBound(of: index))
                let high = index + 1 < buckets.count ? Double(Histogram.lowerBound(of: index + 1)) : low
                let share = (rank - Double(below)) / Double(buckets[index])
                return (low + (high - low) * share) * 1000
            }
            below += buckets[index]
        }
        return nil
    }

    /// How many durations were at most 2^`exponent` µs. Exact, as every power of two is a bucket's bound.
    package func count(upToPowerOfTwo exponent: Int) -> UInt64 {
        let end = Histogram.bucket(ofMicroseconds: 1 << UInt64(exponent))
        return buckets[..<end].reduce(0, &+)
    }

    /// Bucket of a duration. Bounds are inclusive above, as Prometheus has them: 2^k µs to the nanosecond
    /// counts below 2^k µs.
    @inlinable
    package static func bucket(of nanoseconds: Int64) -> Int {
        bucket(ofMicroseconds: UInt64(max(1, nanoseconds) &- 1) / 1000)
    }

    /// Nearest whole number of microseconds: rounding either way keeps the sum unbiased.
    @inlinable
    package static func microseconds(of nanoseconds: Int64) -> UInt64 {
        (UInt64(max(0, nanoseconds)) &+ 500) / 1000
    }

    @inlinable
    package static func bucket(ofMicroseconds value: UInt64) -> Int {
        if value < 8 { return Int(value) }
        if value >= 1 &<< 32 { return bucketCount &- 1 }
        let exponent = 63 &- value.leadingZeroBitCount
        let within = Int(truncatingIfNeeded: value &>> UInt64(exponent &- 3)) & 7
        return (exponent &- 2) &* 8 &+ within
    }

    /// Microseconds at which a bucket begins.
    package static func lowerBound(of bucket: Int) -> UInt64 {
        precondition(bucket >= 0 && bucket < bucketCount, "no such bucket")
        if bucket < 8 { return UInt64(bucket) }
        if bucket == bucketCount - 1 { return limit }
        let exponent = bucket / 8 + 2
        return UInt64(8 + bucket % 8) << UInt64(exponent - 3)
    }
}
