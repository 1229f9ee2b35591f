import Bytes

@testable import WebSocket

/// The key of the masked examples in RFC 6455 §5.7.
let exampleMask = MaskingKey(bits: 0x37FA_213D)

/// A frame as bytes, right or wrong.
struct WireFrame {
    var opcode: UInt8
    var isFinal = true
    /// RSV1, RSV2, RSV3 from the left.
    var reserved: UInt8 = 0
    var mask: MaskingKey?
    var payload: [UInt8] = []
    /// How the length is written; nil for the shortest.
    var lengthBytes: Int?
    /// What the length says; nil for the truth.
    var claimed: UInt64?

    var bytes: [UInt8] {
        let length = claimed ?? UInt64(payload.count)
        let width = lengthBytes ?? (length <= 125 ? 0 : length <= 0xFFFF ? 2 : 8)
        let marker: UInt8 = width == 0 ? UInt8(length) : width == 2 ? 126 : 127
        var bytes = [
            (isFinal ? 0x80 : 0) | reserved << 4 | opcode, (mask == nil ? 0 : 0x80) | marker,
        ]
        for place in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * place))) }
        guard let mask else { return bytes + payload }
        bytes += (0..<4).map { mask[$0] }
        return bytes + payload.enumerated().map { $1 ^ mask[$0] }
    }
}

extension FrameTracker {
    /// Takes bytes in pieces of the given lengths, the rest at once. The place of a violation counts from the
    /// first byte of all.
    mutating func pass(_ bytes: [UInt8], pieces: [Int] = []) -> Passage {
        var start = 0
        for length in pieces + [bytes.count] where start < bytes.count {
            let end = min(bytes.count, start + length)
            let piece = Array(bytes[start..<end])
            if case .broken(let violation, let place) = piece.withView({ pass($0) }) {
                return .broken(violation, at: start + place)
            }
            start = end
        }
        return .passed
    }
}

/// Randomness that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// What `write` writes.
func written(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = bytes.withUnsafeMutableBytes { region in
        var writer = ByteWriter(region)
        write(&writer)
        precondition(!writer.overflowed)
        return writer.count
    }
    return Array(bytes.prefix(count))
}
