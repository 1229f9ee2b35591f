extension ByteView {
    /// Bytes of the character beyond ASCII that begins at `index`, in the table of RFC 3629 §4: nothing
    /// overlong, no surrogate, nothing beyond U+10FFFF. Nil where none does.
    @inlinable
    package func characterLength(at index: Int) -> Int? {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch self[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard index &+ length <= count, second.contains(self[index &+ 1]) else { return nil }
        for offset in 2..<max(2, length) where self[index &+ offset] & 0xC0 != 0x80 { return nil }
        return length
    }
}
