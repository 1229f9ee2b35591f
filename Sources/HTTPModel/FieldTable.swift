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

/// The field lines of a head in their order, without memory of their own: up to `capacity` lines.
///
/// Large (over 800 bytes). What reads one line is inlined by force: a call would first copy the whole table.
@usableFromInline
package struct FieldTable: Sendable {
    /// Lines a head may have. One more is refused with 431.
    @usableFromInline package static let capacity = 100

    @usableFromInline var lines = InlineArray<100, Field>(repeating: .unused)
    @usableFromInline package internal(set) var count = 0
    /// One bit for every known name that occurs.
    @usableFromInline var present: UInt64 = 0

    @inlinable
    package init() {}

    @inlinable
    package mutating func removeAll() {
        count = 0
        present = 0
    }

    /// Adds a line. False where the table is full.
    @inlinable
    package mutating func append(_ field: Field) -> Bool {
        guard count < FieldTable.capacity else { return false }
        lines[count] = field
        count &+= 1
        present |= field.name.bit
        return true
    }

    @inlinable
    package subscript(index: Int) -> Field {
        @inline(__always)
        get {
            precondition(index >= 0 && index < count, "no such field line")
            return lines[index]
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
            if lines[index].name == name { return index }
            index &+= 1
        }
        return nil
    }
}
