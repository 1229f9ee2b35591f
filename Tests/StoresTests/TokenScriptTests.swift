import Bytes
import Pipeline
import Reactor
import Redis
import Stores
import Synchronization
import TestServers
import Testing
import Time

/// What Redis' script alone must do; what both stores must is in `CounterStoreTests`.
@Suite(.serialized)
struct TokenScriptTests {
    private static let start: Int64 = 1_700_000_000_000_000

    private func bucket(
        _ key: UInt64, _ algorithm: CountingAlgorithm, limit: Int64 = 3, cost: Int64 = 1
    ) -> TokenDemand.Bucket {
        TokenDemand.Bucket(
            key: key, algorithm: algorithm, limit: limit,
            interval: algorithm == .gcra ? 1_000_000_000 : 8_000_000_000, cost: cost)
    }

    // MARK: The script beside its model

    /// Any demands with any hints, a clock that jumps both ways, limits that change: the script says and
    /// keeps what the cells of the memory store do.
    @Test(arguments: 1...8) func `the script does what its model does`(seed: Int) throws {
        let redis = try CountingRedis()
        var model = CounterModel()
        var random = RandomSource(seed: UInt64(seed))
        var now = Self.start
        var refusals = 0
        for step in 0..<2500 {
            now += Self.pause(&random)
            redis.now = now
            var (demand, hints) = Self.draw(&random)
            var expected = demand
            var said = CounterStates()
            guard try redis.take(&demand, hints: hints, &said) else {
                Issue.record("no reply, seed \(seed), step \(step)")
                return
            }
            let modelSaid = model.take(&expected, hints: hints, now: now)
            if expected.refusal != nil { refusals += 1 }
            for index in 0..<demand.count {
                let (told, thought) = (demand[index], expected[index])
                guard same(said[index], modelSaid[index], told.algorithm),
                    told.isShort == thought.isShort, told.remaining == thought.remaining,
                    told.reset == thought.reset
                else {
                    Issue.record(
                        """
                        seed \(seed), step \(step), \(told.algorithm) of \(demand.count): \
                        \(words(said[index])) is not \(words(modelSaid[index])); \(told) is not \(thought)
                        """)
                    return
                }
            }
        }
        verify(refusals > 300, "\(refusals) refusals")
    }

    private static func pause(_ random: inout RandomSource) -> Int64 {
        switch random.next() % 40 {
        case 0: Int64(random.next() % 20_000_000)
        case 1: -Int64(random.next() % 20_000_000)
        case 2: -Int64(random.next() % 900_000)
        default: Int64(random.next() % 700_000)
        }
    }

    private static func draw(_ random: inout RandomSource) -> (TokenDemand, CounterStates) {
        var demand = TokenDemand()
        var hints = CounterStates()
        let first = random.next() % 6
        let count = random.next() % 5 == 0 ? random.next() % 6 + 1 : 1
        for place in 0..<Int(count) {
            let key = (first + UInt64(place)) % 6
            let algorithm = CountingAlgorithm.allCases[Int(key % 3)]
            // Intervals are those of a rule, but for GCRA's, which a reload may change.
            let interval: Int64 =
                switch algorithm {
                case .gcra: random.next() % 2 == 0 ? 333_333_334 : 1_234_567
                case .slidingWindow: key < 3 ? 2_000_000_000 : 1_001_000
                case .fixedWindow: key < 3 ? 2_000_000_000 : 1_000_000
                }
            demand.append(
                TokenDemand.Bucket(
                    key: key, algorithm: algorithm, isDry: random.next() % 4 == 0,
                    limit: Int64(random.next() % 6) + 3, interval: interval,
                    cost: Int64(random.next() % 12 == 0 ? random.next() % 9 : 1)))
            if random.next() % 5 == 0 { hints[place] = hint(algorithm, &random) }
        }
        return (demand, hints)
    }

    private static func hint(_ algorithm: CountingAlgorithm, _ random: inout RandomSource) -> CounterState {
        switch algorithm {
        case .gcra: return CounterState(debt: Int64(random.next() % 3_000_000_000))
        case .fixedWindow:
            return CounterState(
                windowEndsIn: Int64(random.next() % 3_000_000_000), count: UInt32(random.next() % 8))
        case .slidingWindow:
            var state = CounterState()
            state.span = Int64(random.next() % 700_000_000)
            for slice in 0..<CounterState.slices where random.next() % 3 == 0 {
                state.counts[slice] = UInt32(random.next() % 4)
            }
            return state
        }
    }

    // MARK: Keys

    @Test func `every key has an end, soon behind what it counts`() throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        for (algorithm, longest) in [(.gcra, 3), (.slidingWindow, 9), (.fixedWindow, 8)]
            as [(CountingAlgorithm, Int)]
        {
            var demand = TokenDemand(bucket(1, algorithm, cost: 3))
            try redis.take(&demand)
            let left = Int(try redis.server.ask("PTTL", CountingRedis.name(demand[0]))) ?? -1
            verify(left > longest * 1000 - 500 && left <= longest * 1000 + 1000, "\(algorithm): \(left) ms")
        }
        // A rule of three hundred years is no reason for a key without an end.
        var slow = TokenDemand(
            TokenDemand.Bucket(key: 2, algorithm: .gcra, limit: 1_000_000_000, interval: 1 << 60, cost: 5))
        try redis.take(&slow)
        expectEqual(slow.refusal, nil)
        verify((Int(try redis.server.ask("PTTL", CountingRedis.name(slow[0]))) ?? -1) > 0)
    }

    @Test(arguments: CountingAlgorithm.allCases)
    func `a refusal writes nothing`(algorithm: CountingAlgorithm) throws {
        let redis = try CountingRedis()
        var full = TokenDemand(bucket(1, algorithm, cost: 3))
        try redis.take(&full)
        let before = try redis.server.ask("GET", CountingRedis.name(full[0]))
        let writes = try redis.server.calls(of: "set")
        var both = TokenDemand(bucket(1, algorithm))
        both.append(bucket(2, algorithm))
        redis.now = Self.start + 1000
        for _ in 0..<5 {
            try redis.take(&both)
            expectEqual(both.refusal, 0)
        }
        // The five are the test's own clock.
        expectEqual(try redis.server.calls(of: "set") - writes, 5)
        expectEqual(try redis.server.ask("GET", CountingRedis.name(full[0])), before)
        expectEqual(try redis.server.ask("EXISTS", CountingRedis.name(both[1])), "0")
    }

    @Test(arguments: CountingAlgorithm.allCases)
    func `what is under a key and no counter is replaced, and locks nobody`(algorithm: CountingAlgorithm)
        throws
    {
        let redis = try CountingRedis()
        let digits = String(repeating: "9", count: 400)
        let texts = [
            "", "x", "-1 -1", "1", "1 2 3", "nan nan", "1e5 1e5", "\(digits) \(digits)",
            "\(Self.start) \(digits)",
            "\(digits) 1", (1...10).map { _ in digits }.joined(separator: " "), "1 2 3 4 5 6 7 8 9 10 11",
            String(repeating: "1 ", count: 50_000), "\(Self.start) -5", "\r\n\0",
        ]
        for (key, text) in texts.enumerated() {
            redis.now = Self.start
            var demand = TokenDemand(bucket(UInt64(key) + 1, algorithm))
            try redis.server.ask("SET", CountingRedis.name(demand[0]), text)
            try redis.take(&demand)
            verify(demand[0].reset <= 9_000_000_000, "\(text.prefix(20)): \(demand[0])")
            redis.now = Self.start + 9_000_000
            try redis.take(&demand)
            expectEqual(demand.refusal, nil, "\(text.prefix(20))")
        }
        for (key, command) in [["LPUSH", "1"], ["HSET", "f", "1"], ["SADD", "1"], ["ZADD", "1", "1"]]
            .enumerated()
        {
            var demand = TokenDemand(bucket(100 + UInt64(key), algorithm))
            let name = CountingRedis.name(demand[0])
            if command.count == 2 { try redis.server.ask(command[0], name, command[1]) }
            if command.count == 3 { try redis.server.ask(command[0], name, command[1], command[2]) }
            try redis.take(&demand)
            expectEqual(demand.refusal, nil)
            expectEqual(demand[0].remaining, 2)
            expectEqual(try redis.server.ask("TYPE", name), "string")
        }
    }

    /// A server that took over has a clock of its own, and may be years behind.
    @Test(arguments: CountingAlgorithm.allCases)
    func `a clock that goes back neither admits more nor locks a key for longer than a limit`(
        algorithm: CountingAlgorithm
    ) throws {
        let redis = try CountingRedis()
        var demand = TokenDemand(bucket(1, algorithm, cost: 3))
        try redis.take(&demand)
        for years in [0, 1, 5] as [Int64] {
            redis.now = Self.start - years * 31_536_000_000_000 - 5_000_000
            demand = TokenDemand(bucket(1, algorithm))
            try redis.take(&demand)
            expectEqual(demand.refusal, 0)
            verify(demand[0].reset <= 9_000_000_000)
        }
        redis.now = (redis.now ?? 0) + (demand[0].reset + 999) / 1000
        try redis.take(&demand)
        expectEqual(demand.refusal, nil)
    }

    // MARK: Refunds

    @Test(arguments: CountingAlgorithm.allCases)
    func `what another node refused is given back, and never more`(algorithm: CountingAlgorithm) throws {
        let redis = try CountingRedis()
        var first = TokenDemand(bucket(1, algorithm, limit: 10, cost: 4))
        var said = CounterStates()
        verify(try redis.take(&first, &said))
        redis.now = Self.start + 1000
        var second = TokenDemand(bucket(1, algorithm, limit: 10, cost: 5))
        try redis.take(&second)
        redis.now = Self.start + 2000
        _ = try redis.refund(first, said)
        var look = TokenDemand(bucket(1, algorithm, limit: 10, cost: 0))
        try redis.take(&look)
        expectEqual(look[0].remaining, 5)
        // Given back twice it would be too much, but never more than was taken by anybody.
        _ = try redis.refund(first, said)
        _ = try redis.refund(first, said)
        try redis.take(&look)
        expectEqual(look[0].remaining, 10)
        // A counter that has gone, or has begun anew, gives nothing back.
        redis.now = Self.start + 30_000_000
        try redis.take(&second)
        _ = try redis.refund(first, said)
        try redis.take(&look)
        expectEqual(look[0].remaining, 5)
        try redis.server.ask("DEL", CountingRedis.name(look[0]))
        _ = try redis.refund(first, said)
        expectEqual(try redis.server.ask("EXISTS", CountingRedis.name(look[0])), "0")
    }

    // MARK: Replies

    @Test func `what is no answer to a demand is told from one`() throws {
        var reader = ReplyReader()
        for text in [
            "-OOM command not allowed\r\n", "+OK\r\n", ":1\r\n", "*0\r\n", "*-1\r\n", "*2\r\n:1\r\n:0\r\n",
            "*4\r\n:1\r\n:0\r\n:5\r\n:5\r\n", "*3\r\n:1\r\n:0\r\n$1\r\n5\r\n",
            "*3\r\n:1\r\n:0\r\n*1\r\n:5\r\n",
        ] {
            var demand = TokenDemand(bucket(1, .gcra))
            demand[0].remaining = 77
            var said = CounterStates()
            try [UInt8](text).withView { try reader.feed($0) }
            guard let reply = try reader.next() else { continue }
            verify(!TokenCommands.read(reply, into: &demand, &said), "\(text)")
            expectEqual(demand[0].remaining, 77)
        }
    }

    /// Numbers of a server that means harm: none traps, and what the view learns of them is bounded.
    @Test(arguments: CountingAlgorithm.allCases, 1...20)
    func `any numbers make an answer, and lock nobody for ever`(algorithm: CountingAlgorithm, seed: Int)
        throws
    {
        var random = RandomSource(seed: UInt64(seed))
        var reader = ReplyReader()
        let store = MemoryCounterStore(maximumKeys: 256)
        let asked = Instant(nanoseconds: 5_000_000_000)
        for _ in 0..<200 {
            var demand = TokenDemand(bucket(1, algorithm))
            let count = [.gcra: 3, .slidingWindow: 12, .fixedWindow: 4][algorithm] ?? 0
            var text = "*\(count)\r\n"
            for _ in 0..<count {
                text += ":\(Int64(bitPattern: random.next()) >> Int64(random.next() % 64))\r\n"
            }
            try [UInt8](text).withView { try reader.feed($0) }
            guard let reply = try reader.next() else { throw NeverHappened(description: "no reply") }
            var said = CounterStates()
            verify(TokenCommands.read(reply, into: &demand, &said))
            store.learn(demand, said, asked: asked, now: asked)
            var late = demand
            store.peek(&late, now: asked + .seconds(9))
            expectEqual(late.refusal, nil)
        }
    }

    // MARK: Its own clock

    @Test(arguments: CountingAlgorithm.allCases)
    func `many connections at once get exactly the limit`(algorithm: CountingAlgorithm) throws {
        let server = try RedisServer()
        let tally = Tally()
        for _ in 0..<4 {
            let redis = try CountingRedis(server, clock: nil)
            nonisolated(unsafe) let taker = redis
            let bucket = TokenDemand.Bucket(
                key: 1, algorithm: algorithm, limit: 300,
                interval: algorithm == .gcra ? 3_600_000_000_000 : 7_200_000_000_000)
            try Thread.start(name: "taker") {
                for _ in 0..<150 {
                    var demand = TokenDemand(bucket)
                    if (try? taker.take(&demand)) == nil { tally.failed.add(1, ordering: .relaxed) }
                    if demand.refusal == nil { tally.admitted.add(1, ordering: .relaxed) }
                }
                tally.finished.add(1, ordering: .releasing)
            }
        }
        try eventually("all are done", within: .seconds(60)) {
            tally.finished.load(ordering: .acquiring) == 4
        }
        expectEqual(tally.failed.load(ordering: .relaxed), 0)
        expectEqual(tally.admitted.load(ordering: .relaxed), 300)
    }

    private final class Tally: Sendable {
        let admitted = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        let finished = Atomic<Int>(0)
    }

    @Test func `Redis' own clock gives the tokens back`() throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        let bucket = TokenDemand.Bucket(key: 1, algorithm: .gcra, limit: 1, interval: 50_000_000)
        let begin = SystemClock.now()
        var admitted = 0
        while SystemClock.now() - begin < 500_000_000 {
            var demand = TokenDemand(bucket)
            try redis.take(&demand)
            if demand.refusal == nil { admitted += 1 }
        }
        let time = SystemClock.now() - begin
        verify(admitted >= 2 && admitted <= 1 + Int(time / 50_000_000), "\(admitted) in \(time) ns")
    }

    @Test func `a server without memory, or one that only reads, says so and takes nothing`() throws {
        let redis = try CountingRedis(RedisServer(), clock: nil)
        var demand = TokenDemand(bucket(1, .gcra))
        try redis.take(&demand)
        try redis.server.ask("CONFIG", "SET", "maxmemory", "1")
        var said = CounterStates()
        verify(try !redis.take(&demand, &said))
        try redis.server.ask("CONFIG", "SET", "maxmemory", "0")
        try redis.server.ask("REPLICAOF", "127.0.0.1", "1")
        verify(try !redis.take(&demand, &said))
        try redis.server.ask("REPLICAOF", "NO", "ONE")
        try redis.take(&demand)
        verify(demand[0].remaining >= 1)
    }
}
