import Foundation

/// Bytes of large bodies: what stands at a position is known, and nothing repeats at a distance that a buffer
/// could have, so that bytes that are lost, doubled or out of place show.
enum Pattern {
    /// Bytes that are sent at once.
    static let piece = 256 * 1024
    private static let period = 1_000_003

    private static let block: [UInt8] = {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        // One period, and a piece more, so that each piece stands in one run.
        var bytes = [UInt8](repeating: 0, count: period + piece)
        bytes.withUnsafeMutableBufferPointer { region in
            for index in 0..<period {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                region[index] = UInt8(truncatingIfNeeded: state >> 33)
            }
            for index in 0..<piece { region[period + index] = region[index] }
        }
        return bytes
    }()

    /// At most `piece` bytes.
    static func bytes(from start: Int, count: Int) -> [UInt8] {
        Array(block[start % period..<start % period + count])
    }

    /// Whether `bytes`, at most `piece`, are those that stand at `position`.
    static func matches(_ bytes: ArraySlice<UInt8>, at position: Int) -> Bool {
        guard !bytes.isEmpty else { return true }
        return bytes.withUnsafeBytes { found in
            block.withUnsafeBytes {
                memcmp(found.baseAddress!, $0.baseAddress! + position % period, found.count) == 0
            }
        }
    }
}

extension TestSocket {
    /// Sends so many bytes of the pattern.
    ///
    /// - Parameter limit: how long each piece may take.
    func sendPattern(_ count: Int, within limit: Duration) throws(SocketError) {
        for start in stride(from: 0, to: count, by: Pattern.piece) {
            try send(
                Pattern.bytes(from: start, count: min(Pattern.piece, count - start)), Deadline(in: limit))
        }
    }
}

/// Holds a script until the test lets it go on.
final class Gate: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var passes = 0

    /// Lets one who waits, or who will wait, go on.
    func open() { lock.withLock { passes += 1 } }

    func wait(_ deadline: Deadline) throws {
        // The deadline that counts is the caller's.
        try eventually("the gate", within: .seconds(600), every: .milliseconds(1)) {
            if deadline.isOver { throw TimedOut(what: "the gate") }
            return lock.withLock { () -> Bool? in
                guard passes > 0 else { return nil }
                passes -= 1
                return true
            }
        }
    }
}
