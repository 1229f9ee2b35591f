import Bytes
import HTTPModel
import Testing

@testable import Pipeline

@Suite struct IdempotencyKeyTests {
    private static let longest = String(repeating: "k", count: 255)

    private static let good: [(field: String, key: String)] = [
        ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("\"a b, c; d\"", "a b, c; d"), (#""q\"\\""#, #"q"\"#), ("x", "x"), ("abc/+=~", "abc/+=~"),
        ("\"\(longest)\"", longest), (longest, longest), ("  padded  ", "padded"),
        ("\"" + String(repeating: "\\\"", count: 255) + "\"", String(repeating: "\"", count: 255)),
    ]

    private static let bad = [
        "", "\"\"", "\"", "\"open", "\"shut\"more", "\"a\"; p=1", "\"a\", \"b\"", "a, b", "a b", "a;b",
        #""\x""#, #""\"#, "\"t\tb\"", "\"\u{E4}\"", "\u{E4}", "(a)", "\"\(longest)k\"", "\(longest)k",
        "\"" + String(repeating: "\\\"", count: 256) + "\"", "a\"b",
    ]

    private func read(_ fields: [String]) throws -> IdempotencyKey.Reading {
        try withState((["POST /o HTTP/1.1", "Host: a.test"] + fields).joined(separator: "\n")) {
            IdempotencyKey.read($0.head)
        }
    }

    @Test func `a string in quotes and its bare characters are a key`() throws {
        for (field, key) in Self.good {
            #expect(try read(["Idempotency-Key: \(field)"]) == .key(Array(key.utf8)), "\(field)")
        }
        #expect(try read(["idempotency-KEY: x"]) == .key(Array("x".utf8)))
    }

    @Test(arguments: bad)
    func `what is no string, empty or too long is malformed`(field: String) throws {
        #expect(try read(["Idempotency-Key: \(field)"]) == .malformed)
    }

    @Test func `none is none, and two are none at all`() throws {
        #expect(try read([]) == .none)
        #expect(try read(["X-Idempotency-Key: x"]) == .none)
        #expect(try read(["Idempotency-Key: x", "Idempotency-Key: x"]) == .malformed)
    }
}
