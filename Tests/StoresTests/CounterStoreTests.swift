import Pipeline
import Stores
import Testing
import Time

/// What counts as admitted, and what is said of it: one suite over memory and over a real Redis, whose clock
/// the tests set.
@Suite(.serialized)
struct CounterStoreTests {
    enum Backing: CaseIterable, Sendable { case memory, redis }

    private static let cases = Backing.allCases.flatMap { backing in
        CountingAlgorithm.allCases.map { (backing, $0) }
    }
    private static let second: Int64 = 1_000_000_000

    private func bucket(
        _ key: UInt64, _ algorithm: CountingAlgorithm, limit: Int64, isDry: Bool = false, cost: Int64 = 1
    ) -> TokenDemand.Bucket {
        TokenDemand.Bucket(
            key: key, algorithm: algorithm, isDry: isDry, limit: limit,
            interval: algorithm == .gcra ? Self.second : 8 * Self.second, cost: cost)
    }

    private func demand(_ buckets: TokenDemand.Bucket...) -> TokenDemand {
        var demand = TokenDemand()
        for bucket in buckets { demand.append(bucket) }
        return demand
    }

    @Test(arguments: cases)
    func `a fresh burst admits exactly the limit, and the next is told how long to wait`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        for left in [2, 1, 0] as [Int64] {
            let asked = try store.take(demand(bucket(1, algorithm, limit: 3)))
            expectEqual(asked.refusal, nil)
            expectEqual(asked[0].remaining, left)
            let full =
                algorithm == .gcra
                ? (3 - left) * Self.second : algorithm == .fixedWindow ? 8 * Self.second : 9 * Self.second
            expectEqual(asked[0].reset, full)
        }
        for _ in 0..<3 {
            let asked = try store.take(demand(bucket(1, algorithm, limit: 3)))
            expectEqual(asked.refusal, 0)
            expectEqual(asked[0].remaining, 0)
            let wait: Int64 = algorithm == .gcra ? 1 : algorithm == .fixedWindow ? 8 : 9
            expectEqual(asked[0].reset, wait * Self.second)
        }
        let wait = try store.take(demand(bucket(1, algorithm, limit: 3)))[0].reset
        store.pass(.nanoseconds(wait - 1000))
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 3))).refusal, 0)
        store.pass(.microseconds(1))
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 3))).refusal, nil)
    }

    @Test(arguments: cases)
    func `a request that one bucket refuses takes nothing from the others`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        let narrow = bucket(2, algorithm, limit: 1)
        expectEqual(try store.take(demand(narrow)).refusal, nil)
        for _ in 0..<10 {
            let asked = try store.take(
                demand(
                    bucket(1, .gcra, limit: 2), bucket(3, .slidingWindow, limit: 2), narrow,
                    bucket(4, .fixedWindow, limit: 2)))
            expectEqual(asked.refusal, 2)
            expectEqual([asked[0].remaining, asked[1].remaining, asked[3].remaining], [2, 2, 2])
            expectEqual([asked[0].reset, asked[1].reset, asked[3].reset], [0, 0, 0])
        }
        for (key, kind) in [(1, .gcra), (3, .slidingWindow), (4, .fixedWindow)]
            as [(UInt64, CountingAlgorithm)]
        {
            for expected in [nil, nil, 0] {
                expectEqual(try store.take(demand(bucket(key, kind, limit: 2))).refusal, expected)
            }
        }
    }

    @Test(arguments: cases)
    func `a dry bucket tells and refuses nothing, and pays only for what is admitted`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        let dry = bucket(1, algorithm, limit: 2, isDry: true)
        let wet = bucket(2, algorithm, limit: 3)
        var shorts: [Bool] = []
        for _ in 0..<3 {
            let asked = try store.take(demand(dry, wet))
            expectEqual(asked.refusal, nil)
            shorts.append(asked[0].isShort)
        }
        expectEqual(shorts, [false, false, true])
        let refused = try store.take(demand(dry, wet, bucket(3, algorithm, limit: 5, isDry: true)))
        expectEqual(refused.refusal, 1)
        verify(refused[0].isShort)
        expectEqual(refused[2].remaining, 5, "refused: a dry bucket pays nothing")
        expectEqual(try store.take(demand(bucket(3, algorithm, limit: 5))).refusal, nil)
        expectEqual(try store.take(demand(dry)).refusal, nil, "a dry bucket alone")
    }

    @Test(arguments: cases)
    func `of several buckets that refuse, the longest wait is told`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        let (first, second) = (bucket(1, algorithm, limit: 1), bucket(2, algorithm, limit: 1))
        expectEqual(try store.take(demand(first)).refusal, nil)
        store.pass(.milliseconds(500))
        expectEqual(try store.take(demand(second)).refusal, nil)
        let asked = try store.take(demand(first, second))
        expectEqual(asked.refusal, 1)
        expectEqual(asked[1].reset - asked[0].reset, Self.second / 2)
    }

    @Test(arguments: cases)
    func `costs are taken whole or not at all, and what is dearer than the limit is never to be had`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 11))).refusal, 0)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: .max))).refusal, 0)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 7)))[0].remaining, 3)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 4))).refusal, 0)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 0)))[0].remaining, 3)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 3))).refusal, nil)
        let full = try store.take(demand(bucket(1, algorithm, limit: 10, cost: 11)))[0].reset
        store.pass(.nanoseconds(full))
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 10))).refusal, nil)
    }

    @Test(arguments: cases)
    func `another limit under the same key keeps what was counted`(
        backing: Backing, algorithm: CountingAlgorithm
    ) throws {
        let store = try CountingStore(backing)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 10, cost: 8))).refusal, nil)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 20, cost: 0)))[0].remaining, 12)
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 5))).refusal, 0)
        let wait = try store.take(demand(bucket(1, algorithm, limit: 5)))[0].reset
        verify(wait <= 9 * Self.second)
        store.pass(.nanoseconds(wait))
        expectEqual(try store.take(demand(bucket(1, algorithm, limit: 5))).refusal, nil)
    }

    /// Up to sixteen buckets of all kinds in one demand, random costs and pauses.
    @Test(arguments: Backing.allCases, 1...3)
    func `no time holds more than its limit`(backing: Backing, seed: Int) throws {
        let store = try CountingStore(backing)
        var random = RandomSource(seed: UInt64(seed))
        var admitted: [UInt64: [(at: Int64, cost: Int64)]] = [:]
        var refusals = 0
        for _ in 0..<1500 {
            store.pass(.microseconds(Int64(random.next() % (random.next() % 8 == 0 ? 6_000_000 : 400_000))))
            var demand = TokenDemand()
            let first = random.next() % 3
            for place in 0..<random.next() % 16 + 1 {
                let key = (first + place) % 18
                let algorithm = CountingAlgorithm.allCases[Int(key % 3)]
                let cost = Int64(random.next() % 3) + 1
                demand.append(bucket(key + 1, algorithm, limit: Int64(key) + 3, cost: cost))
            }
            let asked = try store.take(demand)
            guard asked.refusal == nil else {
                refusals += 1
                continue
            }
            for index in 0..<asked.count {
                admitted[asked[index].key, default: []].append((store.now.nanoseconds, asked[index].cost))
            }
        }
        verify(refusals > 100 && admitted.count == 18, "\(refusals) refusals, \(admitted.count) buckets")
        for (key, entries) in admitted {
            checkBound(
                bucket(key, CountingAlgorithm.allCases[Int((key - 1) % 3)], limit: Int64(key) + 2), entries)
        }
    }

    private func checkBound(_ bucket: TokenDemand.Bucket, _ entries: [(at: Int64, cost: Int64)]) {
        for first in entries.indices {
            var sum: Int64 = 0
            for entry in entries[first...] {
                sum += entry.cost
                let time = entry.at - entries[first].at
                switch bucket.algorithm {
                case .gcra:
                    verify(sum <= bucket.limit + time / bucket.interval, "GCRA over \(time) ns: \(sum)")
                case .slidingWindow:
                    if time < bucket.interval {
                        verify(sum <= bucket.limit, "sliding over \(time) ns: \(sum)")
                    }
                case .fixedWindow:
                    if time < bucket.interval {
                        verify(sum <= 2 * bucket.limit, "fixed over \(time) ns: \(sum)")
                    }
                }
            }
        }
    }
}

/// Either store behind the same calls.
final class CountingStore {
    private(set) var now = Instant(nanoseconds: 1_700_000_000_000_000_000)
    private let memory: MemoryCounterStore?
    private let redis: CountingRedis?

    init(_ backing: CounterStoreTests.Backing) throws {
        memory = backing == .memory ? MemoryCounterStore(maximumKeys: 4096) : nil
        redis = backing == .redis ? try CountingRedis() : nil
    }

    func pass(_ duration: Duration) { now = now + duration }

    func take(_ demand: TokenDemand) throws -> TokenDemand {
        var demand = demand
        memory?.take(&demand, now: now)
        redis?.now = now.nanoseconds / 1000
        try redis?.take(&demand)
        return demand
    }
}
