import Calls
import Testing

/// Requests made at random whose calls are known.
@Suite struct GeneratedRequestTests {
    private static let most = CallLimits(calls: CallReader.mostCalls)

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func `a generated document has the calls it was made with, however it is sent`(_ seed: UInt64) {
        var reader = CallReader()
        for number in 0..<20 {
            let document = GeneratedDocument(seed: seed << 32 | UInt64(number))
            for (name, fields) in document.operations {
                let expected = GeneratedDocument.reading(fields)
                for request in Self.requests(document.text, operation: name) {
                    let found = reader.reading(.graphql, request, limits: Self.most)
                    guard found == expected else {
                        Issue.record(
                            "seed \(seed), \(number), \(name): \(found), not \(expected)\n\(document.text)")
                        return
                    }
                }
            }
            let all = document.operations.reduce(into: Set()) { $0.formUnion($1.fields) }
            let found = reader.reading(.graphql, .graphql(document.text), limits: Self.most)
            #expect(
                found == GeneratedDocument.reading(all), "seed \(seed), \(number)\n\(document.text)")
        }
    }

    @Test func `every cut of a generated document is unreadable or has fewer calls`() {
        var reader = CallReader()
        for seed in 0..<4 as Range<UInt64> {
            let document = GeneratedDocument(seed: seed)
            let whole = reader.reading(.graphql, .graphql(document.text), limits: Self.most)
            let bytes = Array(document.text.utf8)
            for length in 0..<bytes.count {
                let request = Request(type: "application/graphql", bytes: Array(bytes[..<length]))
                let cut = reader.reading(.graphql, request, limits: Self.most)
                guard case .calls(let count) = cut.verdict else { continue }
                // Cut between two definitions.
                guard case .calls(let most) = whole.verdict, count <= most else {
                    Issue.record("seed \(seed), cut at \(length): \(cut), whole \(whole)")
                    return
                }
            }
        }
    }

    @Test func `an array of generated documents has the calls of all of them`() {
        for seed in 0..<20 as Range<UInt64> {
            var expected: [String: Int] = [:]
            var unnamed = 0
            var items: [String] = []
            for number in 0..<4 {
                let document = GeneratedDocument(seed: seed << 8 | UInt64(number))
                let all = document.operations.reduce(into: Set()) { $0.formUnion($1.fields) }
                expected.merge(GeneratedDocument.calls(all), uniquingKeysWith: +)
                if all.isEmpty { unnamed += 1 }
                items.append("{\"query\":\(Request.quoted(document.text))}")
            }
            let request = Request.json("[\(items.joined(separator: ","))]")
            #expect(reading(.graphql, request, limits: Self.most) == .calls(expected, unnamed: unnamed))
        }
    }

    @Test(arguments: [CallKind.trpc, .jsonrpc])
    func `a generated batch has the calls it was made with`(_ kind: CallKind) {
        var random = SeededGenerator(seed: 7)
        var reader = CallReader()
        for round in 0..<200 {
            let names = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                String(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        "aB0_-x".randomElement(using: &random)!
                    })
            }
            var expected = Reading.calls([:])
            var calls: [String: Int] = [:]
            for name in names where !name.isEmpty { calls[name, default: 0] += 1 }
            expected = .calls(calls, unnamed: names.count { $0.isEmpty })
            let separators = [",", "%2C", "%2c"]
            let request =
                kind == .trpc
                ? Request(
                    rest: names.dropFirst().reduce(names[0]) {
                        $0 + separators[Int.random(in: 0...2, using: &random)] + $1
                    })
                : .json("[" + names.map { "{\"id\":1,\"method\":\"\($0)\"}" }.joined(separator: " , ") + "]")
            #expect(reader.reading(kind, request) == expected, "round \(round): \(request)")
        }
    }

    private static func requests(_ document: String, operation: String) -> [Request] {
        let escaped = document.utf8.reduce(into: "") { text, byte in
            text +=
                byte & 3 == 0 || byte >= 0x7F || byte < 0x21 || "&;%+=#".utf8.contains(byte)
                ? "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
                : String(UnicodeScalar(byte))
        }
        let units = document.utf16.reduce(into: "") { text, unit in
            let digits = String(unit, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return [
            .graphql(document, operation: operation),
            .json("{\"operationName\":\"\(operation)\",\"query\":\"\(units)\"}"),
            Request(query: "query=\(escaped)&operationName=\(operation)"),
            Request(query: "operationName=\(operation)", type: "application/graphql", body: document),
            Request(
                type: "application/x-www-form-urlencoded", body: "operationName=\(operation)&query=\(escaped)"
            ),
        ]
    }
}

extension GeneratedDocument {
    /// Of fragments that spread nothing but each other there is one call without a name.
    fileprivate static func reading(_ fields: Set<Field>) -> Reading {
        .calls(calls(fields), unnamed: fields.isEmpty ? 1 : 0)
    }
}
