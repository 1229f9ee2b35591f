import Addressing

/// Tokens that one request wants from the buckets of all its rules: all of them or none.
package struct TokenDemand: Sendable {
    /// Rules that may stack on one route.
    package static let capacity = 8

    /// One bucket, in the terms of the generic cell rate algorithm (ITU-T I.371, virtual scheduling).
    package struct Bucket: Sendable {
        /// Identity of rule and client, hashed with the process' seed.
        package var key: UInt64
        /// Nanoseconds that one token takes to come back.
        package var interval: Int64
        /// Tokens that may be taken at once.
        package var burst: Int64
        /// Tokens that this request takes.
        package var cost: Int64

        package init(key: UInt64, interval: Int64, burst: Int64, cost: Int64) {
            self.key = key
            self.interval = interval
            self.burst = burst
            self.cost = cost
        }

        /// One token out of the bucket that a subject keeps for a holder. The hash is keyed by the process'
        /// seed, so nobody can aim for another's bucket.
        ///
        /// - Parameters:
        ///   - subject: Of the rule; the same before and after a reload.
        ///   - holder: An address, or the block that counts as one.
        package init(of subject: Int, for holder: IPAddress, interval: Int64, burst: Int64) {
            var hasher = Hasher()
            hasher.combine(subject)
            hasher.combine(UInt64(truncatingIfNeeded: holder.bits >> 64))
            hasher.combine(UInt64(truncatingIfNeeded: holder.bits))
            key = UInt64(bitPattern: Int64(hasher.finalize()))
            self.interval = interval
            self.burst = burst
            cost = 1
        }
    }

    private var buckets = InlineArray<8, Bucket>(repeating: Bucket(key: 0, interval: 0, burst: 0, cost: 0))
    package private(set) var count = 0

    package init() {}

    package init(_ bucket: Bucket) { append(bucket) }

    package mutating func append(_ bucket: Bucket) {
        precondition(count < TokenDemand.capacity, "settings allow no more rules than this")
        buckets[count] = bucket
        count += 1
    }

    package subscript(index: Int) -> Bucket {
        precondition(index < count)
        return buckets[index]
    }
}

/// What became of a demand.
package enum TokenDecision: Equatable, Sendable {
    /// All tokens were taken.
    case admitted
    /// None was taken: the bucket `index` lacks tokens for so many nanoseconds.
    case denied(index: Int, retryAfter: Int64)
}
