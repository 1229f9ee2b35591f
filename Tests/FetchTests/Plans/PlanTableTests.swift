import Bytes
import Testing
import Time

@testable import Fetch

private func fingerprint(_ user: String) -> UInt128 { Array(user.utf8).withView { $0.fingerprint } }

@Suite struct PlanTableTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)
    private static func at(_ seconds: Int64) -> Instant { start + .seconds(seconds) }

    /// A table with a clock, whose waiters are numbers.
    private struct Bench {
        var table: PlanTable<Int>

        init(capacity: Int = 1000) { table = PlanTable(PlanTiming(), capacity: capacity) }

        mutating func find(_ user: String, _ second: Int64) -> PlanTable<Int>.Finding {
            table.find(fingerprint(user), now: PlanTableTests.at(second))
        }

        mutating func wait(_ user: String, _ waiter: Int, _ second: Int64) -> Bool? {
            table.wait(fingerprint(user), waiter, now: PlanTableTests.at(second), random: 0)
        }

        mutating func answered(
            _ user: String, _ outcome: PlanTable<Int>.Outcome, _ second: Int64, random: UInt64 = 0
        ) -> (value: PlanValue, waiters: [Int]) {
            table.answered(fingerprint(user), outcome, now: PlanTableTests.at(second), random: random)
        }

        /// Asks and gets an answer at once.
        mutating func learn(_ user: String, _ outcome: PlanTable<Int>.Outcome, _ second: Int64) {
            _ = wait(user, 0, second)
            _ = answered(user, outcome, second)
        }
    }

    private static let pro = PlanValue.plan(Array("pro".utf8))

    @Test func `many who want to know the same are one question`() {
        var bench = Bench()
        #expect(bench.find("u", 0) == .missing)
        #expect((1...50).map { bench.wait("u", $0, 0) } == [true] + Array(repeating: false, count: 49))
        #expect(bench.wait("v", 99, 0) == true)
        #expect(bench.find("u", 1) == .missing, "it is still being asked")
        let (value, waiters) = bench.answered("u", .plan(Array("pro".utf8)), 1)
        #expect(value == Self.pro)
        #expect(waiters == Array(1...50))
        #expect(bench.answered("u", .plan(Array("free".utf8)), 1).waiters == [], "nobody has asked twice")
        #expect(bench.find("u", 2) == .known(Self.pro))
    }

    @Test func `a plan is kept for ten minutes and refreshed ahead of their end, by one`() {
        var bench = Bench()
        bench.learn("u", .plan(Array("pro".utf8)), 0)
        #expect(bench.find("u", 449) == .known(Self.pro))
        #expect(bench.find("u", 450) == .refresh(Self.pro))
        #expect(bench.find("u", 451) == .known(Self.pro))
        #expect(bench.answered("u", .plan(Array("free".utf8)), 452).waiters == [])
        #expect(bench.find("u", 453) == .known(.plan(Array("free".utf8))))
        #expect(bench.find("u", 1052) == .missing)
    }

    @Test func `users who came at once are not refreshed at once`() {
        var bench = Bench()
        for (index, random) in [0, 75, 150].enumerated() as EnumeratedSequence<[UInt64]> {
            _ = bench.wait("\(index)", 0, 0)
            _ = bench.answered("\(index)", .plan([0x70]), 0, random: random)
        }
        let times = (0..<3).map { user in
            (0...600).first { bench.find("\(user)", $0) == .refresh(.plan([0x70])) }
        }
        #expect(times == [450, 495, 540])
    }

    @Test func `that there is no plan is kept for a minute`() {
        var bench = Bench()
        bench.learn("u", .none, 0)
        #expect(bench.find("u", 44) == .known(.noPlan))
        #expect(bench.find("u", 60) == .missing)
    }

    @Test func `a failed look-up is not tried again for a moment, and nobody waits meanwhile`() {
        var bench = Bench()
        bench.learn("u", .failed(byBackend: true), 0)
        #expect(bench.wait("u", 1, 4) == nil)
        #expect(bench.wait("u", 1, 5) == true)
    }

    @Test func `a plan that cannot be renewed stays in use for a day`() {
        var bench = Bench()
        bench.learn("u", .plan(Array("pro".utf8)), 0)
        #expect(bench.find("u", 600) == .missing)
        #expect(bench.wait("u", 1, 600) == true)
        // Who cannot wait any longer gets it too.
        #expect(bench.table.lastKnown(fingerprint("u"), now: Self.at(600)) == Self.pro)
        let (value, waiters) = bench.answered("u", .failed(byBackend: true), 601)
        #expect((value, waiters) == (Self.pro, [1]))
        #expect(bench.find("u", 602) == .known(Self.pro), "nobody waits for what has just failed")
        #expect(bench.find("u", 606) == .missing)
        _ = bench.wait("u", 1, 600 + 86_400)
        #expect(bench.answered("u", .failed(byBackend: true), 600 + 86_400).value == .unknown)
    }

    @Test func `that the backend knows no plan takes an old one away`() {
        var bench = Bench()
        bench.learn("u", .plan(Array("pro".utf8)), 0)
        _ = bench.wait("u", 1, 700)
        #expect(bench.answered("u", .none, 700).value == .noPlan)
    }

    @Test func `a backend that fails again and again is asked once a pause`() {
        var bench = Bench()
        bench.learn("old", .plan(Array("pro".utf8)), 0)
        for user in 0..<5 { bench.learn("\(user)", .failed(byBackend: true), 700) }
        // Users of whom nothing is known are told so at once; others keep what they had.
        #expect(bench.find("new", 701) == .known(.unknown))
        #expect(bench.wait("new", 1, 701) == nil)
        #expect(bench.find("old", 701) == .known(Self.pro))
        // Then one question finds out, and nobody else asks.
        #expect(bench.find("new", 705) == .missing)
        #expect(bench.wait("new", 1, 705) == true)
        #expect(bench.wait("newer", 2, 705) == nil)
        #expect(bench.answered("new", .failed(byBackend: true), 706).value == .unknown)
        #expect(bench.find("newer", 706) == .known(.unknown))
        #expect(bench.wait("newer", 2, 711) == true)
        _ = bench.answered("newer", .plan(Array("pro".utf8)), 711)
        #expect(bench.wait("another", 3, 711) == true)
    }

    @Test func `a queue that is full is not the backend's fault`() {
        var bench = Bench()
        for user in 0..<20 { bench.learn("\(user)", .failed(byBackend: false), 0) }
        #expect(bench.find("new", 0) == .missing)
    }

    @Test func `the table is bounded, and what is asked about is never dropped`() {
        var bench = Bench(capacity: 100)
        for user in 0..<10_000 { bench.learn("\(user)", .plan([0x70]), Int64(user)) }
        #expect(bench.table.count == 100)
        var full = Bench(capacity: 100)
        for user in 0..<100 { #expect(full.wait("\(user)", user, 0) == true) }
        #expect(full.wait("more", 1, 0) == nil)
        #expect(full.answered("7", .plan([0x70]), 0).waiters == [7])
        // The place that has come free may be among those that are looked at, or not.
        #expect(full.table.count == 100)
    }

    @Test func `any sequence of events answers every waiter once`() {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var random = seed
        func next(_ bound: UInt64) -> UInt64 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (random >> 33) % bound
        }
        var bench = Bench(capacity: 20)
        var waiting: Set<Int> = []
        var asked: Set<String> = []
        var answered: [Int] = []
        var second: Int64 = 0
        for waiter in 0..<20_000 {
            second += Int64(next(30))
            let user = "\(next(40))"
            if next(2) == 0 {
                switch bench.find(user, second) {
                case .refresh: asked.insert(user)
                case .known, .missing: break
                }
                switch bench.wait(user, waiter, second) {
                case true:
                    #expect(!asked.contains(user), "seed \(seed)")
                    asked.insert(user)
                    waiting.insert(waiter)
                case false:
                    #expect(asked.contains(user), "seed \(seed)")
                    waiting.insert(waiter)
                case nil: break
                }
            } else if let user = asked.randomElement() {
                asked.remove(user)
                let outcomes: [PlanTable<Int>.Outcome] = [.plan([0x70]), .none, .failed(byBackend: true)]
                answered += bench.answered(user, outcomes[Int(next(3))], second, random: next(1000)).waiters
            }
        }
        for user in asked { answered += bench.answered(user, .none, second).waiters }
        #expect(answered.count == Set(answered).count, "seed \(seed)")
        #expect(Set(answered) == waiting, "seed \(seed)")
        #expect(!waiting.isEmpty)
    }
}
