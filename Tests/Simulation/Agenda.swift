/// What will happen, in the order of virtual time: a binary heap. Events of one instant happen in the order
/// in which they were noted.
struct Agenda {
    enum Event {
        /// The gateway's loop takes a turn.
        case turn
        /// The gateway looks after what has been idle too long.
        case housekeeping
        /// A client connects.
        case arrival(Int)
        /// A client may do something.
        case client(Int)
        /// An origin's connection may do something.
        case origin(Int)
        /// A connect comes to its end.
        case connected(Int32)
        /// The control thread tells the gateway something.
        case control
    }

    private struct Entry {
        let time: Int64
        let order: Int
        let event: Event
    }

    private var heap: [Entry] = []
    private var noted = 0

    var nextTime: Int64? { heap.first?.time }

    mutating func add(_ event: Event, at time: Int64) {
        noted += 1
        heap.append(Entry(time: time, order: noted, event: event))
        var child = heap.count - 1
        while child > 0, comesFirst(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> (time: Int64, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.time, first.event)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var first = parent
            for child in [parent * 2 + 1, parent * 2 + 2] where child < heap.count && comesFirst(child, first)
            {
                first = child
            }
            guard first != parent else { return }
            heap.swapAt(first, parent)
            parent = first
        }
    }

    private func comesFirst(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].order) < (heap[right].time, heap[right].order)
    }
}
