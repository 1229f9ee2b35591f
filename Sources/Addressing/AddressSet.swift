/// Many blocks of addresses, looked up by halving: 17 steps among 100,000. Overlapping and adjoining blocks
/// are one. Immutable, and shared by all threads.
///
/// 8 bytes for a block of IPv4, 32 for one of IPv6.
// SAFETY: the memory is written once in `init`, only read afterwards, and freed when the last reference is
// gone. A `Table` points into it; whoever keeps one keeps the set as well.
@safe
package final class AddressSet: @unchecked Sendable {
    private let narrow: UnsafeMutableBufferPointer<UInt32>
    private let wide: UnsafeMutableBufferPointer<UInt128>
    package let table: Table
    /// Blocks left after merging.
    package let count: Int

    package init(_ ranges: some Sequence<AddressRange>) {
        var (narrow, wide): ([Block<UInt32>], [Block<UInt128>]) = ([], [])
        for range in ranges {
            if range.base.isIPv4 {
                let first = UInt32(truncatingIfNeeded: range.base.bits)
                let rest = range.length == 0 ? UInt32.max : ~(UInt32.max << UInt32(32 - range.length))
                narrow.append(Block(first: first, last: first | rest))
            } else {
                let rest = range.length == 0 ? UInt128.max : ~(UInt128.max << UInt128(128 - range.length))
                wide.append(Block(first: range.base.bits, last: range.base.bits | rest))
            }
        }
        let (narrowBlocks, wideBlocks) = (Block.merged(narrow), Block.merged(wide))
        count = narrowBlocks.count + wideBlocks.count
        unsafe self.narrow = AddressSet.pinned(narrowBlocks)
        unsafe self.wide = AddressSet.pinned(wideBlocks)
        table = unsafe Table(
            narrow: Side(UnsafeBufferPointer(self.narrow), blocks: narrowBlocks.count),
            wide: Side(UnsafeBufferPointer(self.wide), blocks: wideBlocks.count))
    }

    deinit {
        unsafe narrow.deallocate()
        unsafe wide.deallocate()
    }

    package func contains(_ address: IPAddress) -> Bool { table.contains(address) }

    /// First addresses of all blocks, behind them the last ones.
    private static func pinned<Number: FixedWidthInteger>(
        _ blocks: [Block<Number>]
    ) -> UnsafeMutableBufferPointer<Number> {
        let memory = UnsafeMutableBufferPointer<Number>.allocate(capacity: max(1, blocks.count * 2))
        unsafe memory.initialize(repeating: 0)
        for (index, block) in blocks.enumerated() {
            unsafe memory[index] = block.first
            unsafe memory[blocks.count + index] = block.last
        }
        return unsafe memory
    }

    private struct Block<Number: FixedWidthInteger> {
        var first: Number
        var last: Number

        static func merged(_ blocks: [Block]) -> [Block] {
            var result: [Block] = []
            for block in blocks.sorted(by: { $0.first < $1.first }) {
                guard let last = result.last, last.last == .max || block.first <= last.last + 1 else {
                    result.append(block)
                    continue
                }
                result[result.count - 1].last = max(last.last, block.last)
            }
            return result
        }
    }
}

extension AddressSet {
    /// What a look-up reads: two pointers, no reference. A thread that keeps it beside a reference of its own
    /// counts none at a look-up, where counting would make the threads wait for each other.
    @safe
    package struct Table: @unchecked Sendable {
        fileprivate let narrow: Side<UInt32>
        fileprivate let wide: Side<UInt128>

        /// An IPv4 address is looked for among blocks of IPv4 alone, as `AddressRange.contains` does.
        package func contains(_ address: IPAddress) -> Bool {
            address.isIPv4
                ? narrow.contains(UInt32(truncatingIfNeeded: address.bits)) : wide.contains(address.bits)
        }
    }

    @safe
    fileprivate struct Side<Number: FixedWidthInteger> {
        private let numbers: UnsafeBufferPointer<Number>
        private let count: Int

        init(_ numbers: UnsafeBufferPointer<Number>, blocks: Int) {
            unsafe self.numbers = numbers
            count = blocks
        }

        func contains(_ number: Number) -> Bool {
            guard count > 0 else { return false }
            var low = 0
            var length = count
            // Ends at the last block that begins at or before the number, or at the first.
            while length > 1 {
                let half = length >> 1
                if unsafe numbers[low &+ half] <= number { low &+= half }
                length &-= half
            }
            return unsafe numbers[low] <= number && number <= numbers[count &+ low]
        }
    }
}

extension AddressSet: Equatable {
    package static func == (left: AddressSet, right: AddressSet) -> Bool {
        guard left !== right else { return true }
        return unsafe left.narrow.elementsEqual(right.narrow) && left.wide.elementsEqual(right.wide)
    }
}
