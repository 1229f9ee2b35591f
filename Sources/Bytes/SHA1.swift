/// SHA-1 (RFC 3174), where a protocol names things by it: WebSocket's handshake, Redis' scripts. It protects
/// nothing there. Here it needs no library, and the modules that use it stay pure.
package enum SHA1 {
    package static func digest(_ message: Span<UInt8>) -> InlineArray<20, UInt8> {
        var state: InlineArray<5, UInt32> = [
            0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0,
        ]
        // The message, one bit, zeros, and the message's length in bits make whole blocks of 64 bytes (§4).
        let padded = (message.count + 9 + 63) / 64 * 64
        for start in stride(from: 0, to: padded, by: 64) {
            mix(&state, block(message, at: start, padded: padded))
        }
        var digest = InlineArray<20, UInt8>(repeating: 0)
        for index in 0..<20 {
            digest[index] = UInt8(truncatingIfNeeded: state[index / 4] >> UInt32(24 - index % 4 * 8))
        }
        return digest
    }

    private static func block(
        _ message: Span<UInt8>, at start: Int, padded: Int
    ) -> InlineArray<16, UInt32> {
        var block = InlineArray<16, UInt32>(repeating: 0)
        for offset in 0..<64 {
            let index = start + offset
            let byte: UInt8
            if index < message.count {
                byte = message[index]
            } else if index == message.count {
                byte = 0x80
            } else if index >= padded - 8 {
                byte = UInt8(truncatingIfNeeded: (message.count * 8) >> ((padded - 1 - index) * 8))
            } else {
                byte = 0
            }
            block[offset / 4] = block[offset / 4] << 8 | UInt32(byte)
        }
        return block
    }

    /// §6.1, with the words of the schedule kept in a ring of sixteen (§6.2).
    private static func mix(_ state: inout InlineArray<5, UInt32>, _ block: InlineArray<16, UInt32>) {
        var words = block
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for round in 0..<80 {
            if round >= 16 {
                let mixed =
                    words[(round + 13) & 15] ^ words[(round + 8) & 15] ^ words[(round + 2) & 15]
                    ^ words[round & 15]
                words[round & 15] = rotated(mixed, by: 1)
            }
            let (choice, constant) = function(round, b, c, d)
            let next = rotated(a, by: 5) &+ choice &+ e &+ words[round & 15] &+ constant
            (a, b, c, d, e) = (next, a, rotated(b, by: 30), c, d)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
    }

    /// §5: the function and the constant of a round.
    private static func function(
        _ round: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32
    ) -> (choice: UInt32, constant: UInt32) {
        switch round {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
    }

    private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}
