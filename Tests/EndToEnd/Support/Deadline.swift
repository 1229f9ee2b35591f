import Foundation

/// A point on the monotonic clock until which something may take.
struct Deadline: Sendable {
    private let end: ContinuousClock.Instant

    init(in duration: Duration) { end = .now + duration }

    var isOver: Bool { ContinuousClock.now >= end }

    /// Milliseconds that are left, for poll(2): never negative, and never so long that a changed clock would
    /// matter.
    var milliseconds: Int32 {
        let (seconds, attoseconds) = (end - .now).components
        return Int32(clamping: max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1))
    }
}

/// What a test waited for did not come.
struct TimedOut: Error, CustomStringConvertible {
    let what: String
    var description: String { "timed out waiting for \(what)" }
}

/// Asks again and again until the answer is there: every few milliseconds, and at once where it is there
/// already.
///
/// - Throws: `TimedOut` with `what` when the deadline passes first; what `probe` throws ends the waiting.
@discardableResult
func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(5), every interval: Duration = .milliseconds(5),
    _ probe: () throws -> Value?
) throws -> Value {
    let deadline = Deadline(in: limit)
    let milliseconds = Int32(clamping: interval.components.attoseconds / 1_000_000_000_000_000)
    while true {
        if let value = try probe() { return value }
        if deadline.isOver { throw TimedOut(what: what) }
        poll(nil, 0, max(1, milliseconds))
    }
}

/// The same for a condition.
func eventually(
    _ what: String, within limit: Duration = .seconds(5), holds condition: () throws -> Bool
) throws {
    try eventually(what, within: limit) { try condition() ? true : nil }
}
