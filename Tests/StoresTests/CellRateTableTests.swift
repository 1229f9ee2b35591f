import Pipeline
import Stores
import Testing
import Time

/// The bucket as one thinks of it: so many tokens, counted exactly in nanoseconds of refilling.
private struct ExactBucket {
    let interval: Int64
    let burst: Int64
    /// Nanoseconds' worth of tokens; `burst * interval` when full.
    private var level: Int128
    private var filledAt: Int64

    init(interval: Int64, burst: Int64, now: Int64) {
        self.interval = interval
        self.burst = burst
        level = Int128(burst) * Int128(interval)
        filledAt = now
    }

    mutating func wait(cost: Int64, now: Int64) -> Int64 {
        level = min(Int128(burst) * Int128(interval), level + Int128(now - filledAt))
        filledAt = now
        return Int64(max(0, Int128(cost) * Int128(interval) - level))
    }

    mutating func take(cost: Int64) { level -= Int128(cost) * Int128(interval) }
}

@Suite struct CellRateTableTests {
    @Test(arguments: 1...30) func `decisions are those of an exact bucket, to the nanosecond`(seed: Int) {
        var random = RandomSource(seed: UInt64(seed))
        var table = CellRateTable(maximumKeys: 1000)
        var now = Int64(random.next() % 1_000_000_000) + 1
        let keys = 5
        var buckets = (0..<keys).map { _ in
            ExactBucket(
                interval: Int64(random.next() % 2_000_000_000) + 1, burst: Int64(random.next() % 20) + 1,
                now: now)
        }
        for _ in 0..<2000 {
            now += Int64(random.next() % 1_000_000_000)
            let key = Int(random.next() % UInt64(keys))
            let cost = Int64(random.next() % 3) + 1
            let expected = buckets[key].wait(cost: cost, now: now)
            let instant = Instant(nanoseconds: now)
            let (interval, burst) = (buckets[key].interval, buckets[key].burst)
            let wait = table.wait(
                key: UInt64(key) << 40 | 7, interval: interval, burst: burst, cost: cost, now: instant)
            verify(wait == expected)
            guard wait == 0 else { continue }
            buckets[key].take(cost: cost)
            table.take(key: UInt64(key) << 40 | 7, interval: interval, cost: cost, now: instant)
        }
    }

    @Test func `asking costs nothing, however often`() {
        var table = CellRateTable(maximumKeys: 100)
        let now = Instant(nanoseconds: 1)
        table.take(key: 1, interval: 1000, cost: 2, now: now)
        let waits = (0..<100).map { _ in table.wait(key: 1, interval: 1000, burst: 2, cost: 1, now: now) }
        verify(waits == Array(repeating: 1000, count: 100))
        verify(table.wait(key: 1, interval: 1000, burst: 2, cost: 1, now: Instant(nanoseconds: 1001)) == 0)
    }

    /// At the bound each new key costs one look at its neighbours, not at the whole table: a minute is far
    /// more than this takes.
    @Test(.timeLimit(.minutes(20)))
    func `the table never grows beyond its bound, and goes on limiting at it`() {
        var table = CellRateTable(maximumKeys: 1000)
        let now = Instant(nanoseconds: 1)
        var random = RandomSource(seed: 3)
        for _ in 0..<100_000 { table.take(key: random.next(), interval: 1_000_000_000, cost: 1, now: now) }
        verify(table.capacity <= 2048)
        let key = random.next()
        table.take(key: key, interval: 1_000_000_000, cost: 1, now: now)
        verify(table.wait(key: key, interval: 1_000_000_000, burst: 1, cost: 1, now: now) == 1_000_000_000)
    }

    @Test func `keys that have expired make room without growth`() {
        var table = CellRateTable(maximumKeys: 100_000)
        for second in 0..<1000 {
            let now = Instant(nanoseconds: Int64(second) * 10_000_000_000 + 1)
            for key in 0..<20 {
                table.take(
                    key: UInt64(second * 20 + key) &* 0x9E37_79B9_7F4A_7C15, interval: 1, cost: 1, now: now)
            }
        }
        verify(table.capacity <= 64)
    }

    @Test func `a key of zero is a key like any other`() {
        var table = CellRateTable(maximumKeys: 100)
        let now = Instant(nanoseconds: 1)
        table.take(key: 0, interval: 1000, cost: 1, now: now)
        verify(table.wait(key: 0, interval: 1000, burst: 1, cost: 1, now: now) == 1000)
    }
}
