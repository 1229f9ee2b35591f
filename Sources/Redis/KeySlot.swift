import Bytes

/// Which part of a cluster's keys a key belongs to (Redis Cluster specification, "Key distribution model"):
/// CRC16 of the key, or of what stands between its first `{` and the next `}` if that is not empty, so that
/// keys that share it stay together.
package struct KeySlot: Hashable, Sendable {
    package let number: Int

    package static let count = 16_384

    /// Nil beyond the last one.
    package init?(_ number: Int) {
        guard (0..<Self.count).contains(number) else { return nil }
        self.number = number
    }

    /// The slot of the key that these parts make, one behind the other.
    package init(_ first: ByteView, _ second: ByteView = .empty, _ third: ByteView = .empty) {
        var hash = TaggedHash()
        hash.take(first)
        hash.take(second)
        hash.take(third)
        number = Int(hash.value) % Self.count
    }

    /// Where there is only one server, all slots are alike.
    package static let any = KeySlot(.empty)

    /// CRC16 as the specification has it (XMODEM: polynomial 0x1021, beginning with 0). Computed without a
    /// table: keys are short, and a table would cost a worker's cache more than it saves.
    static func checksum(_ byte: UInt8, after checksum: UInt16) -> UInt16 {
        var sum = checksum << 8 | checksum >> 8
        sum ^= UInt16(byte)
        sum ^= (sum & 0xFF) >> 4
        sum ^= sum << 12
        sum ^= (sum & 0xFF) << 5
        return sum
    }
}

/// The checksum of a key, and beside it of its tag, while nobody knows yet whether the tag is closed.
private struct TaggedHash {
    private enum Place { case before, inTag, behind }

    private var place = Place.before
    private var whole: UInt16 = 0
    private var tag: UInt16 = 0
    private var isTagEmpty = true

    mutating func take(_ bytes: ByteView) {
        for index in 0..<bytes.count {
            let byte = bytes[index]
            switch place {
            case .before:
                if byte == 0x7B { place = .inTag }
            case .inTag:
                // An empty tag is none, and there is no second one.
                if byte == 0x7D {
                    place = .behind
                    if !isTagEmpty { return }
                } else {
                    tag = KeySlot.checksum(byte, after: tag)
                    isTagEmpty = false
                }
            case .behind:
                // The tag alone counts.
                if !isTagEmpty { return }
            }
            whole = KeySlot.checksum(byte, after: whole)
        }
    }

    var value: UInt16 { place == .behind && !isTagEmpty ? tag : whole }
}
