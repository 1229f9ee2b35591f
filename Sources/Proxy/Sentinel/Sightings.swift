import Addressing
import Bytes
import HTTPModel
import Pipeline
import Slots
import Synchronization
import Telemetry

/// What traffic shows of the settings that serve it. Counted by each worker for itself, handed in every few
/// seconds, judged by `Sentinel` on the control thread.
package struct Sightings: Sendable {
    /// Requests that a limit by address counted.
    package var limited: UInt64 = 0
    /// Peers that are not trusted and forward for others, or say so.
    package var peers = PeerTable()
    /// Requests that change something (POST, PUT, PATCH, DELETE) on routes without a limit, by the routes'
    /// slots; empty before the first.
    package var unlimitedWrites: [UInt32] = []
    /// Answers of backends that let every origin in though credentials were at play, likewise.
    package var openAnswers: [UInt32] = []

    package init() {}

    package var isEmpty: Bool {
        limited == 0 && peers.peers.isEmpty && unlimitedWrites.isEmpty && openAnswers.isEmpty
    }

    package mutating func noteUnlimitedWrite(_ route: RouteSlot) { Self.count(route, in: &unlimitedWrites) }
    package mutating func noteOpenAnswer(_ route: RouteSlot) { Self.count(route, in: &openAnswers) }

    private static func count(_ route: RouteSlot, in counts: inout [UInt32]) {
        if counts.isEmpty { counts = Array(repeating: 0, count: MetricPlaces.routeCapacity) }
        counts[route.index] &+= 1
    }

    package mutating func merge(_ other: Sightings) {
        limited &+= other.limited
        peers.merge(other.peers)
        Self.merge(other.unlimitedWrites, into: &unlimitedWrites)
        Self.merge(other.openAnswers, into: &openAnswers)
    }

    private static func merge(_ counts: [UInt32], into sum: inout [UInt32]) {
        guard !counts.isEmpty, !sum.isEmpty else { return sum = sum.isEmpty ? counts : sum }
        for index in sum.indices { sum[index] &+= counts[index] }
    }
}

/// Where workers hand in what they saw.
package final class SightingDesk: Sendable {
    private let seen = Mutex(Sightings())

    package init() {}

    package func handIn(_ sightings: Sightings) { seen.withLock { $0.merge(sightings) } }

    /// What has been handed in since the last call.
    package func take() -> Sightings {
        seen.withLock { seen in
            defer { seen = Sightings() }
            return seen
        }
    }
}

extension ProxyCore where Net: ~Copyable {
    /// An exchange has ended: a look at what it says about the settings.
    @inline(__always)
    mutating func look(at id: SlotID) {
        guard let route = exchanges[id].state.plan else { return }
        let isLimited = route.rateLimit?.countsAddresses ?? false
        if isLimited { sightings.limited &+= 1 }
        if !exchanges[id].state.peerIsTrusted,
            exchanges[id].state.head.fields.containsAny(of: FieldNameSet(.xForwardedFor, .forwarded))
        {
            sightings.peers.note(exchanges[id].state.peer, isLimited: isLimited)
        }
        if route.rateLimit == nil, route.forwards, exchanges[id].state.head.method.changesSomething {
            sightings.noteUnlimitedWrite(route.slot)
        }
    }

    /// An answer to a page of another origin: whether it opens to every origin what belongs to one
    /// user. Pages alone send Origin.
    @inline(__always)
    mutating func look(at head: borrowing ResponseHead, of id: SlotID) {
        guard exchanges[id].state.head.fields.contains(.origin) else { return }
        lookAtOrigins(head, of: id)
    }

    @inline(never)
    private mutating func lookAtOrigins(_ head: borrowing ResponseHead, of id: SlotID) {
        guard let route = exchanges[id].state.plan else { return }
        var isOpen = false
        var hasCredentials = exchanges[id].state.head.fields.containsAny(
            of: FieldNameSet(.cookie, .authorization))
        // A policy of the gateway's own stands instead of what the backend says.
        if let policy = exchanges[id].cors {
            if !policy.varies, hasCredentials { sightings.noteOpenAnswer(route.slot) }
            return
        }
        for index in 0..<head.fields.count {
            let name = head.name(at: index)
            if name.equalsIgnoringCase("access-control-allow-origin") {
                isOpen = head.value(at: index).equals("*")
            } else if name.equalsIgnoringCase("access-control-allow-credentials") {
                hasCredentials = hasCredentials || head.value(at: index).equals("true")
            }
        }
        if isOpen, hasCredentials { sightings.noteOpenAnswer(route.slot) }
    }
}

extension Method {
    fileprivate var changesSomething: Bool {
        switch self {
        case .post, .put, .patch, .delete: true
        case .get, .head, .options, .trace, .connect, .other: false
        }
    }
}
