/// Names one occupant of a `SlotTable`: its slot and how often the slot had been filled before.
///
/// A late event for an occupant that is gone carries an old generation and finds nothing.
@usableFromInline
package struct SlotID: Hashable, Sendable {
    @usableFromInline package let index: UInt32
    /// Wraps at 2^24, so that an identity fits beside a kind into the 64 bits that epoll carries.
    @usableFromInline package let generation: UInt32

    @inlinable
    package init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation & SlotID.generationMask
    }

    @inlinable package static var generationMask: UInt32 { 0x00FF_FFFF }

    /// Both in one word: the generation in bits 32 to 55, the index below.
    @inlinable
    package var word: UInt64 { UInt64(generation) &<< 32 | UInt64(index) }

    @inlinable
    package init(word: UInt64) {
        self.init(
            index: UInt32(truncatingIfNeeded: word), generation: UInt32(truncatingIfNeeded: word &>> 32))
    }
}
