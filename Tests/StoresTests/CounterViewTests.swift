import Pipeline
import Reactor
import Stores
import TestServers
import Testing
import Time

/// A gateway's view of a real Redis: what it keeps from being asked, and what it brings back.
@Suite(.serialized)
struct CounterViewTests {
    private static let cases = CountingAlgorithm.allCases

    private func demand(_ algorithm: CountingAlgorithm, limit: Int64 = 5, cost: Int64 = 1) -> TokenDemand {
        TokenDemand(
            TokenDemand.Bucket(
                key: 1, algorithm: algorithm, limit: limit,
                interval: algorithm == .gcra ? 60_000_000_000 : 300_000_000_000, cost: cost))
    }

    /// What a gateway does with a request.
    private func pass(
        _ view: MemoryCounterStore, _ redis: CountingRedis, _ demand: inout TokenDemand, share: Int64? = nil
    ) throws {
        let asked = SystemClock.now()
        if let share { return view.take(&demand, share: share, now: asked) }
        view.peek(&demand, now: asked)
        guard demand.refusal == nil else { return }
        var said = CounterStates()
        let hints = view.hints(for: demand, now: asked)
        guard try redis.take(&demand, hints: hints, &said) else {
            throw NeverHappened(description: "no reply")
        }
        view.learn(demand, said, asked: asked, now: SystemClock.now())
    }

    @Test(arguments: cases)
    func `a burst of which most is refused asks Redis no more than it admits`(
        algorithm: CountingAlgorithm
    ) throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        let view = MemoryCounterStore(maximumKeys: 256)
        var admitted = 0
        for _ in 0..<10_000 {
            var asked = demand(algorithm)
            try pass(view, redis, &asked)
            if asked.refusal == nil { admitted += 1 }
        }
        expectEqual(admitted, 5)
        // One of them was sent by a server that did not know the script yet.
        verify(try redis.server.calls(of: "evalsha") <= 6)
        expectEqual(try redis.server.calls(of: "set"), 5)
    }

    @Test(arguments: cases)
    func `a gateway learns of what others have taken, and does not ask then`(
        algorithm: CountingAlgorithm
    ) throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        let views = (0..<2).map { _ in MemoryCounterStore(maximumKeys: 256) }
        var asked = demand(algorithm, cost: 4)
        try pass(views[0], redis, &asked)
        asked = demand(algorithm, cost: 2)
        try pass(views[1], redis, &asked)
        expectEqual(asked.refusal, 0)
        let commands = try redis.server.calls(of: "evalsha")
        try pass(views[1], redis, &asked)
        expectEqual(asked.refusal, 0)
        expectEqual(try redis.server.calls(of: "evalsha"), commands)
        asked = demand(algorithm, cost: 1)
        try pass(views[1], redis, &asked)
        expectEqual(asked.refusal, nil, "one is left for who wants but one")
    }

    @Test(arguments: cases)
    func `a Redis that was emptied is told what was taken`(algorithm: CountingAlgorithm) throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        let view = MemoryCounterStore(maximumKeys: 256)
        var asked = demand(algorithm, cost: 3)
        try pass(view, redis, &asked)
        try redis.server.ask("FLUSHALL")
        asked = demand(algorithm, cost: 1)
        try pass(view, redis, &asked)
        expectEqual(asked[0].remaining, 1)
        // Another gateway, which knew nothing, finds it there.
        let other = MemoryCounterStore(maximumKeys: 256)
        asked = demand(algorithm, cost: 2)
        try pass(other, redis, &asked)
        expectEqual(asked.refusal, 0)
    }

    /// Three gateways counted by themselves: each token was worth three.
    @Test(arguments: cases)
    func `what was counted while Redis was away is told too`(algorithm: CountingAlgorithm) throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        let view = MemoryCounterStore(maximumKeys: 256)
        var asked = demand(algorithm, limit: 10)
        try pass(view, redis, &asked)
        asked = demand(algorithm, limit: 10)
        for _ in 0..<2 { try pass(view, redis, &asked, share: 3) }
        expectEqual(asked[0].remaining, 3)
        try pass(view, redis, &asked)
        expectEqual(asked.refusal, nil)
        expectEqual(asked[0].remaining, 2)
    }

    /// A refusal that is due to what a hint has brought back is written: who knows less must find it there.
    @Test(arguments: cases)
    func `what a hint brings back stays though the request is refused`(algorithm: CountingAlgorithm) throws {
        let redis = try CountingRedis()
        var hints = CounterStates()
        switch algorithm {
        case .gcra: hints[0] = CounterState(debt: 240_000_000_000)
        case .fixedWindow: hints[0] = CounterState(windowEndsIn: 240_000_000_000, count: 4)
        case .slidingWindow: hints[0].counts[2] = 4
        }
        var asked = demand(algorithm, cost: 2)
        var said = CounterStates()
        verify(try redis.take(&asked, hints: hints, &said))
        expectEqual(asked.refusal, 0)
        asked = demand(algorithm, cost: 1)
        for expected in [nil, 0] {
            try redis.take(&asked)
            expectEqual(asked.refusal, expected)
        }
    }

    @Test func `members of a demand go and come back each by its bit`() throws {
        let redis = try CountingRedis()
        let view = MemoryCounterStore(maximumKeys: 256)
        let now = Instant(nanoseconds: 1_000_000_000)
        var asked = TokenDemand()
        for key in 0..<16 {
            asked.append(
                TokenDemand.Bucket(
                    key: UInt64(key) + 1, algorithm: CountingAlgorithm.allCases[key % 3], limit: 9,
                    interval: 60_000_000_000, cost: Int64(key % 5) + 1))
        }
        var said = CounterStates()
        let odd: UInt16 = 0b1010_1010_1010_1010
        verify(try redis.take(&asked, members: odd, &said))
        for index in 0..<16 { expectEqual(asked[index].remaining, index % 2 == 1 ? 8 - Int64(index % 5) : 0) }
        view.learn(asked, said, members: 0b1000_0000_0000_0010, asked: now, now: now)
        view.peek(&asked, now: now)
        for index in 0..<16 {
            expectEqual(asked[index].remaining, [1, 15].contains(index) ? 8 - Int64(index % 5) : 9)
        }
        // The rest of them goes for itself, and all at once are sixteen keys of one command.
        verify(try redis.take(&asked, members: ~odd, &said))
        let commands = try redis.server.calls(of: "evalsha")
        verify(try redis.take(&asked, &said))
        expectEqual(asked.refusal, 4)
        expectEqual(try redis.server.calls(of: "evalsha"), commands + 1)
        // What the odd ones gave they get back, and nobody else does.
        _ = try redis.refund(asked, members: odd, said)
        for index in 0..<16 { asked[index].cost = 0 }
        try redis.take(&asked)
        for index in 0..<16 { expectEqual(asked[index].remaining, index % 2 == 1 ? 9 : 8 - Int64(index % 5)) }
    }
}
