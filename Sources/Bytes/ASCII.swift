/// Classes of ASCII bytes that HTTP's grammar speaks of.
@usableFromInline
package enum ASCII {
    /// `A-Z` to `a-z`; every other byte stays.
    @inlinable
    package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// Space or horizontal tab.
    @inlinable
    package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inlinable
    package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inlinable
    package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// Value of a hexadecimal digit, or nil.
    @inlinable
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// Lower-case hexadecimal digit of the low four bits.
    @inlinable
    package static func hexDigit(_ value: UInt8) -> UInt8 {
        let nibble = value & 0x0F
        return nibble < 10 ? 0x30 &+ nibble : 0x57 &+ nibble
    }

    /// `tchar` (RFC 9110 §5.6.2): what a method and a field name are made of.
    @inlinable
    package static func isToken(_ byte: UInt8) -> Bool {
        // Two bit sets, for 0x00-0x3F and 0x40-0x7F: ! # $ % & ' * + - . 0-9 and A-Z ^ _ ` a-z | ~.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        guard byte < 0x80 else { return false }
        let set = byte < 0x40 ? low : high
        return set &>> UInt64(byte & 0x3F) & 1 == 1
    }

    /// What a field value may hold (RFC 9110 §5.5): visible ASCII, space, tab, and bytes above ASCII.
    @inlinable
    package static func isFieldContent(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7F : byte == 0x09
    }

    /// Lowers the letters among eight bytes at once; bytes above 0x7F stay.
    @inlinable
    package static func lowercased(eight bytes: UInt64) -> UInt64 {
        let seven = bytes & 0x7F7F_7F7F_7F7F_7F7F
        // Bit 7 of each sum: whether the byte is at least `A`, and whether it is beyond `Z`.
        let fromA = seven &+ 0x3F3F_3F3F_3F3F_3F3F
        let beyondZ = seven &+ 0x2525_2525_2525_2525
        let letters = fromA & ~beyondZ & ~bytes & 0x8080_8080_8080_8080
        return bytes | letters &>> 2
    }
}
