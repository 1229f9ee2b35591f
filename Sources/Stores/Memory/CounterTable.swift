import Time

/// Counters of one algorithm in an open-addressed table of fixed bound. Pure; one stripe of the memory store
/// has one for each algorithm.
///
/// A counter of which nothing counts any more is as good as absent: it stays until its place is wanted. The
/// table grows while more than half of its counters are live, and allocates nothing from its bound on.
package struct CounterTable<Cell: CounterCell>: Sendable {
    private var cells: [Cell]
    /// Counters in the table, those that have expired included.
    package private(set) var count = 0
    package let maximumCount: Int
    private let maximumCells: Int
    /// Where a full table is looked through next for what has expired.
    private var cursor = 0

    /// Cells that a new key of a full table looks at for one that has expired.
    private static var sweep: Int { 128 }
    /// Cells from its place on of which a new key of a full table drives the lightest out.
    private static var neighbourhood: Int { 32 }

    /// - Parameter maximumCount: Counters kept at most. A third more of cells is room to find them fast.
    package init(maximumCount: Int) {
        self.maximumCount = max(1, maximumCount)
        maximumCells = max(8, self.maximumCount * 4 / 3 + 1)
        cells = Array(repeating: Cell(key: 0), count: min(64, maximumCells))
    }

    package var capacity: Int { cells.count }

    // MARK: Counting

    /// How the counter stands before whoever wants `cost` tokens. Takes nothing.
    package mutating func reading(
        _ key: UInt64, cost: Int64, _ terms: CounterTerms, now: Instant
    ) -> CounterReading {
        guard let index = index(of: key) else {
            return Cell(key: 1).reading(cost: cost, terms, now: now)
        }
        var cell = cells[index]
        cell.settle(terms, now: now)
        cells[index] = cell
        return cell.reading(cost: cost, terms, now: now)
    }

    /// Takes `cost` tokens where they are there, and says how the counter stands then.
    package mutating func take(
        _ key: UInt64, cost: Int64, _ terms: CounterTerms, now: Instant
    ) -> CounterReading {
        let index = index(of: key)
        var cell = index.map { cells[$0] } ?? Cell(key: CounterTable.stored(key))
        cell.settle(terms, now: now)
        let isShort = cell.lacks(cost, terms, now: now)
        if !isShort { cell.take(cost, terms, now: now) }
        if let index {
            cells[index] = cell
        } else if !isShort {
            makeRoom(for: key, now: now)
            _ = insert(cell)
        }
        return cell.reading(cost: isShort ? cost : 0, terms, now: now)
    }

    /// What is known of the counter, as it will be at `instant`.
    package func state(_ key: UInt64, _ terms: CounterTerms, at instant: Instant) -> CounterState {
        guard let index = index(of: key) else { return CounterState() }
        var cell = cells[index]
        cell.settle(terms, now: instant)
        return cell.state(terms, now: instant)
    }

    /// Takes in what somebody else knew of the counter at `instant`, which may lie far back.
    package mutating func raise(
        _ key: UInt64, to state: CounterState, _ terms: CounterTerms, at instant: Instant, now: Instant
    ) {
        var other = Cell(key: 1)
        other.raise(to: state, terms, now: instant)
        // Something is left of it.
        guard other.weight(now: now) > 0 else { return }
        other.settle(terms, now: now)
        let index = claim(key, now: now)
        cells[index].settle(terms, now: now)
        cells[index].raise(to: other.state(terms, now: now), terms, now: now)
    }

    package mutating func remove(_ key: UInt64) {
        if let index = index(of: key) { remove(at: index) }
    }

    // MARK: Places

    /// Keys may come of anywhere; what they are multiplied with spreads them over stripes by the high bits,
    /// and over a table by those below.
    package static func spread(_ key: UInt64) -> UInt64 { stored(key) &* 0x9E37_79B9_7F4A_7C15 }

    private static func stored(_ key: UInt64) -> UInt64 { key == 0 ? 1 : key }

    private func home(_ key: UInt64) -> Int {
        let bits = CounterTable.spread(key) << 6
        return Int(truncatingIfNeeded: bits.multipliedFullWidth(by: UInt64(cells.count)).high)
    }

    private func following(_ index: Int) -> Int { index + 1 == cells.count ? 0 : index + 1 }

    /// At most three quarters of the cells are used, so that there is always an empty one.
    private func index(of key: UInt64) -> Int? {
        let key = CounterTable.stored(key)
        var index = home(key)
        while true {
            let found = cells[index].key
            if found == key { return index }
            if found == 0 { return nil }
            index = following(index)
        }
    }

    /// The key's cell, or one made for it.
    private mutating func claim(_ key: UInt64, now: Instant) -> Int {
        if let index = index(of: key) { return index }
        makeRoom(for: key, now: now)
        return insert(Cell(key: CounterTable.stored(key)))
    }

    private mutating func insert(_ cell: Cell) -> Int {
        var index = home(cell.key)
        while cells[index].key != 0 { index = following(index) }
        cells[index] = cell
        count += 1
        return index
    }

    // MARK: Room

    private mutating func makeRoom(for key: UInt64, now: Instant) {
        if cells.count == maximumCells {
            if count >= maximumCount, !removeExpired(now: now) { removeLightest(near: key, now: now) }
            return
        }
        guard count >= cells.count * 3 / 4 else { return }
        removeAllExpired(now: now)
        if count > cells.count / 2 { grow() }
    }

    /// Removes the first expired counter that the sweep meets, and says whether it has met one.
    private mutating func removeExpired(now: Instant) -> Bool {
        for _ in 0..<min(CounterTable.sweep, cells.count) {
            if cells[cursor].key != 0, cells[cursor].weight(now: now) <= 0 {
                remove(at: cursor)
                return true
            }
            cursor = following(cursor)
        }
        return false
    }

    private mutating func removeLightest(near key: UInt64, now: Instant) {
        var index = home(key)
        var seen = 0
        var lightest = index
        var least = Int64.max
        // Three quarters of all cells are in use: one is soon found.
        while seen < CounterTable.neighbourhood || cells[lightest].key == 0 {
            if cells[index].key != 0 {
                let weight = cells[index].weight(now: now)
                if weight < least || cells[lightest].key == 0 { (lightest, least) = (index, weight) }
            }
            index = following(index)
            seen += 1
        }
        remove(at: lightest)
    }

    private mutating func removeAllExpired(now: Instant) {
        var index = 0
        while index < cells.count {
            if cells[index].key != 0, cells[index].weight(now: now) <= 0 {
                // Another one may have come to this place.
                remove(at: index)
            } else {
                index += 1
            }
        }
    }

    /// Empties a cell and closes the gap: those behind it that would not be found any more move up (Knuth,
    /// The Art of Computer Programming 3, 6.4, algorithm R).
    private mutating func remove(at place: Int) {
        var gap = place
        var index = place
        while true {
            index = following(index)
            guard cells[index].key != 0 else { break }
            let home = home(cells[index].key)
            let isBetween =
                gap <= index ? gap < home && home <= index : gap < home || home <= index
            if isBetween { continue }
            cells[gap] = cells[index]
            gap = index
        }
        cells[gap] = Cell(key: 0)
        count -= 1
    }

    private mutating func grow() {
        let kept = cells
        cells = Array(repeating: Cell(key: 0), count: min(cells.count * 2, maximumCells))
        count = 0
        for cell in kept where cell.key != 0 { _ = insert(cell) }
    }
}
