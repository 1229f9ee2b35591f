import Bytes

package struct JSONMember: Equatable, Sendable {
    package let name: JSONElement
    package let value: JSONElement
}

/// The members of an object one after another, in their order. A name that stands twice comes twice: what to
/// make of that is the reader's decision.
package struct JSONMembers {
    private var content: JSONContent

    /// Reads a text of which nothing is known and that must be one object. It has been checked whole once
    /// `next` has returned nil.
    package init(_ text: ByteView, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        content = try JSONContent(of: .object, all: text, limits)
    }

    /// Reads an object that came from a scanner. Nil for any other value.
    package init?(of element: JSONElement, in text: ByteView) {
        guard let content = JSONContent(of: .object, element, in: text) else { return nil }
        self.content = content
    }

    package mutating func next() throws(JSONFault) -> JSONMember? {
        guard try content.advance() else { return nil }
        let name = try content.scanner.name()
        return JSONMember(name: name, value: try content.scanner.value())
    }
}

/// The items of an array one after another.
package struct JSONItems {
    private var content: JSONContent

    /// Reads a text of which nothing is known and that must be one array. It has been checked whole once
    /// `next` has returned nil.
    package init(_ text: ByteView, limits: JSONLimits = JSONLimits()) throws(JSONFault) {
        content = try JSONContent(of: .array, all: text, limits)
    }

    /// Reads an array that came from a scanner. Nil for any other value.
    package init?(of element: JSONElement, in text: ByteView) {
        guard let content = JSONContent(of: .array, element, in: text) else { return nil }
        self.content = content
    }

    package mutating func next() throws(JSONFault) -> JSONElement? {
        try content.advance() ? try content.scanner.value() : nil
    }
}

/// What stands between two brackets, with commas between.
private struct JSONContent {
    var scanner: JSONScanner
    private let close: UInt8
    /// The value is all of the text: nothing may stand behind it.
    private let isWhole: Bool
    private var state = State.first

    private enum State {
        case first, later, ended
    }

    init(of kind: JSONElement.Kind, all text: ByteView, _ limits: JSONLimits) throws(JSONFault) {
        scanner = try JSONScanner(text, limits: limits)
        isWhole = true
        close = Self.brackets(of: kind).close
        try scanner.open(Self.brackets(of: kind).open)
    }

    init?(of kind: JSONElement.Kind, _ element: JSONElement, in text: ByteView) {
        guard element.kind == kind else { return nil }
        scanner = JSONScanner(inside: element, of: text)
        isWhole = false
        close = Self.brackets(of: kind).close
        guard (try? scanner.open(Self.brackets(of: kind).open)) != nil else { return nil }
    }

    private static func brackets(of kind: JSONElement.Kind) -> (open: UInt8, close: UInt8) {
        kind == .object
            ? (UInt8(ascii: "{"), UInt8(ascii: "}")) : (UInt8(ascii: "["), UInt8(ascii: "]"))
    }

    /// Moves to the next entry. False behind the last.
    @inline(__always)
    mutating func advance() throws(JSONFault) -> Bool {
        switch state {
        case .first: if scanner.take(close) { return try end() }
        case .later:
            if !scanner.take(UInt8(ascii: ",")) {
                try scanner.expect(close)
                return try end()
            }
        case .ended: return false
        }
        state = .later
        return true
    }

    private mutating func end() throws(JSONFault) -> Bool {
        state = .ended
        if isWhole { try scanner.end() }
        return false
    }
}
