import Bytes
import JSON
import Testing

/// Gives the one value of a text.
private func with<R>(_ text: String, _ body: (JSONElement, ByteView) throws -> R) throws -> R {
    try Array(text.utf8).withView { view in try body(JSONScanner.check(view), view) }
}

@Suite struct JSONStringTests {
    private static let values: [(String, String)] = [
        (#""""#, ""), (#""abc""#, "abc"), (#""a\"b""#, "a\"b"), (#""\\\/""#, "\\/"),
        (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"),
        (#""\u0041""#, "A"), (#""\u00e9""#, "é"), (#""\u20AC""#, "€"), (#""\ud83d\ude00""#, "😀"),
        (#""😀""#, "😀"),
        (#""\u0000""#, "\0"), (#""x\uFFFFy""#, "x\u{FFFF}y"), (#""\udbff\udfff""#, "\u{10FFFF}"),
        (#""\\u0041""#, "\\u0041"),
        (#""a long enough text with an escape \n in it""#, "a long enough text with an escape \n in it"),
    ]

    @Test(arguments: values)
    func `strings have their value in every way to ask for it`(_ text: String, _ value: String) throws {
        try with(text) { element, view in
            let expected = Array(value.utf8)
            #expect(element.bytes(in: view) == expected)
            #expect(expected.withView { element.equals($0, in: view) })
            #expect(!(expected + [0x78]).withView { element.equals($0, in: view) })
            if !expected.isEmpty {
                #expect(!expected.dropLast().array().withView { element.equals($0, in: view) })
            }
            let written = ByteWriter.text(capacity: 64) { #expect(element.unescape(in: view, into: &$0)) }
            #expect(written == value)
            #expect(element.plainString(in: view).map { $0.text() } == (text.contains("\\") ? nil : value))
        }
    }

    @Test func `what does not fit into a buffer is said so`() throws {
        try with(#""abc\n""#) { element, view in
            for capacity in 1..<4 {
                _ = ByteWriter.text(capacity: capacity) { #expect(!element.unescape(in: view, into: &$0)) }
            }
            _ = ByteWriter.text(capacity: 4) { #expect(element.unescape(in: view, into: &$0)) }
        }
    }

    @Test func `only strings are strings`() throws {
        for text in ["1", "true", "null", "[]", "{}"] {
            try with(text) { element, view in
                #expect(element.bytes(in: view) == nil && element.plainString(in: view) == nil)
                #expect(!element.equals("1", in: view) && element.word(in: view) == nil)
                _ = ByteWriter.text(capacity: 8) { #expect(!element.unescape(in: view, into: &$0)) }
            }
        }
    }

    @Test func `short names are words, the first byte lowest`() throws {
        try with(#""iss""#) { #expect($0.word(in: $1) == 0x737369) }
        try with(#""""#) { #expect($0.word(in: $1) == 0) }
        try with(#""abcdefgh""#) { #expect($0.word(in: $1) == 0x6867_6665_6463_6261) }
        try with(#""abcdefghi""#) { #expect($0.word(in: $1) == nil) }
        try with(#""is\u0073""#) { #expect($0.word(in: $1) == nil) }
        try Array(#"["iss",                "a"]"#.utf8).withView { text in
            var items = try JSONItems(text)
            #expect(try items.next()?.word(in: text) == 0x737369)
            #expect(try items.next()?.word(in: text) == 0x61)
        }
    }
}

@Suite struct JSONNumberTests {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("12", 12), ("-12", -12), ("1.0", 1), ("1.2e1", 12), ("120e-1", 12),
            ("1E3", 1000),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil),
            ("-9223372036854775809", nil), ("18446744073709551616", nil), ("1.5", nil), ("1e-1", nil),
            ("1e19", nil),
            ("1e18", 1_000_000_000_000_000_000), ("0e999999999999", 0), ("1e999999999999", nil),
            ("0.000e5", 0),
            ("99999999999999999999", nil), ("10000000000000000000e-1", 1_000_000_000_000_000_000),
            ("123.000000000000000000000000000000", 123),
        ] as [(String, Int64?)])
    func `whole numbers are exact or nothing`(_ text: String, _ value: Int64?) throws {
        try with(text) { #expect($0.integer(in: $1) == value) }
    }

    @Test(
        arguments: [
            "0", "-0", "1", "0.1", "-2.5e-3", "1e22", "1e23", "123456789012345678", "9007199254740993",
            "179769313486231570000000000000000000000e270", "4.9e-324", "2.2250738585072014e-308", "1e-400",
            "0.1000000000000000055511151231257827021181583404541015625", "3.141592653589793238462643383279",
        ])
    func `other numbers are the nearest Double`(_ text: String) throws {
        let expected = try #require(Double(text))
        try with(text) { #expect($0.double(in: $1)?.bitPattern == expected.bitPattern) }
    }

    @Test func `numbers beyond a Double and without end are nothing`() throws {
        try with("1e400") { #expect($0.double(in: $1) == nil) }
        try with("-1e400") { #expect($0.double(in: $1) == nil) }
        try with(String(repeating: "1", count: 100_000)) {
            #expect($0.double(in: $1) == nil && $0.integer(in: $1) == nil)
        }
        try with("\"1\"") { #expect($0.double(in: $1) == nil && $0.integer(in: $1) == nil) }
    }
}

extension ArraySlice<UInt8> {
    func array() -> [UInt8] { Array(self) }
}
