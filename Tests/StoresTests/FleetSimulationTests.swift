import Pipeline
import Stores
import Testing
import Time

/// Gateways that share a Redis, in 1,200 runs of virtual time.
@Suite struct FleetSimulationTests {
    /// Nobody gives up, so nobody counts by himself: all that is admitted is exact, no view ever says more
    /// than Redis knows, and no hint ever changes anything.
    @Test(arguments: 0..<40)
    func `views are lower bounds, and hints change nothing while all is well`(block: Int) {
        var knownDenied = 0
        for seed in block * 10..<block * 10 + 10 {
            var terms = Self.terms(seed)
            terms.lost = 0
            terms.late = 0
            // As slow as a hint is said to be old.
            terms.slowest = 50_000_000
            terms.budget = 60_000_000
            let run = Self.run(seed, terms)
            verify(run.raises == 0, "seed \(seed): hints have changed \(run.raises) counters")
            verify(!run.admissions.contains(where: \.isLocal), "seed \(seed)")
            checkStore(run, seed)
            knownDenied += run.knownDenied
        }
        verify(knownDenied > 100, "\(knownDenied) requests were refused without a command")
    }

    /// Replies that are late or lost, hangs: what Redis has counted stays exact, and each gateway gives by
    /// itself no more than its share.
    @Test(arguments: 0..<40)
    func `a store that hangs and comes back with its data never admits more than its limit`(block: Int) {
        for seed in block * 10..<block * 10 + 10 {
            var terms = Self.terms(seed)
            terms.outages = seed % 4
            let run = Self.run(seed, terms)
            checkStore(run, seed)
            checkLocal(run, seed)
        }
    }

    /// Within one window, where nothing comes back, every token too many has its reason:
    ///
    ///     admitted <= limit + what Redis lost and no gateway knew + shares of what views did not know
    ///
    /// Behind a loss each gateway's first command tells Redis what it knows: the one that knows least may be
    /// the first, and then what Redis had known above that is admitted once more. And a gateway that counts
    /// by itself gives its share of what its view has left.
    @Test(arguments: 0..<40)
    func `a store that comes back empty gets the debts back`(block: Int) {
        var (limits, excesses) = (Int64(0), Int64(0))
        for seed in block * 10..<block * 10 + 10 {
            var terms = Self.terms(seed)
            terms.interval = 3_600_000_000_000
            terms.limit = 120
            terms.outages = seed % 3 + 1
            terms.losses = seed % 2 + 1
            let run = Self.run(seed, terms)
            for key in run.buckets.indices {
                let limit = run.buckets[key].limit
                let admitted = run.admissions.reduce(Int64(0)) { $0 + ($1.key == key ? $1.cost : 0) }
                let lost = run.losses.reduce(Int64(0)) { $0 + max(0, $1.known[key] - $1.leastKnown[key]) }
                let shares = run.leftAtFirst.reduce(Int64(0)) { sum, left in
                    guard let left = left[key] else { return sum }
                    return sum + max(1, left / Int64(terms.gateways))
                }
                verify(
                    admitted <= limit + lost + shares,
                    "seed \(seed): \(admitted) of \(limit), \(lost) lost, \(shares) shared out")
                limits += limit
                excesses += max(0, admitted - limit)
            }
        }
        // By far most of it is known to somebody: what is admitted too much on the whole is little.
        verify(excesses * 10 <= limits, "\(excesses) above limits of \(limits)")
    }

    // MARK: Bounds

    private static func terms(_ seed: Int) -> FleetSimulation.Terms {
        var terms = FleetSimulation.Terms()
        terms.gateways = seed % 4 + 1
        terms.keys = seed % 3 + 1
        // Half of them have slices in which replies that are late do not matter.
        if seed % 2 == 0 {
            terms.interval *= 10
            terms.lasts *= 4
            terms.pause *= 4
        }
        return terms
    }

    private static func run(_ seed: Int, _ terms: FleetSimulation.Terms) -> FleetSimulation {
        let run = FleetSimulation(seed: UInt64(seed), terms)
        run.run()
        verify(run.violations.isEmpty, "seed \(seed): \(run.violations)")
        verify(run.admissions.count > 0, "seed \(seed): nothing was admitted")
        return run
    }

    /// By Redis, over any time: GCRA no more than the burst and what came back meanwhile, a sliding window no
    /// more than its limit, two fixed windows no more than two limits.
    private func checkStore(_ run: FleetSimulation, _ seed: Int) {
        for (key, bucket) in run.buckets.enumerated() {
            let entries = run.admissions.filter { $0.key == key && !$0.isLocal }.sorted { $0.at < $1.at }
            forEachSpan(entries) { sum, time in
                switch bucket.algorithm {
                case .gcra: sum <= bucket.limit + (time + 1000) / bucket.interval
                case .slidingWindow: time >= bucket.interval - 1000 || sum <= bucket.limit
                case .fixedWindow: time >= bucket.interval - 1000 || sum <= 2 * bucket.limit
                }
            } orElse: {
                verify(false, "seed \(seed), \(bucket.algorithm) of \(bucket.limit): \($0) in \($1) ns")
            }
        }
    }

    /// By one gateway alone: its share of that, and one at least. One more fixed window may begin where what
    /// Redis said was of one that ended earlier.
    private func checkLocal(_ run: FleetSimulation, _ seed: Int) {
        for (key, bucket) in run.buckets.enumerated() {
            for gateway in 0..<run.terms.gateways {
                let entries = run.admissions.filter { $0.key == key && $0.isLocal && $0.gateway == gateway }
                let share = min(bucket.limit, Int64(run.terms.gateways))
                forEachSpan(entries) { sum, time in
                    switch bucket.algorithm {
                    case .gcra: sum * share <= bucket.limit + time / bucket.interval
                    case .slidingWindow: time >= bucket.interval || sum * share <= bucket.limit
                    case .fixedWindow: time >= bucket.interval || sum * share <= 3 * bucket.limit
                    }
                } orElse: {
                    verify(false, "seed \(seed), \(bucket.algorithm) of \(bucket.limit): \($0) in \($1) ns")
                }
            }
        }
    }

    private func forEachSpan(
        _ entries: [FleetSimulation.Admission], _ holds: (Int64, Int64) -> Bool,
        orElse fail: (Int64, Int64) -> Void
    ) {
        for first in entries.indices {
            var sum: Int64 = 0
            for entry in entries[first...] {
                sum += entry.cost
                let time = entry.at - entries[first].at
                if !holds(sum, time) { return fail(sum, time) }
            }
        }
    }
}
