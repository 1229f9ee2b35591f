import Pipeline
import Time

/// The tables of a stripe, one for each algorithm.
struct CounterTables {
    private var arrivals: CounterTable<ArrivalCell>
    private var windows: CounterTable<WindowCell>
    private var slices: CounterTable<SliceCell>
    private let maximumKeys: Int

    init(maximumKeys: Int) {
        self.maximumKeys = maximumKeys
        arrivals = CounterTable(maximumCount: maximumKeys)
        windows = CounterTable(maximumCount: maximumKeys)
        slices = CounterTable(maximumCount: maximumKeys)
    }

    var count: Int { arrivals.count + windows.count + slices.count }

    mutating func reading(_ bucket: TokenDemand.Bucket, cost: Int64, now: Instant) -> CounterReading {
        let terms = CounterTerms(bucket)
        return switch bucket.algorithm {
        case .gcra: arrivals.reading(bucket.key, cost: cost, terms, now: now)
        case .slidingWindow: slices.reading(bucket.key, cost: cost, terms, now: now)
        case .fixedWindow: windows.reading(bucket.key, cost: cost, terms, now: now)
        }
    }

    mutating func take(_ bucket: TokenDemand.Bucket, cost: Int64, now: Instant) -> CounterReading {
        let terms = CounterTerms(bucket)
        return switch bucket.algorithm {
        case .gcra: arrivals.take(bucket.key, cost: cost, terms, now: now)
        case .slidingWindow: slices.take(bucket.key, cost: cost, terms, now: now)
        case .fixedWindow: windows.take(bucket.key, cost: cost, terms, now: now)
        }
    }

    func state(of bucket: TokenDemand.Bucket, at instant: Instant) -> CounterState {
        let terms = CounterTerms(bucket)
        return switch bucket.algorithm {
        case .gcra: arrivals.state(bucket.key, terms, at: instant)
        case .slidingWindow: slices.state(bucket.key, terms, at: instant)
        case .fixedWindow: windows.state(bucket.key, terms, at: instant)
        }
    }

    mutating func raise(
        _ bucket: TokenDemand.Bucket, to state: CounterState, at instant: Instant, now: Instant
    ) {
        let terms = CounterTerms(bucket)
        switch bucket.algorithm {
        case .gcra: arrivals.raise(bucket.key, to: state, terms, at: instant, now: now)
        case .slidingWindow: slices.raise(bucket.key, to: state, terms, at: instant, now: now)
        case .fixedWindow: windows.raise(bucket.key, to: state, terms, at: instant, now: now)
        }
    }

    mutating func removeAll() { self = CounterTables(maximumKeys: maximumKeys) }

    mutating func remove(_ key: UInt64) {
        arrivals.remove(key)
        windows.remove(key)
        slices.remove(key)
    }
}
