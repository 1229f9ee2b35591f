import Synchronization

/// How many connections each holder of an address has, over all workers. Striped, so that workers seldom
/// meet at a lock; there are never more entries than connections.
package final class ConnectionCounts: Sendable {
    private final class Stripe: Sendable {
        let counts = Mutex<[UInt128: Int]>([:])
    }

    private static let stripeCount = 16
    private let stripes = (0..<stripeCount).map { _ in Stripe() }

    package init() {}

    /// Counts one more connection of the holder. False, and nothing is counted, where it has `limit`.
    package func enter(_ holder: UInt128, limit: Int) -> Bool {
        stripe(of: holder).counts.withLock { counts in
            let count = counts[holder, default: 0]
            guard count < limit else { return false }
            counts[holder] = count + 1
            return true
        }
    }

    /// A connection that was counted has ended.
    package func leave(_ holder: UInt128) {
        stripe(of: holder).counts.withLock { counts in
            guard let count = counts[holder] else { preconditionFailure("nobody had entered") }
            counts[holder] = count > 1 ? count - 1 : nil
        }
    }

    /// Connections that are counted, and holders that have any.
    package var totals: (connections: Int, holders: Int) {
        stripes.reduce((0, 0)) { sum, stripe in
            stripe.counts.withLock { (sum.0 + $0.values.reduce(0, +), sum.1 + $0.count) }
        }
    }

    /// By all bits of the address, in a way that is drawn anew for each process.
    private func stripe(of holder: UInt128) -> Stripe {
        stripes[Int(UInt(bitPattern: holder.hashValue) % UInt(Self.stripeCount))]
    }
}
