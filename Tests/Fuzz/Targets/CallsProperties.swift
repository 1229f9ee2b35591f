import Bytes
import Calls
import Control
import Settings

/// Whatever a request holds, its calls are bounded, named by what names are made of, and the same each time;
/// and where a reader that was written apart from it understands a request, both say the same.
///
/// The first byte says what the rest is: `t` a tRPC path, `j` a body of JSON-RPC, `b` one of GraphQL, `u` a
/// query of GraphQL, anything else a GraphQL document.
enum CallsProperties {
    private static let limits = CallLimits(calls: CallReader.mostCalls)

    static func check(_ bytes: [UInt8]) throws(Violation) {
        let content = Array(bytes.dropFirst())
        switch bytes.first {
        case UInt8(ascii: "t"): try trpc(content)
        case UInt8(ascii: "j"): try jsonrpc(content)
        case UInt8(ascii: "b"): _ = try read(.graphql, body: content, type: "application/json")
        case UInt8(ascii: "u"): _ = try read(.graphql, query: content)
        default: try document(content)
        }
    }

    /// What a reader said, in values that can be compared.
    private struct Reading: Equatable, CustomStringConvertible {
        var verdict: CallVerdict
        var calls: [String: Int] = [:]
        var unnamed = 0

        var description: String { "\(verdict) \(calls) +\(unnamed)" }
    }

    private static func read(
        _ kind: CallKind, rest: [UInt8] = [], query: [UInt8] = [], body: [UInt8] = [], type: StaticString = ""
    ) throws(Violation) -> Reading {
        var reader = CallReader()
        let first = try read(&reader, kind, rest, query, body, type)
        try hold(try read(&reader, kind, rest, query, body, type) == first, "another answer the second time")
        let length = rest.count + query.count + body.count
        try hold(reader.tokensRead <= 2 * length + 2, "\(reader.tokensRead) tokens of \(length) bytes")
        return first
    }

    private static func read(
        _ reader: inout CallReader, _ kind: CallKind, _ rest: [UInt8], _ query: [UInt8], _ body: [UInt8],
        _ type: StaticString
    ) throws(Violation) -> Reading {
        let verdict = rest.withView { rest in
            query.withView { query in
                body.withView { body in
                    let source = CallSource(rest: rest, query: query, contentType: ByteView(type), body: body)
                    return reader.read(kind, source, limits: limits)
                }
            }
        }
        var reading = Reading(verdict: verdict, unnamed: reader.unnamed)
        for index in 0..<reader.count {
            let name = reader[index].name.text()
            try hold(reading.calls[name] == nil, "\(name) comes twice")
            try hold(isName(name, kind), "\(name.debugDescription) is no name")
            reading.calls[name] = reader[index].times
        }
        let total = reading.calls.values.reduce(reading.unnamed, +)
        switch verdict {
        case .calls(let count):
            try hold(
                count == total && count >= 1 && count <= limits.calls, "\(count) calls, counted \(total)")
        case .unreadable, .tooMany: try hold(reader.count == 0 && total == 0, "calls of what was refused")
        }
        return reading
    }

    private static func isName(_ name: String, _ kind: CallKind) -> Bool {
        let segments = name.split(separator: "/", omittingEmptySubsequences: false)
        let more = kind == .jsonrpc ? "_.-:$@~" : "_.-"
        return name.utf8.count <= 128 && (kind == .jsonrpc || segments.count == 1)
            && segments.allSatisfy { segment in
                segment != "" && segment != "." && segment != ".."
                    && segment.unicodeScalars.allSatisfy {
                        $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0))
                            || more.unicodeScalars.contains($0)
                    }
            }
    }

    private static func trpc(_ rest: [UInt8]) throws(Violation) {
        let reading = try read(.trpc, rest: rest)
        guard case .calls(let count) = reading.verdict else { return }
        // Never fewer than the server splits the path into.
        let text = String(decoding: rest, as: UTF8.self).replacing("%2C", with: ",").replacing(
            "%2c", with: ",")
        let names = text.split(separator: ",", omittingEmptySubsequences: false)
        try hold(names.count == count, "\(count) calls of \(text)")
    }

    private static func jsonrpc(_ body: [UInt8]) throws(Violation) {
        let reading = try read(.jsonrpc, body: body)
        guard case .calls = reading.verdict, !body.isEmpty else { return }
        guard let value = JSONValue(parsing: body) else {
            // The reader of the control plane nests less deep.
            return
        }
        var expected = Reading(verdict: reading.verdict)
        for request in value.elements ?? [value] {
            guard case .object(let members) = request,
                let method = members.first(where: { $0.0.lowercased() == "method" })?.1.textValue,
                method != ""
            else {
                expected.unnamed += 1
                continue
            }
            expected.calls[method, default: 0] += 1
        }
        if value.elements?.isEmpty == true { expected.unnamed = 1 }
        try hold(reading == expected, "\(reading), not \(expected): \(shown(body))")
    }

    /// The document as it is, in JSON and in a URL; and by the reference.
    private static func document(_ document: [UInt8]) throws(Violation) {
        guard !document.isEmpty else { return }
        let reading = try read(.graphql, body: document, type: "application/graphql")
        let escaped: [UInt8] = Array("query=".utf8) + document.flatMap { Array("%\(hex($0))".utf8) }
        try hold(
            try read(.graphql, query: escaped) == reading, "another answer in the URL: \(shown(document))")
        if let text = String(validating: document, as: UTF8.self) {
            let body = "{\"query\":\"" + text.utf16.map { "\\u" + hex($0) }.joined() + "\"}"
            try hold(
                try read(.graphql, body: Array(body.utf8), type: "application/json") == reading,
                "another answer in JSON: \(shown(document))")
        }
        guard let fields = ReferenceDocument.fields(of: document) else { return }
        switch reading.verdict {
        case .unreadable(.tooComplex), .unreadable(.name), .tooMany: return
        case .unreadable: throw Violation(description: "\(reading), but valid: \(shown(document))")
        case .calls:
            let expected = fields.reduce(into: [:]) { $0[$1.name, default: 0] += 1 }
            try hold(reading.calls == expected, "\(reading), not \(expected): \(shown(document))")
        }
    }

    private static func hex<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: Number.bitWidth / 4 - digits.count) + digits
    }
}
