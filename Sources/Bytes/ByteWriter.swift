/// Writes bytes one after another into a region of fixed size and remembers when they did not fit.
///
/// Overflow is sticky: what does not fit is left out whole, `overflowed` turns true, and the caller decides
/// once at the end.
// SAFETY: `base` is `capacity` bytes owned by the caller for the writer's life; every write is checked
// against `capacity`.
@safe
@usableFromInline
package struct ByteWriter: ~Copyable {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    /// Bytes written so far.
    @usableFromInline package var count = 0
    @usableFromInline package var overflowed = false

    @inlinable
    package init(_ region: UnsafeMutableRawBufferPointer) {
        guard let address = region.baseAddress else { preconditionFailure("a writer needs memory") }
        unsafe base = address
        capacity = region.count
    }

    @inlinable
    package init(_ region: MutableByteView) {
        unsafe base = region.start
        capacity = region.count
    }

    /// What `write` writes into `capacity` bytes, as text. For the control plane and for tests.
    package static func text(capacity: Int, _ write: (inout ByteWriter) -> Void) -> String {
        unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { region in
            var writer = unsafe ByteWriter(region)
            write(&writer)
            return writer.view.text()
        }
    }

    /// What has been written.
    @inlinable
    package var view: ByteView { unsafe ByteView(start: base, count: count) }

    @inlinable
    package mutating func write(_ byte: UInt8) {
        guard count < capacity else { return overflowed = true }
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inlinable
    package mutating func write(_ bytes: ByteView) {
        guard bytes.count <= capacity &- count else { return overflowed = true }
        unsafe (base + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count &+= bytes.count
    }

    // Inlined by force: the length is known then, and the copy is a few stores.
    @inlinable @inline(__always)
    package mutating func write(_ literal: StaticString) { write(ByteView(literal)) }

    /// The UTF-8 bytes of `text`. For what settings prepared; allocates only where the string is not native.
    package mutating func write(text: String) {
        for byte in text.utf8 { write(byte) }
    }

    /// `value` in decimal, with a sign if it is negative.
    @inlinable
    package mutating func write(decimal value: Int) {
        if value >= 0, value < 1000 { return write(small: UInt32(truncatingIfNeeded: value)) }
        if value < 0 { write(0x2D) }
        var rest = value.magnitude
        var digits = 1
        var bound: UInt = 10
        while digits < 19, rest >= bound {
            digits &+= 1
            bound &*= 10
        }
        if digits == 19, rest >= bound { digits = 20 }
        guard digits <= capacity &- count else { return overflowed = true }
        count &+= digits
        var position = count
        repeat {
            let quotient = rest / 10
            position &-= 1
            let digit = 0x30 &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            unsafe base.storeBytes(of: digit, toByteOffset: position, as: UInt8.self)
            rest = quotient
        } while rest != 0
    }

    /// A value below 1000, as statuses and the parts of an address are.
    @inlinable
    mutating func write(small value: UInt32) {
        // Exact below 1000: 5243 / 2^19 is a hundredth, 6554 / 2^16 a tenth.
        let hundreds = (value &* 5243) &>> 19
        let rest = value &- hundreds &* 100
        let tens = (rest &* 6554) &>> 16
        let ones = rest &- tens &* 10
        if value >= 100 { write(UInt8(truncatingIfNeeded: 0x30 &+ hundreds)) }
        if value >= 10 { write(UInt8(truncatingIfNeeded: 0x30 &+ tens)) }
        write(UInt8(truncatingIfNeeded: 0x30 &+ ones))
    }

    /// `value` in lower-case hexadecimal, padded with zeros to `width` digits, of which there are at most 16.
    @inlinable
    package mutating func write(hexadecimal value: UInt64, width: Int = 1) {
        let digits = min(16, max(1, (67 &- value.leadingZeroBitCount) / 4, width))
        switch digits {
        case 16:
            write(word: ByteWriter.hexDigits(UInt32(truncatingIfNeeded: value &>> 32)))
            write(word: ByteWriter.hexDigits(UInt32(truncatingIfNeeded: value)))
        case 8: write(word: ByteWriter.hexDigits(UInt32(truncatingIfNeeded: value)))
        default:
            guard digits <= capacity &- count else { return overflowed = true }
            for index in 0..<digits {
                let shift = UInt64((digits &- 1 &- index) &* 4)
                write(ASCII.hexDigit(UInt8(truncatingIfNeeded: value &>> shift)))
            }
        }
    }

    /// Eight lower-case hexadecimal digits, the first in the lowest byte: all eight are made at once.
    @inlinable
    package static func hexDigits(_ value: UInt32) -> UInt64 {
        // Each half-byte into a byte of its own, the highest into the lowest.
        var nibbles = UInt64(value.byteSwapped)
        nibbles = (nibbles | nibbles &<< 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles &<< 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles &>> 4 | nibbles &<< 8) & 0x0F0F_0F0F_0F0F_0F0F
        // Ten and more carry into bit 4 when six is added: those become letters.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// Eight bytes, the lowest first.
    @inlinable
    package mutating func write(word: UInt64) {
        guard capacity &- count >= 8 else { return overflowed = true }
        unsafe base.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8
    }

    /// Four bytes, the lowest first.
    @inlinable
    package mutating func write(halfWord: UInt32) {
        guard capacity &- count >= 4 else { return overflowed = true }
        unsafe base.storeBytes(of: halfWord.littleEndian, toByteOffset: count, as: UInt32.self)
        count &+= 4
    }

    /// Forgets all but the first `length` bytes.
    @inlinable
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }
}
