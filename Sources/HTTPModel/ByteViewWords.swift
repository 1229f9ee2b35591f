import Bytes

/// Reads of whole words, for comparing names and scanning heads.
// SAFETY: each read is checked to lie inside the view before it is made; the view's owner keeps the memory
// (see `ByteView`).
extension ByteView {
    /// Eight bytes from `index` on, the first one lowest; all of them must lie inside the view.
    @inlinable
    package func word(at index: Int) -> UInt64 {
        precondition(index >= 0 && index &+ 8 <= count, "word outside of the view")
        return UInt64(littleEndian: unsafe start.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// Whether two tokens (RFC 9110 §5.6.2) are the same but for the case of their letters; `lowercase` holds
    /// no `^` and no `_` and no upper-case letter. Only for bytes known to be a token: bit 0x20 is set
    /// blindly, which maps no other token character to a letter, a digit or a hyphen.
    @inline(__always)
    func equalsToken(_ lowercase: ByteView) -> Bool {
        guard count == lowercase.count else { return false }
        guard count >= 8 else {
            var index = 0
            while index < count {
                if self[index] | 0x20 != lowercase[index] { return false }
                index &+= 1
            }
            return true
        }
        let caseBits: UInt64 = 0x2020_2020_2020_2020
        // The last word overlaps the one before it where the length is no multiple of eight.
        let last = count &- 8
        var index = 0
        while index < last {
            if word(at: index) | caseBits != lowercase.word(at: index) { return false }
            index &+= 8
        }
        return word(at: last) | caseBits == lowercase.word(at: last)
    }
}
