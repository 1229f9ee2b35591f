import Pipeline

/// What is known of one counter, told from an instant on. No clock's time is in it, so that it means the same
/// to a gateway and to Redis.
package struct CounterState: Sendable {
    /// Slices that a sliding window keeps: eight make up its length, and one more is being filled.
    package static let slices = 9
    /// Tokens that one slice, and one window, may be said to hold.
    package static let mostTokens: Int64 = 1_000_000_000

    /// Nanoseconds. GCRA: until the bucket is full again. Fixed window: until it ends. Sliding window: since
    /// its newest slice began.
    package var span: Int64 = 0
    /// Tokens taken: of a fixed window the first; of a sliding one by slices, the newest first.
    package var counts = InlineArray<9, UInt32>(repeating: 0)

    package init() {}

    package init(debt: Int64) { span = debt }

    package init(windowEndsIn left: Int64, count: UInt32) {
        span = left
        counts[0] = count
    }

    package var total: Int64 {
        var sum: Int64 = 0
        for index in 0..<Self.slices { sum &+= Int64(counts[index]) }
        return sum
    }

    /// Nothing is known, or nothing has been taken.
    package func isEmpty(_ algorithm: CountingAlgorithm) -> Bool {
        switch algorithm {
        case .gcra: span <= 0
        case .fixedWindow: span <= 0 || counts[0] == 0
        case .slidingWindow: total == 0
        }
    }
}

/// What is known of all counters of a demand, by the places of its buckets.
package struct CounterStates: Sendable {
    private var states = InlineArray<16, CounterState>(repeating: CounterState())
    private var instants = InlineArray<16, Int64>(repeating: 0)

    package init() {}

    package subscript(index: Int) -> CounterState {
        @inline(__always) get { states[index] }
        @inline(__always) set { states[index] = newValue }
    }

    /// Microseconds of Redis' clock when it said so; 0 where it did not. Needed to give tokens back.
    package func instant(of index: Int) -> Int64 { instants[index] }

    package mutating func note(_ instant: Int64, of index: Int) { instants[index] = instant }
}
