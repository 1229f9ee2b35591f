import Reactor
import Redis
import Synchronization
import Telemetry
import Time

/// Knows which servers hold what gateways share, where that has to be found out: asks nodes of a cluster for
/// their slots, or sentinels for the master, again and again on a thread of its own, and tells workers what
/// has changed. Whoever sees a sign that it has (a lost connection, a command that was sent elsewhere, a
/// replica) calls `search`, and the next look follows at once.
///
/// What was found last stays in use while nobody can say better.
package final class RedisDirectory: Sendable {
    private struct State {
        var publish: @Sendable (RedisLayout) -> Void = { _ in }
        var target: RedisTarget?
        var layout: RedisLayout?
        var hasStarted = false
        var isStopping = false
        /// Since the target is followed.
        var looks = 0
    }

    /// The number under which `RedisHealth` knows that nobody can say which servers there are.
    private static let link = -2
    /// Between two looks while nothing seems to happen. Nodes of a cluster say themselves what has moved; a
    /// master that sentinels have replaced goes on taking what nobody will see, until they have told it.
    private static let clusterInterval = Duration.seconds(10)
    private static let sentinelInterval = Duration.seconds(1)
    /// While something does: servers choose a new master within seconds.
    private static let urgentInterval = Duration.milliseconds(250)
    /// While connections are lost for longer than that.
    private static let lossInterval = Duration.seconds(1)
    private static let urgency = Duration.seconds(10)
    /// No two looks are closer than this, whatever is seen.
    private static let shortestPause = Duration.milliseconds(50)

    private let health: RedisHealth
    private let events: EventLog
    private let state = Mutex(State())
    private let wake: Mailbox<Void>
    private let isWanted = Atomic<Bool>(false)

    package init(health: RedisHealth, events: EventLog) throws(SystemError) {
        self.health = health
        self.events = events
        wake = try Mailbox()
    }

    /// Tells `publish` of what was found, and from now on of what is.
    /// - Parameter publish: Called on the directory's thread, and by `publishAll`.
    package func serve(_ publish: @escaping @Sendable (RedisLayout) -> Void) {
        state.withLock { $0.publish = publish }
        publishAll()
    }

    /// The servers to find from now on; none for a target that says where its server is.
    package func follow(_ target: RedisTarget?) throws(SystemError) {
        let wanted = target.flatMap { $0.isSearched ? $0 : nil }
        let isFirst = state.withLock { state in
            guard state.target != wanted else { return false }
            state.target = wanted
            state.layout = nil
            state.looks = 0
            defer { state.hasStarted = state.hasStarted || wanted != nil }
            return !state.hasStarted && wanted != nil
        }
        if isFirst { try Thread.start(name: "directory") { self.run() } }
        wake.post(())
    }

    /// Something has shown that another server may be the one to ask. From any thread; costs nothing while a
    /// look is due anyway.
    package func search() {
        guard !isWanted.exchange(true, ordering: .relaxed) else { return }
        wake.post(())
    }

    /// Waits until there was one look, up to `limit`: the first requests should find servers.
    package func settle(within limit: Duration) {
        let end = SystemClock.now() + limit
        while SystemClock.now() < end, state.withLock({ $0.target != nil && $0.looks == 0 }) {
            SystemClock.pause(.milliseconds(5))
        }
    }

    /// What was found last for these settings.
    package var layout: RedisLayout? { state.withLock { $0.layout } }

    /// The server that has a slot, for a client of its own; the target itself where it names its server. Nil
    /// while none is found.
    package func server(of slot: KeySlot, for target: RedisTarget) -> RedisTarget? {
        guard target.isSearched else { return target }
        guard let layout, layout.target == target else { return nil }
        return layout.node(of: slot).map(target.at)
    }

    /// Tells once more what is known, for workers whose settings are new.
    package func publishAll() {
        state.withLock { state in
            if let layout = state.layout { state.publish(layout) }
        }
    }

    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.post(())
    }

    // MARK: The thread

    private func run() {
        var turn = 0
        var urgentUntil = Instant.zero
        while true {
            let (target, known, isStopping) = state.withLock { ($0.target, $0.layout, $0.isStopping) }
            if isStopping { return }
            guard let target else {
                rest(until: .distantFuture)
                continue
            }
            // Signs from now on ask for the next look.
            if isWanted.exchange(false, ordering: .relaxed) {
                urgentUntil = SystemClock.now() + Self.urgency
            }
            let hasChanged = look(RedisSearch(target: target, known: known, turn: turn))
            turn = (turn + 1) % 1_000_000
            if hasChanged { urgentUntil = .zero }
            let now = SystemClock.now()
            SystemClock.pause(Self.shortestPause)
            rest(until: now + pause(target, known: known != nil || hasChanged, isUrgent: now < urgentUntil))
        }
    }

    private func pause(_ target: RedisTarget, known: Bool, isUrgent: Bool) -> Duration {
        if isUrgent || !known { return Self.urgentInterval }
        if health.reading.lost > 0 { return Self.lossInterval }
        return target.isDivided ? Self.clusterInterval : Self.sentinelInterval
    }

    private func rest(until end: Instant) {
        let left = max(0, end - SystemClock.now()) / 1_000_000
        wake.wait(milliseconds: Int32(clamping: min(left, 60_000)))
        _ = wake.take()
    }

    /// Whether it has found something new.
    private func look(_ search: RedisSearch) -> Bool {
        let target = search.target
        do throws(RedisSearch.Failure) {
            let layout = try search.look()
            let isNew: Bool? = state.withLock { state in
                guard state.target == target else { return nil }
                state.looks += 1
                guard state.layout?.says(the: layout) != true else { return false }
                state.layout = layout
                state.publish(layout)
                return true
            }
            guard let isNew else { return false }
            health.returned(Self.link, now: SystemClock.wallTime())
            if isNew { tell(layout, before: search.known) }
            return isNew
        } catch {
            let isCurrent = state.withLock { state in
                guard state.target == target else { return false }
                state.looks += 1
                return true
            }
            if isCurrent { tell(error, known: search.known != nil) }
            return false
        }
    }

    private func tell(_ layout: RedisLayout, before: RedisLayout?) {
        guard layout.target.isDivided else {
            events.info(
                "redis master found",
                [
                    "master": "\(layout.places[0].node)",
                    "before": before.map { "\($0.places[0].node)" } ?? "none",
                ])
            return
        }
        let missing = layout.owners.count { $0 == ClusterMap.nobody }
        guard before?.places != layout.places || missing > 0 else { return }
        events.log(
            missing == 0 ? .info : .error,
            missing == 0 ? "redis cluster found" : "slots of the cluster have no node",
            ["nodes": layout.places.map(\.node.description).joined(separator: " "), "missing": "\(missing)"],
            about: "\(missing)", atMostEvery: .seconds(10))
    }

    private func tell(_ failure: RedisSearch.Failure, known: Bool) {
        if !known {
            health.lost(Self.link, .unfound(failure.reason), now: SystemClock.wallTime())
        }
        events.log(
            .warning, "redis servers not found, those found before stay in use", ["reason": failure.reason],
            about: failure.reason, atMostEvery: .seconds(60))
    }
}
