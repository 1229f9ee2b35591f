/// How a rule counts.
@usableFromInline
package enum CountingAlgorithm: UInt8, CaseIterable, Sendable {
    /// The generic cell rate algorithm (ITU-T I.371, virtual scheduling): a burst, then one after the other
    /// as tokens come back. Over any time at most the burst and what came back meanwhile.
    case gcra
    /// Never more than the limit within any window of the length.
    case slidingWindow
    /// A window begins with its first request, and all of it is there again when it ends.
    case fixedWindow
}

/// Tokens that one request wants from the buckets of all its rules, all of them or none; and what the store
/// has said of each.
///
/// A kilobyte that decisions walk about in: its accessors are inlined everywhere, or each would copy it.
@usableFromInline
package struct TokenDemand: Sendable {
    /// Buckets that one request may touch: of its route's rules, or of all calls of a batch.
    @inlinable package static var capacity: Int { 16 }

    @usableFromInline
    package struct Bucket: Sendable {
        /// Rule and holder, hashed with the process' seed: nobody can aim for another's bucket.
        @usableFromInline package var key: UInt64
        @usableFromInline package var algorithm: CountingAlgorithm
        /// Tells how it stands, but refuses nothing.
        @usableFromInline package var isDry: Bool
        /// Tokens that may be taken at once, 1 to 1,000,000,000: the burst, or a window's count.
        @usableFromInline package var limit: Int64
        /// Nanoseconds that one token takes to come back, rounded up; or a window's length.
        @usableFromInline package var interval: Int64
        /// Tokens that this request takes, at least 1. More than `limit` is never to be had.
        @usableFromInline package var cost: Int64

        /// Tokens left, after those of this request where it was admitted.
        @usableFromInline package var remaining: Int64 = 0
        /// Nanoseconds: where tokens are short, until `cost` of them are to be had (all there are, where it
        /// wants more than that); else until the bucket is full again, or its window ends.
        @usableFromInline package var reset: Int64 = 0
        /// It had fewer tokens than `cost`.
        @usableFromInline package var isShort = false

        @inlinable
        package init(
            key: UInt64, algorithm: CountingAlgorithm = .gcra, isDry: Bool = false, limit: Int64,
            interval: Int64, cost: Int64 = 1
        ) {
            self.key = key
            self.algorithm = algorithm
            self.isDry = isDry
            self.limit = limit
            self.interval = interval
            self.cost = cost
        }
    }

    @usableFromInline var buckets = InlineArray<16, Bucket>(
        repeating: Bucket(key: 0, limit: 1, interval: 1))
    @usableFromInline var used = 0

    @inlinable package var count: Int { used }

    @inlinable
    package init() {}

    @inlinable
    package init(_ bucket: Bucket) { append(bucket) }

    /// Forgets all buckets; what stands in their memory is left as it is.
    @inlinable
    package mutating func removeAll() { used = 0 }

    @inlinable
    package mutating func append(_ bucket: Bucket) {
        precondition(used < TokenDemand.capacity, "whoever makes a demand keeps to its capacity")
        buckets[used] = bucket
        used += 1
    }

    @inlinable
    package subscript(index: Int) -> Bucket {
        get {
            precondition(index < used)
            return buckets[index]
        }
        _modify {
            precondition(index < used)
            yield &buckets[index]
        }
    }

    /// The bucket that refuses, for longest where several do; nil where the tokens were taken.
    @inlinable
    package var refusal: Int? {
        var longest: Int?
        for index in 0..<used where buckets[index].isShort && !buckets[index].isDry {
            if let known = longest, buckets[known].reset >= buckets[index].reset { continue }
            longest = index
        }
        return longest
    }
}
