import Glibc
import Synchronization

/// One part of the memory store and the lock before it. A decision holds the lock for some tens of
/// nanoseconds, so whoever finds it taken spins; only if its holder was put off the processor does it give
/// way.
// SAFETY: `table` is touched only between `lock` and `unlock`, which acquire and release it.
final class Stripe: @unchecked Sendable {
    var table: CellRateTable
    private let isLocked = Atomic<Bool>(false)

    init(maximumKeys: Int) { table = CellRateTable(maximumKeys: maximumKeys) }

    func lock() {
        var spins = 0
        while !isLocked.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged {
            spins += 1
            if spins > 128 { sched_yield() }
        }
    }

    func unlock() { isLocked.store(false, ordering: .releasing) }
}
