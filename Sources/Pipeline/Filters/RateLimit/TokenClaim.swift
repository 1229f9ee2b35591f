import Bytes

/// What one request asks of its counters: a demand, and which rules its buckets belong to.
package struct TokenClaim: ~Copyable {
    private struct Source {
        var rule: Int32 = 0
        var rate: Int32 = 0
        /// Where its key's text ends in `texts`; it begins where the one before it ends.
        var textEnd: Int32 = 0
    }

    package private(set) var table: RateLimitTable
    package var demand = TokenDemand()
    private var sources = InlineArray<16, Source>(repeating: Source())
    /// Keys as Redis has them, one behind the other; nil where Redis is not asked.
    private var texts: Buffer?
    /// What each of them begins with.
    private var prefix: [UInt8] = []

    /// Bytes that the texts of a claim take at most.
    package static let longestTexts = TokenDemand.capacity * (RateLimitRule.longestHolder + 256)

    package init(_ table: RateLimitTable) { self.table = table }

    /// Begins anew in the same memory, which costs less than making it.
    package mutating func restart(_ table: RateLimitTable) {
        self.table = table
        demand.removeAll()
    }

    /// Keeps keys for Redis from now on.
    ///
    /// - Parameter texts: Empty, with room for `longestTexts`.
    package mutating func keepTexts(in texts: consuming Buffer, prefix: [UInt8]) {
        self.texts = consume texts
        self.prefix = prefix
    }

    package var count: Int { mutating get { demand.count } }

    /// One bucket. `mutating`, as all that looks into the demand: what only reads a claim would copy its
    /// kilobyte first.
    package mutating func bucket(_ index: Int) -> TokenDemand.Bucket { demand[index] }

    /// The bucket that refuses, for longest where several do.
    package var refusal: Int? {
        mutating get {
            var longest: (index: Int, reset: Int64)?
            for index in 0..<demand.count {
                let bucket = demand[index]
                guard bucket.isShort, !bucket.isDry, bucket.reset > longest?.reset ?? -1 else { continue }
                longest = (index, bucket.reset)
            }
            return longest?.index
        }
    }

    /// Whether Redis is asked.
    package var isShared: Bool { texts != nil }

    package mutating func rule(_ index: Int) -> RateLimitRule { table.rules[ruleIndex(index)] }

    package mutating func name(_ index: Int) -> RuleName { table.rules[ruleIndex(index)].name }

    /// What the rate allows in its period, which a burst says nothing of.
    mutating func quota(_ index: Int) -> Int {
        table.rules[ruleIndex(index)].rates[Int(sources[index].rate)].quota
    }

    /// Whole seconds of the rate's period.
    mutating func seconds(_ index: Int) -> Int {
        table.rules[ruleIndex(index)].rates[Int(sources[index].rate)].seconds
    }

    /// Whether one of these buckets, by a bit each, refuses.
    package mutating func refuses(_ members: UInt16) -> Bool {
        for index in 0..<demand.count where members & 1 << UInt16(index) != 0 {
            let bucket = demand[index]
            if bucket.isShort, !bucket.isDry { return true }
        }
        return false
    }

    /// Where a bucket's rule stands in the table.
    package mutating func ruleIndex(_ index: Int) -> Int { Int(sources[index].rule) }

    /// Gives back the memory of its texts.
    package mutating func giveBack(to buffers: inout BufferPool) {
        switch texts.take() {
        case .some(let texts): buffers.give(texts)
        case .none: break
        }
    }

    /// A bucket's key in Redis: `floodgate:limit:{ip=203.0.113.9}:everyone/g`. The braces tell a cluster to
    /// keep all buckets of one holder together.
    package mutating func key(_ index: Int) -> ByteView {
        let start = index == 0 ? 0 : Int(sources[index - 1].textEnd)
        switch texts {
        case .some(let texts): return texts.view.slice(start, Int(sources[index].textEnd))
        case .none: return .empty
        }
    }

    /// Adds a bucket, or to the one that is there. False where there is no room for it.
    mutating func add(
        rule: Int, rate: Int, key: UInt64, cost: Int64, writingHolder write: (inout ByteWriter) -> Void
    ) -> Bool {
        for index in 0..<demand.count where demand[index].key == key {
            demand[index].cost &+= cost
            return true
        }
        guard demand.count < TokenDemand.capacity else { return false }
        let index = demand.count
        demand.append(
            TokenDemand.Bucket(
                key: key, algorithm: table.rules[rule].rates[rate].algorithm,
                isDry: table.rules[rule].isDry, limit: table.rules[rule].rates[rate].limit,
                interval: table.rules[rule].rates[rate].interval, cost: cost))
        sources[index].rule = Int32(rule)
        sources[index].rate = Int32(rate)
        sources[index].textEnd = Int32(append(writingHolder: write, rule: rule, rate: rate))
        return true
    }

    /// Returns where the texts end now.
    private mutating func append(
        writingHolder write: (inout ByteWriter) -> Void, rule: Int, rate: Int
    ) -> Int {
        guard var buffer = texts.take() else { return 0 }
        var writer = ByteWriter(buffer.spare)
        prefix.withView { writer.write($0) }
        writer.write("limit:{")
        write(&writer)
        writer.write("}:")
        table.rules[rule].rates[rate].id.withView { writer.write($0) }
        precondition(!writer.overflowed, "the longest names have room")
        buffer.commit(writer.count)
        let end = buffer.count
        texts = consume buffer
        return end
    }
}

/// What came of a claim.
package enum TokenAnswer: Sendable {
    /// The tokens were taken.
    case admitted
    /// They are not there; the claim says where.
    case denied
    /// Redis could not be asked, and this rule lets nothing through unasked.
    case unchecked(rule: Int)
}
