import Testing
import Time

@testable import Proxy

/// How long a peer is waited for that sends or reads at some speed.
@Suite struct PaceTests {
    private static let limit = PaceLimit(patience: .seconds(30), minimumRate: 240)

    private static func second(_ count: Int64) -> Instant { Instant(nanoseconds: count * 1_000_000_000) }

    /// Seconds until a peer is given up that moves so many bytes in every so many seconds; nil where it is
    /// still waited for after a day.
    private static func life(_ bytes: Int, every seconds: Int64, _ limit: PaceLimit = limit) -> Int64? {
        var pace = Pace()
        var time: Int64 = 0
        while time < 86_400 {
            let end = pace.wait(limit, now: second(time))
            if end < second(time + seconds) { return end.nanoseconds / 1_000_000_000 }
            time += seconds
            pace.moved(bytes, limit, now: second(time))
        }
        return nil
    }

    struct Case: Sendable {
        let bytes: Int, seconds: Int64
        let life: Int64?
    }

    @Test(arguments: [
        Case(bytes: 0, seconds: 1, life: 30), Case(bytes: 1, seconds: 1, life: 30),
        Case(bytes: 1, seconds: 29, life: 30), Case(bytes: 32, seconds: 10, life: 30),
        Case(bytes: 120, seconds: 1, life: 59), Case(bytes: 239, seconds: 1, life: 6975),
        Case(bytes: 241, seconds: 1, life: nil), Case(bytes: 2400, seconds: 10, life: nil),
        Case(bytes: 7200, seconds: 30, life: nil), Case(bytes: 1_000_000, seconds: 29, life: nil),
        Case(bytes: 1_000_000, seconds: 31, life: 30),
    ])
    func `a peer lives as long as its speed is worth`(_ one: Case) throws {
        let life = Self.life(one.bytes, every: one.seconds)
        guard let expected = one.life else { return #expect(life == nil) }
        // Nanoseconds that a byte is worth are rounded up.
        #expect(abs(try #require(life) - expected) <= expected / 50)
    }

    @Test func `without a rate any byte buys all of the patience`() {
        let limit = PaceLimit(patience: .seconds(30), minimumRate: nil)
        #expect(Self.life(1, every: 29, limit) == nil)
        #expect(Self.life(1, every: 31, limit) == 30)
    }

    @Test func `a fast beginning does not excuse a slow rest`() {
        var pace = Pace()
        _ = pace.wait(Self.limit, now: .zero)
        pace.moved(1 << 40, Self.limit, now: Self.second(1))
        #expect(pace.wait(Self.limit, now: Self.second(1)) == Self.second(31))
        pace.moved(1, Self.limit, now: Self.second(30))
        #expect(pace.wait(Self.limit, now: Self.second(30)) < Self.second(32))
    }

    @Test func `time in which nobody waits for it is not the peer's`() {
        var pace = Pace()
        #expect(pace.wait(Self.limit, now: Self.second(0)) == Self.second(30))
        pace.pause(now: Self.second(10))
        pace.pause(now: Self.second(500))
        #expect(pace.wait(Self.limit, now: Self.second(1000)) == Self.second(1020))
        // Asked again meanwhile, it says the same.
        #expect(pace.wait(Self.limit, now: Self.second(1005)) == Self.second(1020))
    }

    @Test func `what comes unasked counts too`() {
        var pace = Pace()
        _ = pace.wait(Self.limit, now: .zero)
        pace.pause(now: Self.second(20))
        pace.moved(2400, Self.limit, now: Self.second(25))
        // Ten seconds of the twenty are bought back.
        let end = pace.wait(Self.limit, now: Self.second(30))
        #expect(abs(end - Self.second(50)) < 10_000_000)
    }

    @Test func `a reader is judged by what leaves the kernel, not by what the kernel takes`() {
        var pace = ReadingPace()
        let limit = Self.limit
        #expect(pace.needsQueue)
        // A megabyte was handed over; of that, so much stands in the kernel's queue.
        pace.blocked(queued: 900_000, sent: 1_000_000)
        #expect(!pace.needsQueue)
        #expect(pace.wait(limit, now: .zero) == Self.second(30))
        // It reads 20,000 bytes a second; the kernel takes no more for all of that.
        pace.reached(700_000, limit, now: Self.second(30))
        #expect(pace.wait(limit, now: Self.second(30)) == Self.second(60))
        // When the kernel takes something in the end, what was read counts no second time.
        pace.took(sent: 1_500_000, limit, now: Self.second(60))
        #expect(pace.wait(limit, now: Self.second(60)) == Self.second(60))
        pace.took(sent: 1_900_000, limit, now: Self.second(60))
        #expect(pace.wait(limit, now: Self.second(60)) == Self.second(90))
    }

    @Test func `a reader that reads a byte at a time is given up`() {
        var pace = ReadingPace()
        pace.blocked(queued: 900_000, sent: 1_000_000)
        var now = Instant.zero
        var looks = 0
        while true {
            let end = pace.wait(Self.limit, now: now)
            if end <= now { break }
            looks += 1
            // Five bytes a second.
            let read = Int(5 * (end - now) / 1_000_000_000)
            pace.reached(100_000 + read, Self.limit, now: end)
            now = end
        }
        #expect(now < Self.second(31))
        #expect(looks < 6)
    }
}
