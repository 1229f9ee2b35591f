/// Writable view of bytes that somebody else owns: the part of a connection's buffer that a decoder rewrites
/// in place.
///
/// Every access is bounds-checked. Like `ByteView` it must not outlive the buffer that it looks into.
// SAFETY: `base` is `count` bytes that the caller owns and lends for the view's life, on one thread; each
// access is checked against `count`.
@safe
@usableFromInline
package struct MutableByteView {
    @usableFromInline let base: UnsafeMutableRawPointer
    /// Bytes in view.
    @usableFromInline package let count: Int

    @inlinable
    package init(start: UnsafeMutableRawPointer, count: Int) {
        precondition(count >= 0)
        unsafe base = start
        self.count = count
    }

    @inlinable
    package init(_ region: UnsafeMutableRawBufferPointer) {
        guard let address = region.baseAddress else { preconditionFailure("a mutable view needs memory") }
        unsafe self.init(start: address, count: region.count)
    }

    @inlinable
    package subscript(index: Int) -> UInt8 {
        get {
            precondition(index >= 0 && index < count, "byte index outside of the view")
            return unsafe base.load(fromByteOffset: index, as: UInt8.self)
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "byte index outside of the view")
            unsafe base.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    /// The same bytes to read.
    @inlinable
    package var view: ByteView { unsafe ByteView(start: base, count: count) }

    /// The bytes `from ..< to` of this view.
    @inlinable
    package func slice(_ from: Int, _ to: Int) -> MutableByteView {
        precondition(from >= 0 && from <= to && to <= count, "slice outside of the view")
        return unsafe MutableByteView(start: base + from, count: to - from)
    }

    /// Moves `length` bytes that begin at `source` to `destination`; the two runs may overlap.
    @inlinable
    package func move(from source: Int, to destination: Int, count length: Int) {
        precondition(length >= 0 && source >= 0 && destination >= 0, "move outside of the view")
        precondition(source <= count &- length && destination <= count &- length, "move outside of the view")
        unsafe (base + destination).copyMemory(from: base + source, byteCount: length)
    }
}
