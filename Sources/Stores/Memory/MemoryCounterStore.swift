import Pipeline
import Time

/// Counters of the whole process: striped, so that workers seldom meet at a lock, and bounded.
///
/// Without Redis it is the store. With Redis it is this gateway's view of what Redis has said last: never
/// more than Redis knows, since all that is learned counts from the instant at which Redis was asked. So
/// what the view refuses Redis would refuse; what it tells Redis (`hints`) changes nothing but where Redis
/// has lost something, or was away while the gateway counted by itself.
///
/// Lives longer than any settings: buckets are known by the rule's name and the client, so a reload keeps
/// them.
package final class MemoryCounterStore: Sendable {
    private let stripes: CounterStripes

    /// How much older than it is a hint is said to be. Redis takes it for true of the moment at which it runs
    /// the command; that is later than it was written, but not by more than this where all is well.
    package static let hintMargin = Duration.milliseconds(50)

    /// - Parameter maximumKeys: Counters of each algorithm that are remembered at once. At the bound and with
    /// a third on top, one takes 22 bytes by GCRA, 33 in a fixed and 77 in a sliding window.
    package init(maximumKeys: Int = 1 << 20) {
        // Keys do not fall evenly on stripes: each has room for four standard deviations more than its share.
        let share = Double(maximumKeys) / Double(CounterStripes.count)
        stripes = CounterStripes(maximumKeys: Int(share + 4 * share.squareRoot()) + 1)
    }

    /// Counters in memory, those that have expired and not yet made room included.
    package var keyCount: Int {
        (0..<CounterStripes.count).reduce(0) { sum, stripe in
            stripes.lock(1 << UInt64(stripe))
            defer { stripes.unlock(1 << UInt64(stripe)) }
            return sum + stripes[stripe].count
        }
    }

    // MARK: Deciding

    /// Takes all tokens of a demand, or none where a bucket that is not dry lacks some, and writes down how
    /// all its buckets stand. Atomic over all of them: nobody sees it half done. A dry bucket gives its
    /// tokens where it has them and the demand is admitted.
    ///
    /// - Parameter share: Gateways that count by themselves, this one among them, while the store that they
    ///   share is away: each token counts so often, but never more than a full bucket.
    package func take(_ demand: inout TokenDemand, share: Int64 = 1, now: Instant) {
        if demand.count == 1 { return takeOne(&demand, share: share, now: now) }
        let held = Self.stripes(of: &demand)
        stripes.lock(held)
        defer { stripes.unlock(held) }
        var isRefused = false
        for index in 0..<demand.count {
            look(&demand[index], share: share, now: now)
            if demand[index].isShort, !demand[index].isDry { isRefused = true }
        }
        if isRefused { return }
        for index in 0..<demand.count where !demand[index].isShort {
            let bucket = demand[index]
            demand[index].note(
                stripes[CounterStripes.stripe(of: bucket.key)].take(
                    bucket, cost: Self.weighted(bucket, share), now: now))
        }
    }

    /// The usual demand, without a second look at what is held.
    private func takeOne(_ demand: inout TokenDemand, share: Int64, now: Instant) {
        let bucket = demand[0]
        let stripe = CounterStripes.stripe(of: bucket.key)
        stripes.lock(1 << UInt64(stripe))
        let reading = stripes[stripe].take(bucket, cost: Self.weighted(bucket, share), now: now)
        stripes.unlock(1 << UInt64(stripe))
        demand[0].note(reading)
    }

    /// Takes the tokens of a demand, and says whether it got none.
    package func refuses(_ demand: TokenDemand, now: Instant) -> Bool {
        var demand = demand
        take(&demand, now: now)
        return demand.refusal != nil
    }

    /// As `take`, but takes nothing: `demand.refusal` says whether the store would have refused. A cost of 0
    /// only reads.
    package func peek(_ demand: inout TokenDemand, now: Instant) {
        let held = Self.stripes(of: &demand)
        stripes.lock(held)
        defer { stripes.unlock(held) }
        for index in 0..<demand.count { look(&demand[index], share: 1, now: now) }
    }

    private func look(_ bucket: inout TokenDemand.Bucket, share: Int64, now: Instant) {
        bucket.note(
            stripes[CounterStripes.stripe(of: bucket.key)].reading(
                bucket, cost: Self.weighted(bucket, share), now: now))
    }

    /// What a request costs while gateways count by themselves. More than the limit is never to be had,
    /// however many they are.
    private static func weighted(_ bucket: TokenDemand.Bucket, _ share: Int64) -> Int64 {
        guard share > 1, bucket.cost <= bucket.limit else { return bucket.cost }
        let (product, overflow) = bucket.cost.multipliedReportingOverflow(by: share)
        return overflow ? bucket.limit : min(bucket.limit, product)
    }

    // MARK: The view

    /// What Redis is told of a demand's counters with the command that asks for it.
    package func hints(for demand: borrowing TokenDemand, now: Instant) -> CounterStates {
        var hints = CounterStates()
        // One copy: a look at what is only lent costs one each.
        var demand = copy demand
        let held = Self.stripes(of: &demand)
        stripes.lock(held)
        defer { stripes.unlock(held) }
        let then = now + Self.hintMargin
        for index in 0..<demand.count {
            let bucket = demand[index]
            hints[index] = stripes[CounterStripes.stripe(of: bucket.key)].state(of: bucket, at: then)
        }
        return hints
    }

    /// Takes in what Redis has said of the members' counters.
    ///
    /// - Parameters:
    ///   - members: Bit i is the bucket i.
    ///   - asked: When the command was written, or before that. Whatever Redis has said was true of a later
    ///     moment.
    package func learn(
        _ demand: borrowing TokenDemand, _ said: borrowing CounterStates, members: UInt16 = .max,
        asked: Instant, now: Instant
    ) {
        var demand = copy demand
        let held = Self.stripes(of: &demand)
        stripes.lock(held)
        defer { stripes.unlock(held) }
        // Redis' clock counts whole microseconds: its moment may have begun one before.
        let date = Instant(nanoseconds: asked.nanoseconds &- 1000)
        for index in 0..<demand.count where members & 1 << UInt16(index) != 0 {
            let bucket = demand[index]
            stripes[CounterStripes.stripe(of: bucket.key)].raise(bucket, to: said[index], at: date, now: now)
        }
    }

    /// Forgets a counter, by whatever algorithm.
    package func forget(_ key: UInt64) {
        let stripe = CounterStripes.stripe(of: key)
        stripes.lock(1 << UInt64(stripe))
        defer { stripes.unlock(1 << UInt64(stripe)) }
        stripes[stripe].remove(key)
    }

    /// Forgets all counters: of a view, which learns them anew.
    package func forgetAll() {
        for stripe in 0..<CounterStripes.count {
            stripes.lock(1 << UInt64(stripe))
            defer { stripes.unlock(1 << UInt64(stripe)) }
            stripes[stripe].removeAll()
        }
    }

    private static func stripes(of demand: inout TokenDemand) -> CounterStripes.Held {
        var held: CounterStripes.Held = 0
        for index in 0..<demand.count {
            held |= 1 << UInt64(CounterStripes.stripe(of: demand[index].key))
        }
        return held
    }
}

extension TokenDemand.Bucket {
    mutating func note(_ reading: CounterReading) {
        remaining = reading.remaining
        reset = reading.reset
        isShort = reading.isShort
    }
}
