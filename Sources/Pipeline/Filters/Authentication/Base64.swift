import Bytes

/// Base64 as secrets and cookies are written (RFC 4648 §4, §5): either alphabet, padded or not, for libraries
/// have written both. Signed texts are held to one form elsewhere.
enum Base64 {
    /// Writes what `text` stands for. False where it is not base64, and where it does not fit.
    static func decode(_ text: ByteView, into writer: inout ByteWriter) -> Bool {
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for index in 0..<text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "=") {
                // Padding, and nothing behind it.
                guard text.dropFirst(index).count <= 2, text[text.count - 1] == byte else { return false }
                break
            }
            guard let digit = digit(byte) else { return false }
            bits = bits << 6 | UInt32(digit)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            writer.write(UInt8(truncatingIfNeeded: bits >> count))
        }
        return !writer.overflowed
    }

    static func decode(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        let region = Scratch(size: max(1, bytes.count))
        var writer = ByteWriter(region.view)
        guard bytes.withView({ decode($0, into: &writer) }) else { return nil }
        return writer.view.array()
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte + 4
        case UInt8(ascii: "-"), UInt8(ascii: "+"): 62
        case UInt8(ascii: "_"), UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
