/// A growing table of elements that are named by slot and generation; removed slots are used again.
///
/// Elements may be non-copyable: what they own is given back exactly once. Access to a removed element is a
/// programming error and stops the process; `contains` tells for identities that came from outside the turn.
// SAFETY: `elements` and `marks` are `capacity` cells each, owned by the table. An element is initialised
// exactly while its mark says so, which every access checks together with the generation.
@safe
@usableFromInline
package struct SlotTable<Element: ~Copyable>: ~Copyable {
    /// A slot's generation, and whether it is filled.
    @usableFromInline
    struct Mark {
        @usableFromInline var generation: UInt32
        @usableFromInline var isFilled = false

        @inlinable
        init(generation: UInt32) { self.generation = generation }
    }

    @usableFromInline var elements: UnsafeMutablePointer<Element>
    @usableFromInline var marks: UnsafeMutablePointer<Mark>
    /// Slots there are.
    @usableFromInline package internal(set) var capacity: Int
    @usableFromInline var free: [UInt32] = []
    /// Elements in the table.
    @usableFromInline package internal(set) var count = 0
    /// The most elements at once since the table was made or last shrunk.
    @usableFromInline package internal(set) var peak = 0
    /// Generation that new slots begin with: above those of slots that were let go, whose identities somebody
    /// may still hold.
    @usableFromInline var newGeneration: UInt32 = 0

    @inlinable
    package init(minimumCapacity: Int = 16) {
        capacity = max(1, minimumCapacity)
        unsafe elements = .allocate(capacity: capacity)
        unsafe marks = .allocate(capacity: capacity)
        unsafe marks.initialize(repeating: Mark(generation: 0), count: capacity)
        free = (0..<UInt32(capacity)).reversed()
    }

    @inlinable
    deinit {
        for index in 0..<capacity where unsafe marks[index].isFilled {
            unsafe (elements + index).deinitialize(count: 1)
        }
        unsafe elements.deallocate()
        unsafe marks.deallocate()
    }

    @inlinable
    package mutating func insert(_ element: consuming Element) -> SlotID {
        if free.isEmpty { grow() }
        guard let slot = free.popLast() else { preconditionFailure("a table that has grown has room") }
        let index = Int(slot)
        unsafe (elements + index).initialize(to: element)
        unsafe marks[index].isFilled = true
        count &+= 1
        if count > peak { peak = count }
        return SlotID(index: slot, generation: unsafe marks[index].generation)
    }

    @inlinable
    package mutating func remove(_ id: SlotID) -> Element {
        let index = checked(id)
        unsafe marks[index].isFilled = false
        unsafe marks[index].generation = (marks[index].generation &+ 1) & SlotID.generationMask
        free.append(id.index)
        count &-= 1
        return unsafe (elements + index).move()
    }

    /// Whether `id` still names an element.
    @inlinable
    package func contains(_ id: SlotID) -> Bool {
        let index = Int(id.index)
        guard index < capacity else { return false }
        return unsafe marks[index].isFilled && marks[index].generation == id.generation
    }

    @inlinable
    package subscript(id: SlotID) -> Element {
        @inlinable _read {
            let index = checked(id)
            yield unsafe elements[index]
        }
        @inlinable _modify {
            let index = checked(id)
            yield unsafe &elements[index]
        }
    }

    @inlinable
    func checked(_ id: SlotID) -> Int {
        precondition(contains(id), "no element has this identity any more")
        return Int(id.index)
    }

    /// Identities of all elements, in the order of their slots. Allocates: for drains and reports.
    @inlinable
    package var identities: [SlotID] {
        (0..<capacity).compactMap { index in
            guard unsafe marks[index].isFilled else { return nil }
            return SlotID(index: UInt32(index), generation: unsafe marks[index].generation)
        }
    }

    /// Lets go of memory that has not been needed since the last call: the table comes down to twice its
    /// `peak`, as far as the slots in use allow. Says whether it did. O(capacity): not for every request.
    package mutating func shrink(minimumCapacity: Int) -> Bool {
        let needed = max(peak * 2, minimumCapacity)
        peak = count
        let used = (0..<capacity).last { unsafe marks[$0].isFilled }.map { $0 + 1 } ?? 0
        var smaller = capacity
        while smaller / 2 >= max(needed, used, 1) { smaller /= 2 }
        guard smaller < capacity else { return false }
        let dropped = (smaller..<capacity).map { unsafe marks[$0].generation }.max() ?? 0
        newGeneration = max(newGeneration, dropped &+ 1) & SlotID.generationMask
        move(toCapacity: smaller)
        return true
    }

    /// Moves what the first `smaller` slots hold into memory of just that size.
    private mutating func move(toCapacity smaller: Int) {
        let movedElements = UnsafeMutablePointer<Element>.allocate(capacity: smaller)
        let movedMarks = UnsafeMutablePointer<Mark>.allocate(capacity: smaller)
        unsafe movedMarks.moveInitialize(from: marks, count: smaller)
        free = []
        for index in (0..<smaller).reversed() {
            if unsafe movedMarks[index].isFilled {
                unsafe (movedElements + index).moveInitialize(from: elements + index, count: 1)
            } else {
                free.append(UInt32(index))
            }
        }
        unsafe elements.deallocate()
        unsafe marks.deallocate()
        unsafe elements = movedElements
        unsafe marks = movedMarks
        capacity = smaller
    }

    @inlinable
    mutating func grow() {
        let larger = capacity * 2
        let movedElements = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        let movedMarks = UnsafeMutablePointer<Mark>.allocate(capacity: larger)
        // The table grows only when it is full: every element is there to be moved.
        unsafe movedElements.moveInitialize(from: elements, count: capacity)
        unsafe movedMarks.moveInitialize(from: marks, count: capacity)
        unsafe (movedMarks + capacity).initialize(
            repeating: Mark(generation: newGeneration), count: larger - capacity)
        unsafe elements.deallocate()
        unsafe marks.deallocate()
        unsafe elements = movedElements
        unsafe marks = movedMarks
        free.append(contentsOf: (UInt32(capacity)..<UInt32(larger)).reversed())
        capacity = larger
    }
}
