import Bytes
import CHiredis

/// Bounds on what a server may answer: beyond them it is no Redis, or none that is meant well.
package struct ReplyLimits: Sendable {
    /// Bytes of one reply.
    package var bytes: Int
    /// Values of one reply, those inside of others counted each.
    package var values: Int

    package init(bytes: Int = 1 << 20, values: Int = 65_536) {
        self.bytes = bytes
        self.values = values
    }
}

/// What came is not Redis' protocol, or beyond the limits. The connection is of no more use.
package struct ReplyError: Error, Equatable, Sendable {
    package let words: String
}

/// Puts replies together out of bytes as they come: hiredis' reader, writing into memory that is used again,
/// so that a reply allocates nothing in the steady state. Arrays nest seven deep at most (hiredis).
// SAFETY: `reader` is hiredis' own object, freed in `deinit`; `functions` outlives it. hiredis hands the
// addresses back that the callbacks gave it and never looks at what they point to: they are numbers of
// values, one more than their index, so that none is nil. `storage` is retained by this value, and its
// address, which the callbacks get back, is used only inside of calls of this value. hiredis copies what it
// is fed.
@safe
package struct ReplyReader: ~Copyable {
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let storage: ReplyStorage
    private let limits: ReplyLimits
    /// The last reply was given out: its memory is for the next one.
    private var isGivenOut = false
    private var failure: ReplyError?

    package init(_ limits: ReplyLimits = ReplyLimits()) {
        self.limits = limits
        storage = ReplyStorage(limits)
        unsafe functions = .allocate(capacity: 1)
        unsafe functions.initialize(to: makeReplyFunctions())
        guard let made = unsafe redisReaderCreateWithFunctions(functions) else {
            preconditionFailure("no memory to read Redis' replies")
        }
        unsafe reader = made
        unsafe reader.pointee.privdata = Unmanaged.passUnretained(storage).toOpaque()
    }

    deinit {
        unsafe redisReaderFree(reader)
        unsafe functions.deallocate()
    }

    /// Takes bytes in; `next` gives the replies that they complete.
    package mutating func feed(_ bytes: ByteView) throws(ReplyError) {
        if let failure { throw failure }
        guard !bytes.isEmpty else { return }
        let start = unsafe bytes.start.assumingMemoryBound(to: CChar.self)
        guard unsafe redisReaderFeed(reader, start, bytes.count) == 0 else { throw fail() }
    }

    /// The next whole reply; nil where more bytes are needed. Valid until the next call.
    package mutating func next() throws(ReplyError) -> Reply? {
        if let failure { throw failure }
        if isGivenOut {
            storage.clear()
            isGivenOut = false
        }
        var object: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &object) == 0 else { throw fail() }
        guard unsafe object != nil else {
            // What stands in hiredis' buffer belongs to one value: longer than a whole reply may be, it will
            // never be taken.
            let kept = unsafe reader.pointee.len - reader.pointee.pos
            guard kept + storage.count <= limits.bytes else {
                throw fail("a reply of more than \(limits.bytes) bytes")
            }
            return nil
        }
        isGivenOut = true
        return Reply(storage: storage, index: 0)
    }

    private mutating func fail(_ words: String? = nil) -> ReplyError {
        let failure = ReplyError(words: words ?? storage.excess ?? "no reply of Redis")
        self.failure = failure
        return failure
    }
}

/// One reply, or a value inside of one. Looks into its reader's memory: valid until the reader's next reply.
package struct Reply {
    package enum Kind: Sendable { case string, status, error, integer, null, array }

    private let storage: ReplyStorage
    private let index: Int

    fileprivate init(storage: ReplyStorage, index: Int) {
        self.storage = storage
        self.index = index
    }

    package var kind: Kind { storage.values[index].kind }

    /// Of a string, a status or an error; empty otherwise.
    package var bytes: ByteView { storage.bytes(of: index) }

    /// Of an integer, and of a string that is one; nil otherwise.
    package var integer: Int? {
        switch kind {
        case .integer: storage.values[index].number
        case .string, .status: bytes.decimal()
        case .error, .null, .array: nil
        }
    }

    /// Of an array: the values in it; 0 otherwise.
    package var count: Int { kind == .array ? storage.values[index].number : 0 }

    /// A value of an array. Counting through arrays that hold arrays is O(values).
    package subscript(position: Int) -> Reply {
        precondition(position >= 0 && position < count, "no such value in the reply")
        return Reply(storage: storage, index: storage.child(position, of: index))
    }

    /// The values of an array in their order: one walk, however deep they nest.
    package func forEach<Failure: Error>(_ body: (Reply) throws(Failure) -> Void) throws(Failure) {
        var child = index + 1
        for _ in 0..<count {
            try body(Reply(storage: storage, index: child))
            child = storage.behind(child)
        }
    }

    package func isStatus(_ word: StaticString) -> Bool { kind == .status && bytes.equals(word) }
}

/// The values of one reply in the order in which they came, and their bytes.
private final class ReplyStorage {
    struct Value {
        var kind: Reply.Kind
        /// An integer; of an array, the values in it.
        var number = 0
        /// Of a text: where it stands.
        var start = 0
        var end = 0
        /// Of an array: whether it holds no arrays, so that places of its values are known.
        var isFlat = true
    }

    let limits: ReplyLimits
    var values: [Value] = []
    private var text: Scratch
    private var capacity = 4096
    /// Bytes of texts so far.
    private(set) var count = 0
    /// Values that the arrays so far have announced. Who announces too many is not waited for.
    private var announced = 1
    /// Set where the reply is larger than it may be.
    private(set) var excess: String?

    init(_ limits: ReplyLimits) {
        self.limits = limits
        text = Scratch(size: 4096)
        values.reserveCapacity(64)
    }

    func clear() {
        values.removeAll(keepingCapacity: true)
        count = 0
        announced = 1
        // A reply far larger than others are is not kept in mind for ever.
        guard capacity > 65_536 else { return }
        text = Scratch(size: 4096)
        capacity = 4096
    }

    /// Notes a value. Its number, one more than its index; 0 where there are too many.
    func add(_ value: Value, inside parent: Int?) -> Int {
        if value.kind == .array { announced += value.number }
        guard announced <= limits.values else {
            excess = "a reply of more than \(limits.values) values"
            return 0
        }
        if value.kind == .array, let parent { values[parent].isFlat = false }
        values.append(value)
        return values.count
    }

    func add(_ bytes: ByteView, _ kind: Reply.Kind) -> Int {
        guard bytes.count <= limits.bytes - count else {
            excess = "a reply of more than \(limits.bytes) bytes"
            return 0
        }
        if count + bytes.count > capacity { grow(to: count + bytes.count) }
        text.view.write(bytes, at: count)
        let value = Value(kind: kind, start: count, end: count + bytes.count)
        count += bytes.count
        return add(value, inside: nil)
    }

    private func grow(to needed: Int) {
        while capacity < needed { capacity *= 2 }
        let larger = Scratch(size: capacity)
        larger.view.write(text.view.view.prefix(count), at: 0)
        text = larger
    }

    func bytes(of index: Int) -> ByteView { text.view.view.slice(values[index].start, values[index].end) }

    func child(_ position: Int, of index: Int) -> Int {
        guard !values[index].isFlat else { return index + 1 + position }
        var child = index + 1
        for _ in 0..<position { child = behind(child) }
        return child
    }

    /// The value behind this one and all inside of it.
    func behind(_ index: Int) -> Int {
        var next = index
        var open = 1
        while open > 0 {
            open += (values[next].kind == .array ? values[next].number : 0) - 1
            next += 1
        }
        return next
    }
}

@unsafe
private func makeReplyFunctions() -> redisReplyObjectFunctions {
    unsafe redisReplyObjectFunctions(
        createString: { task, bytes, length in
            guard let storage = unsafe storage(of: task), let bytes = unsafe bytes, let task = unsafe task
            else { return nil }
            let view = unsafe ByteView(start: UnsafeRawPointer(bytes), count: length)
            let kind: Reply.Kind =
                switch unsafe task.pointee.type {
                case REDIS_REPLY_ERROR: .error
                case REDIS_REPLY_STATUS: .status
                default: .string
                }
            return unsafe UnsafeMutableRawPointer(bitPattern: storage.add(view, kind))
        },
        createArray: { task, count in
            guard let storage = unsafe storage(of: task) else { return nil }
            let parent = unsafe task?.pointee.parent?.pointee.obj.map { Int(bitPattern: $0) - 1 }
            let value = ReplyStorage.Value(kind: .array, number: Int(count))
            return unsafe UnsafeMutableRawPointer(bitPattern: storage.add(value, inside: parent))
        },
        createInteger: { task, number in
            guard let storage = unsafe storage(of: task) else { return nil }
            let value = ReplyStorage.Value(kind: .integer, number: Int(number))
            return unsafe UnsafeMutableRawPointer(bitPattern: storage.add(value, inside: nil))
        },
        createNil: { task in
            guard let storage = unsafe storage(of: task) else { return nil }
            return unsafe UnsafeMutableRawPointer(
                bitPattern: storage.add(ReplyStorage.Value(kind: .null), inside: nil))
        },
        freeObject: { _ in })
}

@unsafe
private func storage(of task: UnsafePointer<redisReadTask>?) -> ReplyStorage? {
    unsafe task?.pointee.privdata.map { unsafe Unmanaged<ReplyStorage>.fromOpaque($0).takeUnretainedValue() }
}
