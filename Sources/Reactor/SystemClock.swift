import Glibc
import Time

/// The machine's clocks, read at the edge; everything else gets instants passed in.
// SAFETY: clock_gettime writes one timespec of the caller's frame.
package enum SystemClock {
    package static func now() -> Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

    package static func wallTime() -> WallTime { WallTime(nanoseconds: read(CLOCK_REALTIME)) }

    /// Lets time pass; for the control plane's waits, never on a loop.
    package static func pause(_ duration: Duration) {
        _ = poll(nil, 0, Int32(clamping: duration.nanoseconds / 1_000_000))
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
