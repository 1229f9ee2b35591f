import Calls
import Testing

/// What hostile requests cost: tokens are counted, so that no clock is asked.
@Suite struct CallCostTests {
    private func cost(_ document: String) -> (reading: Reading, tokens: Int) {
        var reader = CallReader()
        let request = Request(type: "application/graphql", body: document)
        let reading = reader.reading(.graphql, request, limits: CallLimits(calls: 256))
        return (reading, reader.tokensRead)
    }

    /// Tokens of a document that is one operation and fragments of names, dots and braces.
    private func tokens(in document: String) -> Int {
        document.replacing("...", with: " . ").split { " ,".contains($0) }.count
    }

    /// Every fragment spreads every other one.
    private func everyFragmentSpreadsEvery(_ count: Int) -> String {
        let spreads = (0..<count).map { "...F\($0)" }.joined(separator: " ")
        return "{ \(spreads) }"
            + (0..<count).map { " fragment F\($0) on Q { a\($0 % 9) \(spreads) }" }.joined()
    }

    @Test(arguments: [10, 50, 150])
    func `fragments that spread each other are read over twice at most`(_ count: Int) {
        let document = everyFragmentSpreadsEvery(count)
        let (reading, tokens) = cost(document)
        #expect(reading == .calls((0..<min(count, 9)).reduce(into: [:]) { $0["a\($1)"] = 1 }))
        #expect(tokens <= 2 * self.tokens(in: document) + 2)
    }

    /// Each spreads the next one twice: expanded one by one it would be 2^1000 fields.
    @Test func `a chain of fragments that doubles is read over twice at most`() {
        let count = 1000
        let chain = (0..<count).map { " fragment F\($0) on Q { ...F\($0 + 1) ...F\($0 + 1) }" }.joined()
        let document = "{ ...F0 }\(chain) fragment F\(count) on Q { login }"
        let (reading, tokens) = cost(document)
        #expect(reading == .calls(["login": 1]))
        #expect(tokens <= 2 * self.tokens(in: document) + 2)
    }

    @Test func `ten thousand fragments are too many, and end the reading where they are`() {
        let fragments = (0..<10_000).map { " fragment F\($0) on Q { ...F\(($0 + 1) % 10_000) }" }.joined()
        let (reading, tokens) = cost("{ ...F0 }" + fragments)
        #expect(reading == .unreadable(.tooComplex))
        #expect(tokens < 1024 * 9)
    }

    /// Were each counted apart, it would be as many times all fragments as there are operations.
    @Test func `operations that spread the same fragments are read over twice at most`() {
        let fragments = (0..<500).map { " fragment F\($0) on Q { a ...F\(($0 + 1) % 500) }" }.joined()
        let operations = (0..<500).map { " query Q\($0) { ...F\($0) }" }.joined()
        let (reading, tokens) = cost(operations + fragments)
        #expect(reading == .calls(["a": 1]))
        #expect(tokens <= 2 * self.tokens(in: operations + fragments) + 500)
    }

    @Test func `a field that stands a hundred thousand times is one call`() {
        let (reading, tokens) = cost("{ " + String(repeating: "a ", count: 100_000) + "}")
        #expect(reading == .calls(["a": 1]))
        #expect(tokens <= 2 * 100_002 + 2)
    }

    @Test func `aliases end the reading at the limit`() {
        let aliases = (0..<100_000).map { "a\($0): login" }.joined(separator: " ")
        let (reading, tokens) = cost("{ \(aliases) }")
        #expect(reading == .tooMany)
        #expect(tokens <= 3 * 100_000 + 3 * 257 + 10)
    }

    @Test func `an array of documents costs what they cost together`() {
        let item = "{\"query\":\(Request.quoted(everyFragmentSpreadsEvery(20)))}"
        var reader = CallReader()
        let request = Request.json("[" + Array(repeating: item, count: 20).joined(separator: ",") + "]")
        let reading = reader.reading(.graphql, request, limits: CallLimits(calls: 256))
        #expect(reading == .calls((0..<9).reduce(into: [:]) { $0["a\($1)"] = 20 }))
        #expect(reader.tokensRead <= 20 * (2 * tokens(in: everyFragmentSpreadsEvery(20)) + 2))
    }

    @Test func `long texts of one kind are read to their end`() {
        let length = 100_000
        #expect(cost("#" + String(repeating: "{", count: length)).reading == .unreadable(.document))
        #expect(cost(String(repeating: ",", count: length) + "{a}").reading == .calls(["a": 1]))
        #expect(
            cost("{a(x:\"\"\"" + String(repeating: "\"\" ", count: length)).reading == .unreadable(.document)
        )
        #expect(
            cost("{a(x:\"\"\"" + String(repeating: "\\\"", count: length)).reading == .unreadable(.document))
        #expect(cost(String(repeating: "...", count: length)).reading == .unreadable(.document))
        #expect(cost("{" + String(repeating: "a", count: length) + ":b}").reading == .calls(["b": 1]))
        let fields = String(repeating: "a&", count: length) + "query={a}"
        #expect(reading(.graphql, Request(query: fields)) == .calls(["a": 1]))
        let names = String(repeating: "%71", count: length) + "=1&query={a}"
        #expect(reading(.graphql, Request(query: names)) == .calls(["a": 1]))
        let members = String(repeating: "\"query\":null,", count: 2) + "\"x\":1"
        #expect(reading(.graphql, .json("{\(members)}")) == .unreadable(.ambiguous))
    }
}
