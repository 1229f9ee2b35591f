/// A growing table of elements that are named by slot and generation; removed slots are used again.
///
/// Elements may be non-copyable: what they own is given back exactly once. Access to a removed element is a programming
/// error and stops the process; `contains` tells for identities that came from outside the turn.
// SAFETY: `slots` is `capacity` cells owned by the table; a cell's element is initialised exactly while `occupied` is true,
// which every access checks together with the generation.
@safe
@usableFromInline
package struct SlotTable<Element: ~Copyable>: ~Copyable {
    @usableFromInline
    struct Cell: ~Copyable {
        @usableFromInline var generation: UInt32 = 0
        @usableFromInline var element: Element?

        @inlinable init() { element = nil }
    }

    @usableFromInline var slots: UnsafeMutablePointer<Cell>
    @usableFromInline var capacity: Int
    @usableFromInline var free: [UInt32] = []
    /// Elements in the table.
    @usableFromInline package internal(set) var count = 0

    @inlinable
    package init(minimumCapacity: Int = 16) {
        capacity = max(1, minimumCapacity)
        unsafe slots = .allocate(capacity: capacity)
        for index in 0..<capacity { unsafe (slots + index).initialize(to: Cell()) }
        free = (0..<UInt32(capacity)).reversed()
    }

    @inlinable
    deinit {
        unsafe slots.deinitialize(count: capacity)
        unsafe slots.deallocate()
    }

    @inlinable
    package mutating func insert(_ element: consuming Element) -> SlotID {
        if free.isEmpty { grow() }
        guard let index = free.popLast() else { preconditionFailure("a table that has grown has room") }
        unsafe slots[Int(index)].element = consume element
        count &+= 1
        return SlotID(index: index, generation: unsafe slots[Int(index)].generation)
    }

    @inlinable
    package mutating func remove(_ id: SlotID) -> Element {
        let index = checked(id)
        guard let element = unsafe slots[index].element.take() else { preconditionFailure("slot \(index) is empty") }
        unsafe slots[index].generation = (slots[index].generation &+ 1) & SlotID.generationMask
        free.append(id.index)
        count &-= 1
        return element
    }

    /// Whether `id` still names an element.
    @inlinable
    package func contains(_ id: SlotID) -> Bool {
        let index = Int(id.index)
        guard index < capacity, unsafe slots[index].generation == id.generation else { return false }
        return unsafe slots[index].element != nil
    }

    @inlinable
    package subscript(id: SlotID) -> Element {
        @inlinable _read {
            let index = checked(id)
            yield unsafe slots[index].element!
        }
        @inlinable _modify {
            let index = checked(id)
            yield unsafe &slots[index].element!
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
            guard unsafe slots[index].element != nil else { return nil }
            return SlotID(index: UInt32(index), generation: unsafe slots[index].generation)
        }
    }

    @inlinable
    mutating func grow() {
        let larger = capacity * 2
        let moved = UnsafeMutablePointer<Cell>.allocate(capacity: larger)
        unsafe moved.moveInitialize(from: slots, count: capacity)
        for index in capacity..<larger { unsafe (moved + index).initialize(to: Cell()) }
        unsafe slots.deallocate()
        unsafe slots = moved
        free.append(contentsOf: (UInt32(capacity)..<UInt32(larger)).reversed())
        capacity = larger
    }
}
