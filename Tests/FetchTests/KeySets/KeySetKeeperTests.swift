import Testing
import Time

@testable import Fetch

@Suite struct KeySetKeeperTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private static func at(_ seconds: Int64) -> Instant { start + .seconds(seconds) }

    /// A keeper that got a set of two keys at `start`.
    private static func fetched(_ freshness: Duration? = nil, random: UInt64 = 0) -> KeySetKeeper {
        var keeper = KeySetKeeper(KeySetTiming())
        _ = keeper.isDue(at: start)
        _ = keeper.succeeded(keys: 2, digest: 1, freshness: freshness, at: start, random: random)
        return keeper
    }

    /// Seconds from `start` until the keeper is due, to the second.
    private static func wait(_ keeper: KeySetKeeper, upTo limit: Int64 = 100_000) -> Int64? {
        (0...limit).first { second in
            var copy = keeper
            return copy.isDue(at: at(second))
        }
    }

    @Test func `a set is fetched at once, and once at a time`() {
        var keeper = KeySetKeeper(KeySetTiming())
        #expect(keeper.state(at: Self.start) == .never)
        let first = keeper.isDue(at: Self.start)
        let second = keeper.isDue(at: Self.at(1000))
        let unknown = keeper.unknownKey(at: Self.start)
        #expect(first && !second && !unknown)
    }

    @Test(
        arguments: [
            (nil, 450, 540), (300, 225, 270), (1, 45, 54), (0, 45, 54), (1_000_000, 2700, 3240),
        ] as [(Int64?, Int64, Int64)])
    func `a set is renewed ahead of its end, within bounds and not by all at once`(
        freshness: Int64?, earliest: Int64, latest: Int64
    ) {
        let duration = freshness.map { Duration.seconds($0) }
        #expect(Self.wait(Self.fetched(duration, random: 0)) == earliest)
        #expect(Self.wait(Self.fetched(duration, random: 150)) == latest)
        for random in stride(from: UInt64(0), to: 10_000, by: 37) {
            let wait = Self.wait(Self.fetched(duration, random: random), upTo: latest) ?? 0
            #expect((earliest...latest).contains(wait))
        }
    }

    @Test func `failures are followed by pauses that double up to five minutes, jittered`() {
        var keeper = KeySetKeeper(KeySetTiming())
        var now = Self.start
        var longest: [Int64] = []
        for _ in 0..<12 {
            let isDue = keeper.isDue(at: now)
            #expect(isDue)
            _ = keeper.failed(reason: "down", at: now, random: 500)
            let pause = (1...1000).first { second in
                var copy = keeper
                return copy.isDue(at: now + .seconds(second))
            }
            longest.append(Int64(pause ?? 0))
            now = now + .seconds(pause ?? 0)
        }
        #expect(longest == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        var half = KeySetKeeper(KeySetTiming())
        for _ in 0..<12 { _ = half.failed(reason: "down", at: Self.start, random: 0) }
        #expect(Self.wait(half) == 150)
    }

    @Test func `a success ends the pauses`() {
        var keeper = KeySetKeeper(KeySetTiming())
        for _ in 0..<10 { _ = keeper.failed(reason: "down", at: Self.start, random: 500) }
        _ = keeper.succeeded(keys: 1, digest: 1, freshness: nil, at: Self.start, random: 0)
        #expect(Self.wait(keeper) == 450)
        _ = keeper.failed(reason: "down", at: Self.at(450), random: 500)
        #expect(Self.wait(keeper) == 451)
    }

    @Test func `a set that cannot be renewed is stale, and still there`() {
        var keeper = Self.fetched()
        #expect(keeper.state(at: Self.at(599)) == .fresh)
        #expect(keeper.state(at: Self.at(600)) == .stale)
        _ = keeper.failed(reason: "down", at: Self.at(450), random: 0)
        #expect(keeper.state(at: Self.at(599)) == .fresh)
        #expect(keeper.state(at: Self.at(86_400)) == .stale)
        #expect(keeper.keys == 2)
        #expect(keeper.age(at: Self.at(86_400)) == .seconds(86_400))
    }

    @Test func `unknown keys are a reason to fetch once an interval, however many ask`() {
        var keeper = Self.fetched()
        var fetches: [Int64] = []
        // A thousand askers a second for two minutes; the service answers within a second.
        for second in 1...120 {
            for _ in 0..<1000 where keeper.unknownKey(at: Self.at(Int64(second))) {
                fetches.append(Int64(second))
            }
            _ = keeper.succeeded(keys: 2, digest: 1, freshness: nil, at: Self.at(Int64(second)), random: 0)
        }
        #expect(fetches == [1, 31, 61, 91])
    }

    @Test func `unknown keys hurry nothing while there has never been a set`() {
        var keeper = KeySetKeeper(KeySetTiming())
        _ = keeper.isDue(at: Self.start)
        _ = keeper.failed(reason: "down", at: Self.start, random: 500)
        let asked = keeper.unknownKey(at: Self.start)
        #expect(!asked)
    }

    @Test func `the log hears of changes alone`() {
        var keeper = KeySetKeeper(KeySetTiming())
        func failed(_ reason: String) -> KeySetKeeper.News? {
            keeper.failed(reason: reason, at: Self.start, random: 0)
        }
        func succeeded(_ digest: Int) -> KeySetKeeper.News? {
            keeper.succeeded(keys: digest, digest: digest, freshness: nil, at: Self.start, random: 0)
        }
        #expect(failed("down") == .failing(reason: "down"))
        #expect(failed("down") == nil)
        #expect(failed("garbage") == .failing(reason: "garbage"))
        #expect(succeeded(1) == .first(keys: 1))
        #expect(succeeded(1) == nil)
        #expect(succeeded(2) == .changed(keys: 2))
        #expect(failed("garbage") == .failing(reason: "garbage"))
        #expect(succeeded(2) == .recovered(keys: 2))
        #expect(failed("down") == .failing(reason: "down"))
        #expect(succeeded(3) == .changed(keys: 3))
    }
}
