import Time

/// Deadlines in a hashed wheel (Varghese and Lauck 1987, scheme 6): adding costs one append, and time only
/// passes forward.
///
/// Deadlines that move away are not moved here. The owner keeps its true deadline, and when an entry comes up
/// too early it adds a new one: a connection costs the wheel one entry per time-out period, not one per
/// request.
@usableFromInline
package struct TimerWheel<Owner: Sendable>: ~Copyable {
    @usableFromInline
    struct Entry {
        @usableFromInline var owner: Owner
        @usableFromInline var deadline: Instant

        @inlinable
        init(owner: Owner, deadline: Instant) {
            self.owner = owner
            self.deadline = deadline
        }
    }

    /// Granularity: an entry comes up at most this much late.
    @inlinable
    package static var tick: Int64 { 4_000_000 }
    @inlinable
    static var slots: Int { 4096 }

    @usableFromInline var wheel: [[Entry]]
    /// The next tick to be looked at.
    @usableFromInline var position: Int64
    /// No entry is due before this tick; `.max` when there is none.
    @usableFromInline var earliest: Int64 = .max
    @usableFromInline var expired: [Entry] = []
    /// Entries in the wheel.
    @usableFromInline package internal(set) var count = 0

    @inlinable
    package init(now: Instant) {
        wheel = Array(repeating: [], count: Self.slots)
        position = now.nanoseconds / Self.tick
    }

    /// Adds an entry that comes up at the first advance at or after `deadline`.
    @inlinable
    package mutating func add(_ owner: Owner, at deadline: Instant) {
        guard deadline != .distantFuture else { return }
        // Rounded up: never early.
        let tick = max(position, (deadline.nanoseconds - 1) / Self.tick + 1)
        wheel[Int(tick % Int64(Self.slots))].append(Entry(owner: owner, deadline: deadline))
        earliest = min(earliest, tick)
        count += 1
    }

    /// Nanoseconds until the next entry may be due; nil when there is none. May be early, never late.
    @inlinable
    package func untilNext(_ now: Instant) -> Int64? {
        guard expired.isEmpty else { return 0 }
        return count == 0 ? nil : max(0, earliest &* Self.tick - now.nanoseconds)
    }

    /// Takes out one due entry's owner; nil when no more is due. Who stops before nil calls again at once.
    @inlinable
    package mutating func popExpired(_ now: Instant) -> Owner? {
        if expired.isEmpty { collect(now) }
        guard let entry = expired.popLast() else { return nil }
        count -= 1
        return entry.owner
    }

    @inlinable
    mutating func collect(_ now: Instant) {
        let target = now.nanoseconds / Self.tick
        guard count > 0 else {
            position = max(position, target)
            earliest = .max
            return
        }
        guard earliest <= target else { return }
        // After a long sleep one turn of the wheel sees everything.
        position = max(position, target - Int64(Self.slots) + 1)
        while position <= target {
            drain(slot: Int(position % Int64(Self.slots)), now)
            position += 1
        }
        earliest = nextOccupied()
    }

    /// Moves what is due out of a slot; what has turns of the wheel left stays.
    @inlinable
    mutating func drain(slot: Int, _ now: Instant) {
        var index = 0
        while index < wheel[slot].count {
            if wheel[slot][index].deadline <= now {
                expired.append(wheel[slot][index])
                wheel[slot].swapAt(index, wheel[slot].count - 1)
                wheel[slot].removeLast()
            } else {
                index += 1
            }
        }
    }

    /// The first tick from `position` on whose slot holds anything, due in this turn of the wheel or in a
    /// later one.
    @inlinable
    func nextOccupied() -> Int64 {
        guard count > expired.count else { return .max }
        for offset in 0..<Int64(Self.slots)
        where !wheel[Int((position + offset) % Int64(Self.slots))].isEmpty { return position + offset }
        return .max
    }
}
