import Pipeline
import Reactor
import Stores
import Synchronization
import Time

/// Decisions of the counter store, by algorithm.
enum Limiters {
    /// A token out of the counter of one of 1,024 clients.
    static func take(_ algorithm: CountingAlgorithm, _ rounds: Int) -> Int {
        let store = MemoryCounterStore(maximumKeys: 1 << 16)
        return decide(store, hot(algorithm, among: 1024, of: 1024), rounds)
    }

    /// What a gateway with Redis does in its view for one request that Redis admits.
    static func view(_ algorithm: CountingAlgorithm, _ rounds: Int) -> Int {
        let store = MemoryCounterStore(maximumKeys: 1 << 16)
        var demands = hot(algorithm, among: 1024, of: 1024)
        var said = CounterStates()
        said[0] = CounterState(debt: 1_000_000)
        said[0].counts[0] = 1
        var sum = 0
        for round in 0..<rounds {
            let now = start + .nanoseconds(round)
            store.peek(&demands[round & 1023], now: now)
            sum &+= Int(store.hints(for: demands[round & 1023], now: now)[0].span & 1)
            store.learn(demands[round & 1023], said, asked: now, now: now)
        }
        return sum
    }

    /// Two threads that take from the same 64 of a million live counters, each so often: a nanosecond told is
    /// one of each thread's, or of a processor where each has its own.
    static func million(_ algorithm: CountingAlgorithm, _ rounds: Int) -> Int {
        let store = fullStore(algorithm)
        let tally = Tally()
        for _ in 0..<2 {
            let isStarted: Void? = try? Thread.start(name: "taker") {
                let demands = hot(algorithm, among: 64, of: keys)
                tally.sum.add(decide(store, demands, rounds), ordering: .relaxed)
                tally.finished.add(1, ordering: .releasing)
            }
            if isStarted == nil { tally.finished.add(1, ordering: .releasing) }
        }
        while tally.finished.load(ordering: .acquiring) < 2 { SystemClock.pause(.milliseconds(1)) }
        return tally.sum.load(ordering: .relaxed)
    }

    private final class Tally: Sendable {
        let sum = Atomic<Int>(0)
        let finished = Atomic<Int>(0)
    }

    private static let keys = 1_000_000
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    /// Filled once: what a part builds before each batch is taken off its time, but takes it.
    private static func fullStore(_ algorithm: CountingAlgorithm) -> MemoryCounterStore {
        switch algorithm {
        case .gcra: fullArrivals
        case .slidingWindow: fullSlices
        case .fixedWindow: fullWindows
        }
    }

    private static let fullArrivals = filled(.gcra)
    private static let fullSlices = filled(.slidingWindow)
    private static let fullWindows = filled(.fixedWindow)

    private static func filled(_ algorithm: CountingAlgorithm) -> MemoryCounterStore {
        let store = MemoryCounterStore()
        for key in 0..<keys {
            var demand = demand(algorithm, key)
            store.take(&demand, now: start)
        }
        return store
    }

    private static func demand(_ algorithm: CountingAlgorithm, _ client: Int) -> TokenDemand {
        // A day until it is full again: all of them are live for as long as this runs.
        let day: Int64 = 86_400_000_000_000
        let limit: Int64 = 1_000_000_000
        return TokenDemand(
            TokenDemand.Bucket(
                key: UInt64(client) &* 0x9E37_79B9_7F4A_7C15, algorithm: algorithm, limit: limit,
                interval: algorithm == .gcra ? day / limit : day))
    }

    private static func hot(_ algorithm: CountingAlgorithm, among count: Int, of keys: Int) -> [TokenDemand] {
        (0..<count).map { demand(algorithm, $0 * (keys / count)) }
    }

    private static func decide(_ store: MemoryCounterStore, _ demands: [TokenDemand], _ rounds: Int) -> Int {
        var demands = demands
        var sum = 0
        for round in 0..<rounds {
            let index = round & (demands.count - 1)
            store.take(&demands[index], now: start + .nanoseconds(round))
            if demands[index].refusal == nil { sum &+= 1 }
        }
        return sum
    }
}
