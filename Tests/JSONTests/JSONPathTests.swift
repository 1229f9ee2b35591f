import Bytes
import JSON
import Testing

@Suite struct JSONPathTests {
    private static let claims = #"""
        {"sub":"u1","app_metadata":{"plan":"pro","roles":["a","b"]},"a.b":1,"a":{"b":2,"c":{"d":3}},
         "https://hasura.io/claims":{"role":"user"},"esc\u0061ped":4,"list":[{"x":1}],"n":null}
        """#

    private func find(_ path: String, in text: String = claims) throws -> String? {
        let path = try JSONPath(path)
        return Array(text.utf8).withView { text in path.find(in: text).map { $0.raw(in: text).text() } }
    }

    @Test(
        arguments: [
            ("sub", #""u1""#), ("app_metadata.plan", #""pro""#), ("app_metadata.roles", #"["a","b"]"#),
            ("a.b", "2"),
            ("\"a.b\"", "1"), ("a\\.b", "1"), ("a.c.d", "3"),
            (#""https://hasura.io/claims".role"#, #""user""#),
            (#"https://hasura\.io/claims.role"#, #""user""#), ("escaped", "4"), ("n", "null"),
            ("missing", nil), ("sub.x", nil), ("list.x", nil), ("app_metadata.plan.x", nil), ("a.c.d.e", nil),
            ("Sub", nil),
        ] as [(String, String?)])
    func `a path leads through objects`(_ path: String, _ value: String?) throws {
        #expect(try find(path) == value)
    }

    @Test func `a name that stands twice leads nowhere`() throws {
        #expect(try find("a", in: #"{"a":1,"b":2,"a":1}"#) == nil)
        #expect(try find("b", in: #"{"a":1,"b":2,"a":1}"#) == "2")
        #expect(try find("a", in: #"{"a":1,"\u0061":2}"#) == nil)
        #expect(try find("x.a", in: #"{"x":{"a":1,"a":2}}"#) == nil)
        #expect(try find("x.b", in: #"{"x":{"b":1},"x":{"b":1}}"#) == nil)
    }

    @Test func `a text that is no object has nothing in it`() throws {
        for text in ["", "[]", "1", "{", #"{"a":1"#, #"{"a":1}x"#] { #expect(try find("a", in: text) == nil) }
    }

    @Test(
        arguments: [
            ("", .empty), (".", .emptyName), ("a.", .emptyName), (".a", .emptyName), ("a..b", .emptyName),
            ("\"a", .unfinished), ("a\\", .unfinished), ("\"a\"b", .behindQuote),
            ("https://hasura.io/claims", .unquotedAddress),
            ("https://x.y/z.role", .unquotedAddress), (String(repeating: "a.", count: 16) + "a", .tooDeep),
        ] as [(String, JSONPathError)])
    func `a path that cannot be read says why`(_ path: String, _ error: JSONPathError) {
        #expect(throws: error) { try JSONPath(path) }
        #expect(!error.description.isEmpty)
    }

    @Test func `names without dots may look like addresses, and quotes may be inside`() throws {
        #expect(try JSONPath("urn:x/y").names == [Array("urn:x/y".utf8)])
        #expect(try JSONPath(#""a\"b".c"#).names == [Array("a\"b".utf8), Array("c".utf8)])
        #expect(JSONPath(name: "a.b").names == [Array("a.b".utf8)])
    }
}

@Suite struct JSONIterationTests {
    @Test func `a name that comes twice is told`() throws {
        let long = String(repeating: "n", count: 20)
        let text = Array(#"{"a":1,"b":2,"\u0061":3,"\#(long)":4,"\#(long)":5,"\#(long)x":6,"":7,"":8}"#.utf8)
        try text.withView { text in
            var members = try JSONMembers(text)
            var names = JSONNames()
            var results: [JSONNames.Result] = []
            while let member = try members.next() { results.append(names.insert(member.name, in: text)) }
            #expect(results == [.new, .new, .duplicate, .new, .duplicate, .new, .new, .duplicate])
        }
    }

    @Test func `names are kept up to the capacity`() throws {
        let members = (0...JSONNames.capacity).map { "\"\($0)\":0" }.joined(separator: ",")
        try Array("{\(members)}".utf8).withView { text in
            var reader = try JSONMembers(text)
            var names = JSONNames()
            for _ in 0..<JSONNames.capacity {
                let member = try #require(try reader.next())
                #expect(names.insert(member.name, in: text) == .new)
            }
            let last = try #require(try reader.next())
            #expect(names.insert(last.name, in: text) == .full)
        }
    }

    @Test func `items and members inside a value are read from it`() throws {
        try Array(#"{"a":[1,[2,3],{"b":4}],"c":{}}"#.utf8).withView { text in
            var members = try JSONMembers(text)
            let first = try #require(try members.next())
            var items = try #require(JSONItems(of: first.value, in: text))
            var seen: [String] = []
            while let item = try items.next() { seen.append(item.raw(in: text).text()) }
            #expect(seen == ["1", "[2,3]", #"{"b":4}"#])
            #expect(JSONMembers(of: first.value, in: text) == nil)
            let second = try #require(try members.next())
            var inner = try #require(JSONMembers(of: second.value, in: text))
            #expect(try inner.next() == nil)
            #expect(JSONItems(of: second.value, in: text) == nil)
            #expect(try members.next() == nil)
            #expect(try members.next() == nil)
        }
    }

    @Test(arguments: ["[1,2", "[1,2]x", "[1,]", "[1 2]", #"["a":1]"#])
    func `an array of strangers is a fault at its place`(_ text: String) {
        _ = Array(text.utf8).withView { text in
            #expect(throws: JSONFault.self) {
                var items = try JSONItems(text)
                while try items.next() != nil {}
            }
        }
    }
}
