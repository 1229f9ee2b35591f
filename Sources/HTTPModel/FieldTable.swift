import Bytes

/// One field line of a head: where its name and its value stand, as offsets into the head's bytes.
@usableFromInline
package struct Field: Sendable {
    @usableFromInline package var name: FieldName
    @usableFromInline package var nameLength: UInt8
    /// Offset of the name, which is the start of the line.
    @usableFromInline package var lineStart: UInt16
    /// Offset of the value, white space around it left out.
    @usableFromInline package var valueStart: UInt16
    @usableFromInline package var valueLength: UInt16

    /// A line whose offsets and lengths the caller keeps within 65,535, the name's within 255.
    @inlinable
    package init(name: FieldName, nameLength: Int, lineStart: Int, valueStart: Int, valueLength: Int) {
        self.name = name
        self.nameLength = UInt8(nameLength)
        self.lineStart = UInt16(lineStart)
        self.valueStart = UInt16(valueStart)
        self.valueLength = UInt16(valueLength)
    }

    @inlinable
    package static var unused: Field { Field() }

    @usableFromInline
    init() {
        name = .other
        nameLength = 0
        lineStart = 0
        valueStart = 0
        valueLength = 0
    }
}

/// The field lines of a head in their order: up to `capacity` lines.
///
/// The lines stand in memory of their own, so that heads move as a few words; a table that is needed again
/// and again comes out of a `FieldTablePool`.
// SAFETY: `lines` is `capacity` initialised fields that this value alone owns; every index is checked against
// `count`, which never exceeds `capacity`.
@safe
@usableFromInline
package struct FieldTable: ~Copyable {
    /// Lines a head may have. One more is refused with 431.
    @usableFromInline package static let capacity = 100

    @usableFromInline let lines: UnsafeMutablePointer<Field>
    @usableFromInline package internal(set) var count = 0
    /// One bit for every known name that occurs.
    @usableFromInline var present: UInt64 = 0

    @usableFromInline
    package init() {
        unsafe lines = .allocate(capacity: FieldTable.capacity)
        unsafe lines.initialize(repeating: .unused, count: FieldTable.capacity)
    }

    /// A table in memory that the pool has kept.
    fileprivate init(lines: UnsafeMutablePointer<Field>) { unsafe self.lines = lines }

    deinit { unsafe lines.deallocate() }

    /// The memory without the duty to free it; only for the pool.
    fileprivate consuming func release() -> UnsafeMutablePointer<Field> {
        let memory = unsafe lines
        discard self
        return unsafe memory
    }

    @inlinable
    package mutating func removeAll() {
        count = 0
        present = 0
    }

    /// Adds a line. False where the table is full.
    @inlinable
    package mutating func append(_ field: Field) -> Bool {
        guard count < FieldTable.capacity else { return false }
        unsafe lines[count] = field
        count &+= 1
        present |= field.name.bit
        return true
    }

    @inlinable
    package subscript(index: Int) -> Field {
        @inline(__always)
        get {
            precondition(index >= 0 && index < count, "no such field line")
            return unsafe lines[index]
        }
    }

    /// Whether a known name occurs at all.
    @inlinable @inline(__always)
    package func contains(_ name: FieldName) -> Bool { present & name.bit != 0 }

    /// Whether any name of `set` occurs.
    @inlinable @inline(__always)
    package func containsAny(of set: FieldNameSet) -> Bool { present & set.bits != 0 }

    /// Index of the first line with a known name at or after `from`, or nil.
    @inlinable @inline(__always)
    package func firstIndex(of name: FieldName, from: Int = 0) -> Int? {
        guard contains(name) else { return nil }
        var index = from
        while index < count {
            if unsafe lines[index].name == name { return index }
            index &+= 1
        }
        return nil
    }
}

/// Tables kept for reuse by one worker: in the steady state taking and giving allocates nothing.
// SAFETY: memory in `free` is owned by the pool alone; ownership moves out in `take` and back in `give`.
@safe
package struct FieldTablePool: ~Copyable {
    /// Tables that are kept; what is given back beyond that is freed.
    private static let keep = 1024

    private var free: [UnsafeMutablePointer<Field>]

    package init() { unsafe free = [] }

    deinit {
        for index in unsafe free.indices { unsafe free[index].deallocate() }
    }

    /// An empty table.
    package mutating func take() -> FieldTable {
        let kept = unsafe free.popLast()
        guard let memory = unsafe kept else { return FieldTable() }
        return unsafe FieldTable(lines: memory)
    }

    /// Frees all tables that are not in use: for quiet times.
    package mutating func trim() {
        for index in unsafe free.indices { unsafe free[index].deallocate() }
        unsafe free = []
    }

    /// Takes a table back.
    package mutating func give(_ table: consuming FieldTable) {
        guard unsafe free.count < Self.keep else { return }
        let memory = unsafe table.release()
        unsafe free.append(memory)
    }
}
