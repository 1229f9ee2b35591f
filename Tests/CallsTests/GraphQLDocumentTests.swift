import Calls
import Testing

@Suite struct GraphQLDocumentTests {
    @Test(
        arguments: [
            ("{a}", ["a": 1]),
            ("query { a b c }", ["a": 1, "b": 1, "c": 1]),
            ("mutation M { login(user: \"x\") { token } }", ["login": 1]),
            ("subscription S @live { messages { text } }", ["messages": 1]),
            ("{ a1: login a2: login a3: login }", ["login": 3]),
            ("{ login: harmless }", ["harmless": 1]),
            ("query Q($id: ID! = \"}\", $list: [Int!]! = [1, 2]) @d(x: {a: [1]}) { a }", ["a": 1]),
            ("{ a(x: {y: [{z: \"{\"}]}) { b { c } } d }", ["a": 1, "d": 1]),
            ("{ a @skip(if: true) b @include(if: $never) }", ["a": 1, "b": 1]),
            ("{ __schema { types { name } } __typename }", ["__schema": 1, "__typename": 1]),
            (
                "{ query mutation fragment on true null }",
                ["query": 1, "mutation": 1, "fragment": 1, "on": 1, "true": 1, "null": 1]
            ),
            ("{ on: a }", ["a": 1]),
            ("\u{FEFF},,,{,a,\u{FEFF}b,},", ["a": 1, "b": 1]),
            ("# { login }\n{ a } # }\r", ["a": 1]),
            ("#é😀\r{a}", ["a": 1]),
            ("{ a(x: \"# \\\" } {\") }", ["a": 1]),
            ("{ a(x: \"\"\" } \\\"\"\" \" \"\" \n { \"\"\") b }", ["a": 1, "b": 1]),
            ("{ a(x: \"\"\"\"\"\", y: \"\") }", ["a": 1]),
            ("{ a(x: \"\"\"\\\\\"\"\"}\"\"\") }", ["a": 1]),
            ("{ a(x: \"é😀\\u00e9\\u{1F600}\", y: -1.5e+3, z: 0, w: 10) }", ["a": 1]),
            ("\"\"\"What it is for\"\"\" query A { a }", ["a": 1]),
        ] as [(String, [String: Int])])
    func `root fields are calls, by their names`(_ document: String, _ calls: [String: Int]) {
        #expect(reading(.graphql, .graphql(document)) == .calls(calls), "\(document)")
    }

    @Test(
        arguments: [
            ("{ ...F } fragment F on Query { a b }", ["a": 1, "b": 1]),
            ("fragment F on Query { ...G } fragment G on Query { x: a } { ...F @include(if: $x) }", ["a": 1]),
            ("{ ... on Query { a ... { b ... @d { c } } } d }", ["a": 1, "b": 1, "c": 1, "d": 1]),
            ("{ ...F ...F } fragment F on Query { a }", ["a": 1]),
            ("{ ...F x: a } fragment F on Query { y: a }", ["a": 2]),
            (
                "{ ...A ...B v { id } } fragment A on Query { v { a } } fragment B on Query { v { b } }",
                ["v": 1]
            ),
            ("{ a ...F } fragment F on Query { a ...F }", ["a": 1]),
            ("{ ...A } fragment A on Q { x ...B } fragment B on Q { y ...A }", ["x": 1, "y": 1]),
            ("{ a { ...F } } fragment F on T { login }", ["a": 1]),
            ("{ ...on } fragment F on Q { a }", nil),
            ("{ ... on F } fragment F on Q { a }", nil),
            ("{ ...F(x: 1) } fragment F($x: Int) on Q { a }", ["a": 1]),
            ("{ ...onLogin } fragment onLogin on Q { login }", ["login": 1]),
            ("{ ...query } fragment query on Q { a }", ["a": 1]),
        ] as [(String, [String: Int]?)])
    func `fragments are taken where they are spread`(_ document: String, _ calls: [String: Int]?) {
        let expected = calls.map { Reading.calls($0) } ?? .unreadable(.document)
        #expect(reading(.graphql, .graphql(document)) == expected, "\(document)")
    }

    @Test func `a document without any field is a call without a name`() {
        let document = "{ ...F } fragment F on Q { ...F }"
        #expect(reading(.graphql, .graphql(document)) == .calls([:], unnamed: 1))
        let three = (0..<3).map { _ in "{\"query\":\"\(document)\"}" }.joined(separator: ",")
        #expect(reading(.graphql, .json("[\(three)]")) == .calls([:], unnamed: 3))
    }

    /// Fields of one response key are one field to the executor.
    @Test func `a field is one call for each response key`() {
        #expect(reading(.graphql, .graphql("{ a a a }")) == .calls(["a": 1]))
        #expect(reading(.graphql, .graphql("{ x: a x: a a }")) == .calls(["a": 2]))
        // Invalid, but were it executed, then as either of the two.
        #expect(reading(.graphql, .graphql("{ x: a x: b }")) == .calls(["a": 1, "b": 1]))
    }

    private static let three =
        "query A { a } query B { b1: b b2: b } mutation C { ...F } fragment F on M { c }"

    @Test(
        arguments: [
            ("A", ["a": 1]), ("B", ["b": 2]), ("C", ["c": 1]),
            (nil, ["a": 1, "b": 2, "c": 1]), ("D", ["a": 1, "b": 2, "c": 1]), ("", ["a": 1, "b": 2, "c": 1]),
            ("F", ["a": 1, "b": 2, "c": 1]), ("a", ["a": 1, "b": 2, "c": 1]),
            (String(repeating: "A", count: 300), ["a": 1, "b": 2, "c": 1]),
        ] as [(String?, [String: Int])])
    func `the operation that is named is counted, and all of them where that is not clear`(
        _ name: String?, _ calls: [String: Int]
    ) {
        #expect(reading(.graphql, .graphql(Self.three, operation: name)) == .calls(calls))
    }

    @Test func `of two operations with one name both count`() {
        let request = Request.graphql("query A { a } query A { b } query C { c }", operation: "A")
        #expect(reading(.graphql, request) == .calls(["a": 1, "b": 1, "c": 1]))
    }

    @Test func `a single operation counts under any name`() {
        #expect(reading(.graphql, .graphql("query A { a }", operation: "B")) == .calls(["a": 1]))
        #expect(reading(.graphql, .graphql("{ a }", operation: "B")) == .calls(["a": 1]))
    }

    @Test(
        arguments: [
            " ", "#", "{}", "{", "}", "{a", "{a}}", "{a {}", "{a(}", "{a(x: 1}", "{a(x: [1)]}", "{a b: }",
            "{:a}", "{a: b: c}", "{ ... }", "{ ... on }", "{ ... on Q }", "{ ... {} }", "{ ... on Q {} }",
            "{ ...F }", "{ .. F }", "{ ....F }", "{ a @ }", "{ a @() }", "{ 1 }", "{ a 1 }", "{ \"a\" }",
            "{ $a }",
            "{ a } b", "query", "query {}", "query A", "query A B { a }", "query (", "queries { a }",
            "QUERY { a }", "fragment F on Q { a }", "fragment on on Q { a } { a }",
            "fragment F Q { a } { ...F }", "fragment F on { a } { ...F }",
            "fragment F on Q { ...F {a} } { ...F }",
            "{ ...F } fragment F on Q { a } fragment F on Q { b }",
            "type Query { a: Int }", "schema { query: Q }", "\"x\" { a }", "\"x\" \"y\" query { a }",
            "{ a(x: \"\n\") }", "{ a(x: \") }", "{ a(x: \"\\x\") }", "{ a(x: \"\"\") }",
            "{ a(x: \"\"\" \\\"\"\") }",
            "{ a(x: 01) }", "{ a(x: 1.) }", "{ a(x: .5) }", "{ a(x: 1e) }", "{ a(x: 1x) }", "{ a(x: -) }",
            "{ a(x: 1.5.6) }", "{ a(x: 0xF1) }", "{ a(x: 'a') }", "{ a; b }", "{ a-b }", "{ é }",
            "{ a\u{A0}b }",
            "{ a \u{0} }", "{ a } \u{7F}", "#\u{0}\n{ a }", "{ a(x: \"\u{1}\") }", "{ a ? }", "{ a % b }",
            "# \u{2028} { login }\n{ a }", "# \u{2029} { login }\n{ a }", "{ a \u{2028} b }", "\u{FFFE}{ a }",
            "{ a \\u007d }", "{ a } < script", "{ a } ...", "{ a } \"",
        ])
    func `what is no document is unreadable`(_ document: String) {
        #expect(reading(.graphql, .graphql(document)) == .unreadable(.document), "\(document)")
    }

    @Test(
        arguments: [
            [0x80], [0xC3], [0xC0, 0xA2], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xEF, 0xBB],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 make a document unreadable`(_ bytes: [UInt8]) {
        for (front, back) in [
            ("{ a(x: \"", "\") }"), ("#", "\n{ a }"), ("{ a(x: \"\"\"", "\"\"\") }"), ("{a", "}"),
        ] {
            let document = Array(front.utf8) + bytes + Array(back.utf8)
            let request = Request(type: "application/graphql", bytes: document)
            #expect(reading(.graphql, request) == .unreadable(.document), "\(front)")
        }
    }

    @Test func `names have their length, and aliases do not`() {
        let name = String(repeating: "n", count: 128)
        #expect(reading(.graphql, .graphql("{ \(name) }")) == .calls([name: 1]))
        #expect(reading(.graphql, .graphql("{ \(name)n }")) == .unreadable(.name))
        #expect(reading(.graphql, .graphql("{ a { \(name)n } \(name)n: b }")) == .calls(["a": 1, "b": 1]))
    }

    @Test func `nesting ends at 64 brackets`() {
        let nested = { (depth: Int) in
            String(repeating: "{ a", count: depth) + String(repeating: " }", count: depth)
        }
        #expect(reading(.graphql, .graphql(nested(64))) == .calls(["a": 1]))
        #expect(reading(.graphql, .graphql(nested(65))) == .unreadable(.tooComplex))
        let inline = { (depth: Int) in
            String(repeating: "{ ... ", count: depth) + "{ a" + String(repeating: " }", count: depth + 1)
        }
        #expect(reading(.graphql, .graphql(inline(63))) == .calls(["a": 1]))
        #expect(reading(.graphql, .graphql(inline(64))) == .unreadable(.tooComplex))
        let lists = "{ a(x: " + String(repeating: "[", count: 100_000)
        #expect(reading(.graphql, .graphql(lists)) == .unreadable(.tooComplex))
    }

    @Test func `more calls than the limit are too many`() {
        let aliases = { (count: Int) in "{" + (0..<count).map { "a\($0): login" }.joined(separator: " ") + "}"
        }
        #expect(reading(.graphql, .graphql(aliases(50))) == .calls(["login": 50]))
        #expect(reading(.graphql, .graphql(aliases(51))) == .tooMany)
        #expect(
            reading(.graphql, .graphql(aliases(256)), limits: CallLimits(calls: 256))
                == .calls(["login": 256]))
        #expect(reading(.graphql, .graphql(aliases(10_000)), limits: CallLimits(calls: 256)) == .tooMany)
    }
}
