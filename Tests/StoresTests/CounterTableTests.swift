import Pipeline
import Stores
import Testing
import Time

@Suite struct CounterTableTests {
    private let terms = CounterTerms(limit: 10, interval: 1_000_000_000)
    private let now = Instant(nanoseconds: 5_000_000_000)

    private static let algorithms = CountingAlgorithm.allCases

    /// Each test runs for the cells of all algorithms.
    private func forEach(_ algorithm: CountingAlgorithm, _ body: (any Walk) -> Void) {
        switch algorithm {
        case .gcra: body(TableWalk<ArrivalCell>())
        case .slidingWindow: body(TableWalk<SliceCell>())
        case .fixedWindow: body(TableWalk<WindowCell>())
        }
    }

    @Test(arguments: algorithms)
    func `the table never grows beyond its bound, and goes on counting at it`(algorithm: CountingAlgorithm) {
        forEach(algorithm) { walk in
            walk.begin(1000)
            var random = RandomSource(seed: 3)
            for _ in 0..<100_000 { walk.take(random.next(), cost: 1, terms, now) }
            verify(walk.count == 1000)
            verify(walk.capacity <= 1334)
            let key = random.next()
            walk.take(key, cost: 10, terms, now)
            verify(walk.reading(key, cost: 1, terms, now).isShort)
        }
    }

    @Test(arguments: algorithms)
    func `keys that have expired make room without growth`(algorithm: CountingAlgorithm) {
        forEach(algorithm) { walk in
            walk.begin(100_000)
            for second in 0..<1000 {
                let now = now + .seconds(20 * second)
                for key in 0..<20 { walk.take(UInt64(second * 20 + key), cost: 1, terms, now) }
            }
            verify(walk.capacity <= 64, "\(walk.capacity) cells for 20 live keys")
        }
    }

    @Test(arguments: algorithms)
    func `a full table lets go of the expired first`(algorithm: CountingAlgorithm) {
        forEach(algorithm) { walk in
            walk.begin(96)
            for key in 1...96 { walk.take(UInt64(key), cost: 1, terms, key <= 40 ? now : now + .seconds(20)) }
            for key in 1001...1040 { walk.take(UInt64(key), cost: 1, terms, now + .seconds(20)) }
            for key in 41...96 {
                verify(walk.reading(UInt64(key), cost: 1, terms, now + .seconds(20)).remaining == 9)
            }
            verify(walk.count == 96)
        }
    }

    /// Who sends ever new keys drives out keys like his own, not those who have used up their limit.
    @Test(arguments: algorithms)
    func `a full table lets go of those with least to forget`(algorithm: CountingAlgorithm) {
        forEach(algorithm) { walk in
            walk.begin(1000)
            var random = RandomSource(seed: 9)
            let heavy = (0..<200).map { _ in random.next() }
            for key in heavy { walk.take(key, cost: 10, terms, now) }
            for _ in 0..<50_000 { walk.take(random.next(), cost: 1, terms, now + .milliseconds(1)) }
            let kept = heavy.filter { walk.reading($0, cost: 1, terms, now + .milliseconds(1)).isShort }
            verify(kept.count == heavy.count, "\(kept.count) of \(heavy.count) kept")
        }
    }

    /// A map beside the table: nothing is lost or found twice, however keys come and go.
    @Test(arguments: algorithms, 1...10)
    func `what is taken is found, and what is removed is gone`(algorithm: CountingAlgorithm, seed: Int) {
        forEach(algorithm) { walk in
            walk.begin(600)
            var random = RandomSource(seed: UInt64(seed))
            var taken: [UInt64: Int64] = [:]
            for _ in 0..<20_000 {
                // Few keys, dense and sparse ones, 0 among them.
                let key = random.next() % 2 == 0 ? random.next() % 300 : (random.next() % 300) << 56
                let isSparse = key >= 300
                if random.next() % 3 == 0 {
                    walk.remove(key)
                    // The table knows 0 and 1 for one key.
                    taken[max(1, key)] = nil
                } else if taken[max(1, key), default: 0] < 10 {
                    walk.take(key, cost: 1, terms, now)
                    taken[max(1, key), default: 0] += 1
                }
                verify(walk.count == taken.count, "seed \(seed), sparse \(isSparse)")
            }
            for key in 0..<300 {
                let expected = 10 - taken[UInt64(max(1, key)), default: 0]
                verify(walk.reading(UInt64(key), cost: 0, terms, now).remaining == expected, "seed \(seed)")
            }
        }
    }
}

/// A table of any cell behind the same calls.
private protocol Walk: AnyObject {
    func begin(_ maximum: Int)
    func take(_ key: UInt64, cost: Int64, _ terms: CounterTerms, _ now: Instant)
    func reading(_ key: UInt64, cost: Int64, _ terms: CounterTerms, _ now: Instant) -> CounterReading
    func remove(_ key: UInt64)
    var count: Int { get }
    var capacity: Int { get }
}

private final class TableWalk<Cell: CounterCell>: Walk {
    private var table = CounterTable<Cell>(maximumCount: 1)

    func begin(_ maximum: Int) { table = CounterTable(maximumCount: maximum) }

    func take(_ key: UInt64, cost: Int64, _ terms: CounterTerms, _ now: Instant) {
        _ = table.take(key, cost: cost, terms, now: now)
    }

    func reading(_ key: UInt64, cost: Int64, _ terms: CounterTerms, _ now: Instant) -> CounterReading {
        table.reading(key, cost: cost, terms, now: now)
    }

    func remove(_ key: UInt64) { table.remove(key) }

    var count: Int { table.count }
    var capacity: Int { table.capacity }
}
