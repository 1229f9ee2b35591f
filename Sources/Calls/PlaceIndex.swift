/// Finds entries of a list by a hash that is keyed anew for each process (open addressing). Never grows, and
/// is emptied at once.
struct PlaceIndex {
    /// Generation and entry, in half a word each. What is of another generation is empty.
    private var slots: [UInt32]
    private var generation: UInt32 = 1

    /// `capacity`: entries at most, up to 65,536. Half of the slots stay empty, so that every walk ends soon.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity <= 1 << 16, "an index of so many entries")
        var count = 2
        while count < 2 &* capacity { count &*= 2 }
        slots = [UInt32](repeating: 0, count: count)
    }

    mutating func removeAll() {
        generation &+= 1
        guard generation > 0xFFFF else { return }
        for index in slots.indices { slots[index] = 0 }
        generation = 1
    }

    /// Where the walk for a hash begins.
    func start(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (slots.count &- 1) }

    /// The entry at a place of the walk; nil at the empty one that ends it.
    func entry(at place: Int) -> Int? {
        let slot = slots[place]
        return slot &>> 16 == generation ? Int(slot & 0xFFFF) : nil
    }

    func next(_ place: Int) -> Int { (place &+ 1) & (slots.count &- 1) }

    /// Puts an entry at the place where its walk has ended.
    mutating func put(_ entry: Int, at place: Int) {
        slots[place] = generation &<< 16 | UInt32(truncatingIfNeeded: entry)
    }
}
