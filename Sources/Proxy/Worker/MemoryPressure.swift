import Synchronization

/// How near the process is to its memory limit.
package enum MemoryLevel: UInt8, Comparable, Sendable {
    case calm
    /// Connections end with their answers, and quiet ones are closed.
    case tight
    /// Requests are refused, too.
    case full

    package var name: String {
        switch self {
        case .calm: "calm"
        case .tight: "tight"
        case .full: "full"
        }
    }

    package init?(name: String) {
        switch name {
        case "calm": self = .calm
        case "tight": self = .tight
        case "full": self = .full
        default: return nil
        }
    }

    package static func < (left: MemoryLevel, right: MemoryLevel) -> Bool { left.rawValue < right.rawValue }
}

/// What the control thread has found out about memory, for the workers: they look once a turn.
package final class MemoryPressure: Sendable {
    /// One look at the process' memory.
    package struct Reading: Equatable, Sendable {
        package var level: MemoryLevel
        /// Bytes that one worker may take for buffers, beyond those that it has, until the next look.
        package var headroom: Int

        package init(level: MemoryLevel, headroom: Int) {
            self.level = level
            self.headroom = headroom
        }
    }

    private let level = Atomic<UInt8>(0)
    private let headroom = Atomic<Int>(.max)
    /// Looks so far. Written last: who sees a new number sees what belongs to it, or something newer.
    private let looks = Atomic<Int>(0)

    package init() {}

    /// On the control thread alone.
    package func publish(_ reading: Reading) {
        level.store(reading.level.rawValue, ordering: .relaxed)
        headroom.store(reading.headroom, ordering: .relaxed)
        looks.store(looks.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }

    /// What is new since the look that `seen` counts, which moves on. Nil where nothing is.
    package func news(since seen: inout Int) -> Reading? {
        let number = looks.load(ordering: .acquiring)
        guard number != seen else { return nil }
        seen = number
        return Reading(level: current, headroom: headroom.load(ordering: .relaxed))
    }

    package var current: MemoryLevel { MemoryLevel(rawValue: level.load(ordering: .relaxed)) ?? .calm }
}
