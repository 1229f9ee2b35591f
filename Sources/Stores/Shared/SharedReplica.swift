import Reactor
import Redis
import Synchronization
import Telemetry
import Time

/// Keeps the shared tables of this process and Redis alike, on a thread of its own. A change of this process
/// is told to Redis, and through it to other gateways; theirs are taken in as they are told, at each connect,
/// and whenever a look every ten seconds finds that something was missed. While Redis is away, tables go on
/// with what they know, and what changes here meanwhile is told later.
package final class SharedReplica: Sendable {
    /// How it stands, for `status`.
    package struct Reading: Equatable, Sendable {
        package var isConnected = false
        /// Changes that Redis has not been told of.
        package var waiting = 0
        /// Changes that there was no room to remember while Redis was away: they hold here alone.
        package var dropped = 0

        package init() {}
    }

    private struct State {
        var target: RedisTarget?
        var generation = 0
        var isStopping = false
        var reading = Reading()
    }

    private let tables: SharedTables
    private let records: MemoryRecords
    private let events: EventLog
    private let health: RedisHealth
    /// Where servers have to be found first: of a cluster, or by sentinels.
    private let directory: RedisDirectory?
    private let fleet: Fleet
    private let state = Mutex(State())

    /// Between two looks whether anything was missed.
    private let checkInterval: Duration
    private static let longestPause = Duration.seconds(1)
    /// Between two attempts to reach a node that some tables lie on; one that hangs takes a second each.
    private static let joinInterval = Duration.seconds(3)
    /// Between two looks whether a server was found.
    private static let searchPause = Duration.milliseconds(50)
    /// Moves in a row that nobody is told of: a slot that is on its way between two nodes.
    private static let quietMoves = 8
    /// The number of this connection among those that `RedisHealth` counts.
    private static let link = -1

    /// Starts the thread. Without a target it only sweeps what has ended.
    package init(
        tables: SharedTables, records: MemoryRecords, health: RedisHealth, events: EventLog,
        directory: RedisDirectory? = nil, fleet: Fleet = Fleet(), checkInterval: Duration = .seconds(10)
    ) throws(SystemError) {
        self.tables = tables
        self.records = records
        self.health = health
        self.events = events
        self.directory = directory
        self.fleet = fleet
        self.checkInterval = checkInterval
        try Thread.start(name: "shared") { self.run() }
    }

    /// The server to share with from now on; nil for none.
    package func follow(_ target: RedisTarget?) {
        let hasChanged = state.withLock { state in
            guard state.target != target else { return false }
            state.target = target
            state.generation += 1
            return true
        }
        guard hasChanged else { return }
        tables.outbox.follow(target != nil)
        tables.outbox.wake.post(())
    }

    package func stop() {
        state.withLock { $0.isStopping = true }
        tables.outbox.wake.post(())
    }

    package var reading: Reading {
        var reading = state.withLock { $0.reading }
        reading.waiting = tables.outbox.waiting
        return reading
    }

    // MARK: The thread

    private func run() {
        while true {
            let (target, generation, isStopping) = state.withLock {
                ($0.target, $0.generation, $0.isStopping)
            }
            if isStopping { return }
            if let target {
                share(with: target, generation: generation)
            } else {
                rest(checkInterval)
                sweep()
            }
        }
    }

    private func isCurrent(_ generation: Int) -> Bool {
        state.withLock { $0.generation == generation && !$0.isStopping }
    }

    private func rest(_ duration: Duration) {
        tables.outbox.wake.wait(milliseconds: Int32(clamping: duration.nanoseconds / 1_000_000))
        _ = tables.outbox.wake.take()
    }

    /// Shares with one server until the settings name another one.
    private func share(with target: RedisTarget, generation: Int) {
        var link = ReplicaLink(target, tables: tables, directory: directory)
        var random = SystemRandomNumberGenerator()
        var attempts = 0
        while isCurrent(generation) {
            // Whether there is any server is the directory's to find out, and to say.
            guard !target.isSearched || directory?.layout?.target == target else {
                pause(Self.searchPause, generation)
                sweep()
                continue
            }
            do throws(Loss) {
                try link.connect()
                attempts = 0
                try work(&link, generation: generation)
            } catch {
                link.close()
                connected(false)
                directory?.search()
                attempts += 1
                // A table that has moved is found with the next connect: nothing was lost meanwhile.
                if error != .moved || attempts > Self.quietMoves {
                    health.lost(Self.link, error, now: SystemClock.wallTime())
                }
                let full = min(
                    50_000_000 << Int64(min(attempts, 10)), Self.longestPause.nanoseconds)
                pause(.nanoseconds(full - Int64.random(in: 0...full / 2, using: &random)), generation)
                sweep()
            }
        }
        connected(false)
    }

    /// Waits although changes come in, for as long as the server stays the same.
    private func pause(_ duration: Duration, _ generation: Int) {
        let end = SystemClock.now() + duration
        while isCurrent(generation) {
            let left = end - SystemClock.now()
            guard left > 0 else { return }
            rest(.nanoseconds(min(left, 100_000_000)))
        }
    }

    private func work(_ link: inout ReplicaLink, generation: Int) throws(Loss) {
        tellGap(link.gap)
        tell(link.overflowing)
        var nextJoin = SystemClock.now() + Self.joinInterval
        var nextCheck = SystemClock.now() + checkInterval
        var call = FleetCall(fleet, link.target, directory: directory)
        while isCurrent(generation) {
            while try link.sendChanges() {}
            call.announce()
            try link.hear()
            let now = SystemClock.now()
            if now >= nextCheck || link.hasMissed {
                nextCheck = now + checkInterval
                try link.check()
                tell(link.overflowing)
                sweep()
            }
            if link.gap != nil, now >= nextJoin {
                try link.join()
                tellGap(link.gap)
                nextJoin = SystemClock.now() + Self.joinInterval
            }
            let wake = tables.outbox.wake
            let next = min(link.gap == nil ? nextCheck : min(nextCheck, nextJoin), call.next)
            let left = max(0, next - SystemClock.now()) / 1_000_000 + 1
            DescriptorWait.wait(
                either: wake.descriptor, or: link.descriptor, milliseconds: Int32(clamping: left))
            _ = wake.take()
        }
        call.leave()
        link.close()
    }

    /// Of a cluster some tables may be without a server.
    private func tellGap(_ gap: Loss?) {
        connected(gap == nil)
        if let gap {
            health.lost(Self.link, gap, now: SystemClock.wallTime())
        } else {
            health.returned(Self.link, now: SystemClock.wallTime())
        }
    }

    private func connected(_ isConnected: Bool) {
        state.withLock { $0.reading.isConnected = isConnected }
    }

    private func tell(_ overflowing: [SharedTable.Name]) {
        for name in overflowing {
            events.log(
                .error, "a shared table has no room for what Redis has", ["table": name.rawValue],
                about: name.rawValue, atMostEvery: .seconds(60))
        }
    }

    /// Forgets what has ended, and says what was dropped.
    private func sweep() {
        for name in SharedTable.Name.allCases { tables[name].removeExpired(now: SystemClock.wallTime()) }
        records.removeExpired(now: SystemClock.now())
        let dropped = tables.outbox.takeDropped()
        guard dropped > 0 else { return }
        state.withLock { $0.reading.dropped += dropped }
        events.error(
            "changes hold on this gateway alone: Redis is away for too long", ["count": "\(dropped)"])
    }
}
