import Settings
import Time

/// How slow a peer may be: how long it may do nothing, and how many bytes buy it more time.
package struct PaceLimit: Equatable, Sendable {
    /// Nanoseconds of waiting that a peer begins with, and the most that it can have left.
    package let patience: Int64
    /// Nanoseconds that each byte gives back, rounded up: who keeps the rate is never given up.
    package let perByte: Int64

    /// - Parameter minimumRate: Bytes a second; without one, any byte gives all of the patience back.
    package init(patience: Duration, minimumRate: Int?) {
        self.patience = patience.nanoseconds
        perByte = minimumRate.map { (999_999_999 + Int64($0)) / Int64($0) } ?? self.patience
    }
}

/// Whether a peer that is waited for keeps up a minimum rate. Pure; time comes as an argument.
///
/// A bucket of waiting time: it runs out while the peer is waited for, stands still while it is not, and is
/// filled by bytes. A peer that does nothing is given up after `patience`; one that drips is given up a
/// little later, for each byte buys no more than its share; one that keeps the rate is never given up. What
/// came fast long ago does not excuse slowness now, for the bucket holds no more than `patience`.
package struct Pace: Equatable, Sendable {
    /// Nanoseconds of the patience that are used up.
    private var spent: Int64 = 0
    /// Since when the peer is waited for; nil while it is not.
    private var waitsSince: Instant?

    package init() {}

    /// The peer is waited for from now on, if it was not already. Returns when to give it up.
    package mutating func wait(_ limit: PaceLimit, now: Instant) -> Instant {
        let since = waitsSince ?? now
        waitsSince = since
        return Instant(nanoseconds: since.nanoseconds &+ max(0, limit.patience &- spent))
    }

    /// The peer is not waited for: it has nothing to do, or others are slow.
    package mutating func pause(now: Instant) {
        guard waitsSince != nil else { return }
        settle(now)
        waitsSince = nil
    }

    /// The peer has moved so many bytes.
    package mutating func moved(_ bytes: Int, _ limit: PaceLimit, now: Instant) {
        guard bytes > 0 else { return }
        settle(now)
        let (bought, overflow) = limit.perByte.multipliedReportingOverflow(by: Int64(bytes))
        spent = overflow ? 0 : max(0, spent &- bought)
    }

    private mutating func settle(_ now: Instant) {
        guard let since = waitsSince else { return }
        spent &+= max(0, now - since)
        waitsSince = now
    }
}

/// The pace of a reader behind a socket. What the socket takes is not what the reader has read: the kernel
/// may hold megabytes for it, and takes more only once a good part of them has gone. So what counts is what
/// has left the kernel's queue.
package struct ReadingPace: Equatable, Sendable {
    private var pace = Pace()
    /// Bytes that the kernel holds where it takes no more; nil before that has happened.
    private var fullQueue: Int?
    /// Bytes that are known to have left the queue.
    private var delivered = 0

    package init() {}

    /// Whether it is not known yet how much the kernel holds.
    package var needsQueue: Bool { fullQueue == nil }

    /// The kernel takes no more, with so many bytes in its queue after `sent` in all.
    package mutating func blocked(queued: Int, sent: Int) {
        fullQueue = queued
        delivered = max(0, sent - queued)
    }

    /// The kernel has taken bytes, `sent` in all: at most a full queue of them has not left it.
    package mutating func took(sent: Int, _ limit: PaceLimit, now: Instant) {
        guard let fullQueue else { return }
        reached(sent - fullQueue, limit, now: now)
    }

    /// So many bytes in all have left the kernel's queue.
    package mutating func reached(_ bytes: Int, _ limit: PaceLimit, now: Instant) {
        guard bytes > delivered else { return }
        pace.moved(bytes - delivered, limit, now: now)
        delivered = bytes
    }

    package mutating func wait(_ limit: PaceLimit, now: Instant) -> Instant { pace.wait(limit, now: now) }

    package mutating func pause(now: Instant) { pace.pause(now: now) }
}
