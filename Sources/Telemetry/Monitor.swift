import Glibc
import Time

/// A lock with a condition to wait for, on the monotonic clock.
// SAFETY: mutex and condition are allocated once, never move, and are destroyed with the last reference;
// nobody can hold the lock then, as holding it needs a reference.
@safe
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func withLock<R>(_ body: () throws -> R) rethrows -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Wakes every waiter.
    func wake() { unsafe pthread_cond_broadcast(condition) }

    /// Gives the lock away until somebody calls `wake`; the caller holds the lock. May return for no reason.
    func wait() { unsafe pthread_cond_wait(condition, mutex) }

    /// As `wait`, but no longer than until `deadline`. False where that has passed.
    func wait(until deadline: Instant) -> Bool {
        var time = timespec()
        time.tv_sec = Int(deadline.nanoseconds / 1_000_000_000)
        time.tv_nsec = Int(deadline.nanoseconds % 1_000_000_000)
        return unsafe pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }
}

/// Clocks for the threads that have no event loop.
enum Clock {
    static var monotonic: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }
    static var wall: WallTime { WallTime(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
