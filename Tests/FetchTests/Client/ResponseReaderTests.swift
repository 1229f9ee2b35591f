import Bytes
import Testing

@testable import Fetch

@Suite struct ResponseReaderTests {
    private static func response(
        _ body: String, status: Int = 200, type: String? = nil, freshness: Duration? = nil
    ) -> FetchResponse {
        FetchResponse(status: status, contentType: type, freshness: freshness, body: Array(body.utf8))
    }

    /// What comes of bytes that arrive in pieces of `size`, and of the end behind them.
    private static func read(_ text: String, pieces size: Int, limit: Int = 1000, clean: Bool = true)
        -> ResponseReader.Step
    {
        var reader = ResponseReader(bodyLimit: limit)
        let bytes = Array(text.utf8)
        let room = Scratch(size: max(1, bytes.count))
        var start = 0
        while start < bytes.count {
            let end = min(start + size, bytes.count)
            Array(bytes[start..<end]).withView { room.view.write($0, at: 0) }
            let step = reader.take(room.view.slice(0, end - start))
            if step != .more { return step }
            start = end
        }
        return reader.ended(clean: clean)
    }

    static let good: [(String, ResponseReader.Step)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .complete(response("hi"), reusable: true)),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", .complete(response(""), reusable: true)),
        ("HTTP/1.1 204 No Content\r\n\r\n", .complete(response("", status: 204), reusable: true)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
            .complete(response("hi"), reusable: false)
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", .complete(response("hi"), reusable: false)),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", .complete(response("until the end"), reusable: false)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
                + "2\r\nhi\r\n4;x=y\r\n you\r\n0\r\n\r\n",
            .complete(response("hi you", type: "text/plain"), reusable: true)
        ),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx",
            .complete(response("x", status: 404), reusable: true)
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nCache-Control: public, max-age=600\r\n"
                + "Age: 100\r\nContent-Length: 1\r\n\r\nx",
            .complete(response("x", freshness: .seconds(500)), reusable: true)
        ),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", .complete(response("", status: 304), reusable: true)),
    ]

    @Test(arguments: good, [1, 2, 7, 64, 100_000])
    func `an answer is the same however it is cut`(
        answer: (text: String, step: ResponseReader.Step), size: Int
    ) {
        #expect(Self.read(answer.text, pieces: size) == answer.step)
    }

    static let bad: [(String, FetchFailure)] = [
        ("", .cutOff), ("HTTP/1.1 200 OK\r\nContent-Le", .cutOff),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", .cutOff),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", .cutOff),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n", .badAnswer),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", .bodyTooLarge(limit: 1000)),
        ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 1001), .bodyTooLarge(limit: 1000)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"
                + String(repeating: "x", count: 1001),
            .bodyTooLarge(limit: 1000)
        ),
        ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 20_000), .headTooLarge),
        (String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 5), .badAnswer),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", .badAnswer),
        ("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", .notHTTP(.badVersion)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .notHTTP(.contentLengthWithTransferEncoding)
        ),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", .encoded),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data\r\n\r\n",
            .redirected(status: 302, host: "169.254.169.254")
        ),
        ("HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\n\r\n", .redirected(status: 301, host: nil)),
        ("HTTP/1.1 308 Moved\r\n\r\n", .redirected(status: 308, host: nil)),
    ]

    @Test(arguments: bad, [1, 5, 100_000])
    func `what is not a whole answer within its bounds is refused`(
        answer: (text: String, failure: FetchFailure), size: Int
    ) {
        #expect(Self.read(answer.text, pieces: size) == .failed(answer.failure))
    }

    @Test func `a body that lasts until the end is cut off where the end was not said`() {
        #expect(Self.read("HTTP/1.1 200 OK\r\n\r\nhalf", pieces: 100, clean: false) == .failed(.cutOff))
    }

    @Test func `bytes behind an answer make the connection unfit for another`() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n"
        #expect(Self.read(text, pieces: 1000) == .complete(Self.response("hi"), reusable: false))
    }

    @Test(arguments: [
        ("https://evil.example/x", "evil.example"),
        ("https://user:secret@evil.example:8080/x?y", "evil.example:8080"),
        ("//evil.example", "evil.example"), ("http://[::1]:80/", "[::1]:80"), ("http://a\\b/", "a"),
        ("/path//x", nil), ("x", nil),
        ("http://\"quoted\"/", nil), ("http:///x", nil), ("", nil), ("?next=//evil", nil),
        ("/a:b//evil", nil), (":", nil), ("x:y//evil", nil),
    ])
    func `a redirect is told by its host alone`(location: String, host: String?) {
        #expect(RedirectTarget.host(location) == host)
    }

    @Test(arguments: [
        ("max-age=600", 600), ("public, max-age=60, must-revalidate", 60), ("MAX-AGE=5", 5),
        ("max-age=\"7\"", 7),
        ("no-store", 0), ("max-age=600, no-cache", 0), ("no-cache, max-age=600", 0),
        ("max-age=60, max-age=30", 30),
        ("max-age=x", 0), ("max-age=-1", 0), ("max-age", 0), ("max-age=99999999999", 31_536_000),
        ("max-age=99999999999999999999", 0),
        ("private", nil), ("", nil), ("s-maxage=5", nil),
    ])
    func `freshness is what the strictest directive says`(line: String, seconds: Int?) {
        #expect(Freshness.directive(line, nil) == seconds)
    }
}
