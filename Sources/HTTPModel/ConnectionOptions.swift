import Bytes

/// What the `Connection` lines of a head say (RFC 9110 §7.6.1): the options with a meaning of their own, and
/// whether there are others, which name fields to remove.
@usableFromInline
package struct ConnectionOptions: Sendable, Equatable {
    /// Options that all lines of a head may list together. Bounds the work of finding the fields that they
    /// name.
    package static let maximum = 32

    package var close = false
    package var keepAlive = false
    package var upgrade = false
    /// Options besides these three.
    package var others = false
    private var count = 0

    package init() {}

    /// Adds the options of one `Connection` line. False where there are more than `maximum` now.
    package mutating func add(_ value: ByteView) -> Bool {
        var rest = ListElements(value)
        while let option = rest.next() {
            count &+= 1
            guard count <= ConnectionOptions.maximum else { return false }
            note(option)
        }
        return true
    }

    private mutating func note(_ option: ByteView) {
        switch option.count {
        case 5 where option.equalsIgnoringCase("close"): close = true
        case 10 where option.equalsIgnoringCase("keep-alive"): keepAlive = true
        case 7 where option.equalsIgnoringCase("upgrade"): upgrade = true
        default: others = true
        }
    }

    /// Whether a `Connection` line of `fields` lists `name`.
    @usableFromInline
    package static func list(_ name: ByteView, _ bytes: ByteView, _ fields: borrowing FieldTable) -> Bool {
        var line = fields.firstIndex(of: .connection)
        while let index = line {
            var rest = ListElements(fields.value(at: index, in: bytes))
            while let option = rest.next() {
                if option.equalsIgnoringCases(name) { return true }
            }
            line = fields.firstIndex(of: .connection, from: index &+ 1)
        }
        return false
    }
}

/// The elements of a comma-separated list without quoted strings (RFC 9110 §5.6.1), one after another. Empty
/// ones are skipped.
package struct ListElements {
    private var rest: ByteView

    package init(_ value: ByteView) { rest = value }

    /// The next element without the white space around it, or nil behind the last.
    package mutating func next() -> ByteView? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x2C) ?? rest.count
            let element = rest.prefix(end).trimmed()
            rest = rest.dropFirst(min(end &+ 1, rest.count))
            if !element.isEmpty { return element }
        }
        return nil
    }
}

extension ByteView {
    /// Whether the bytes are the same but for the case of ASCII letters on either side.
    package func equalsIgnoringCases(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where ASCII.lowercased(self[index]) != ASCII.lowercased(other[index]) {
            return false
        }
        return true
    }
}

extension FieldTable {
    /// Value of a line of a head whose bytes are `bytes`.
    @inlinable @inline(__always)
    package func value(at index: Int, in bytes: ByteView) -> ByteView {
        let field = self[index]
        return bytes.slice(Int(field.valueStart), Int(field.valueStart) &+ Int(field.valueLength))
    }

    /// Name of a line of a head whose bytes are `bytes`, as received.
    @inlinable @inline(__always)
    package func name(at index: Int, in bytes: ByteView) -> ByteView {
        let field = self[index]
        return bytes.slice(Int(field.lineStart), Int(field.lineStart) &+ Int(field.nameLength))
    }
}
