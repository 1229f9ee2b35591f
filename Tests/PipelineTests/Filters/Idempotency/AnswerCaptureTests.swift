import Bytes
import HTTP1
import HTTPModel
import Testing

@testable import Pipeline

@Suite struct AnswerCaptureTests {
    /// What is kept of an answer whose body comes in pieces; nil where nothing is.
    private func kept(
        _ head: String, _ pieces: [String] = [], limit: Int = 100, keepsErrors: Bool = false
    ) throws -> String? {
        let bytes = Array((head.replacing("\n", with: "\r\n") + "\r\n\r\n").utf8)
        return try bytes.withView { view in
            var parsed = ResponseHead()
            var parser = ResponseParser(limits: HeadLimits())
            _ = try parser.parse(view, answering: .post, into: &parsed)
            var capture = AnswerCapture()
            capture.begin(parsed, limit: limit, keepsErrors: keepsErrors)
            for piece in pieces { Array(piece.utf8).withView { capture.add($0) } }
            return capture.message.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func `a message is kept with its length and its mark, and nothing that belongs to its way`() throws
    {
        let message = try kept(
            """
            HTTP/1.1 201 Made
            Server: app
            Date: Thu, 01 Jan 2026 00:00:00 GMT
            Set-Cookie: a=1
            Set-Cookie: b=2
            Connection: keep-alive, X-Hop
            X-Hop: 1
            Keep-Alive: timeout=5
            Transfer-Encoding: chunked
            Trailer: X-Sum
            X-Request-Id: origin
            Idempotency-Replayed: false
            Content-Type: application/json
            """, ["{\"id\":", "", "1}"])
        let expected = """
            HTTP/1.1 201 Made
            Server: app
            Set-Cookie: a=1
            Set-Cookie: b=2
            Content-Type: application/json
            Idempotency-Replayed: true
            Content-Length: 8

            {"id":1}
            """
        #expect(message == expected.replacing("\n", with: "\r\n"))
    }

    @Test(arguments: [204, 304])
    func `an answer that has no body has no length`(status: Int) throws {
        #expect(
            try kept("HTTP/1.1 \(status) X\nETag: \"1\"")
                == "HTTP/1.1 \(status) X\r\nETag: \"1\"\r\nIdempotency-Replayed: true\r\n\r\n")
    }

    @Test func `an empty body has the length 0`() throws {
        #expect(
            try kept("HTTP/1.1 200 OK\nContent-Length: 0")
                == "HTTP/1.1 200 OK\r\nIdempotency-Replayed: true\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func `of what is too long or a stream it is kept that it was given`() throws {
        let fits = String(repeating: "x", count: 100)
        #expect(try kept("HTTP/1.1 200 OK\nContent-Length: 100", [fits])?.hasSuffix(fits) == true)
        #expect(try kept("HTTP/1.1 200 OK\nContent-Length: 101") == "")
        #expect(try kept("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", [fits, "y"]) == "")
        #expect(try kept("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", [fits, "y", "z"]) == "")
        #expect(try kept("HTTP/1.1 200 OK\nContent-Type: text/event-stream\nContent-Length: 1", ["x"]) == "")
    }

    @Test(arguments: [
        (200, true), (201, true), (302, true), (400, true), (403, true), (404, true), (409, true),
        (422, true), (401, false), (408, false), (425, false), (429, false), (500, false), (503, false),
    ])
    func `what says "not now" is not the last word`(status: Int, isKept: Bool) throws {
        #expect((try kept("HTTP/1.1 \(status) X\nContent-Length: 1", ["x"]) != nil) == isKept)
        let withErrors = try kept("HTTP/1.1 \(status) X\nContent-Length: 1", ["x"], keepsErrors: true)
        #expect((withErrors != nil) == (isKept || status >= 500))
    }
}
