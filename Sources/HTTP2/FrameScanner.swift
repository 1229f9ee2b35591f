import Bytes

/// Follows the frames of one direction of a connection by their heads (RFC 9113 §4.1), wherever reads cut
/// them. nghttp2 tells nothing of frames that it ignores, and those cost a peer as little as others.
struct FrameScanner {
    struct Head {
        let length: Int
        let type: UInt8
        let flags: UInt8
    }

    /// Bytes until the next head: a payload, or the preface at the beginning.
    private var skipped: Int
    /// A head that a read has cut.
    private var partial = InlineArray<9, UInt8>(repeating: 0)
    private var partialCount = 0

    /// - Parameter preface: Bytes before the first frame.
    init(preface: Int) { skipped = preface }

    /// Tells `visit` of each frame that begins in `bytes`, which follow those of the last call, until it
    /// wants no more.
    mutating func scan(_ bytes: ByteView, _ visit: (Head) -> Bool) {
        var index = 0
        while index < bytes.count {
            if skipped > 0 {
                let step = min(skipped, bytes.count - index)
                skipped -= step
                index += step
                continue
            }
            if partialCount == 0, bytes.count - index >= 9 {
                let head = Head(
                    length: Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2]),
                    type: bytes[index + 3], flags: bytes[index + 4])
                index += 9
                skipped = head.length
                guard visit(head) else { return }
                continue
            }
            partial[partialCount] = bytes[index]
            partialCount += 1
            index += 1
            guard partialCount == 9 else { continue }
            partialCount = 0
            let head = Head(
                length: Int(partial[0]) << 16 | Int(partial[1]) << 8 | Int(partial[2]), type: partial[3],
                flags: partial[4])
            skipped = head.length
            guard visit(head) else { return }
        }
    }
}
