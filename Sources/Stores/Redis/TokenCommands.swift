import Bytes
import Pipeline
import Redis

/// Demands as Redis is asked for them: one command for all buckets whose keys it holds together, all or
/// nothing.
package enum TokenCommands {
    /// Writes the command that takes the members' tokens. Run it by `script`.
    ///
    /// - Parameters:
    ///   - members: Bit i is the bucket i. A cluster's nodes each get their own.
    ///   - hints: What the gateway's view knows of the counters.
    ///   - keys: The whole key of the bucket i, in Redis.
    package static func write(
        _ demand: borrowing TokenDemand, members: UInt16 = .max, hints: borrowing CounterStates,
        keys: (Int) -> ByteView, into writer: inout CommandWriter
    ) {
        var arguments = 1
        for index in demand.indices(of: members) {
            arguments += 4 + words(of: hints[index], demand[index].algorithm)
        }
        begin("take", demand, members, arguments: arguments, keys: keys, into: &writer)
        for index in demand.indices(of: members) {
            writeTerms(demand[index], into: &writer)
            writeHint(hints[index], demand[index].algorithm, into: &writer)
        }
    }

    /// Writes the command that gives back what a command has taken for the members, where another node has
    /// refused. Its answer says nothing of interest. Run it by `script`.
    ///
    /// - Parameter said: As `read` has filled it.
    package static func writeRefund(
        _ demand: borrowing TokenDemand, members: UInt16, _ said: borrowing CounterStates,
        keys: (Int) -> ByteView, into writer: inout CommandWriter
    ) {
        let arguments = 1 + 5 * demand.indices(of: members).count
        begin("refund", demand, members, arguments: arguments, keys: keys, into: &writer)
        for index in demand.indices(of: members) {
            // A dry bucket that was short gave nothing.
            var bucket = demand[index]
            if bucket.isDry, bucket.isShort { bucket.cost = 0 }
            writeTerms(bucket, into: &writer)
            writer.word(decimal: Int(said.instant(of: index)))
        }
    }

    private static func begin(
        _ verb: StaticString, _ demand: borrowing TokenDemand, _ members: UInt16, arguments: Int,
        keys: (Int) -> ByteView, into writer: inout CommandWriter
    ) {
        writer.begin(script, keys: demand.indices(of: members).count, arguments: arguments)
        for index in demand.indices(of: members) { writer.word(keys(index)) }
        writer.word(verb)
    }

    private static func writeTerms(_ bucket: TokenDemand.Bucket, into writer: inout CommandWriter) {
        let terms = CounterTerms(bucket)
        let kind =
            switch bucket.algorithm {
            case .gcra: 0
            case .slidingWindow: 1
            case .fixedWindow: 2
            }
        writer.word(decimal: kind + (bucket.isDry ? 4 : 0))
        writer.word(decimal: Int(terms.limit))
        writer.word(
            decimal: Int(bucket.algorithm == .gcra ? terms.interval : terms.interval.microsecondsUp))
        writer.word(decimal: Int(bucket.cost))
    }

    private static func words(of hint: CounterState, _ algorithm: CountingAlgorithm) -> Int {
        switch algorithm {
        case .gcra: 1
        case .fixedWindow: 2
        case .slidingWindow: hint.isEmpty(algorithm) ? 1 : 1 + CounterState.slices
        }
    }

    /// Rounded so that a hint never says more than is known.
    private static func writeHint(
        _ hint: CounterState, _ algorithm: CountingAlgorithm, into writer: inout CommandWriter
    ) {
        switch algorithm {
        case .gcra: writer.word(decimal: Int(hint.span))
        case .fixedWindow:
            writer.word(decimal: Int(hint.span / 1000))
            writer.word(decimal: Int(hint.counts[0]))
        case .slidingWindow:
            guard !hint.isEmpty(algorithm) else { return writer.word(decimal: -1) }
            writer.word(decimal: Int(hint.span.microsecondsUp))
            for index in 0..<CounterState.slices { writer.word(decimal: Int(hint.counts[index])) }
        }
    }

    // MARK: The answer

    /// Reads what a command of the members was answered with, and writes down how their buckets stand. False,
    /// with nothing written down, where that is no such answer: an error, or a script of somebody else.
    package static func read(
        _ reply: Reply, members: UInt16 = .max, into demand: inout TokenDemand, _ said: inout CounterStates
    ) -> Bool {
        var expected = 2
        for index in demand.indices(of: members) { expected += numbers(of: demand[index].algorithm) }
        guard reply.kind == .array, reply.count == expected else { return false }
        for place in 0..<expected where reply[place].kind != .integer { return false }
        guard let instant = reply[0].integer, let shorts = reply[1].integer else { return false }
        var place = 2
        var bit = 0
        for index in demand.indices(of: members) {
            let state = state(reply, at: &place, demand[index].algorithm)
            said[index] = state
            said.note(Int64(instant), of: index)
            demand[index].note(
                reading(of: state, demand[index], isShort: shorts >> bit & 1 == 1))
            bit += 1
        }
        return true
    }

    private static func numbers(of algorithm: CountingAlgorithm) -> Int {
        switch algorithm {
        case .gcra: 1
        case .fixedWindow: 2
        case .slidingWindow: 1 + CounterState.slices
        }
    }

    /// Bounded, whatever the server says: no time is longer than 73 years, no count higher than a limit.
    private static func state(
        _ reply: Reply, at place: inout Int, _ algorithm: CountingAlgorithm
    ) -> CounterState {
        var state = CounterState()
        let span = min(max(0, Int64(reply[place].integer ?? 0)), algorithm == .gcra ? 1 << 61 : 1 << 51)
        state.span = algorithm == .gcra ? span : span * 1000
        place += 1
        for index in 0..<numbers(of: algorithm) - 1 {
            let count = min(max(0, Int64(reply[place].integer ?? 0)), CounterState.mostTokens)
            state.counts[index] = UInt32(count)
            place += 1
        }
        return state
    }

    private static func reading(
        of state: CounterState, _ bucket: TokenDemand.Bucket, isShort: Bool
    ) -> CounterReading {
        switch bucket.algorithm {
        case .gcra: reading(ArrivalCell.self, of: state, bucket, isShort)
        case .slidingWindow: reading(SliceCell.self, of: state, bucket, isShort)
        case .fixedWindow: reading(WindowCell.self, of: state, bucket, isShort)
        }
    }

    private static func reading<Cell: CounterCell>(
        _: Cell.Type, of state: CounterState, _ bucket: TokenDemand.Bucket, _ isShort: Bool
    ) -> CounterReading {
        let terms = CounterTerms(bucket)
        var cell = Cell(key: 1)
        cell.raise(to: state, terms, now: .zero)
        var reading = cell.reading(cost: isShort ? bucket.cost : 0, terms, now: .zero)
        // Redis has decided, whatever these numbers say.
        reading.isShort = isShort
        return reading
    }
}

extension TokenDemand {
    /// The places of the members among the buckets, ascending.
    func indices(of members: UInt16) -> Members {
        Members(bits: members & UInt16(truncatingIfNeeded: (1 << count) - 1))
    }

    struct Members: Sequence, IteratorProtocol {
        fileprivate var bits: UInt16

        var count: Int { bits.nonzeroBitCount }

        mutating func next() -> Int? {
            guard bits != 0 else { return nil }
            defer { bits &= bits &- 1 }
            return bits.trailingZeroBitCount
        }
    }
}

extension Int64 {
    /// Nanoseconds as microseconds, rounded up.
    fileprivate var microsecondsUp: Int64 { (self &+ 999) / 1000 }
}
