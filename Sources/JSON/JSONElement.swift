import Bytes

/// One value of a text: what it is and which bytes it is made of. Comes from a scanner, which has checked it,
/// and is read with the text it came from.
package struct JSONElement: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case object, array, string, number, `true`, `false`, null
    }

    package let kind: Kind
    /// Offset of the first byte; of a string that is its quote.
    package let start: Int
    /// Offset behind the last byte.
    package let end: Int
    /// A string with escapes, whose bytes are not its value.
    package let isEscaped: Bool

    init(_ kind: Kind, _ start: Int, _ end: Int, isEscaped: Bool = false) {
        self.kind = kind
        self.start = start
        self.end = end
        self.isEscaped = isEscaped
    }

    /// The bytes as they stand in the text, quotes and brackets included.
    package func raw(in text: ByteView) -> ByteView { text.slice(start, end) }

    /// What stands between the quotes of a string, escapes unresolved. Nil for anything else.
    package func content(in text: ByteView) -> ByteView? {
        kind == .string ? text.slice(start &+ 1, end &- 1) : nil
    }

    /// The value of a string that has no escapes, as a part of the text. Nil for anything else: `unescape`
    /// does those.
    package func plainString(in text: ByteView) -> ByteView? {
        isEscaped ? nil : content(in: text)
    }

    /// Whether this is a string of this value, however it is escaped.
    package func equals(_ value: ByteView, in text: ByteView) -> Bool {
        guard let content = content(in: text) else { return false }
        guard isEscaped else { return content.equals(value) }
        var reader = EscapeReader(content)
        var index = 0
        while let piece = reader.next() {
            guard value.count &- index >= piece.count else { return false }
            for offset in 0..<piece.count {
                guard value[index &+ offset] == piece[offset] else { return false }
            }
            index &+= piece.count
        }
        return index == value.count
    }

    package func equals(_ literal: StaticString, in text: ByteView) -> Bool {
        equals(ByteView(literal), in: text)
    }

    /// A string of at most eight bytes without escapes, the first byte lowest: names that somebody looks for
    /// are told apart by one comparison. Nil for any other value.
    package func word(in text: ByteView) -> UInt64? {
        let length = end &- start &- 2
        guard kind == .string, !isEscaped, length <= 8 else { return nil }
        if start &+ 9 <= text.count {
            let eight = UInt64(littleEndian: text.eight(at: start &+ 1))
            return length == 0 ? 0 : eight & (.max &>> UInt64(64 &- 8 &* length))
        }
        var word: UInt64 = 0
        for index in 0..<length { word |= UInt64(text[start &+ 1 &+ index]) &<< UInt64(8 &* index) }
        return word
    }

    /// Whether both are strings of the same value.
    package func hasSameString(as other: JSONElement, in text: ByteView) -> Bool {
        if let plain = other.plainString(in: text) { return equals(plain, in: text) }
        if let plain = plainString(in: text) { return other.equals(plain, in: text) }
        guard let left = content(in: text), let right = other.content(in: text) else { return false }
        var one = EscapeReader(left)
        var two = EscapeReader(right)
        while let byte = one.nextByte() {
            guard two.nextByte() == byte else { return false }
        }
        return two.nextByte() == nil
    }

    /// Writes the value of a string. False for anything else, and where it does not fit.
    package func unescape(in text: ByteView, into writer: inout ByteWriter) -> Bool {
        guard let content = content(in: text) else { return false }
        if isEscaped {
            var reader = EscapeReader(content)
            while let piece = reader.next() {
                for offset in 0..<piece.count { writer.write(piece[offset]) }
            }
        } else {
            writer.write(content)
        }
        return !writer.overflowed
    }

    /// The value of a string as bytes of its own. For settings and the control plane.
    package func bytes(in text: ByteView) -> [UInt8]? {
        guard let content = content(in: text) else { return nil }
        guard isEscaped else { return content.array() }
        var reader = EscapeReader(content)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count)
        while let piece = reader.next() {
            for offset in 0..<piece.count { bytes.append(piece[offset]) }
        }
        return bytes
    }

    /// The bytes of a number as a decimal. Nil for anything else.
    package func decimal(in text: ByteView) -> JSONDecimal? {
        kind == .number ? JSONDecimal(raw(in: text)) : nil
    }

    /// The value of a number that is a whole one of 64 bits, however it is written: `12`, `1.2e1`.
    package func integer(in text: ByteView) -> Int64? { decimal(in: text)?.integer }

    /// The nearest value of a number, rounded as IEEE 754 has it; nil for what is beyond a Double.
    package func double(in text: ByteView) -> Double? {
        guard kind == .number else { return nil }
        return JSONDecimal.double(raw(in: text))
    }

    package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        case .object, .array, .string, .number, .null: nil
        }
    }
}
