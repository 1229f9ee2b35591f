/// Bytes that wait: received and not yet understood, or written and not yet sent. Holds a pooled block only
/// while it is not empty.
@usableFromInline
package struct ByteQueue: ~Copyable {
    @usableFromInline var block: Buffer?

    package init() { block = nil }

    @inlinable
    package var isEmpty: Bool {
        switch block {
        case .some: false
        case .none: true
        }
    }

    @inlinable
    package var count: Int {
        switch block {
        case .some(let buffer): buffer.count
        case .none: 0
        }
    }

    /// What waits. Valid until the queue changes.
    @inlinable
    package var view: ByteView {
        switch block {
        case .some(let buffer): buffer.view
        case .none: .empty
        }
    }

    /// Adds `bytes` at the end, in a larger block where they need one. They must not be this queue's own.
    package mutating func append(_ bytes: ByteView, pool: inout BufferPool) {
        guard !bytes.isEmpty else { return }
        var grown = takeBlock(withRoomFor: bytes.count, pool: &pool)
        grown.append(bytes)
        block = consume grown
    }

    /// Makes sure that `length` more bytes fit behind what waits.
    package mutating func reserve(_ length: Int, pool: inout BufferPool) {
        block = takeBlock(withRoomFor: length, pool: &pool)
    }

    /// The block, moved together or exchanged for a larger one as need be.
    private mutating func takeBlock(withRoomFor length: Int, pool: inout BufferPool) -> Buffer {
        guard var current = block.take() else { return pool.take(holding: length) }
        if current.room >= length { return current }
        if current.count + length <= current.capacity {
            current.compact()
            return current
        }
        var larger = pool.take(holding: current.count + length)
        larger.append(current.view)
        pool.give(current)
        return larger
    }

    /// Room behind what waits, for a system call to write into; `commit` takes it over. Reserve first.
    package var tail: MutableByteView {
        switch block {
        case .some(let buffer): buffer.spare
        case .none: preconditionFailure("no room was reserved")
        }
    }

    package mutating func commit(_ length: Int) {
        guard var current = block.take() else { preconditionFailure("no room was reserved") }
        current.commit(length)
        block = consume current
    }

    /// Drops the first `length` bytes; an emptied block goes back.
    package mutating func consume(_ length: Int, pool: inout BufferPool) {
        guard var current = block.take() else { return precondition(length == 0) }
        current.consume(length)
        if current.isEmpty {
            pool.give(current)
        } else {
            block = consume current
        }
    }

    package mutating func removeAll(pool: inout BufferPool) {
        if let current = block.take() { pool.give(current) }
    }

    /// Gives the block back if nothing was written into it after all.
    package mutating func trim(pool: inout BufferPool) {
        if count == 0 { removeAll(pool: &pool) }
    }
}
