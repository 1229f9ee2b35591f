import Pipeline
import Time

/// Counters of the whole process: striped, so that workers seldom meet at a lock, and bounded.
///
/// Lives longer than any settings: buckets are known by the rule's name and the client, so a reload keeps
/// them.
package final class MemoryCounterStore: Sendable {
    private static let stripeCount = 64
    private let stripes: [Stripe]

    /// - Parameter maximumKeys: Clients that are remembered at once, over all rules. 16 bytes each, and a
    /// third on top.
    package init(maximumKeys: Int = 1 << 20) {
        stripes = (0..<Self.stripeCount).map { _ in Stripe(maximumKeys: maximumKeys / Self.stripeCount) }
    }

    /// Takes all tokens of a demand, or none. Atomic over all its buckets: nobody sees it half done.
    package func take(_ demand: TokenDemand, now: Instant) -> TokenDecision {
        let held = HeldStripes(of: demand)
        for index in 0..<held.count { stripes[held.list[index]].lock() }
        defer { for index in 0..<held.count { stripes[held.list[index]].unlock() } }

        var worst: (index: Int, wait: Int64)?
        for index in 0..<demand.count {
            let bucket = demand[index]
            let wait = stripes[HeldStripes.stripe(of: bucket)].table.wait(
                key: bucket.key, interval: bucket.interval, burst: bucket.burst, cost: bucket.cost, now: now)
            if wait > worst?.wait ?? 0 { worst = (index, wait) }
        }
        if let worst { return .denied(index: worst.index, retryAfter: worst.wait) }

        for index in 0..<demand.count {
            let bucket = demand[index]
            stripes[HeldStripes.stripe(of: bucket)].table.take(
                key: bucket.key, interval: bucket.interval, cost: bucket.cost, now: now)
        }
        return .admitted
    }

    /// The stripes of one demand, each once, ascending: locks that are taken in one order cannot deadlock.
    private struct HeldStripes {
        var list = InlineArray<8, Int>(repeating: 0)
        var count = 0

        init(of demand: TokenDemand) {
            for index in 0..<demand.count { insert(HeldStripes.stripe(of: demand[index])) }
        }

        /// The high bits of the key: its place in the stripe's table comes from the low ones.
        static func stripe(of bucket: TokenDemand.Bucket) -> Int { Int(truncatingIfNeeded: bucket.key >> 58) }

        private mutating func insert(_ stripe: Int) {
            var position = count
            for index in 0..<count where list[index] >= stripe {
                if list[index] == stripe { return }
                position = index
                break
            }
            var index = count
            while index > position {
                list[index] = list[index - 1]
                index -= 1
            }
            list[position] = stripe
            count += 1
        }
    }
}
