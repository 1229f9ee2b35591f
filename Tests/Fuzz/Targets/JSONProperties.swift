import Control
import Settings

/// JSON of strangers is read one way or not at all: what is read and written again is the same.
enum JSONProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard let value = JSONValue(parsing: bytes) else { return }
        let text = value.text
        guard let again = JSONValue(parsing: Array(text.utf8)) else {
            throw Violation(description: "what was read cannot be read again: \(shown(text.utf8))")
        }
        try hold(again.text == text, "read again, it is \(shown(again.text.utf8))")
        try hold(depth(value) <= 32, "nested \(depth(value)) levels deep")
        try hold(
            !text.utf8.contains { $0 < 0x20 }, "a control character is written as it is: \(shown(text.utf8))")
        let indented = JSONValue(parsing: Array(value.indentedText.utf8))
        try hold(indented?.text == text, "indented, it is another value")
    }

    private static func depth(_ value: JSONValue) -> Int {
        switch value {
        case .null, .bool, .number, .string: 1
        case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
        case .object(let members): 1 + (members.map { depth($0.1) }.max() ?? 0)
        }
    }
}
