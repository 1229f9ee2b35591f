import Pipeline
import Stores
import Time

/// Redis with its script, as it is thought to be: the counters' cells on a clock of microseconds. A
/// differential test holds it beside the real one; the simulation takes it for the truth.
struct CounterModel {
    private(set) var counters: [UInt64: AnyCell] = [:]
    /// Counters that a hint has changed.
    private(set) var raises = 0

    /// One command. `demand` is told how its buckets stand, as the gateway makes it out of the reply.
    mutating func take(
        _ demand: inout TokenDemand, hints: CounterStates = CounterStates(), now: Int64
    ) -> CounterStates {
        let instant = Instant(nanoseconds: now * 1000)
        var cells: [AnyCell] = []
        var isWritten: [Bool] = []
        var isRefused = false
        for index in 0..<demand.count {
            let bucket = demand[index]
            let terms = CounterTerms(bucket)
            var cell = counters[bucket.key] ?? AnyCell(bucket)
            let isCut = cell.isCut(by: instant, terms)
            cell.settle(terms, now: instant)
            let before = cell.state(terms, now: instant)
            let hint = Self.asWritten(hints[index], bucket.algorithm)
            if !hint.isEmpty(bucket.algorithm) { cell.raise(to: hint, terms, now: instant) }
            let isRaised = !same(before, cell.state(terms, now: instant), bucket.algorithm)
            if isRaised { raises += 1 }
            isWritten.append(isCut || isRaised)
            demand[index].isShort = cell.reading(cost: bucket.cost, terms, now: instant).isShort
            if demand[index].isShort, !bucket.isDry { isRefused = true }
            cells.append(cell)
        }
        var said = CounterStates()
        for index in 0..<demand.count {
            let bucket = demand[index]
            let terms = CounterTerms(bucket)
            if !isRefused, !bucket.isShort, bucket.cost > 0 {
                cells[index].take(bucket.cost, terms, now: instant)
                isWritten[index] = true
            }
            if isWritten[index] { counters[bucket.key] = cells[index] }
            said[index] = cells[index].state(terms, now: instant)
            // A gateway has but what it was told.
            var told = AnyCell(bucket)
            told.raise(to: said[index], terms, now: .zero)
            let reading = told.reading(cost: bucket.isShort ? bucket.cost : 0, terms, now: .zero)
            demand[index].remaining = reading.remaining
            demand[index].reset = reading.reset
        }
        return said
    }

    mutating func lose() { counters = [:] }

    /// How one counter stands, and changes nothing.
    func reading(_ bucket: TokenDemand.Bucket, now: Int64) -> CounterReading {
        let terms = CounterTerms(bucket)
        let instant = Instant(nanoseconds: now)
        var cell = counters[bucket.key] ?? AnyCell(bucket)
        cell.settle(terms, now: instant)
        return cell.reading(cost: bucket.cost, terms, now: instant)
    }

    /// Hints go in whole microseconds, and never say more than is known.
    private static func asWritten(_ hint: CounterState, _ algorithm: CountingAlgorithm) -> CounterState {
        var hint = hint
        switch algorithm {
        case .gcra: break
        case .fixedWindow: hint.span = hint.span / 1000 * 1000
        case .slidingWindow: hint.span = (hint.span + 999) / 1000 * 1000
        }
        return hint
    }
}

func same(_ first: CounterState, _ second: CounterState, _ algorithm: CountingAlgorithm) -> Bool {
    if first.isEmpty(algorithm), second.isEmpty(algorithm) { return true }
    return first.span == second.span
        && (0..<CounterState.slices).allSatisfy { first.counts[$0] == second.counts[$0] }
}

func words(_ state: CounterState) -> String {
    "\(state.span) [\((0..<CounterState.slices).map { "\(state.counts[$0])" }.joined(separator: " "))]"
}

/// A cell of any algorithm.
enum AnyCell {
    case gcra(ArrivalCell)
    case sliding(SliceCell)
    case fixed(WindowCell)

    init(_ bucket: TokenDemand.Bucket) {
        switch bucket.algorithm {
        case .gcra: self = .gcra(ArrivalCell(key: 1))
        case .slidingWindow: self = .sliding(SliceCell(key: 1))
        case .fixedWindow: self = .fixed(WindowCell(key: 1))
        }
    }

    private mutating func with<Result>(_ body: (inout any CounterCell) -> Result) -> Result {
        var cell = any
        defer {
            switch cell {
            case let cell as ArrivalCell: self = .gcra(cell)
            case let cell as SliceCell: self = .sliding(cell)
            case let cell as WindowCell: self = .fixed(cell)
            default: break
            }
        }
        return body(&cell)
    }

    private var any: any CounterCell {
        switch self {
        case .gcra(let cell): cell
        case .sliding(let cell): cell
        case .fixed(let cell): cell
        }
    }

    /// Whether the counter comes of a clock that was ahead of `now`.
    func isCut(by now: Instant, _ terms: CounterTerms) -> Bool {
        var settled = self
        settled.settle(terms, now: now)
        let far = now + .seconds(1 << 20)
        return switch self {
        case .sliding: settled.state(terms, now: far).span > state(terms, now: far).span
        case .gcra, .fixed: settled.state(terms, now: now).span != state(terms, now: now).span
        }
    }

    mutating func settle(_ terms: CounterTerms, now: Instant) { with { $0.settle(terms, now: now) } }

    mutating func raise(to state: CounterState, _ terms: CounterTerms, now: Instant) {
        with { $0.raise(to: state, terms, now: now) }
    }

    mutating func take(_ cost: Int64, _ terms: CounterTerms, now: Instant) {
        with { $0.take(cost, terms, now: now) }
    }

    func reading(cost: Int64, _ terms: CounterTerms, now: Instant) -> CounterReading {
        any.reading(cost: cost, terms, now: now)
    }

    func state(_ terms: CounterTerms, now: Instant) -> CounterState { any.state(terms, now: now) }
}
