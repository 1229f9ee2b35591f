/// Writable view of bytes that somebody else keeps alive. Bounds-checked like `ByteView`, and as short-lived.
// SAFETY: each access is checked against `count`; the owner of the memory lives on the same thread and
// outlives the view.
@safe
@usableFromInline
package struct MutableByteView {
    /// First byte. Only for system calls and copies.
    @unsafe @usableFromInline package let start: UnsafeMutableRawPointer
    @usableFromInline package let count: Int

    @inlinable
    package init(start: UnsafeMutableRawPointer, count: Int) {
        precondition(count >= 0)
        unsafe self.start = start
        self.count = count
    }

    @inlinable
    package init(_ region: UnsafeMutableRawBufferPointer) {
        guard let address = region.baseAddress else { preconditionFailure("a view needs memory") }
        unsafe self.init(start: address, count: region.count)
    }

    @unsafe @inlinable
    package var region: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    /// The same bytes, read-only.
    @inlinable
    package var view: ByteView { unsafe ByteView(start: start, count: count) }

    @inlinable
    package subscript(index: Int) -> UInt8 {
        get {
            precondition(index >= 0 && index < count, "byte index outside of the view")
            return unsafe start.load(fromByteOffset: index, as: UInt8.self)
        }
        nonmutating set {
            precondition(index >= 0 && index < count, "byte index outside of the view")
            unsafe start.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    /// The bytes `from ..< to` of this view.
    @inlinable
    package func slice(_ from: Int, _ to: Int) -> MutableByteView {
        precondition(from >= 0 && from <= to && to <= count, "slice outside of the view")
        return unsafe MutableByteView(start: start + from, count: to - from)
    }

    /// Copies `bytes` to `index`; they may overlap.
    @inlinable
    package func write(_ bytes: ByteView, at index: Int) {
        precondition(index >= 0 && bytes.count <= count - index, "bytes do not fit into the view")
        unsafe (start + index).copyMemory(from: bytes.start, byteCount: bytes.count)
    }

    /// Moves `length` bytes inside the view; the ranges may overlap.
    @inlinable
    package func move(from source: Int, to target: Int, count length: Int) {
        precondition(source >= 0 && target >= 0 && length >= 0)
        precondition(source + length <= count && target + length <= count, "move outside of the view")
        unsafe (start + target).copyMemory(from: start + source, byteCount: length)
    }
}
