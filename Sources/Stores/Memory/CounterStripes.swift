import Glibc
import Synchronization

/// The parts of the memory store and the locks before them. A decision holds its locks for some tens of
/// nanoseconds, so whoever finds one taken spins; only if its holder was put off the processor does he give
/// way.
// SAFETY: `slots` is one block of `count` initialised slots, freed in `deinit`; they never move. The tables
// of a slot are touched only between `lock` and `unlock` of a set that holds it, which acquire and release.
@safe
final class CounterStripes: @unchecked Sendable {
    /// The stripes that one demand touches: bit i is the stripe i.
    typealias Held = UInt64

    static let count = 64

    private struct Slot: ~Copyable {
        let isLocked = Atomic<Bool>(false)
        var tables: CounterTables
    }

    private let slots: UnsafeMutablePointer<Slot>

    init(maximumKeys: Int) {
        unsafe slots = .allocate(capacity: Self.count)
        for index in 0..<Self.count {
            unsafe (slots + index).initialize(to: Slot(tables: CounterTables(maximumKeys: maximumKeys)))
        }
    }

    deinit {
        unsafe slots.deinitialize(count: Self.count)
        unsafe slots.deallocate()
    }

    /// The stripe that has a key.
    @inline(__always)
    static func stripe(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: CounterTable<ArrivalCell>.spread(key) >> 58)
    }

    /// The tables of a stripe that is locked.
    @inline(__always)
    subscript(stripe: Int) -> CounterTables {
        get {
            precondition(stripe >= 0 && stripe < Self.count)
            return unsafe slots[stripe].tables
        }
        _modify {
            precondition(stripe >= 0 && stripe < Self.count)
            yield unsafe &slots[stripe].tables
        }
    }

    /// Always locked in one order: whoever holds some waits only for those who do not wait for him.
    @inline(__always)
    func lock(_ held: Held) {
        var rest = held
        while rest != 0 {
            lock(stripe: rest.trailingZeroBitCount)
            rest &= rest &- 1
        }
    }

    @inline(__always)
    func unlock(_ held: Held) {
        var rest = held
        while rest != 0 {
            unsafe slots[rest.trailingZeroBitCount].isLocked.store(false, ordering: .releasing)
            rest &= rest &- 1
        }
    }

    @inline(__always)
    private func lock(stripe: Int) {
        if unsafe !slots[stripe].isLocked.exchange(true, ordering: .acquiring) { return }
        waitForLock(stripe)
    }

    @inline(never)
    private func waitForLock(_ stripe: Int) {
        var spins = 0
        while unsafe slots[stripe].isLocked.exchange(true, ordering: .acquiring) {
            // Looking alone leaves the holder its cache line.
            while unsafe slots[stripe].isLocked.load(ordering: .relaxed) {
                spins += 1
                if spins > 128 { sched_yield() }
            }
        }
    }
}
