import Time

/// Users' plans: what is known, who is being asked about, and who waits for it. Bounded; decides, and does
/// nothing itself. Users are known by fingerprints of their ids (`ByteView.fingerprint`).
///
/// - Parameter Waiter: Whoever is to be told.
struct PlanTable<Waiter> {
    enum Finding: Equatable {
        case known(PlanValue)
        /// Known, but soon no longer: the caller asks the backend, and nobody waits.
        case refresh(PlanValue)
        /// Nothing is known, or it is too old: whoever wants to know waits.
        case missing
    }

    /// What the backend has said.
    enum Outcome: Equatable {
        case plan([UInt8])
        case none
        /// - Parameter byBackend: It was asked and is to blame.
        case failed(byBackend: Bool)
    }

    private struct Entry {
        let user: UInt128
        /// The last that the backend has said.
        var value: PlanValue?
        var goodUntil = Instant.zero
        var refreshAt = Instant.zero
        /// After a failure, when this user may be asked about again.
        var pauseUntil = Instant.zero
        var isAsked = false
        var waiters: [Waiter] = []
    }

    private let timing: PlanTiming
    private let capacity: Int
    private var entries: [Entry] = []
    /// Where users stand in `entries`.
    private var places: [UInt128: Int] = [:]
    private var failuresInARow = 0
    /// After failures in a row, when one more question may be asked.
    private var backendPause = Instant.zero

    /// Entries that are compared where one has to go.
    private static var sample: Int { 8 }

    /// - Parameter capacity: Users. Each takes about 200 bytes.
    init(_ timing: PlanTiming, capacity: Int) {
        self.timing = timing
        self.capacity = max(1, capacity)
    }

    var count: Int { entries.count }

    /// Looks a user up, without asking.
    mutating func find(_ user: UInt128, now: Instant) -> Finding {
        guard let place = places[user], let value = entries[place].value else {
            return isPaused(now) ? .known(.unknown) : .missing
        }
        if now < entries[place].goodUntil {
            guard now >= entries[place].refreshAt, mayAsk(place, now) else { return .known(value) }
            begin(place, now)
            return .refresh(value)
        }
        // Asked about a moment ago, in vain: nobody waits again for what is likely to fail again.
        if now < entries[place].pauseUntil || (isPaused(now) && !entries[place].isAsked) {
            return .known(lastKnown(place, now))
        }
        return .missing
    }

    /// Takes note of somebody who waits. True where the caller is to ask the backend: nobody else has.
    ///
    /// - Returns: Nil where the waiter was not taken, and what is known is all there is.
    mutating func wait(_ user: UInt128, _ waiter: Waiter, now: Instant, random: UInt64) -> Bool? {
        guard let place = places[user] ?? makePlace(for: user, random) else { return nil }
        if entries[place].isAsked {
            entries[place].waiters.append(waiter)
            return false
        }
        guard mayAsk(place, now) else { return nil }
        entries[place].waiters.append(waiter)
        begin(place, now)
        return true
    }

    /// The best that is known now, for who cannot wait any longer.
    func lastKnown(_ user: UInt128, now: Instant) -> PlanValue {
        places[user].map { lastKnown($0, now) } ?? .unknown
    }

    /// The backend has answered, or not.
    mutating func answered(
        _ user: UInt128, _ outcome: Outcome, now: Instant, random: UInt64
    ) -> (value: PlanValue, waiters: [Waiter]) {
        guard let place = places[user], entries[place].isAsked else { return (.unknown, []) }
        entries[place].isAsked = false
        switch outcome {
        case .plan(let plan): keep(place, .plan(plan), for: timing.found, now, random)
        case .none: keep(place, .noPlan, for: timing.none, now, random)
        case .failed(let byBackend):
            entries[place].pauseUntil = now + timing.failed
            if byBackend { failuresInARow += 1 }
            if failuresInARow >= PlanTiming.failuresInARow { backendPause = now + timing.failed }
        }
        defer { entries[place].waiters = [] }
        return (lastKnown(place, now), entries[place].waiters)
    }

    /// Nobody is asked any more. Returns all who wait.
    mutating func endAll() -> [Waiter] {
        defer { (entries, places) = ([], [:]) }
        return entries.flatMap(\.waiters)
    }

    private mutating func keep(
        _ place: Int, _ value: PlanValue, for duration: Duration, _ now: Instant, _ random: UInt64
    ) {
        failuresInARow = 0
        backendPause = .zero
        entries[place].value = value
        entries[place].goodUntil = now + duration
        // Ahead of the end, and not all users at once who came at once.
        let thousandths = 750 + Int64(random % 151)
        entries[place].refreshAt = now + .nanoseconds(duration.nanoseconds / 1000 * thousandths)
        entries[place].pauseUntil = .zero
    }

    // MARK: Who is asked about

    private func isPaused(_ now: Instant) -> Bool {
        failuresInARow >= PlanTiming.failuresInARow && now < backendPause
    }

    private func mayAsk(_ place: Int, _ now: Instant) -> Bool {
        !entries[place].isAsked && now >= entries[place].pauseUntil && !isPaused(now)
    }

    private mutating func begin(_ place: Int, _ now: Instant) {
        entries[place].isAsked = true
        // One question finds out whether a backend that has failed is back; the others wait for that.
        if failuresInARow >= PlanTiming.failuresInARow { backendPause = now + timing.failed }
    }

    private func lastKnown(_ place: Int, _ now: Instant) -> PlanValue {
        guard let value = entries[place].value, now < entries[place].goodUntil + timing.stale else {
            return .unknown
        }
        return value
    }

    // MARK: Places

    /// A new entry's place; nil where every entry that might go is being asked about.
    private mutating func makePlace(for user: UInt128, _ random: UInt64) -> Int? {
        let place: Int
        if entries.count < capacity {
            place = entries.count
            entries.append(Entry(user: user))
        } else {
            guard let victim = victim(random) else { return nil }
            places[entries[victim].user] = nil
            entries[victim] = Entry(user: user)
            place = victim
        }
        places[user] = place
        return place
    }

    /// Of a few entries the one whose time is over first.
    private func victim(_ random: UInt64) -> Int? {
        let start = Int(random % UInt64(entries.count))
        let candidates = (0..<min(Self.sample, entries.count)).map { (start + $0) % entries.count }
        return candidates.filter { !entries[$0].isAsked }.min {
            entries[$0].goodUntil < entries[$1].goodUntil
        }
    }
}
