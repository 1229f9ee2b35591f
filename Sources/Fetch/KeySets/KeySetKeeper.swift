import Time

/// When a key set is fetched, and how current it is. Decides; does nothing itself.
struct KeySetKeeper {
    /// What is worth a line in the log.
    enum News: Equatable {
        /// The first set is here.
        case first(keys: Int)
        /// Other keys than before.
        case changed(keys: Int)
        /// Fetching works again; the keys are the same.
        case recovered(keys: Int)
        /// Fetching has begun to fail, or fails for another reason than before.
        case failing(reason: String)
    }

    private let timing: KeySetTiming
    private(set) var isFetching = false
    /// When it is fetched next without being asked for.
    private var due = Instant.zero
    private var freshUntil = Instant.zero
    private var fetched: Instant?
    /// When a key that the set does not have was last a reason to fetch.
    private var lastRefetch: Instant?
    /// Failures since the last success.
    private var failuresInARow = 0
    private(set) var reason: String?
    private(set) var keys = 0
    /// Identifies what the set was made of.
    private var digest: Int?

    init(_ timing: KeySetTiming) { self.timing = timing }

    func state(at now: Instant) -> KeySetStatus.State {
        guard fetched != nil else { return .never }
        return now < freshUntil ? .fresh : .stale
    }

    /// Since the last success.
    func age(at now: Instant) -> Duration? { fetched.map { .nanoseconds(now - $0) } }

    /// Whether to fetch now because it is time. The caller fetches, and tells what comes of it.
    mutating func isDue(at now: Instant) -> Bool {
        guard !isFetching, now >= due else { return false }
        isFetching = true
        return true
    }

    /// Whether to fetch now because a token names a key that the set does not have. However many ask, once
    /// an interval. A set that was never there is fetched as soon as it may be anyway.
    mutating func unknownKey(at now: Instant) -> Bool {
        guard !isFetching, fetched != nil else { return false }
        if let lastRefetch, now < lastRefetch + timing.refetchInterval { return false }
        lastRefetch = now
        isFetching = true
        return true
    }

    /// A set has come.
    ///
    /// - Parameters:
    ///   - freshness: How long its service says it is good.
    ///   - random: Any number.
    /// - Returns: What is new; the set is to be handed out where it is `first` or `changed`.
    mutating func succeeded(
        keys: Int, digest: Int, freshness: Duration?, at now: Instant, random: UInt64
    ) -> News? {
        isFetching = false
        let lifetime = min(max(freshness ?? timing.lifetime, timing.shortestLifetime), timing.longestLifetime)
        fetched = now
        freshUntil = now + lifetime
        // Between three quarters and nine tenths of its life: ahead of its end, and not all gateways at once.
        due = now + .nanoseconds(part(of: lifetime, from: 750, to: 900, random))
        let hasFailed = failuresInARow > 0
        failuresInARow = 0
        reason = nil
        let before = self.digest
        (self.keys, self.digest) = (keys, digest)
        guard let before else { return .first(keys: keys) }
        if before != digest { return .changed(keys: keys) }
        return hasFailed ? .recovered(keys: keys) : nil
    }

    /// No set has come, or one that cannot be used. What there was stays.
    mutating func failed(reason: String, at now: Instant, random: UInt64) -> News? {
        isFetching = false
        failuresInARow += 1
        let first = timing.firstPause.nanoseconds
        let doublings = min(failuresInARow - 1, 20)
        let pause = min(first << Int64(doublings), timing.longestPause.nanoseconds)
        due = now + .nanoseconds(part(of: .nanoseconds(pause), from: 500, to: 1000, random))
        defer { self.reason = reason }
        return reason == self.reason ? nil : .failing(reason: reason)
    }

    /// So many thousandths of a duration, in nanoseconds.
    private func part(of duration: Duration, from low: Int64, to high: Int64, _ random: UInt64) -> Int64 {
        let thousandths = low + Int64(random % UInt64(high - low + 1))
        return duration.nanoseconds / 1000 * thousandths
    }
}
