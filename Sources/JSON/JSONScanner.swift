import Bytes

/// Reads JSON (RFC 8259) from bytes of which nothing is known, one value after another, strictly and without
/// allocating: every byte that it goes over has been checked, UTF-8 included.
///
/// A value comes back as the range of its bytes. What is inside an object or an array is read again, by
/// `JSONMembers` and `JSONItems`, where somebody wants it.
package struct JSONScanner {
    package let text: ByteView
    /// Offset of the next byte to read.
    package private(set) var position: Int
    /// Levels that may still be opened.
    private var depth: Int

    /// Bytes beyond the limit are a fault at once, whatever they are.
    package init(_ text: ByteView, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        guard text.count <= limits.length else { throw JSONFault(.tooLong, at: limits.length) }
        self.text = text
        position = 0
        depth = limits.depth
    }

    /// Reads inside a value that has been checked.
    init(inside element: JSONElement, of text: ByteView) {
        self.text = text
        position = element.start
        depth = JSONLimits.deepest
    }

    /// The text as one value, with blanks around it at most.
    package static func check(
        _ text: ByteView, limits: JSONLimits = JSONLimits()
    ) throws(JSONFault) -> JSONElement {
        var scanner = try JSONScanner(text, limits: limits)
        let element = try scanner.value()
        try scanner.end()
        return element
    }

    /// The next value, whole. Blanks before it are passed over.
    package mutating func value() throws(JSONFault) -> JSONElement {
        switch try firstByte() {
        case UInt8(ascii: "{"), UInt8(ascii: "["): try container()
        default: try scalar()
        }
    }

    /// Nothing but blanks is left.
    package mutating func end() throws(JSONFault) {
        skipBlanks()
        guard position == text.count else { throw JSONFault(.trailing, at: position) }
    }

    /// Whether the next byte behind blanks is `byte`, which is read then.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < text.count, text[position] == byte else { return false }
        position &+= 1
        return true
    }

    @inline(__always)
    mutating func expect(_ byte: UInt8) throws(JSONFault) {
        guard !take(byte) else { return }
        throw JSONFault(position < text.count ? .unexpected : .unfinished, at: position)
    }

    /// Opens a level for whoever reads its content value by value.
    mutating func open(_ byte: UInt8) throws(JSONFault) {
        try expect(byte)
        guard depth > 0 else { throw JSONFault(.tooDeep, at: position &- 1) }
        depth &-= 1
    }

    /// A member's name and the colon behind it.
    @inline(__always)
    mutating func name() throws(JSONFault) -> JSONElement {
        guard try firstByte() == UInt8(ascii: "\"") else { throw JSONFault(.unexpected, at: position) }
        let name = try string()
        try expect(UInt8(ascii: ":"))
        return name
    }

    /// The next byte behind blanks, not read yet.
    @inline(__always)
    private mutating func firstByte() throws(JSONFault) -> UInt8 {
        skipBlanks()
        guard position < text.count else { throw JSONFault(.unfinished, at: position) }
        return text[position]
    }

    @inline(__always)
    private mutating func skipBlanks() {
        guard position < text.count, text[position] <= 0x20 else { return }
        skipSomeBlanks()
    }

    @inline(never)
    private mutating func skipSomeBlanks() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position &+= 1
            default: return
            }
        }
    }

    private mutating func scalar() throws(JSONFault) -> JSONElement {
        switch try firstByte() {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .true)
        case UInt8(ascii: "f"): try word("false", .false)
        case UInt8(ascii: "n"): try word("null", .null)
        case UInt8(ascii: "-"), 0x30...0x39: try number()
        default: throw JSONFault(.unexpected, at: position)
        }
    }

    private mutating func word(
        _ word: StaticString, _ kind: JSONElement.Kind
    ) throws(JSONFault) -> JSONElement {
        let start = position
        guard text.dropFirst(start).hasPrefix(ByteView(word)) else {
            throw JSONFault(.unexpected, at: position)
        }
        position &+= word.utf8CodeUnitCount
        return JSONElement(kind, start, position)
    }

    private enum Expected {
        case firstMember, member, firstItem, item, separator
    }

    /// A whole object or array with everything in it. Which kind each level is stands in one bit of a word,
    /// so that depth costs no stack and no memory.
    private mutating func container() throws(JSONFault) -> JSONElement {
        let start = position
        let kind: JSONElement.Kind = text[start] == UInt8(ascii: "{") ? .object : .array
        var levels = 0
        var objects: UInt64 = 0
        var expected = Expected.item
        repeat {
            let byte = try firstByte()
            switch expected {
            case .firstMember where byte == UInt8(ascii: "}"), .firstItem where byte == UInt8(ascii: "]"):
                position &+= 1
                levels &-= 1
                objects &>>= 1
                expected = .separator
            case .firstMember, .member:
                _ = try name()
                expected = .item
            case .firstItem, .item:
                guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") else {
                    _ = try scalar()
                    expected = .separator
                    continue
                }
                guard levels < depth else { throw JSONFault(.tooDeep, at: position) }
                position &+= 1
                levels &+= 1
                let isObject = byte == UInt8(ascii: "{")
                objects = objects &<< 1 | (isObject ? 1 : 0)
                expected = isObject ? .firstMember : .firstItem
            case .separator:
                let isObject = objects & 1 == 1
                position &+= 1
                if byte == UInt8(ascii: ",") {
                    expected = isObject ? .member : .item
                } else if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    levels &-= 1
                    objects &>>= 1
                } else {
                    throw JSONFault(.unexpected, at: position &- 1)
                }
            }
        } while levels > 0
        return JSONElement(kind, start, position)
    }
}

// MARK: - Numbers and strings

extension JSONScanner {
    /// RFC 8259 §6: no zero in front, a digit on both sides of the point, a digit in the exponent.
    private mutating func number() throws(JSONFault) -> JSONElement {
        let start = position
        if text[position] == UInt8(ascii: "-") { position &+= 1 }
        if has(UInt8(ascii: "0")) {
            position &+= 1
            if position < text.count, ASCII.isDigit(text[position]) {
                throw JSONFault(.badNumber, at: position)
            }
        } else {
            try digits()
        }
        if has(UInt8(ascii: ".")) {
            position &+= 1
            try digits()
        }
        if has(UInt8(ascii: "e")) || has(UInt8(ascii: "E")) {
            position &+= 1
            if has(UInt8(ascii: "+")) || has(UInt8(ascii: "-")) { position &+= 1 }
            try digits()
        }
        return JSONElement(.number, start, position)
    }

    private func has(_ byte: UInt8) -> Bool { position < text.count && text[position] == byte }

    private mutating func digits() throws(JSONFault) {
        var index = position
        while index < text.count, ASCII.isDigit(text[index]) { index &+= 1 }
        guard index > position else {
            throw JSONFault(index < text.count ? .badNumber : .unfinished, at: index)
        }
        position = index
    }

    private mutating func string() throws(JSONFault) -> JSONElement {
        let start = position
        var isEscaped = false
        position &+= 1
        while true {
            position = plainEnd(from: position)
            guard position < text.count else { throw JSONFault(.unfinished, at: position) }
            switch text[position] {
            case UInt8(ascii: "\""):
                position &+= 1
                return JSONElement(.string, start, position, isEscaped: isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                try escape()
            case ..<0x20: throw JSONFault(.unexpected, at: position)
            default: try sequence()
            }
        }
    }

    /// Index behind ASCII that stands for itself.
    @inline(__always)
    private func plainEnd(from start: Int) -> Int {
        var index = start
        while index &+ 16 <= text.count {
            let block = text.block(at: index)
            // Controls and what is beyond ASCII are one comparison: 0x20 less, they are 0x60 or more.
            let isOutside = (block &- all(0x20)) .>= all(0x60)
            let isQuote = block .== all(UInt8(ascii: "\""))
            let isBackslash = block .== all(UInt8(ascii: "\\"))
            let isSpecial = isOutside .| isQuote .| isBackslash
            if let offset = isSpecial.firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < text.count {
            let byte = text[index]
            let isEnd = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            if isEnd || byte &- 0x20 >= 0x60 { return index }
            index &+= 1
        }
        return index
    }

    /// Sixteen times the same byte. The operators between a vector and a number, or one whose type is
    /// inferred, are not vectorised.
    @inline(__always)
    private func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    private mutating func escape() throws(JSONFault) {
        guard position &+ 1 < text.count else { throw JSONFault(.unfinished, at: text.count) }
        switch text[position &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 2
        case UInt8(ascii: "u"): try unicodeEscape()
        default: throw JSONFault(.badEscape, at: position)
        }
    }

    /// Half a surrogate pair is no character, and other readers make different things of it (RFC 8259 §8.2).
    private mutating func unicodeEscape() throws(JSONFault) {
        guard let first = text.codeUnit(at: position &+ 2) else { throw JSONFault(.badEscape, at: position) }
        guard first & 0xF800 == 0xD800 else {
            position &+= 6
            return
        }
        guard first < 0xDC00, position &+ 12 <= text.count, text[position &+ 6] == UInt8(ascii: "\\"),
            text[position &+ 7] == UInt8(ascii: "u"), let second = text.codeUnit(at: position &+ 8),
            second & 0xFC00 == 0xDC00
        else { throw JSONFault(.badEscape, at: position) }
        position &+= 12
    }

    /// One character beyond ASCII.
    private mutating func sequence() throws(JSONFault) {
        guard let length = text.characterLength(at: position) else {
            throw JSONFault(.notUTF8, at: position)
        }
        position &+= length
    }
}
