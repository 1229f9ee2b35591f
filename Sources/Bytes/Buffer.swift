/// An owned block of bytes out of a `BufferPool`: `[start, end)` holds data, the rest is room.
///
/// Cannot be copied, so that a block has one owner at any moment: who holds it gives it back with
/// `BufferPool.give`. One that is dropped instead frees its memory, and is missed by the pool's count.
// SAFETY: `base` is `capacity` bytes that this value alone owns; all offsets are kept within `0 ...
// capacity`.
@safe
@usableFromInline
package struct Buffer: ~Copyable {
    @usableFromInline let base: UnsafeMutableRawPointer
    /// Bytes in the block.
    @usableFromInline package let capacity: Int
    /// Offset of the first byte of data.
    @usableFromInline package internal(set) var start: Int
    /// Offset behind the last byte of data.
    @usableFromInline package internal(set) var end: Int

    init(base: UnsafeMutableRawPointer, capacity: Int) {
        unsafe self.base = base
        self.capacity = capacity
        start = 0
        end = 0
    }

    deinit { unsafe base.deallocate() }

    /// The block without its owner's duty to free it; only for the pool.
    consuming func release() -> UnsafeMutableRawPointer {
        let block = unsafe base
        discard self
        return unsafe block
    }

    /// Bytes of data.
    @inlinable
    package var count: Int { end &- start }
    @inlinable
    package var isEmpty: Bool { start == end }
    /// Room behind the data.
    @inlinable
    package var room: Int { capacity &- end }

    /// The data. Valid until the buffer changes hands.
    @inlinable
    package var view: ByteView { unsafe ByteView(start: base + start, count: end &- start) }

    /// The room behind the data, to be written and then `commit`ted.
    @inlinable
    package var spare: MutableByteView { unsafe MutableByteView(start: base + end, count: capacity &- end) }

    /// Takes over `length` bytes that were written into `spare`.
    @inlinable
    package mutating func commit(_ length: Int) {
        precondition(length >= 0 && length <= room)
        end &+= length
    }

    /// Drops the first `length` bytes of data.
    @inlinable
    package mutating func consume(_ length: Int) {
        precondition(length >= 0 && length <= count)
        start &+= length
        if start == end { clear() }
    }

    @inlinable
    package mutating func clear() {
        start = 0
        end = 0
    }

    /// Drops all but the first `length` bytes of data.
    @inlinable
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        end = start &+ length
    }

    /// Copies `bytes` behind the data; they must fit.
    @inlinable
    package mutating func append(_ bytes: ByteView) {
        precondition(bytes.count <= room)
        unsafe (base + end).copyMemory(from: bytes.start, byteCount: bytes.count)
        end &+= bytes.count
    }

    /// Lowers the ASCII letters of the data's bytes `from ..< to`.
    package mutating func lowercase(_ from: Int, _ to: Int) {
        precondition(from >= 0 && from <= to && to <= count)
        let data = unsafe MutableByteView(start: base + start, count: count)
        var index = from
        while index &+ 8 <= to {
            let eight = unsafe data.start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            unsafe data.start.storeBytes(
                of: ASCII.lowercased(eight: eight), toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < to {
            data[index] = ASCII.lowercased(data[index])
            index &+= 1
        }
    }

    /// Moves the data's bytes `from ..< to` one byte on, over the one behind them.
    package mutating func shiftRight(_ from: Int, _ to: Int) {
        precondition(from >= 0 && from <= to && to < count)
        let data = unsafe MutableByteView(start: base + start, count: count)
        data.move(from: from, to: from + 1, count: to - from)
    }

    /// Moves the data to the front of the block, so that all room stands behind it.
    @inlinable
    package mutating func compact() {
        guard start > 0 else { return }
        unsafe base.copyMemory(from: base + start, byteCount: count)
        end &-= start
        start = 0
    }
}
