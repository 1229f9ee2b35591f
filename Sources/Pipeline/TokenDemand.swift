/// How a rule counts.
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
package struct TokenDemand: Sendable {
    /// Buckets that one request may touch: of its route's rules, or of all calls of a batch.
    package static let capacity = 16

    package struct Bucket: Sendable {
        /// Rule and holder, hashed with the process' seed: nobody can aim for another's bucket.
        package var key: UInt64
        package var algorithm: CountingAlgorithm
        /// Tells how it stands, but refuses nothing.
        package var isDry: Bool
        /// Tokens that may be taken at once, 1 to 1,000,000,000: the burst, or a window's count.
        package var limit: Int64
        /// Nanoseconds that one token takes to come back, rounded up; or a window's length.
        package var interval: Int64
        /// Tokens that this request takes, at least 1. More than `limit` is never to be had.
        package var cost: Int64

        /// Tokens left, after those of this request where it was admitted.
        package var remaining: Int64 = 0
        /// Nanoseconds: where tokens are short, until `cost` of them are to be had (all there are, where it
        /// wants more than that); else until the bucket is full again, or its window ends.
        package var reset: Int64 = 0
        /// It had fewer tokens than `cost`.
        package var isShort = false

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

    private var buckets = InlineArray<16, Bucket>(
        repeating: Bucket(key: 0, limit: 1, interval: 1))
    package private(set) var count = 0

    package init() {}

    package init(_ bucket: Bucket) { append(bucket) }

    /// Forgets all buckets; what stands in their memory is left as it is.
    package mutating func removeAll() { count = 0 }

    package mutating func append(_ bucket: Bucket) {
        precondition(count < TokenDemand.capacity, "whoever makes a demand keeps to its capacity")
        buckets[count] = bucket
        count += 1
    }

    package subscript(index: Int) -> Bucket {
        @inline(__always) get {
            precondition(index < count)
            return buckets[index]
        }
        @inline(__always) set {
            precondition(index < count)
            buckets[index] = newValue
        }
    }

    /// The bucket that refuses, for longest where several do; nil where the tokens were taken.
    package var refusal: Int? {
        var longest: Int?
        for index in 0..<count where buckets[index].isShort && !buckets[index].isDry {
            if let known = longest, buckets[known].reset >= buckets[index].reset { continue }
            longest = index
        }
        return longest
    }
}
