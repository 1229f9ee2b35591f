import Bytes

/// base64url without padding (RFC 4648 §5, RFC 7515 §2), canonical: each sequence of bytes has one text, and
/// every other text is refused. Texts that differ and mean the same would get around lists of tokens.
// SAFETY: a vector is read as two words of the same size; the memory of an array is filled within its bounds
// before it is anybody's.
package enum Base64URL {
    /// Bytes that a text of `count` characters stands for. Nil for a count that no text has.
    package static func decodedCount(_ count: Int) -> Int? {
        count % 4 == 1 ? nil : count / 4 * 3 &+ max(0, count % 4 &- 1)
    }

    /// Room that `decode` wants behind what it writes: it stores whole words.
    package static let slack = 8

    /// Writes what `text` stands for. False for what is not canonical, and where it does not fit.
    package static func decode(_ text: ByteView, into writer: inout ByteWriter) -> Bool {
        guard text.count % 4 != 1 else { return false }
        var index = 0
        var seen = all(0)
        while index &+ 16 <= text.count {
            let values = values(text.block(at: index))
            seen = seen | values
            let words = unsafe unsafeBitCast(values, to: SIMD2<UInt64>.self)
            // Eight bytes are stored, of which six are meant.
            writer.write(word: packed(words[0]))
            guard !writer.overflowed else { return false }
            writer.count &-= 2
            writer.write(word: packed(words[1]))
            guard !writer.overflowed else { return false }
            writer.count &-= 2
            index &+= 16
        }
        let isKnown = (seen .> all(63)).firstTrue == nil
        return isKnown && decodeEnd(text.dropFirst(index), into: &writer)
    }

    /// Fewer than sixteen characters.
    private static func decodeEnd(_ text: ByteView, into writer: inout ByteWriter) -> Bool {
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for index in 0..<text.count {
            let value = value(text[index])
            guard value < 64 else { return false }
            bits = bits &<< 6 | UInt32(value)
            held &+= 6
            if held >= 8 {
                held &-= 8
                writer.write(UInt8(truncatingIfNeeded: bits &>> held))
            }
        }
        // Bits that belong to no byte are zero in the one text that is canonical.
        return bits & (1 &<< held &- 1) == 0 && !writer.overflowed
    }

    /// What `text` stands for, as bytes of its own.
    package static func decode(_ text: ByteView) -> [UInt8]? {
        guard let count = decodedCount(text.count) else { return nil }
        var isValid = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count &+ slack) { region, written in
            var writer = unsafe ByteWriter(UnsafeMutableRawBufferPointer(region))
            isValid = decode(text, into: &writer)
            written = writer.count
        }
        return isValid ? bytes : nil
    }

    package static func encode(_ bytes: ByteView, into writer: inout ByteWriter) {
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for index in 0..<bytes.count {
            bits = bits &<< 8 | UInt32(bytes[index])
            held &+= 8
            while held >= 6 {
                held &-= 6
                writer.write(alphabet[Int(bits &>> held & 0x3F)])
            }
        }
        if held > 0 { writer.write(alphabet[Int(bits &<< (6 &- held) & 0x3F)]) }
    }

    /// For the control plane and for tests.
    package static func encode(_ bytes: [UInt8]) -> String {
        ByteWriter.text(capacity: bytes.count * 4 / 3 + 4) { writer in
            bytes.withView { encode($0, into: &writer) }
        }
    }

    private static var alphabet: ByteView {
        ByteView("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    }

    /// Six bits of each character, 255 where it is none of the alphabet.
    @inline(__always)
    private static func values(_ characters: SIMD16<UInt8>) -> SIMD16<UInt8> {
        let upper = characters &- all(0x41)
        let lower = characters &- all(0x61)
        let digit = characters &- all(0x30)
        let isUpper = bits(upper .< all(26))
        let isLower = bits(lower .< all(26))
        let isDigit = bits(digit .< all(10))
        let isDash = bits(characters .== all(0x2D))
        let isUnderscore = bits(characters .== all(0x5F))
        let isKnown = isUpper | isLower | isDigit | isDash | isUnderscore
        let letters = isUpper & upper | isLower & (lower &+ all(26))
        let others = isDigit & (digit &+ all(52)) | isDash & all(62)
        return letters | others | isUnderscore & all(63) | ~isKnown
    }

    /// All bits of a lane or none.
    @inline(__always)
    private static func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD16<UInt8> {
        unsafe unsafeBitCast(mask, to: SIMD16<UInt8>.self)
    }

    /// Sixteen times the same byte. The operators between a vector and a number, or one whose type is
    /// inferred, are not vectorised.
    @inline(__always)
    private static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    private static func value(_ character: UInt8) -> UInt8 {
        switch character {
        case 0x41...0x5A: character &- 0x41
        case 0x61...0x7A: character &- 0x61 &+ 26
        case 0x30...0x39: character &- 0x30 &+ 52
        case 0x2D: 62
        case 0x5F: 63
        default: 255
        }
    }

    /// Eight values of six bits, the first in the lowest byte, as six bytes in the order of memory.
    @inline(__always)
    private static func packed(_ values: UInt64) -> UInt64 {
        let bits = values.byteSwapped
        let twelves = bits & 0x003F_003F_003F_003F | (bits & 0x3F00_3F00_3F00_3F00) &>> 2
        let pairs = twelves & 0x0000_0FFF_0000_0FFF | (twelves & 0x0FFF_0000_0FFF_0000) &>> 4
        let whole = pairs & 0x0000_0000_00FF_FFFF | (pairs & 0x00FF_FFFF_0000_0000) &>> 8
        return (whole &<< 16).byteSwapped
    }
}
