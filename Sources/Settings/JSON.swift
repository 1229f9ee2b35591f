/// JSON as the reference and answers' bodies write it: objects keep their order, numbers their digits.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they are written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    package static func == (left: JSONValue, right: JSONValue) -> Bool { left.text == right.text }

    /// Without blanks.
    package var text: String {
        var text = ""
        write(to: &text, indent: nil, depth: 0)
        return text
    }

    /// Indented by two spaces a level.
    package var indentedText: String {
        var text = ""
        write(to: &text, indent: "  ", depth: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: String?, depth: Int) {
        let inner = indent.map { "\n" + String(repeating: $0, count: depth + 1) } ?? ""
        let outer = indent.map { "\n" + String(repeating: $0, count: depth) } ?? ""
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let value): text += Self.quote(value)
        case .array(let values):
            let nested = values.contains { if case .object = $0 { true } else { false } }
            text += "["
            for (index, value) in values.enumerated() {
                text += index == 0 ? "" : nested ? "," : indent == nil ? "," : ", "
                text += nested ? inner : ""
                value.write(to: &text, indent: indent, depth: depth + 1)
            }
            text += (nested ? outer : "") + "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                text += (index == 0 ? "" : ",") + inner + Self.quote(member.0) + (indent == nil ? ":" : ": ")
                member.1.write(to: &text, indent: indent, depth: depth + 1)
            }
            text += (members.isEmpty ? "" : outer) + "}"
        }
    }

    static func quote(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

/// Says whether a text is one JSON value (RFC 8259).
struct JSONCheck {
    private var rest: Substring.UnicodeScalarView
    private static let depth = 64

    static func isJSON(_ text: String) -> Bool {
        var check = JSONCheck(rest: text[...].unicodeScalars)
        return check.value(depth: 0) && check.end()
    }

    static func isNumber(_ text: String) -> Bool {
        var check = JSONCheck(rest: text[...].unicodeScalars)
        return check.number() && check.rest.isEmpty
    }

    private mutating func end() -> Bool {
        blanks()
        return rest.isEmpty
    }

    private mutating func blanks() {
        while let scalar = rest.first, scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" {
            rest.removeFirst()
        }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard rest.first == scalar else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func value(depth: Int) -> Bool {
        guard depth < Self.depth else { return false }
        blanks()
        switch rest.first {
        case "{": return members(depth: depth)
        case "[": return elements(depth: depth)
        case "\"": return string()
        case "t": return word("true")
        case "f": return word("false")
        case "n": return word("null")
        default: return number()
        }
    }

    private mutating func word(_ word: String) -> Bool {
        word.unicodeScalars.allSatisfy { take($0) }
    }

    private mutating func members(depth: Int) -> Bool {
        guard take("{") else { return false }
        blanks()
        if take("}") { return true }
        repeat {
            blanks()
            guard string() else { return false }
            blanks()
            guard take(":"), value(depth: depth + 1) else { return false }
            blanks()
        } while take(",")
        return take("}")
    }

    private mutating func elements(depth: Int) -> Bool {
        guard take("[") else { return false }
        blanks()
        if take("]") { return true }
        repeat {
            guard value(depth: depth + 1) else { return false }
            blanks()
        } while take(",")
        return take("]")
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return true
            case "\\":
                guard let escape = rest.popFirst() else { return false }
                if escape == "u" {
                    for _ in 0..<4 {
                        guard let digit = rest.popFirst(), digit.properties.isASCIIHexDigit else {
                            return false
                        }
                    }
                } else if !"\"\\/bfnrt".unicodeScalars.contains(escape) {
                    return false
                }
            case _ where scalar.value < 0x20: return false
            default: continue
            }
        }
        return false
    }

    private mutating func digits() -> Bool {
        var count = 0
        while let scalar = rest.first, ("0"..."9").contains(scalar) {
            rest.removeFirst()
            count += 1
        }
        return count > 0
    }

    private mutating func number() -> Bool {
        _ = take("-")
        // No digit follows a leading zero.
        if !take("0") { guard digits() else { return false } }
        if take(".") { guard digits() else { return false } }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { return false }
        }
        return true
    }
}
