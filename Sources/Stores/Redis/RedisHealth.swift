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

    /// One connection of the process.
    private struct Link: Hashable {
        /// A worker's index, or a number below 0 of who else has one.
        let owner: Int
        /// Of a cluster: which of its nodes. Each is lost and comes back by itself.
        let node: RedisNode?
    }

    private struct State {
        var lost: Set<Link> = []
        /// Since when nobody of this process, or not everybody, can ask a node, and why.
        var since: [RedisNode?: (time: WallTime, reason: String)] = [:]
        var reading = Reading()

        /// The oldest loss that there still is.
        mutating func findReason() {
            let oldest = since.min { $0.value.time.nanoseconds < $1.value.time.nanoseconds }
            reading.lost = lost.count
            reading.since = oldest?.value.time
            reading.reason = oldest.map { node, loss in
                node.map { "\($0): \(loss.reason)" } ?? loss.reason
            }
        }
    }

    private let events: EventLog
    private let state = Mutex(State())

    package init(events: EventLog) { self.events = events }

    package var reading: Reading { state.withLock { $0.reading } }

    /// - Parameters:
    ///   - link: A number of whoever has the connection: a worker's index, or one below 0.
    ///   - node: Of a cluster, whose nodes come and go by themselves; nil is the one that is asked.
    package func lost(_ link: Int, at node: RedisNode? = nil, _ loss: Loss, now: WallTime) {
        let isFirst = state.withLock { state in
            guard state.lost.insert(Link(owner: link, node: node)).inserted else { return false }
            let isFirst = state.since[node] == nil
            if isFirst {
                state.since[node] = (now, loss.description)
                state.reading.losses += 1
            }
            state.findReason()
            return isFirst
        }
        guard isFirst else { return }
        if let node {
            events.error(
                "redis lost, going on without it", ["node": "\(node)", "reason": loss.description])
        } else {
            events.error("redis lost, going on without it", ["reason": loss.description])
        }
    }

    package func returned(_ link: Int, at node: RedisNode? = nil, now: WallTime) {
        let away: Int64? = state.withLock { state in
            guard state.lost.remove(Link(owner: link, node: node)) != nil else { return nil }
            defer { state.findReason() }
            guard !state.lost.contains(where: { $0.node == node }),
                let since = state.since.removeValue(forKey: node)
            else { return nil }
            return now.nanoseconds - since.time.nanoseconds
        }
        guard let away else { return }
        let seconds = "\(max(0, away) / 1_000_000_000)"
        if let node {
            events.info("redis is back", ["node": "\(node)", "after_seconds": seconds])
        } else {
            events.info("redis is back", ["after_seconds": seconds])
        }
    }

    /// The settings name another server, or none: what was lost is no more.
    package func forget() {
        state.withLock { state in
            state.lost = []
            state.since = [:]
            let losses = state.reading.losses
            state.reading = Reading()
            state.reading.losses = losses
        }
    }
}
