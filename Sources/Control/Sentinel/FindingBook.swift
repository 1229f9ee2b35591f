import Addressing
import Proxy
import Synchronization
import Telemetry
import Time

/// What the sentinel has found and what is still so. Pure.
package struct FindingBook: Sendable {
    /// Counts since the minute began.
    private var seen = Sightings()
    private var minute: Instant
    /// When each was last seen.
    private var known: [Finding: Instant] = [:]
    /// The settings that the findings are about.
    private var generation = 0

    /// Counts are judged over so long.
    static let window = Duration.seconds(60)
    /// A finding that traffic has not shown again for so long is taken back.
    static let memory = Duration.seconds(3600)

    package init(now: Instant) { minute = now }

    /// All that hold, in a fixed order.
    package var findings: [Finding] {
        known.keys.sorted { ($0.kind.rawValue, $0.subject) < ($1.kind.rawValue, $1.subject) }
    }

    /// Takes in what was seen, and returns what is new. New settings begin with a clean sheet: what they have
    /// made right is not seen again, what they have not comes back and is told again.
    package mutating func add(
        _ sightings: Sightings, routes: [String], generation: Int, now: Instant
    ) -> [Finding] {
        if generation != self.generation {
            (seen, known, minute, self.generation) = (Sightings(), [:], now, generation)
        }
        if now >= minute + Self.window { (seen, minute) = (Sightings(), now) }
        seen.merge(sightings)
        let judged = Sentinel.judge(seen, routes: routes)
        // A balancer that was found is not also told as a peer that forwards, however few requests it has now
        // or had at first.
        let shared = (judged + known.keys).filter { $0.kind == .sharedAddress }
            .compactMap { IPAddress($0.subject) }
        func isTold(_ finding: Finding) -> Bool {
            guard finding.kind == .untrustedForwarding, let range = AddressRange(finding.subject) else {
                return false
            }
            return shared.contains(where: range.contains)
        }
        let found = judged.filter { !isTold($0) }
        let new = found.filter { known[$0] == nil }
        known = known.filter { !isTold($0.key) }
        for finding in found { known[finding] = now }
        known = known.filter { $0.value + Self.memory > now }
        return new
    }
}

/// The book and its desk, as the gateway keeps them.
package final class SentinelWatch: Sendable {
    package let desk = SightingDesk()
    private let state: Mutex<(book: FindingBook, next: Instant)>

    /// Between two looks.
    static let interval = Duration.seconds(2)

    package init(now: Instant) { state = Mutex((FindingBook(now: now), now)) }

    package var findings: [Finding] { state.withLock { $0.book.findings } }

    /// On the control thread. Returns what the operator should hear of.
    func look(routes: () -> [String], generation: Int, now: Instant) -> [Finding] {
        state.withLock { state in
            guard now >= state.next else { return [] }
            state.next = now + Self.interval
            return state.book.add(desk.take(), routes: routes(), generation: generation, now: now)
        }
    }
}

extension Gateway {
    /// Looks at what the workers saw, and tells what is new about it.
    func lookAtTraffic(now: Instant) {
        let new = sentinel.look(routes: { registry.routeNames }, generation: generation, now: now)
        for finding in new {
            events.log(
                .warning, finding.kind.message,
                ["finding": finding.kind.rawValue, "about": finding.subject, "advice": finding.kind.advice],
                about: finding.subject, atMostEvery: .seconds(60))
        }
    }
}
