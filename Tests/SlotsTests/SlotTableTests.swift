import Slots
import Testing

private struct Owned: ~Copyable {
    let value: Int
}

@Suite struct SlotTableTests {
    @Test func `a removed element's identity finds nothing, even when its slot is filled again`() {
        var table = SlotTable<Owned>(minimumCapacity: 1)
        let first = table.insert(Owned(value: 1))
        let firstValue = table[first].value
        #expect(firstValue == 1)
        _ = table.remove(first)
        let found = table.contains(first)
        #expect(!found)
        let second = table.insert(Owned(value: 2))
        #expect(second.index == first.index)
        #expect(second != first)
        let stillFound = table.contains(first)
        #expect(!stillFound)
        let secondValue = table[second].value
        #expect(secondValue == 2)
    }

    @Test func `a table grows and keeps what it holds`() {
        var table = SlotTable<Owned>(minimumCapacity: 2)
        let identities = (0..<100).map { table.insert(Owned(value: $0)) }
        let count = table.count
        #expect(count == 100)
        for (value, id) in identities.enumerated() {
            let found = table[id].value
            #expect(found == value)
        }
        let listed = table.identities
        #expect(listed == identities)
    }

    @Test func `a table that was large lets go of its memory and of no element`() {
        var table = SlotTable<Owned>(minimumCapacity: 4)
        let identities = (0..<1000).map { table.insert(Owned(value: $0)) }
        for id in identities.dropFirst(3) { _ = table.remove(id) }
        // The burst counts once more: it may have been a moment ago.
        let atOnce = table.shrink(minimumCapacity: 4)
        let later = table.shrink(minimumCapacity: 4)
        #expect(!atOnce)
        #expect(later)
        let (capacity, count) = (table.capacity, table.count)
        #expect(capacity < 16)
        #expect(count == 3)
        for (value, id) in identities.prefix(3).enumerated() {
            let found = table[id].value
            #expect(found == value)
        }
    }

    @Test func `an identity of a slot that was let go names no later element`() {
        var table = SlotTable<Owned>(minimumCapacity: 4)
        let before = (0..<500).map { table.insert(Owned(value: $0)) }
        for id in before { _ = table.remove(id) }
        _ = table.shrink(minimumCapacity: 4)
        _ = table.shrink(minimumCapacity: 4)
        let after = (0..<500).map { table.insert(Owned(value: $0)) }
        for id in before {
            let isThere = table.contains(id)
            #expect(!isThere)
        }
        for (value, id) in after.enumerated() {
            let found = table[id].value
            #expect(found == value)
        }
    }

    @Test func `slots in use keep a table from shrinking below them`() {
        var table = SlotTable<Owned>(minimumCapacity: 4)
        let identities = (0..<1000).map { table.insert(Owned(value: $0)) }
        for id in identities.dropLast() { _ = table.remove(id) }
        _ = table.shrink(minimumCapacity: 4)
        let hasShrunk = table.shrink(minimumCapacity: 4)
        #expect(!hasShrunk)
        let last = table[identities[999]].value
        #expect(last == 999)
    }

    @Test func `an identity survives its trip through a word`() {
        let id = SlotID(index: .max, generation: 0xFF_FFFF)
        #expect(SlotID(word: id.word) == id)
        #expect(id.word >> 56 == 0)
    }
}
