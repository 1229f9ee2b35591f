import Bytes
import Redis
import Testing
import Time

/// As `#expect`, for calls that mutate and for loops: it looks at nothing but the two values.
func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, _ why: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if value == expected { return }
    Issue.record("\(value) is not \(expected) \(why.map { "(\($0))" } ?? "")", sourceLocation: sourceLocation)
}

func verify(_ holds: Bool, _ why: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    if !holds { Issue.record(why, sourceLocation: sourceLocation) }
}

func text(_ view: ByteView) -> String { view.text() }

func milliseconds(_ count: Int) -> Instant { Instant(nanoseconds: Int64(count) * 1_000_000) }

/// What a writer writes.
func written(_ capacity: Int = 4096, _ write: (inout CommandWriter) -> Void) -> String {
    let scratch = Scratch(size: capacity)
    var writer = CommandWriter(scratch.view)
    write(&writer)
    return writer.view.text()
}

/// A reply as text, for comparison.
func shown(_ reply: Reply) -> String {
    switch reply.kind {
    case .string: "\"\(text(reply.bytes))\""
    case .status: "+\(text(reply.bytes))"
    case .error: "-\(text(reply.bytes))"
    case .integer: "\(reply.integer ?? 0)"
    case .null: "null"
    case .array: "[" + (0..<reply.count).map { shown(reply[$0]) }.joined(separator: " ") + "]"
    }
}

/// Every choice of a run comes from here, so that its seed tells all of them (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var word: UInt64

    init(seed: UInt64) { word = seed }

    mutating func next() -> UInt64 {
        word &+= 0x9E37_79B9_7F4A_7C15
        var mixed = word
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() >> 1) % max(1, bound) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

extension ReplyReader {
    mutating func feed(_ bytes: some Collection<UInt8>) throws(ReplyError) {
        let scratch = Scratch(size: max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { scratch.view[index] = byte }
        try feed(scratch.view.view.prefix(bytes.count))
    }
}

extension RedisSession {
    mutating func receivedText(_ text: String, now: Instant) {
        let scratch = Scratch(size: max(1, text.utf8.count))
        for (index, byte) in text.utf8.enumerated() { scratch.view[index] = byte }
        received(scratch.view.view.prefix(text.utf8.count), now: now)
    }
}
