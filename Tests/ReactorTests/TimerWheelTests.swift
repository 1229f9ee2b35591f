import Pipeline
import Reactor
import Testing
import Time

@Suite struct TimerWheelTests {
    private static let tick = TimerWheel<Int>.tick

    private func drain(_ wheel: inout TimerWheel<Int>, _ now: Instant) -> [Int] {
        var owners: [Int] = []
        while let owner = wheel.popExpired(now) { owners.append(owner) }
        return owners
    }

    @Test func `an entry comes up not before its instant and at most one tick after it`() {
        var wheel = TimerWheel<Int>(now: Instant(nanoseconds: 0))
        wheel.add(1, at: Instant(nanoseconds: 10_000_001))
        expectEqual(drain(&wheel, Instant(nanoseconds: 10_000_000)), [])
        expectEqual(drain(&wheel, Instant(nanoseconds: 10_000_001 + Self.tick)), [1])
        verify(wheel.untilNext(Instant(nanoseconds: 20_000_000)) == nil)
    }

    @Test func `an instant that never comes takes no entry`() {
        var wheel = TimerWheel<Int>(now: Instant(nanoseconds: 0))
        wheel.add(1, at: .distantFuture)
        let count = wheel.count
        verify(count == 0)
    }

    @Test func `a deadline that has passed already comes up at the next look`() {
        var wheel = TimerWheel<Int>(now: Instant(nanoseconds: 50_000_000))
        _ = drain(&wheel, Instant(nanoseconds: 100_000_000))
        wheel.add(1, at: Instant(nanoseconds: 1))
        expectEqual(drain(&wheel, Instant(nanoseconds: 100_000_000 + Self.tick)), [1])
    }

    @Test func `after a sleep of many turns of the wheel everything due comes up at once`() {
        var wheel = TimerWheel<Int>(now: Instant(nanoseconds: 0))
        for owner in 0..<50 { wheel.add(owner, at: Instant(nanoseconds: Int64(owner) * 1_000_000_000)) }
        let owners = drain(&wheel, Instant(nanoseconds: 1_000_000_000_000))
        verify(owners.sorted() == Array(0..<50))
        let count = wheel.count
        verify(count == 0)
    }

    /// Against a plain list: nothing early, nothing lost, nothing later than a tick, and the loop is never
    /// told to sleep too long.
    @Test(arguments: 1...30) func `the wheel agrees with a list of deadlines`(seed: Int) {
        var random = RandomSource(seed: UInt64(seed))
        var now = Int64(random.next() % 1_000_000_000_000)
        var wheel = TimerWheel<Int>(now: Instant(nanoseconds: now))
        var expected: [Int: Int64] = [:]
        for owner in 0..<400 {
            // From within a tick to far beyond one turn of the wheel (16 s).
            let spans: [UInt64] = [1_000_000, 100_000_000, 10_000_000_000, 100_000_000_000]
            let span = spans[Int(random.next() % 4)]
            let deadline = now + Int64(random.next() % span)
            wheel.add(owner, at: Instant(nanoseconds: deadline))
            expected[owner] = deadline
            guard random.next() % 3 == 0 else { continue }
            let before = now
            let patience = wheel.untilNext(Instant(nanoseconds: now))
            now += Int64(random.next() % spans[Int(random.next() % 4)])
            for owner in drain(&wheel, Instant(nanoseconds: now)) {
                guard let deadline = expected.removeValue(forKey: owner) else {
                    Issue.record("\(owner) came up twice")
                    continue
                }
                verify(deadline <= now, "never early")
                verify(
                    before + (patience ?? .max) <= deadline + Self.tick, "the loop would have slept too long")
            }
            let overdue = expected.values.filter { $0 + 2 * Self.tick < now }
            verify(overdue.isEmpty)
            let count = wheel.count
            verify(count == expected.count)
        }
    }
}
