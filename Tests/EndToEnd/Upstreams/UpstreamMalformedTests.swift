import Foundation
import Testing

/// Answers over HTTP/2 that are none (RFC 9113 §8.1.1): readable where that is still possible, and never
/// passed on as if they were whole.
@Suite(.timeLimit(.minutes(20))) struct UpstreamMalformedTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let frames: @Sendable (UInt32) -> [HTTP2Frame]
        var testDescription: String { name }

        static func head(_ name: String, _ fields: [(String, String)]) -> Case {
            Case(name: name) { [.headers($0, .fields(fields), .endHeaders), .data($0, [], .endStream)] }
        }
    }

    static let heads: [Case] = [
        .head("no status", [("server", "x")]),
        .head("two statuses", [(":status", "200"), (":status", "200")]),
        .head("a status that is no number", [(":status", "2x0")]),
        .head("a status of four digits", [(":status", "2000")]),
        .head("a status behind a field", [("server", "x"), (":status", "200")]),
        .head("a request's field", [(":status", "200"), (":path", "/")]),
        .head("a name in capitals", [(":status", "200"), ("Server", "x")]),
        .head("a line's end in a value", [(":status", "200"), ("server", "x\r\nset-cookie: a=b")]),
        .head("a NUL in a value", [(":status", "200"), ("server", "x\u{0}")]),
        .head("a connection's field", [(":status", "200"), ("connection", "close")]),
        .head("a transfer coding", [(":status", "200"), ("transfer-encoding", "chunked")]),
        .head("two lengths", [(":status", "200"), ("content-length", "1"), ("content-length", "2")]),
        .head("a length that is no number", [(":status", "200"), ("content-length", "-1")]),
        .head("101", [(":status", "101")]),
        Case(name: "a body before a head") { [.data($0, Array("body".utf8), .endStream)] },
        Case(name: "an interim answer that ends its stream") {
            [.headers($0, .fields([(":status", "103")]), .whole)]
        },
        Case(name: "a head that is too large") {
            let fields = (0..<20).map { ("x-\($0)", String(repeating: "x", count: 2000)) }
            let block = HPACKBlock.fields([(":status", "200")] + fields).bytes
            let first = HTTP2Frame(
                kind: HTTP2Frame.Kind.headers, stream: $0, payload: Array(block.prefix(16_384)))
            return [
                first,
                HTTP2Frame(
                    kind: HTTP2Frame.Kind.continuation, stream: $0,
                    payload: Array(block.dropFirst(16_384).prefix(16_384))),
                .continuation($0, .raw(Array(block.dropFirst(32_768)))),
            ]
        },
        Case(name: "frames of more than 16 KiB") {
            [.headers($0, .fields([(":status", "200"), ("x", String(repeating: "x", count: 17_000))]))]
        },
    ]

    @Test(arguments: heads)
    func `what is no answer is a readable 502`(malformed: Case) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            try server.send(malformed.frames(try server.request().stream))
            let response = try client.response()
            if response.status == 200 {
                Issue.record("\(response)")
            } else {
                #expect(response.status == 502)
                _ = response.problem()
            }
            #expect(response.value("Set-Cookie") == nil)
            // Whatever became of the connection, the next request finds one.
            server.takeWhatCame()
            let next = try gateway.sending(get("/next"))
            let other = try? server.request(within: .milliseconds(300))
            let answering = try other == nil ? origin.accept() : server
            try answering.answer(try other?.stream ?? answering.request().stream)
            #expect(try next.response().text == "answered")
        }
    }

    static let bodies: [Case] = [
        .head("a length without a body", [(":status", "200"), ("content-length", "5")]),
        Case(name: "fewer bytes than said") {
            [.headers($0, .fields([(":status", "200"), ("content-length", "10")]), .endHeaders)]
                + [.data($0, Array("half".utf8), .endStream)]
        },
        Case(name: "more bytes than said") {
            [.headers($0, .fields([(":status", "200"), ("content-length", "10")]), .endHeaders)]
                + [.data($0, Array("half".utf8)), .data($0, Array("and too much".utf8), .endStream)]
        },
        Case(name: "trailers that do not end the stream") {
            [.headers($0, .fields([(":status", "200")]), .endHeaders), .data($0, Array("half".utf8))]
                + [.headers($0, .fields([("x-sum", "1")]), .endHeaders)]
        },
        Case(name: "a status among the trailers") {
            [.headers($0, .fields([(":status", "200")]), .endHeaders), .data($0, Array("half".utf8))]
                + [.headers($0, .fields([(":status", "200")]), .whole)]
        },
        Case(name: "a line's end in a trailer") {
            [.headers($0, .fields([(":status", "200")]), .endHeaders), .data($0, Array("half".utf8))]
                + [.headers($0, .fields([("x-sum", "1\r\n\r\nHTTP/1.1 200 OK")]), .whole)]
        },
        Case(name: "trailers that are too large") {
            let fields = (0..<25).map { ("x-\($0)", String(repeating: "x", count: 1500)) }
            let block = HPACKBlock.fields(fields).bytes
            let first = HTTP2Frame(
                kind: HTTP2Frame.Kind.headers, flags: .endStream, stream: $0,
                payload: Array(block.prefix(16_000)))
            return [.headers($0, .fields([(":status", "200")]), .endHeaders), .data($0, Array("half".utf8))]
                + [first, .continuation($0, .raw(Array(block[16_000..<32_000])), [])]
                + [.continuation($0, .raw(Array(block[32_000...])))]
        },
        Case(name: "padding beyond its frame") {
            [.headers($0, .fields([(":status", "200")]), .endHeaders), .data($0, Array("half".utf8))]
                + [.data($0, [200, 1, 2], [.padded, .endStream])]
        },
    ]

    @Test(arguments: bodies)
    func `what becomes no answer inside its body never looks whole`(malformed: Case) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            try server.send(malformed.frames(try server.request().stream))
            #expect(throws: SocketError.reset, "never whole") {
                let bytes = try client.readToEnd()
                Issue.record("\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }
}
