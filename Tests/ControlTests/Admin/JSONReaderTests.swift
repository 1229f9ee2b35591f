import Foundation
import Testing

@testable import Control
@testable import Settings

@Suite struct JSONReaderTests {
    private func read(_ text: String) -> JSONValue? { JSONValue(parsing: Array(text.utf8)) }

    @Test(arguments: [
        ("null", "null"), (" true ", "true"), ("-0.5e+10", "-0.5e+10"), ("[]", "[]"), ("[1, [2]]", "[1,[2]]"),
        ("{ }", "{}"), (#"{"a":1 ,"b":{"c":null}}"#, #"{"a":1,"b":{"c":null}}"#),
        (#""a\/\u0041\ud83d\ude00""#, #""a/A😀""#),
        (#""\b\f\n\r\t\"\\""#, #""\u0008\u000c\n\r\t\"\\""#),
    ])
    func `JSON is read`(text: String, expected: String) { #expect(read(text)?.text == expected) }

    @Test(arguments: [
        "", " ", "nul", "nulls", "01", "1.", ".5", "+1", "1e", "0x1", "-", "[1,]", "[1 2]", "[", "]",
        "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"", "\"\n\"", "1 2", "'a'", "\u{FEFF}1",
    ])
    func `what is not JSON is refused`(text: String) { #expect(read(text) == nil) }

    @Test func `what is not UTF-8 is refused`() {
        #expect(JSONValue(parsing: [0x22, 0xFF, 0x22]) == nil)
        #expect(JSONValue(parsing: [0x22, 0xC0, 0x80, 0x22]) == nil)
    }

    @Test func `depth is bounded`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(read(nested(32)) != nil)
        #expect(read(nested(33)) == nil)
        #expect(read(String(repeating: "[", count: 1_000_000)) == nil)
        #expect(read(String(repeating: "{\"a\":", count: 1_000_000)) == nil)
    }

    @Test func `mangled JSON is refused or read, never worse`() {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var state = seed
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let text = Array(StubSource.ordinaryStatus().json.text.utf8)
        for _ in 0..<2000 {
            var mangled = text
            for _ in 0...random(3) {
                switch random(3) {
                // No exponents: Foundation refuses numbers that are too large for it.
                case 0:
                    mangled[random(mangled.count)] =
                        [UInt8(random(256))].map { $0 | 0x20 == 0x65 ? 0x78 : $0 }[0]
                case 1: mangled.removeLast(random(mangled.count / 2))
                default: mangled.insert(UInt8(ascii: "\""), at: random(mangled.count))
                }
            }
            guard let value = JSONValue(parsing: mangled) else { continue }
            let isJSON =
                (try? JSONSerialization.jsonObject(with: Data(mangled), options: .fragmentsAllowed)) != nil
            #expect(isJSON, "seed \(seed): \(String(decoding: mangled, as: UTF8.self))")
            if let status = GatewayStatus(json: value) { _ = StatusReport(status).text }
        }
    }
}
