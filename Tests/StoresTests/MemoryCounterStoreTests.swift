import Pipeline
import Reactor
import Stores
import Synchronization
import Testing
import Time

/// What the memory store alone must do; what both stores must is in `CounterStoreTests`.
@Suite struct MemoryCounterStoreTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    private func demand(
        _ algorithm: CountingAlgorithm, _ buckets: (key: UInt64, limit: Int64)...
    ) -> TokenDemand {
        var demand = TokenDemand()
        for bucket in buckets {
            demand.append(
                TokenDemand.Bucket(
                    key: bucket.key, algorithm: algorithm, limit: bucket.limit, interval: 1_000_000_000_000))
        }
        return demand
    }

    /// Four threads draw on two buckets in both orders: no deadlock, not one token too many, and none lost.
    @Test(arguments: CountingAlgorithm.allCases)
    func `threads together get exactly the limit`(algorithm: CountingAlgorithm) throws {
        let store = MemoryCounterStore(maximumKeys: 1024)
        let tally = Tally()
        let threads = 4
        let limit: Int64 = 500
        for thread in 0..<threads {
            let there = demand(algorithm, (key: 1, limit: limit), (key: 2, limit: limit))
            let back = demand(algorithm, (key: 2, limit: limit), (key: 1, limit: limit))
            let now = now
            try Thread.start(name: "taker") {
                for turn in 0..<1000 {
                    var asked = thread % 2 == 0 ? there : back
                    if turn % 3 == 0 { store.peek(&asked, now: now) }
                    store.take(&asked, now: now)
                    if asked.refusal == nil { tally.admitted.add(1, ordering: .relaxed) }
                }
                tally.finished.add(1, ordering: .releasing)
            }
        }
        try eventually("all threads are done") { tally.finished.load(ordering: .acquiring) == threads }
        expectEqual(tally.admitted.load(ordering: .relaxed), Int(limit))
        var left = demand(algorithm, (key: 1, limit: limit), (key: 2, limit: limit))
        store.peek(&left, now: now)
        expectEqual(left[0].remaining, 0)
        expectEqual(left[1].remaining, 0)
    }

    private final class Tally: Sendable {
        let admitted = Atomic<Int>(0)
        let finished = Atomic<Int>(0)
    }

    /// While the store is away each of four gateways gives a fourth of what is left, and no request is worth
    /// more than all there is.
    @Test(arguments: CountingAlgorithm.allCases)
    func `each of some gateways gives its share`(algorithm: CountingAlgorithm) {
        let gateways = (0..<4).map { _ in MemoryCounterStore(maximumKeys: 1024) }
        var admitted = 0
        for turn in 0..<200 {
            var asked = demand(algorithm, (key: 1, limit: 40))
            gateways[turn % 4].take(&asked, share: 4, now: now)
            if asked.refusal == nil { admitted += 1 }
        }
        expectEqual(admitted, 40)
        let store = MemoryCounterStore(maximumKeys: 1024)
        var small = demand(algorithm, (key: 2, limit: 3))
        store.take(&small, share: 1 << 40, now: now)
        expectEqual(small.refusal, nil)
        store.take(&small, share: 1 << 40, now: now)
        expectEqual(small.refusal, 0)
        // More than the limit is not to be had, whatever the share.
        var costly = TokenDemand(
            TokenDemand.Bucket(key: 3, algorithm: algorithm, limit: 3, interval: 1_000_000, cost: 4))
        store.take(&costly, share: 2, now: now)
        expectEqual(costly.refusal, 0)
    }

    @Test(arguments: CountingAlgorithm.allCases)
    func `as many keys as were asked for find room, and no more than a few beyond`(
        algorithm: CountingAlgorithm
    ) {
        let store = MemoryCounterStore(maximumKeys: 1 << 16)
        var random = RandomSource(seed: 4)
        let keys = (0..<1 << 16).map { _ in random.next() }
        for key in keys {
            var asked = demand(algorithm, (key: key, limit: 1))
            store.take(&asked, now: now)
        }
        let forgotten = keys.count { key in
            var asked = demand(algorithm, (key: key, limit: 1))
            store.peek(&asked, now: now)
            return asked.refusal == nil
        }
        verify(forgotten < 20, "\(forgotten) of \(keys.count) keys were forgotten below the bound")
        for _ in 0..<1 << 17 {
            var asked = demand(algorithm, (key: random.next(), limit: 1))
            store.take(&asked, now: now)
        }
        verify(store.keyCount < (1 << 16) * 6 / 5, "\(store.keyCount) keys")
    }

    @Test(arguments: CountingAlgorithm.allCases)
    func `a counter that is forgotten begins anew`(algorithm: CountingAlgorithm) {
        let store = MemoryCounterStore(maximumKeys: 1024)
        var asked = demand(algorithm, (key: 1, limit: 1))
        for expected in [nil, 0] {
            store.take(&asked, now: now)
            expectEqual(asked.refusal, expected)
        }
        store.forget(1)
        store.take(&asked, now: now)
        expectEqual(asked.refusal, nil)
    }
}
