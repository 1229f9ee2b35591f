import Bytes

/// Commands in the order of their replies, as bytes: those that are not sent yet, and those that are and may
/// have to be sent again. One block of memory, so that what a turn has queued leaves in one write.
struct CommandQueue: ~Copyable {
    private var memory: Scratch
    private var capacity: Int
    private let limit: Int
    /// The oldest command without reply; what is not sent; the end of it all.
    private var start = 0
    private var unsent = 0
    private var end = 0

    private static let smallest = 4096

    /// - Parameter limit: Bytes that it holds at most.
    init(limit: Int) {
        precondition(limit >= Self.smallest)
        self.limit = limit
        capacity = Self.smallest
        memory = Scratch(size: Self.smallest)
    }

    var count: Int { end - start }

    /// What is to be sent. Valid until the queue changes.
    var outgoing: ByteView { memory.view.view.slice(unsent, end) }

    mutating func sent(_ length: Int) {
        precondition(length >= 0 && unsent + length <= end)
        unsent += length
    }

    /// Adds what `write` writes: whole commands. Nil, and nothing is added, where there is no room for them.
    /// `write` is called again where the block was too small.
    mutating func append(_ write: (inout CommandWriter) -> Void) -> Int? {
        while true {
            var writer = CommandWriter(memory.view.slice(end, capacity))
            write(&writer)
            guard writer.overflowed else {
                precondition(
                    writer.isWhole && writer.commands == 1, "exactly one command, with all its words")
                let length = writer.view.count
                end += length
                return length
            }
            guard makeRoom() else { return nil }
        }
    }

    /// The oldest command. Valid until the queue changes.
    func first(_ length: Int) -> ByteView { memory.view.view.slice(start, start + length) }

    /// Adds the oldest command once more, at the end.
    mutating func repeatFirst(_ length: Int) -> Bool {
        precondition(length <= count)
        while capacity - end < length {
            guard makeRoom() else { return false }
        }
        memory.view.write(memory.view.view.slice(start, start + length), at: end)
        end += length
        return true
    }

    /// The oldest command has its reply, or will never have one.
    mutating func dropFirst(_ length: Int) {
        precondition(length <= count)
        start += length
        unsent = max(unsent, start)
        guard start == end else { return }
        removeAll()
    }

    mutating func removeAll() {
        start = 0
        unsent = 0
        end = 0
        // What a crowd has needed is not kept for ever.
        guard capacity > 1 << 18 else { return }
        capacity = Self.smallest
        memory = Scratch(size: capacity)
    }

    /// Moves what there is to the front, or into a larger block.
    private mutating func makeRoom() -> Bool {
        if start > capacity / 2 {
            memory.view.move(from: start, to: 0, count: count)
        } else {
            guard capacity < limit else { return false }
            let larger = Scratch(size: min(capacity * 2, limit))
            larger.view.write(memory.view.view.slice(start, end), at: 0)
            capacity = min(capacity * 2, limit)
            memory = larger
        }
        end -= start
        unsent -= start
        start = 0
        return true
    }
}
