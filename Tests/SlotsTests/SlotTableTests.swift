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

    @Test func `an identity survives its trip through a word`() {
        let id = SlotID(index: .max, generation: 0xFF_FFFF)
        #expect(SlotID(word: id.word) == id)
        #expect(id.word >> 56 == 0)
    }
}
