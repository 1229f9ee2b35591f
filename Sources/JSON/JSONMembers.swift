import Bytes

package struct JSONMember: Equatable, Sendable {
    package let name: JSONElement
    package let value: JSONElement
}

/// The members of an object one after another, in their order. A name that stands twice comes twice: what to
/// make of that is the reader's decision.
package struct JSONMembers {
    private var scanner: JSONScanner
    /// The object is all of the text: nothing may stand behind it.
    private let isWhole: Bool
    private var state = State.first

    private enum State {
        case first, later, ended
    }

    /// Reads a text of which nothing is known and that must be one object. It has been checked whole once
    /// `next` has returned nil.
    package init(_ text: ByteView, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        scanner = try JSONScanner(text, limits: limits)
        isWhole = true
        try scanner.open(UInt8(ascii: "{"))
    }

    /// Reads an object that came from a scanner. Nil for any other value.
    package init?(of element: JSONElement, in text: ByteView) {
        guard element.kind == .object else { return nil }
        scanner = JSONScanner(inside: element, of: text)
        isWhole = false
        guard (try? scanner.open(UInt8(ascii: "{"))) != nil else { return nil }
    }

    package mutating func next() throws(JSONFault) -> JSONMember? {
        switch state {
        case .first: if scanner.take(UInt8(ascii: "}")) { return try ended() }
        case .later:
            if !scanner.take(UInt8(ascii: ",")) {
                try scanner.expect(UInt8(ascii: "}"))
                return try ended()
            }
        case .ended: return nil
        }
        state = .later
        let name = try scanner.name()
        return JSONMember(name: name, value: try scanner.value())
    }

    private mutating func ended() throws(JSONFault) -> JSONMember? {
        state = .ended
        if isWhole { try scanner.end() }
        return nil
    }
}

/// The items of an array one after another.
package struct JSONItems {
    private var scanner: JSONScanner
    private let isWhole: Bool
    private var state = State.first

    private enum State {
        case first, later, ended
    }

    /// Reads a text of which nothing is known and that must be one array. It has been checked whole once
    /// `next` has returned nil.
    package init(_ text: ByteView, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        scanner = try JSONScanner(text, limits: limits)
        isWhole = true
        try scanner.open(UInt8(ascii: "["))
    }

    /// Reads an array that came from a scanner. Nil for any other value.
    package init?(of element: JSONElement, in text: ByteView) {
        guard element.kind == .array else { return nil }
        scanner = JSONScanner(inside: element, of: text)
        isWhole = false
        guard (try? scanner.open(UInt8(ascii: "["))) != nil else { return nil }
    }

    package mutating func next() throws(JSONFault) -> JSONElement? {
        switch state {
        case .first: if scanner.take(UInt8(ascii: "]")) { return try ended() }
        case .later:
            if !scanner.take(UInt8(ascii: ",")) {
                try scanner.expect(UInt8(ascii: "]"))
                return try ended()
            }
        case .ended: return nil
        }
        state = .later
        return try scanner.value()
    }

    private mutating func ended() throws(JSONFault) -> JSONElement? {
        state = .ended
        if isWhole { try scanner.end() }
        return nil
    }
}
