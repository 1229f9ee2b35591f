import Synchronization

/// Which workers have requests that wait for one with the same Idempotency-Key, wherever that one is: whoever
/// settles a key learns whom to wake. One per process. Keys are those of `IdempotentRequest.place`.
package final class KeyTurns: Sendable {
    /// Workers by a bit each.
    private let waiting = Mutex<[UInt128: UInt64]>([:])
    /// Moves only under the lock.
    private let settled = Atomic<UInt64>(0)

    package init() {}

    /// Keys that were settled so far. To be read before the store is asked who is at it.
    package var settlements: UInt64 { settled.load(ordering: .acquiring) }

    /// A worker wants to hear of a key. False where one was settled since: perhaps this one, and the store
    /// has to be asked again.
    package func watch(_ place: UInt128, worker: Int, since settlements: UInt64) -> Bool {
        waiting.withLock { waiting in
            guard settled.load(ordering: .relaxed) == settlements else { return false }
            waiting[place, default: 0] |= 1 << UInt64(worker)
            return true
        }
    }

    /// Nobody on a worker waits for the key any more.
    package func leave(_ place: UInt128, worker: Int) {
        waiting.withLock { waiting in
            guard let workers = waiting[place] else { return }
            let left = workers & ~(1 << UInt64(worker))
            waiting[place] = left == 0 ? nil : left
        }
    }

    /// A key was settled, and the store knows. Returns the workers that wait for it.
    package func settle(_ place: UInt128) -> UInt64 {
        waiting.withLock { waiting in
            settled.add(1, ordering: .releasing)
            return waiting[place] ?? 0
        }
    }

    /// Keys that somebody waits for.
    package var count: Int { waiting.withLock(\.count) }
}
