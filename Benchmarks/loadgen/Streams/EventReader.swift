import Time

/// What one answer of an `event-origin` has brought: `data: NUMBER NANOSECONDS` and an empty line, again and
/// again. Whatever stands between events is no matter, such as the frames of chunks.
struct EventReader {
    /// Events that were whole, and in their order.
    private(set) var seen = 0
    private var rest: [UInt8] = []

    private static let start = Array("data: ".utf8)

    /// Nanoseconds from each event's writing to `time`; nil where an event is missing or is none.
    mutating func read(_ bytes: ArraySlice<UInt8>, at time: Instant) -> [Int64]? {
        rest += bytes
        var delays: [Int64] = []
        while let begin = rest.firstRange(of: Self.start)?.upperBound,
            let end = rest[begin...].firstRange(of: [0x0A, 0x0A])
        {
            let words = String(decoding: rest[begin..<end.lowerBound], as: UTF8.self).split(separator: " ")
            guard words.count == 2, Int(words[0]) == seen, let written = Int64(words[1]) else {
                return nil
            }
            rest.removeFirst(end.upperBound)
            seen += 1
            delays.append(time.nanoseconds - written)
        }
        return delays
    }
}
