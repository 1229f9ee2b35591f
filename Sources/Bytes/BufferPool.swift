/// Blocks of a few sizes, kept for reuse by one worker: in the steady state taking and giving allocates
/// nothing.
// SAFETY: blocks in the free lists are owned by the pool alone; ownership moves out in `take` and back in
// `give`.
@safe
package struct BufferPool: ~Copyable {
    /// Sizes of blocks in bytes. The odd kibibytes hold a message head or a chunk's frame beside a read of a
    /// round size.
    package enum Size: Int, CaseIterable {
        /// A message head.
        case small = 4096
        /// A long head, or a read of 16 KiB.
        case medium = 20480
        /// A read of 64 KiB.
        case large = 73728
        /// A read of 256 KiB, for receivers that keep up.
        case huge = 278528

        package static let largest = Size.huge.rawValue

        /// The smallest size that holds `length` bytes.
        package init(holding length: Int) {
            switch length {
            case ...Size.small.rawValue: self = .small
            case ...Size.medium.rawValue: self = .medium
            case ...Size.large.rawValue: self = .large
            case ...Size.huge.rawValue: self = .huge
            default: preconditionFailure("no read is as long as \(length) bytes")
            }
        }

        fileprivate var position: Int {
            switch self {
            case .small: 0
            case .medium: 1
            case .large: 2
            case .huge: 3
            }
        }
    }

    private var free: InlineArray<4, [UnsafeMutableRawPointer]>
    /// Bytes kept in free blocks of each size; what is given back beyond that is freed.
    private let keep: Int
    /// The fewest free blocks of each size since the last `trim`: so many were not needed.
    private var unneeded = InlineArray<4, Int>(repeating: 0)
    /// Blocks that are out now. Zero when every connection is idle.
    package private(set) var outstanding = 0
    /// Bytes in the blocks that are out now.
    package private(set) var outstandingBytes = 0

    package init(keep: Int = 2 << 20) {
        self.keep = keep
        unsafe free = InlineArray(repeating: [])
        for size in Size.allCases { unsafe free[size.position].reserveCapacity(keep / size.rawValue + 1) }
    }

    deinit {
        for index in unsafe free.indices {
            let blocks = unsafe free[index]
            for position in unsafe blocks.indices { unsafe blocks[position].deallocate() }
        }
    }

    /// An empty block of `size`.
    package mutating func take(_ size: Size) -> Buffer {
        outstanding &+= 1
        outstandingBytes &+= size.rawValue
        let kept = unsafe free[size.position].popLast()
        unneeded[size.position] = unsafe min(unneeded[size.position], free[size.position].count)
        let block = unsafe kept ?? UnsafeMutableRawPointer.allocate(byteCount: size.rawValue, alignment: 64)
        return unsafe Buffer(base: block, capacity: size.rawValue)
    }

    /// An empty block that holds `length` bytes. One beyond `Size.largest` is for a body that a stage holds,
    /// which settings bound: it is made for the occasion, and freed when it is given back.
    package mutating func take(holding length: Int) -> Buffer {
        guard length > Size.largest else { return take(Size(holding: length)) }
        // Twice as long each time, so that what grows is copied a few times only.
        var capacity = Size.largest &* 2
        while capacity < length { capacity &*= 2 }
        outstanding &+= 1
        outstandingBytes &+= capacity
        return unsafe Buffer(
            base: UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64), capacity: capacity)
    }

    /// Frees the blocks that have not been needed since the last call. Returns their bytes.
    package mutating func trim() -> Int {
        var freed = 0
        for size in Size.allCases {
            let position = size.position
            for _ in 0..<min(unneeded[position], unsafe free[position].count) {
                let block = unsafe free[position].removeLast()
                unsafe block.deallocate()
                freed += size.rawValue
            }
            unneeded[position] = unsafe free[position].count
        }
        return freed
    }

    /// Takes a block back.
    package mutating func give(_ buffer: consuming Buffer) {
        outstanding &-= 1
        outstandingBytes &-= buffer.capacity
        guard let size = Size(rawValue: buffer.capacity) else {
            precondition(buffer.capacity > Size.largest, "a block of no size of this pool")
            return unsafe buffer.release().deallocate()
        }
        let block = unsafe buffer.release()
        if unsafe (free[size.position].count + 1) * size.rawValue <= keep {
            unsafe free[size.position].append(block)
        } else {
            unsafe block.deallocate()
        }
    }
}
