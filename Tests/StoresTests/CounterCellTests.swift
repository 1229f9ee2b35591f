import Pipeline
import Stores
import Testing
import Time

/// Each algorithm beside what it stands for: a list of what was taken and when.
@Suite struct CounterCellTests {
    /// What was admitted, and when.
    private struct Ledger {
        private(set) var entries: [(at: Int64, cost: Int64)] = []

        mutating func note(_ cost: Int64, at: Int64) { entries.append((at, cost)) }

        /// Tokens taken since then.
        func sum(after instant: Int64) -> Int64 {
            var sum: Int64 = 0
            for entry in entries.reversed() {
                guard entry.at > instant else { break }
                sum += entry.cost
            }
            return sum
        }
    }

    /// A cell and the questions of a test, one after the other at growing instants.
    private struct Counter<Cell: CounterCell> {
        var cell = Cell(key: 7)
        var terms: CounterTerms

        mutating func ask(_ cost: Int64, at now: Int64) -> CounterReading {
            let now = Instant(nanoseconds: now)
            cell.settle(terms, now: now)
            let reading = cell.reading(cost: cost, terms, now: now)
            if !reading.isShort { cell.take(cost, terms, now: now) }
            return reading
        }

        mutating func look(at now: Int64) -> CounterReading { ask(0, at: now) }
    }

    private static func steps(_ seed: Int, _ longest: Int64, _ body: (Int64, Int64) -> Void) {
        var random = RandomSource(seed: UInt64(seed))
        var now = Int64(random.next() % 1_000_000_000) + 1
        for _ in 0..<2000 {
            let pause = random.next() % 4 == 0 ? longest : longest / 20 + 1
            now += Int64(random.next() % UInt64(pause))
            body(now, Int64(random.next() % 3) + 1)
        }
    }

    @Test(arguments: 1...30) func `GCRA decides as an exact bucket does, to the nanosecond`(seed: Int) {
        var random = RandomSource(seed: UInt64(seed) &* 31)
        let terms = CounterTerms(
            limit: Int64(random.next() % 20) + 1, interval: Int64(random.next() % 2_000_000_000) + 1)
        let full = terms.limit * terms.interval
        var counter = Counter<ArrivalCell>(terms: terms)
        var (level, filledAt) = (full, Int64(0))
        Self.steps(seed, terms.interval * 3) { now, cost in
            level = min(full, level + (now - filledAt))
            filledAt = now
            let missing = cost * terms.interval - level
            let reading = counter.ask(cost, at: now)
            verify(reading.isShort == (missing > 0), "seed \(seed)")
            verify(reading.remaining == level / terms.interval, "seed \(seed)")
            let expected = !reading.isShort || cost > terms.limit ? full - level : missing
            verify(reading.reset == expected, "seed \(seed)")
            if missing <= 0 { level -= cost * terms.interval }
        }
    }

    @Test(arguments: 1...30) func `a fixed window begins with its first request and ends a length later`(
        seed: Int
    ) {
        let terms = CounterTerms(limit: Int64(seed % 10) + 1, interval: 1_000_000_007)
        var counter = Counter<WindowCell>(terms: terms)
        var (end, count) = (Int64(0), Int64(0))
        Self.steps(seed, terms.interval * 2) { now, cost in
            if now >= end { count = 0 }
            let reading = counter.ask(cost, at: now)
            verify(reading.isShort == (count + cost > terms.limit), "seed \(seed)")
            verify(reading.remaining == terms.limit - count, "seed \(seed)")
            verify(reading.reset == (count == 0 ? 0 : end - now), "seed \(seed)")
            guard !reading.isShort else { return }
            if count == 0 { end = now + terms.interval }
            count += cost
        }
    }

    @Test(arguments: 1...60) func `no window of its length ever holds more than a sliding window's limit`(
        seed: Int
    ) {
        let terms = CounterTerms(
            limit: Int64(seed % 10) + 1,
            interval: [1, 999, 8_000, 1_000_000_007, 3_600_000_000_000][seed % 5])
        var counter = Counter<SliceCell>(terms: terms)
        var ledger = Ledger()
        let slice = (terms.interval + 7999) / 8000 * 1000
        Self.steps(seed, slice * 16) { now, cost in
            let reading = counter.ask(cost, at: now)
            let span = ledger.sum(after: now - 9 * slice)
            if reading.isShort {
                verify(span + cost > terms.limit, "seed \(seed): refused beyond a window and a slice")
            } else {
                ledger.note(cost, at: now)
                verify(ledger.sum(after: now - terms.interval) <= terms.limit, "seed \(seed)")
            }
        }
        verify(ledger.entries.count > 30, "seed \(seed)")
    }

    /// Whoever comes back then is admitted, and not a nanosecond before.
    @Test(arguments: CountingAlgorithm.allCases, 1...20)
    func `a refusal tells exactly when the tokens will be there`(algorithm: CountingAlgorithm, seed: Int) {
        switch algorithm {
        case .gcra: checkResets(ArrivalCell.self, seed)
        case .slidingWindow: checkResets(SliceCell.self, seed)
        case .fixedWindow: checkResets(WindowCell.self, seed)
        }
    }

    private func checkResets<Cell: CounterCell>(_: Cell.Type, _ seed: Int) {
        let terms = CounterTerms(limit: 5, interval: 80_000_000)
        var counter = Counter<Cell>(terms: terms)
        var refusals = 0
        Self.steps(seed, terms.interval * 2) { now, cost in
            let reading = counter.ask(cost, at: now)
            guard reading.isShort else { return }
            refusals += 1
            var early = counter
            verify(early.ask(cost, at: now + reading.reset - 1).isShort, "seed \(seed)")
            var late = counter
            verify(!late.ask(cost, at: now + reading.reset).isShort, "seed \(seed)")
            // More than there is: until all of it is back.
            let never = counter.ask(6, at: now)
            verify(never.isShort)
            (early, late) = (counter, counter)
            verify(early.look(at: now + never.reset - 1).remaining < 5, "seed \(seed)")
            verify(late.look(at: now + never.reset).remaining == 5, "seed \(seed)")
        }
        verify(refusals > 50)
    }

    @Test func `numbers beyond all time neither trap nor admit`() {
        let terms = CounterTerms(limit: 1_000_000_000, interval: .max)
        var arrivals = Counter<ArrivalCell>(terms: terms)
        verify(arrivals.ask(.max, at: 1).isShort)
        verify(!arrivals.ask(1, at: 1).isShort)
        verify(arrivals.ask(.max, at: .max / 4).isShort)
        var windows = Counter<WindowCell>(terms: terms)
        verify(windows.ask(.max, at: 1).isShort)
        verify(!windows.ask(1_000_000_000, at: 1).isShort)
        verify(windows.ask(1, at: .max / 4).isShort)
        var slices = Counter<SliceCell>(terms: terms)
        verify(slices.ask(.max, at: 1).isShort)
        verify(!slices.ask(1_000_000_000, at: 1).isShort)
        verify(slices.ask(1, at: .max / 4).isShort)
    }

    /// After a reload, or told by a clock that was ahead.
    @Test func `nobody owes more than all of a limit for long`() {
        var arrivals = Counter<ArrivalCell>(terms: CounterTerms(limit: 100, interval: 1_000_000_000))
        verify(!arrivals.ask(100, at: 1).isShort)
        arrivals.terms = CounterTerms(limit: 10, interval: 1_000_000_000)
        verify(arrivals.ask(1, at: 2).reset == 1_000_000_000, "as if ten were taken, not a hundred")
        verify(!arrivals.ask(1, at: 1_000_000_002).isShort)
        var windows = Counter<WindowCell>(terms: CounterTerms(limit: 3, interval: 1_000_000_000))
        verify(!windows.ask(2, at: 90_000_000_000).isShort)
        windows.terms = CounterTerms(limit: 1, interval: 1_000_000_000)
        verify(windows.ask(1, at: 80_000_000_000).reset == 1_000_000_000, "the clock went back ten seconds")
        windows.terms = CounterTerms(limit: 3, interval: 1_000_000_000)
        verify(!windows.ask(1, at: 80_000_000_000).isShort, "the count is kept")
        verify(windows.ask(1, at: 80_000_000_000).isShort)
        var slices = Counter<SliceCell>(terms: CounterTerms(limit: 3, interval: 8_000_000_000))
        verify(!slices.ask(3, at: 90_000_000_000).isShort)
        verify(slices.ask(1, at: 30_000_000_000).reset == 9_000_000_000)
        verify(!slices.ask(1, at: 39_000_000_000).isShort)
    }
}
