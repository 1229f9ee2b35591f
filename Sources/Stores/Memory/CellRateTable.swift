import Time

/// Buckets of the generic cell rate algorithm in an open-addressed table of fixed bound. Pure; one stripe of
/// the memory store.
///
/// A bucket is one instant, the theoretical arrival time: when it would be full again. A bucket whose instant
/// has passed is as good as absent, so expired cells are simply used again and nothing is ever deleted.
package struct CellRateTable: Sendable {
    private struct Cell {
        /// Zero is an empty cell.
        var key: UInt64 = 0
        var arrival = Instant.zero
    }

    private var cells: [Cell]
    /// Cells that have ever been filled since the last rebuild, expired ones included.
    private var filled = 0
    private let maximumCells: Int
    /// Filled cells at which the table is looked through. Beyond that of the last time, or a table that is
    /// full of live buckets would be rebuilt for every new key.
    private var rebuildsAt: Int

    /// - Parameter maximumKeys: Keys kept at most; rounded up to a power of two cells.
    package init(maximumKeys: Int) {
        maximumCells = max(16, (maximumKeys * 4 / 3).nextPowerOfTwo)
        cells = Array(repeating: Cell(), count: min(64, maximumCells))
        rebuildsAt = cells.count * 3 / 4
    }

    package var capacity: Int { cells.count }

    /// Nanoseconds until the bucket has `cost` tokens; zero where it has them now. Changes nothing.
    package func wait(key: UInt64, interval: Int64, burst: Int64, cost: Int64, now: Instant) -> Int64 {
        let arrival = index(of: key).map { cells[$0].arrival } ?? .zero
        let next = max(arrival, now).nanoseconds &+ cost &* interval
        return max(0, next &- burst &* interval &- now.nanoseconds)
    }

    /// Takes `cost` tokens, which `wait` has found to be there.
    package mutating func take(key: UInt64, interval: Int64, cost: Int64, now: Instant) {
        let index = claim(key, now: now)
        let start = max(cells[index].arrival, now)
        cells[index].arrival = Instant(nanoseconds: start.nanoseconds &+ cost &* interval)
    }

    private func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key & UInt64(cells.count - 1)) }

    private func index(of key: UInt64) -> Int? {
        let key = CellRateTable.stored(key)
        var index = home(key)
        for _ in 0..<CellRateTable.longestProbe {
            if cells[index].key == key { return index }
            if cells[index].key == 0 { return nil }
            index = (index + 1) & (cells.count - 1)
        }
        return nil
    }

    /// Cells looked at for one key. At the load kept here a longer run practically never occurs; where it
    /// does, the run's bucket that is nearest to full makes room, for it has the least to forget.
    private static let longestProbe = 64

    private static func stored(_ key: UInt64) -> UInt64 { key == 0 ? 1 : key }

    /// The key's cell, or one made for it.
    private mutating func claim(_ key: UInt64, now: Instant) -> Int {
        if let index = index(of: key) { return index }
        if filled >= rebuildsAt { rebuild(now: now) }
        let key = CellRateTable.stored(key)
        var index = home(key)
        var weakest = index
        for _ in 0..<CellRateTable.longestProbe {
            if cells[index].key == 0 {
                filled += 1
                weakest = index
                break
            }
            if cells[index].arrival <= now {
                weakest = index
                break
            }
            if cells[index].arrival < cells[weakest].arrival { weakest = index }
            index = (index + 1) & (cells.count - 1)
        }
        cells[weakest] = Cell(key: key, arrival: .zero)
        return weakest
    }

    /// Drops what has expired, and doubles the table if the rest needs it and the bound allows it.
    private mutating func rebuild(now: Instant) {
        let live = cells.filter { $0.key != 0 && $0.arrival > now }
        let wanted = live.count * 2 > cells.count ? cells.count * 2 : cells.count
        cells = Array(repeating: Cell(), count: min(wanted, maximumCells))
        filled = 0
        for cell in live {
            let index = claimEmpty(cell.key)
            cells[index] = cell
        }
        rebuildsAt = max(cells.count * 3 / 4, filled + cells.count / 8)
    }

    private mutating func claimEmpty(_ key: UInt64) -> Int {
        var index = home(key)
        for _ in 0..<CellRateTable.longestProbe where cells[index].key != 0 {
            index = (index + 1) & (cells.count - 1)
        }
        if cells[index].key == 0 { filled += 1 }
        return index
    }
}

extension Int {
    /// The smallest power of two that is not below this number.
    fileprivate var nextPowerOfTwo: Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
