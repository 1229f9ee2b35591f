import Bytes

/// A Close frame that the gateway says by itself (RFC 6455 §5.5.1).
package enum CloseFrame {
    /// Bytes that the longest one takes: head, masking key, and 125 bytes of payload.
    package static let capacity = 2 + 4 + payloadLimit
    /// Bytes of the reason that are sent; a longer one is cut between two characters.
    package static let reasonLimit = payloadLimit - 2

    private static let payloadLimit = 125

    /// Writes the frame.
    ///
    /// - Parameters:
    ///   - code: one that may be sent.
    ///   - reason: UTF-8, for people who debug; no user ever reads it.
    ///   - key: for the way to a server; nil for the way to a client (RFC 6455 §5.1).
    package static func write(
        code: CloseCode, reason: ByteView = .empty, masked key: MaskingKey?, to writer: inout ByteWriter
    ) {
        precondition(code.maySend, "the close code \(code.rawValue) is never sent")
        let reason = cut(reason)
        let length = UInt8(truncatingIfNeeded: 2 &+ reason.count)
        writer.write(0x80 | Opcode.close.rawValue)
        writer.write(key == nil ? length : 0x80 | length)
        // A key of zeros leaves bytes as they are.
        let mask = key ?? MaskingKey(bits: 0)
        if key != nil {
            for index in 0..<4 { writer.write(mask[index]) }
        }
        writer.write(UInt8(truncatingIfNeeded: code.rawValue &>> 8) ^ mask[0])
        writer.write(UInt8(truncatingIfNeeded: code.rawValue) ^ mask[1])
        for index in 0..<reason.count { writer.write(reason[index] ^ mask[index &+ 2]) }
    }

    private static func cut(_ reason: ByteView) -> ByteView {
        guard reason.count > reasonLimit else { return reason }
        var end = reasonLimit
        // Bytes that go on with a character look like 10xxxxxx.
        while end > 0, reason[end] & 0xC0 == 0x80 { end &-= 1 }
        return reason.prefix(end)
    }
}

/// Four bytes that a client's payload is mixed with, unpredictable and new for each frame (RFC 6455 §5.3).
package struct MaskingKey: Hashable, Sendable {
    /// The first byte on the wire is the most significant one.
    package let bits: UInt32

    package init(bits: UInt32) { self.bits = bits }

    /// The byte that belongs to the payload's byte `index`.
    package subscript(index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: bits &>> UInt32(truncatingIfNeeded: 24 &- 8 &* (index & 3)))
    }
}
