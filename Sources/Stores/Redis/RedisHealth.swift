import Redis
import Synchronization
import Telemetry
import Time

/// Whether the process can ask Redis, over all its connections; says so in the log when that turns.
package final class RedisHealth: Sendable {
    package struct Reading: Equatable, Sendable {
        /// Connections that are lost now: workers, and the one that carries shared tables.
        package var lost = 0
        /// Why the first of them was; nil while none is.
        package var reason: String?
        /// When that was.
        package var since: WallTime?
        /// Losses so far.
        package var losses = 0

        package init() {}
    }

    private struct State {
        var lost: Set<Int> = []
        var reading = Reading()
    }

    private let events: EventLog
    private let state = Mutex(State())

    package init(events: EventLog) { self.events = events }

    package var reading: Reading { state.withLock { $0.reading } }

    /// - Parameter link: A number of the connection's own: a worker's index, or -1.
    package func lost(_ link: Int, _ loss: Loss, now: WallTime) {
        let isFirst = state.withLock { state in
            let isFirst = state.lost.isEmpty
            state.lost.insert(link)
            state.reading.lost = state.lost.count
            guard isFirst else { return false }
            state.reading.reason = loss.description
            state.reading.since = now
            state.reading.losses += 1
            return true
        }
        guard isFirst else { return }
        events.error("redis lost, going on without it", ["reason": loss.description])
    }

    package func returned(_ link: Int, now: WallTime) {
        let away: Int64? = state.withLock { state in
            guard state.lost.remove(link) != nil else { return nil }
            state.reading.lost = state.lost.count
            guard state.lost.isEmpty, let since = state.reading.since else { return nil }
            state.reading.reason = nil
            state.reading.since = nil
            return now.nanoseconds - since.nanoseconds
        }
        guard let away else { return }
        events.info("redis is back", ["after_seconds": "\(max(0, away) / 1_000_000_000)"])
    }

    /// The settings name another server, or none: what was lost is no more.
    package func forget() {
        state.withLock { state in
            state.lost = []
            let losses = state.reading.losses
            state.reading = Reading()
            state.reading.losses = losses
        }
    }
}
