import Proxy

/// Decides what a process' memory asks for. Pure. Levels are left at less than what they are entered at, so
/// that a process that stands at a border does not change its mind with every look.
struct MemoryGuard: Equatable {
    private(set) var level = MemoryLevel.calm

    /// Per cent of the limit.
    static let tight = 85, tightEnds = 75, full = 95, fullEnds = 90

    /// Takes down what is used, and tells what to do now.
    mutating func look(used: Int, limit: Int) -> MemoryPressure.Reading {
        let share = Self.share(used, of: limit)
        switch level {
        case .calm: level = share >= Self.full ? .full : share >= Self.tight ? .tight : .calm
        case .tight: level = share >= Self.full ? .full : share < Self.tightEnds ? .calm : .tight
        case .full: level = share >= Self.fullEnds ? .full : share < Self.tightEnds ? .calm : .tight
        }
        return MemoryPressure.Reading(level: level, headroom: max(0, limit / 100 * Self.full - used))
    }

    /// Whether it is worth asking the allocator for what it keeps.
    static func isWorthTrimming(used: Int, limit: Int) -> Bool { share(used, of: limit) >= tightEnds }

    /// Per cent, rounded down.
    private static func share(_ used: Int, of limit: Int) -> Int { used / max(1, limit / 100) }
}
