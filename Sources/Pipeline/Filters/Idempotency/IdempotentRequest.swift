import Bytes
import Telemetry
import Time

/// A request with an Idempotency-Key: how far it is with the store, and, of the one that is sent, what is
/// kept of its answer. One worker's own; made on routes with `idempotency` alone.
package final class IdempotentRequest {
    package enum Phase {
        /// Its body is waited for.
        case holding
        /// The store is asked for the key.
        case beginning
        /// Another request with the key is under way.
        case waiting
        /// It is this request that is sent. Until then nobody else is.
        case leading(until: Instant)
        /// The key is no longer its own: done, given up, or never had.
        case settled
    }

    package internal(set) var phase = Phase.holding
    /// What the store calls it: a digest of route, identity and key.
    package let key: PinnedText
    /// The key as this process finds who waits for it.
    package let place: UInt128
    /// What is asked: a digest of method, host, path, query and body.
    package internal(set) var fingerprint = PinnedText("")
    /// The route's, as they were when it came.
    package let settings: IdempotencySettings
    /// Proves to the store who has begun.
    package let owner: UInt64
    /// The store that gateways share does not answer: this gateway's memory decides.
    package internal(set) var isLocal = false
    /// When waiting is over; nil before it has begun.
    var waitsUntil: Instant?
    /// How often it has asked again while it waited.
    var polls = 0
    /// Settlements of this process before the store was asked: with one more, asking again is better than
    /// waiting.
    package var settlements: UInt64 = 0

    /// What is kept of the answer.
    package var capture = AnswerCapture()
    /// How the client has left before the answer was whole; the request goes on without it.
    package var departure: (outcome: Outcome, bytesOut: Int)?

    init(key: [UInt8], owner: UInt64, settings: IdempotencySettings) {
        self.key = PinnedText(bytes: key)
        self.owner = owner
        self.settings = settings
        place = self.key.view.fingerprint
    }

    /// Whether it has the key, and owes the store what becomes of it.
    package var isLeading: Bool {
        if case .leading = phase { return true }
        return false
    }

    package var isBeginning: Bool {
        if case .beginning = phase { return true }
        return false
    }

    package var isWaiting: Bool {
        if case .waiting = phase { return true }
        return false
    }

    /// When somebody else may be sent in its place.
    package var leaseEnds: Instant? {
        if case .leading(let end) = phase { return end }
        return nil
    }

    /// Whether a request with this fingerprint is the same.
    func isLike(_ other: [UInt8]) -> Bool { other.withView { fingerprint.view.equals($0) } }

    /// The store hears what has become of it, or has.
    package func settle() {
        phase = .settled
        capture = AnswerCapture()
    }
}
