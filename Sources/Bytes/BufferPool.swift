/// Blocks of three sizes, kept for reuse by one worker: in the steady state taking and giving allocates
/// nothing.
// SAFETY: blocks in the free lists are owned by the pool alone; ownership moves out in `take` and back in
// `give`.
@safe
package struct BufferPool: ~Copyable {
    /// Sizes of blocks in bytes: a message head, a read of a body, a read of a body whose receiver keeps up.
    package enum Size: Int, CaseIterable {
        case head = 4096
        case medium = 16384
        case large = 65536

        /// The smallest size that holds `length` bytes, or nil where none does.
        package init?(holding length: Int) {
            guard let size = Size.allCases.first(where: { $0.rawValue >= length }) else { return nil }
            self = size
        }
    }

    private var free:
        (head: [UnsafeMutableRawPointer], medium: [UnsafeMutableRawPointer], large: [UnsafeMutableRawPointer])
    /// Free blocks kept of each size; what is given back beyond that is freed.
    private let keep: Int
    /// Blocks that are out now. Zero when every connection is idle.
    package private(set) var outstanding = 0
    /// Bytes in the blocks that are out now.
    package private(set) var outstandingBytes = 0

    package init(keep: Int = 256) {
        self.keep = keep
        unsafe free = ([], [], [])
        unsafe free.head.reserveCapacity(keep)
        unsafe free.medium.reserveCapacity(keep)
        unsafe free.large.reserveCapacity(keep)
    }

    deinit {
        let blocks = unsafe free.head + free.medium + free.large
        for index in unsafe blocks.indices { unsafe blocks[index].deallocate() }
    }

    /// An empty block of `size`.
    package mutating func take(_ size: Size) -> Buffer {
        outstanding &+= 1
        outstandingBytes &+= size.rawValue
        let kept: UnsafeMutableRawPointer? =
            switch size {
            case .head: unsafe free.head.popLast()
            case .medium: unsafe free.medium.popLast()
            case .large: unsafe free.large.popLast()
            }
        let block = unsafe kept ?? UnsafeMutableRawPointer.allocate(byteCount: size.rawValue, alignment: 64)
        return unsafe Buffer(base: block, capacity: size.rawValue)
    }

    /// Takes a block back.
    package mutating func give(_ buffer: consuming Buffer) {
        outstanding &-= 1
        outstandingBytes &-= buffer.capacity
        guard let size = Size(rawValue: buffer.capacity) else {
            preconditionFailure("a block of \(buffer.capacity) bytes is not of this pool")
        }
        let block = unsafe buffer.release()
        switch size {
        case .head where unsafe free.head.count < keep: unsafe free.head.append(block)
        case .medium where unsafe free.medium.count < keep: unsafe free.medium.append(block)
        case .large where unsafe free.large.count < keep / 4: unsafe free.large.append(block)
        default: unsafe block.deallocate()
        }
    }
}
