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

    @inlinable
    package mutating func write(_ literal: StaticString) { write(ByteView(literal)) }

    /// The UTF-8 bytes of `text`. For what settings prepared; allocates only where the string is not native.
    package mutating func write(text: String) {
        for byte in text.utf8 { write(byte) }
    }

    /// `value` in decimal, with a sign if it is negative.
    @inlinable
    package mutating func write(decimal value: Int) {
        var digits = SIMD32<UInt8>()
        var position = 32
        var rest = value.magnitude
        repeat {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            position &-= 1
            digits[position] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
            rest = quotient
        } while rest != 0
        if value < 0 { write(0x2D) }
        while position < 32 {
            write(digits[position])
            position &+= 1
        }
    }

    /// `value` in lower-case hexadecimal, padded with zeros to `width` digits.
    @inlinable
    package mutating func write(hexadecimal value: UInt64, width: Int = 1) {
        let used = max(1, (67 &- value.leadingZeroBitCount) / 4)
        var digit = max(used, width)
        while digit > 0 {
            digit &-= 1
            write(
                digit >= 16 ? 0x30 : ASCII.hexDigit(UInt8(truncatingIfNeeded: value &>> UInt64(digit &* 4))))
        }
    }

    /// Forgets all but the first `length` bytes.
    @inlinable
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }
}
