import Bytes
import JSON
import Testing

private func fault(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONFault? {
    bytes.withView { text in
        do throws(JSONFault) {
            _ = try JSONScanner.check(text, limits: limits)
            return nil
        } catch {
            return error
        }
    }
}

private func fault(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONFault? {
    fault(Array(text.utf8), limits)
}

/// What RFC 8259 has, and nothing else.
@Suite struct JSONScannerTests {
    @Test(
        arguments: [
            "{}", "[]", "null", "true", "false", "0", "-0", "1", "-12.5e+3", "1E5", "0.0", "1e-9", #""""#,
            #" { "a" : [ 1 , { } , [ ] , "b" ] , "" : null } "#, "\t\r\n 1 \n", #""\"\\\/\b\f\n\r\tÿ""#,
            #""😀""#, "\"é€😀\"", "[[[[[[]]]]]]", #"{"a":{"b":{"c":[{}]}}}"#,
            "123456789012345678901234567890", "1e400", "\"\u{7F}\"", #"{"a":1,"a":2}"#,
        ])
    func `a text of the grammar is read whole`(_ text: String) {
        #expect(fault(text) == nil)
    }

    @Test(
        arguments: [
            ("", .unfinished), (" ", .unfinished), ("{", .unfinished), ("[", .unfinished),
            ("[1", .unfinished),
            ("[1,", .unfinished), (#"{"a""#, .unfinished), (#"{"a":"#, .unfinished),
            (#"{"a":1"#, .unfinished),
            (#""a"#, .unfinished), (#""a\"#, .unfinished), ("-", .unfinished), ("1.", .unfinished),
            ("1e", .unfinished), ("1e+", .unfinished),
            ("{,}", .unexpected), ("[,]", .unexpected), ("[1,]", .unexpected), (#"{"a":1,}"#, .unexpected),
            ("{1:2}", .unexpected), (#"{"a" 1}"#, .unexpected), (#"{"a":}"#, .unexpected),
            ("[1 2]", .unexpected),
            ("[1}", .unexpected), ("{]", .unexpected), (#"{"a":1]"#, .unexpected), ("nul", .unexpected),
            ("True", .unexpected), ("NaN", .unexpected), ("Infinity", .unexpected), ("-Infinity", .badNumber),
            ("'a'", .unexpected), ("// c\n1", .unexpected), ("+1", .unexpected), (".5", .unexpected),
            ("\u{FEFF}1", .unexpected), ("\"a\nb\"", .unexpected), ("\"\u{0}\"", .unexpected),
            ("\u{A0}1", .unexpected), ("\u{C}1", .unexpected),
            ("01", .badNumber), ("-01", .badNumber), ("1.e5", .badNumber), ("-a", .badNumber),
            ("1ex", .badNumber),
            (#""\x41""#, .badEscape), (#""\u12g4""#, .badEscape), (#""\ud800""#, .badEscape),
            (#""\ud800A""#, .badEscape), (#""\udc00""#, .badEscape), (#""\ud800\ud800""#, .badEscape),
            (#""\u12""#, .badEscape), (#""\U0041""#, .badEscape),
            ("1 2", .trailing), ("{}{}", .trailing), ("[]]", .trailing), ("null,", .trailing),
            ("1\u{0}", .trailing),
            ("1a", .trailing), ("0x10", .trailing), ("true1", .trailing),
        ] as [(String, JSONFault.Kind)])
    func `anything else is a fault`(_ text: String, _ kind: JSONFault.Kind) {
        #expect(fault(text)?.kind == kind, "\(text): \(String(describing: fault(text)))")
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x22], [0xE0, 0x80, 0x80],
            [0xE2, 0x82],
            [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xFE], [0xFF],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are a fault in strings and in names`(_ bytes: [UInt8]) {
        #expect(fault([0x22] + bytes + [0x22])?.kind == .notUTF8)
        #expect(fault([0x22] + Array(repeating: 0x61, count: 40) + bytes + [0x22])?.kind == .notUTF8)
        #expect(fault([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D])?.kind == .notUTF8)
        #expect(fault([0x22] + bytes)?.kind == .notUTF8)
    }

    @Test func `every code point of the ends of UTF-8's ranges is read`() {
        for scalar in [0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32] {
            guard let character = Unicode.Scalar(scalar) else { continue }
            #expect(fault("\"\(Character(character))\"") == nil)
        }
    }

    @Test func `nesting ends at the limit and costs no stack`() {
        let limits = JSONLimits(depth: 3)
        #expect(fault("[[[]]]", limits) == nil)
        #expect(fault("[[[[]]]]", limits) == JSONFault(.tooDeep, at: 3))
        #expect(fault(#"{"a":[{"b":{}}]}"#, limits)?.kind == .tooDeep)
        #expect(fault("[{},{},{}]", JSONLimits(depth: 2)) == nil)
        #expect(fault("[]", JSONLimits(depth: 0))?.kind == .tooDeep)
        #expect(fault("1", JSONLimits(depth: 0)) == nil)
        let deepest = JSONLimits(depth: JSONLimits.deepest)
        let brackets = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(fault(brackets(64), deepest) == nil)
        #expect(fault(brackets(65), deepest)?.kind == .tooDeep)
        #expect(fault(String(repeating: "[", count: 1_000_000), deepest) == JSONFault(.tooDeep, at: 64))
        #expect(fault(String(repeating: #"{"a":"#, count: 100_000), deepest)?.kind == .tooDeep)
        // Each level remembers its own kind.
        let mixed = String(repeating: #"[{"a":"#, count: 32) + "1" + String(repeating: "}]", count: 32)
        #expect(fault(mixed, deepest) == nil)
        #expect(fault(mixed.replacing("1}]", with: "1]}"), deepest)?.kind == .unexpected)
    }

    @Test func `a text beyond the length is not read at all`() {
        #expect(fault("[1,2]", JSONLimits(length: 5)) == nil)
        #expect(fault("[1,2] ", JSONLimits(length: 5)) == JSONFault(.tooLong, at: 5))
    }

    @Test func `a fault says where it is`() {
        #expect(fault(#"{"a":1,"b":x}"#) == JSONFault(.unexpected, at: 11))
        #expect(fault(#"["abc\q"]"#) == JSONFault(.badEscape, at: 5))
        #expect(fault("[01]") == JSONFault(.badNumber, at: 2))
        #expect(fault("{} x") == JSONFault(.trailing, at: 3))
    }

    @Test func `every cut of a text is a fault or ends in a number`() {
        let text = #"{"name":"Zoë \u00e9\n","list":[1,-2.5e3,true,null,{"a":[]}],"x":"\ud83d\ude00"}"#
        let bytes = Array(text.utf8)
        for length in 0..<bytes.count { #expect(fault(Array(bytes[..<length])) != nil, "\(length)") }
        #expect(fault(bytes) == nil)
    }

    @Test func `values come back as the ranges of their bytes`() throws {
        let text = Array(#" { "a" : [1, "x\ny"] ,"b":{"c":-1.50} , "d":true}"#.utf8)
        try text.withView { text in
            var members = try JSONMembers(text)
            var seen: [String] = []
            while let member = try members.next() {
                seen.append("\(member.name.raw(in: text).text())=\(member.value.raw(in: text).text())")
            }
            #expect(seen == [#""a"=[1, "x\ny"]"#, #""b"={"c":-1.50}"#, #""d"=true"#])
        }
    }
}
