import Bytes

/// What a filter asks of the store of nonces and answers that all gateways share: Redis where it is
/// configured, this process' memory otherwise. Both mean the same by it.
package struct StoreQuestion {
    package enum Operation {
        /// Notes that the key was seen, unless it has been within the time that it was noted for.
        case once(key: ByteView, lasts: Duration)
        /// Begins what is to be done once for a key. `owner` is a number that nobody else has, and proves
        /// later who has begun it; `fingerprint` tells whether others with the key want the same.
        case begin(key: ByteView, fingerprint: ByteView, owner: UInt64, lease: Duration)
        /// What was begun is done, with this answer for all who ask with the key from now on.
        case finish(key: ByteView, owner: UInt64, answer: ByteView, lasts: Duration)
        /// What was begun will not be done: others may begin it.
        case abandon(key: ByteView, owner: UInt64)
    }

    package var operation: Operation
    /// Asks this gateway's memory alone: what is left when Redis does not answer.
    package var isLocal = false

    package init(_ operation: Operation, isLocal: Bool = false) {
        self.operation = operation
        self.isLocal = isLocal
    }

    /// Bytes of a key, at most. Keys come from clients: who asks refuses longer ones.
    package static let longestKey = 512
    /// Bytes of a fingerprint, at most.
    package static let longestFingerprint = 64
    /// Bytes of an answer that is kept, at most.
    package static let longestAnswer = 1 << 20
}

/// What the store says.
package enum StoreAnswer: Equatable, Sendable {
    /// The key was not seen before. It is noted now.
    case first
    case seen
    /// Nobody had begun: who asked has now.
    case started
    /// Somebody is at it, for a request with this fingerprint.
    case inProgress(fingerprint: [UInt8])
    /// It was done, for a request with this fingerprint.
    case done(fingerprint: [UInt8], answer: [UInt8])
    /// Whether the one who finished or abandoned it had begun it, and still had it.
    case finished(Bool)
    /// There is no room, in memory or in Redis: nothing was noted.
    case full
    /// Redis is away, or has answered with an error. Whether it has done what was asked, nobody knows.
    case unavailable
}
