import Pipeline
import Reactor
import Stores
import Synchronization
import Testing
import Time

@Suite struct MemoryCounterStoreTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    private func demand(_ buckets: (key: UInt64, burst: Int64)...) -> TokenDemand {
        var demand = TokenDemand()
        for bucket in buckets {
            demand.append(
                TokenDemand.Bucket(key: bucket.key, interval: 1_000_000_000, burst: bucket.burst, cost: 1))
        }
        return demand
    }

    @Test func `the burst is admitted, and the next is told how long to wait`() {
        let store = MemoryCounterStore(maximumKeys: 1024)
        let one = demand((key: 1, burst: 3))
        for _ in 0..<3 { #expect(store.take(one, now: now) == .admitted) }
        #expect(store.take(one, now: now) == .denied(index: 0, retryAfter: 1_000_000_000))
        #expect(store.take(one, now: now + .milliseconds(400)) == .denied(index: 0, retryAfter: 600_000_000))
        #expect(store.take(one, now: now + .seconds(1)) == .admitted)
    }

    @Test func `a request that one bucket denies takes nothing from the others`() {
        let store = MemoryCounterStore(maximumKeys: 1024)
        // Keys whose high bits differ lie in different stripes.
        let wide: UInt64 = 1 << 60
        let narrow: UInt64 = 3 << 58
        #expect(store.take(demand((key: narrow, burst: 1)), now: now) == .admitted)
        for _ in 0..<10 {
            let decision = store.take(demand((key: wide, burst: 2), (key: narrow, burst: 1)), now: now)
            #expect(decision == .denied(index: 1, retryAfter: 1_000_000_000))
        }
        for _ in 0..<2 { #expect(store.take(demand((key: wide, burst: 2)), now: now) == .admitted) }
        #expect(
            store.take(demand((key: wide, burst: 2)), now: now)
                == .denied(index: 0, retryAfter: 1_000_000_000))
    }

    @Test func `of several buckets that deny, the longest wait is told`() {
        let store = MemoryCounterStore(maximumKeys: 1024)
        #expect(store.take(demand((key: 1, burst: 1)), now: now) == .admitted)
        #expect(store.take(demand((key: 2, burst: 1)), now: now + .milliseconds(500)) == .admitted)
        let both = demand((key: 1, burst: 1), (key: 2, burst: 1))
        let decision = store.take(both, now: now + .milliseconds(500))
        #expect(decision == .denied(index: 1, retryAfter: 1_000_000_000))
    }

    /// Four threads draw on two buckets in both orders: no deadlock, not one token too many, and none lost.
    @Test func `threads together get exactly the burst`() throws {
        let store = MemoryCounterStore(maximumKeys: 1024)
        let tally = Tally()
        let threads = 4
        let burst: Int64 = 500
        for thread in 0..<threads {
            let there = demand((key: 1 << 60, burst: burst), (key: 3 << 58, burst: burst))
            let back = demand((key: 3 << 58, burst: burst), (key: 1 << 60, burst: burst))
            let now = now
            try Thread.start(name: "taker") {
                for _ in 0..<1000 where store.take(thread % 2 == 0 ? there : back, now: now) == .admitted {
                    tally.admitted.add(1, ordering: .relaxed)
                }
                tally.finished.add(1, ordering: .releasing)
            }
        }
        while tally.finished.load(ordering: .acquiring) < threads {}
        #expect(tally.admitted.load(ordering: .relaxed) == Int(burst))
    }

    private final class Tally: Sendable {
        let admitted = Atomic<Int>(0)
        let finished = Atomic<Int>(0)
    }
}
