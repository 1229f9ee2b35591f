import Bytes
import Control
import JSON
import Settings

/// The scanner takes what the control plane's reader takes, which was written apart from it, and its ranges
/// are those of the values.
enum JSONScannerProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        let result = bytes.withView { text in
            Result { () throws(Violation) in try check(text, bytes) }
        }
        try result.get()
    }

    private static func check(_ text: ByteView, _ bytes: [UInt8]) throws(Violation) {
        let limits = JSONLimits(length: 2048, depth: 31)
        let reference = JSONValue(parsing: bytes)
        guard let whole = try? JSONScanner.check(text, limits: limits) else {
            // The reader nests one level deeper: a value in 32 arrays.
            return try hold(reference == nil || depth(reference) > 31, "refused, but read: \(shown(bytes))")
        }
        guard let reference else { throw Violation(description: "read, but refused: \(shown(bytes))") }
        try same(whole, reference, text)
    }

    private static func depth(_ value: JSONValue?) -> Int {
        switch value {
        case nil, .null, .bool, .number, .string: 0
        case .array(let elements): 1 + (elements.map { depth($0) }.max() ?? 0)
        case .object(let members): 1 + (members.map { depth($0.1) }.max() ?? 0)
        }
    }

    private static func same(
        _ element: JSONElement, _ value: JSONValue, _ text: ByteView
    ) throws(Violation) {
        switch (element.kind, value) {
        case (.null, .null), (.true, .bool(true)), (.false, .bool(false)): break
        case (.number, .number(let digits)):
            try hold(element.raw(in: text).text() == digits, "another number")
            try hold(element.integer(in: text) == integer(digits), "another whole number of \(digits)")
            let double = Double(digits).flatMap { $0.isFinite ? $0 : nil }
            try hold(
                digits.utf8.count > 1024 || element.double(in: text) == double, "another Double of \(digits)")
        case (.string, .string(let string)): try same(string: element, string, text)
        case (.array, .array(let elements)):
            guard var items = JSONItems(of: element, in: text) else {
                throw Violation(description: "no array")
            }
            for value in elements {
                guard let item = try? items.next() else { throw Violation(description: "an item too few") }
                try same(item, value, text)
            }
            try hold((try? items.next()) == .some(nil), "an item too many")
        case (.object, .object(let members)):
            guard var reader = JSONMembers(of: element, in: text) else {
                throw Violation(description: "no object")
            }
            for (name, value) in members {
                guard let member = try? reader.next() else {
                    throw Violation(description: "a member too few")
                }
                try same(string: member.name, name, text)
                try same(member.value, value, text)
            }
            try hold((try? reader.next()) == .some(nil), "a member too many")
        default:
            throw Violation(description: "another kind of value: \(shown(element.raw(in: text).array()))")
        }
    }

    private static func same(string: JSONElement, _ value: String, _ text: ByteView) throws(Violation) {
        let expected = Array(value.utf8)
        try hold(string.bytes(in: text) == expected, "another string than \(shown(expected))")
        try hold(
            expected.withView { string.equals($0, in: text) }, "it does not equal itself: \(shown(expected))")
        try hold(string.hasSameString(as: string, in: text), "it is not the same as itself")
        if let word = string.word(in: text) {
            let packed = expected.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try hold(expected.count <= 8 && word == packed, "another word")
        }
    }

    /// A whole number by way of the text alone, where it has no exponent.
    private static func integer(_ digits: String) -> Int64? {
        if let value = Int64(digits) { return value }
        return JSONDecimal.exactInteger(digits)
    }
}

extension JSONDecimal {
    /// By moving the point through the digits.
    fileprivate static func exactInteger(_ text: String) -> Int64? {
        let parts = text.lowercased().split(separator: "e", maxSplits: 1).map(String.init)
        let exponent = parts.count == 2 ? Int(parts[1]) ?? (parts[1].hasPrefix("-") ? -10_000 : 10_000) : 0
        let mantissa = parts[0].split(separator: ".", maxSplits: 1).map(String.init)
        let isNegative = mantissa[0].hasPrefix("-")
        let whole = isNegative ? String(mantissa[0].dropFirst()) : mantissa[0]
        let fraction = mantissa.count == 2 ? mantissa[1] : ""
        var digits = Array((whole + fraction).utf8)
        guard digits.contains(where: { $0 != 0x30 }) else { return 0 }
        let point = max(-10_000, min(10_000, exponent)) - fraction.utf8.count
        if point >= 0 {
            guard digits.count + point < 4000 else { return nil }
            digits += [UInt8](repeating: 0x30, count: point)
        } else {
            for _ in 0..<min(digits.count, -point) where digits.popLast() != 0x30 { return nil }
        }
        return Int64((isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self))
    }
}
