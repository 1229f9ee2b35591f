import HTTP1
import HTTPModel
import Testing

@Suite struct RequestRefusalTests {
    @Test(
        "RFC 9112 §2.2: lines end with CRLF and nothing else",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\n\n", HeadError.bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost\n: a\r\n\r\n", .bareLineFeed),
            ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\nX\rY: b\r\n\r\n", .bareCarriageReturn),
            ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .tooManyEmptyLines),
        ])
    func lineEnds(text: String, error: HeadError) {
        #expect(parseRequest(text) == .refused(error))
    }

    @Test(
        "RFC 9112 §3: the request line is a method, a target and a version with single spaces",
        arguments: [
            (" GET / HTTP/1.1\r\n", HeadError.badMethod), ("GET\t/ HTTP/1.1\r\n", .badMethod),
            ("GE(T / HTTP/1.1\r\n", .badMethod), ("\u{16}\u{3}\u{1}", .badMethod), ("\u{0}", .badMethod),
            ("GET: / HTTP/1.1\r\n", .badMethod), ("GET\r\n", .badMethod), ("{\"a\":1}", .badMethod),
            ("GÉT / HTTP/1.1\r\n", .badMethod),
            (String(repeating: "A", count: 33), .methodTooLong),
            ("CONNECT a.example:443 HTTP/1.1\r\n", .connectRefused), ("CONNECT ", .connectRefused),
            ("GET  / HTTP/1.1\r\n", .badTarget), ("GET\u{20}\r\n", .badTarget),
            ("GET a HTTP/1.1\r\n", .badTarget),
            ("GET a.example HTTP/1.1\r\n", .badTarget), ("GET ?q HTTP/1.1\r\n", .badTarget),
            ("GET /a#b HTTP/1.1\r\n", .badTarget), ("GET /?a#b HTTP/1.1\r\n", .badTarget),
            ("GET /a\tb HTTP/1.1\r\n", .badTarget), ("GET /a\u{7F} HTTP/1.1\r\n", .badTarget),
            ("GET /ä HTTP/1.1\r\n", .badTarget), ("GET /?ä HTTP/1.1\r\n", .badTarget),
            ("GET /a\u{0}b HTTP/1.1\r\n", .badTarget), ("GET /\r\n", .badTarget),
            ("GET * HTTP/1.1\r\n", .badTarget), ("OPTIONS *a HTTP/1.1\r\n", .badTarget),
            ("OPTIONS */ HTTP/1.1\r\n", .badTarget),
            ("GET ftp://a.example/ HTTP/1.1\r\n", .badTarget), ("GET http:/a/ HTTP/1.1\r\n", .badTarget),
            ("GET http:///a HTTP/1.1\r\n", .badTarget), ("GET http://u@a/ HTTP/1.1\r\n", .badTarget),
            ("GET http://u:p@a/ HTTP/1.1\r\n", .badTarget), ("GET http://a:0/ HTTP/1.1\r\n", .badTarget),
            ("GET http://a#/ HTTP/1.1\r\n", .badTarget), ("GET http://a\\b/ HTTP/1.1\r\n", .badTarget),
            ("GET http://[::1/ HTTP/1.1\r\n", .badTarget), ("GET javascript:x HTTP/1.1\r\n", .badTarget),
            ("GET / \r\n", .badVersion), ("GET / http/1.1\r\n", .badVersion),
            ("GET / HTTP/11\r\n\r\n", .badVersion),
            ("GET /  HTTP/1.1\r\n", .badVersion), ("GET / HTTP/1.1 \r\n", .badVersion),
            ("GET / HTTP/1.10\r\n", .badVersion), ("GET / HTTP/ 1.1\r\n", .badVersion),
            ("GET / HTTP/1,1\r\n", .badVersion), ("GET / a HTTP/1.1\r\n", .badVersion),
            ("GET / HTCPCP/1.0\r\n", .badVersion), ("GET / X", .badVersion),
            ("GET / HTTP/2.0\r\n", .unsupportedVersion), ("GET / HTTP/0.9\r\n", .unsupportedVersion),
            ("GET / HTTP/1.2\r\n", .unsupportedVersion), ("GET / HTTP/3.0\r\n", .unsupportedVersion),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        ])
    func requestLine(text: String, error: HeadError) {
        #expect(parseRequest(text) == .refused(error))
    }

    @Test(
        "RFC 9112 §5: a field line is a token, a colon and text",
        arguments: [
            ("X : a", HeadError.spaceBeforeColon), ("X\t: a", .spaceBeforeColon),
            ("X a: b", .spaceBeforeColon),
            ("Content-Length : 5", .spaceBeforeColon), ("Transfer-Encoding\t: chunked", .spaceBeforeColon),
            (" folded", .foldedLine), ("\tfolded", .foldedLine), ("X: a\r\n b", .foldedLine),
            ("X:\r\n\tb", .foldedLine),
            (": a", .badFieldName), ("X", .badFieldName), ("X=a: b", .badFieldName),
            ("X(y): b", .badFieldName),
            ("\u{0}X: a", .badFieldName), ("X\u{0}: a", .badFieldName), ("Ä: a", .badFieldName),
            ("X\"y: a", .badFieldName),
            ("X@y: a", .badFieldName), ("[x]: a", .badFieldName), ("X/y: a", .badFieldName),
            ("X;y: a", .badFieldName),
            ("X\u{7F}: a", .badFieldName),
            ("X: a\u{0}b", .badFieldValue), ("X: \u{1}", .badFieldValue), ("X: a\u{7F}", .badFieldValue),
            ("X: a\u{B}b", .badFieldValue), ("X: a\u{C}b", .badFieldValue), ("X: \u{1B}[0m", .badFieldValue),
            (String(repeating: "x", count: 256) + ": a", .fieldNameTooLong),
            (String(repeating: "x", count: 300), .fieldNameTooLong),
            (String(repeating: "!", count: 256) + ": a", .fieldNameTooLong),
        ])
    func fieldLines(line: String, error: HeadError) {
        #expect(parseRequest(request(line)) == .refused(error))
        #expect(
            parseRequest(request("Accept: text/html, a long value to fill blocks", line, "Z: z"))
                == .refused(error))
    }

    @Test(
        "RFC 9112 §3.2: exactly one valid Host",
        arguments: [
            ("", HeadError.missingHost), ("Hos: a\r\n", .missingHost), ("Host_: a\r\n", .missingHost),
            ("Host: a\r\nHost: a\r\n", .duplicateHost), ("Host: a\r\nX: y\r\nhOST: b\r\n", .duplicateHost),
            ("Host:\r\n", .invalidHost), ("Host: \t \r\n", .invalidHost), ("Host: a b\r\n", .invalidHost),
            ("Host: a,b\r\n", .invalidHost), ("Host: u@a\r\n", .invalidHost), ("Host: a/b\r\n", .invalidHost),
            ("Host: a:\r\n", .invalidHost), ("Host: a:0\r\n", .invalidHost),
            ("Host: a:65536\r\n", .invalidHost),
            ("Host: a:b\r\n", .invalidHost), ("Host: a:+1\r\n", .invalidHost),
            ("Host: :80\r\n", .invalidHost),
            ("Host: a:80:80\r\n", .invalidHost), ("Host: a..b\r\n", .invalidHost),
            ("Host: .a\r\n", .invalidHost),
            ("Host: [::1\r\n", .invalidHost), ("Host: [::g]\r\n", .invalidHost),
            ("Host: []\r\n", .invalidHost),
            ("Host: [::1]a\r\n", .invalidHost), ("Host: ::1\r\n", .invalidHost),
            ("Host: a%2eb\r\n", .invalidHost),
            ("Host: a?b\r\n", .invalidHost), ("Host: a#b\r\n", .invalidHost),
            ("Host: a\\b\r\n", .invalidHost),
            ("Host: ä.example\r\n", .invalidHost), ("Host: [fe80::1%25eth0]\r\n", .invalidHost),
            ("Host: http://a\r\n", .invalidHost), ("Host: \"a\"\r\n", .invalidHost),
            ("Host: a'b\r\n", .invalidHost),
            ("Host: \(String(repeating: "a", count: 255))\r\n", .invalidHost),
        ])
    func host(lines: String, error: HeadError) {
        #expect(parseRequest("GET / HTTP/1.1\r\n\(lines)\r\n") == .refused(error))
        // An absolute target does not excuse a bad Host.
        #expect(parseRequest("GET http://b.example/ HTTP/1.1\r\n\(lines)\r\n") == .refused(error))
        // Without Host an HTTP/1.0 request is complete; with a bad one it is refused too.
        guard error != .missingHost else { return }
        #expect(parseRequest("GET / HTTP/1.0\r\n\(lines)\r\n") == .refused(error))
    }

    @Test(
        "RFC 9112 §6: framing that two readers could understand differently",
        arguments: [
            (
                ["Content-Length: 5", "Transfer-Encoding: chunked"],
                HeadError.contentLengthWithTransferEncoding
            ),
            (["Transfer-Encoding: chunked", "Content-Length: 0"], .contentLengthWithTransferEncoding),
            (["Transfer-Encoding: identity", "Content-Length: 5"], .contentLengthWithTransferEncoding),
            (["Content-Length: 5", "Content-Length: 5"], .duplicateContentLength),
            (["Content-Length: 5", "Content-Length: 6"], .duplicateContentLength),
            (["Content-Length: 5", "X: y", "content-length: 5"], .duplicateContentLength),
            (["Content-Length: 5, 5"], .invalidContentLength),
            (["Content-Length: 5,"], .invalidContentLength),
            (["Content-Length: +5"], .invalidContentLength), (["Content-Length: -5"], .invalidContentLength),
            (["Content-Length: -0"], .invalidContentLength), (["Content-Length:"], .invalidContentLength),
            (["Content-Length: 0x5"], .invalidContentLength), (["Content-Length: 5a"], .invalidContentLength),
            (["Content-Length: 5 5"], .invalidContentLength),
            (["Content-Length: 5.0"], .invalidContentLength),
            (["Content-Length: 1_000"], .invalidContentLength),
            (["Content-Length: ５"], .invalidContentLength),
            (["Content-Length: \"5\""], .invalidContentLength),
            (["Content-Length: 5;a"], .invalidContentLength),
            (["Content-Length: 9223372036854775808"], .invalidContentLength),
            (["Content-Length: 18446744073709551621"], .invalidContentLength),
            (["Content-Length: 0000000000000000005"], .invalidContentLength),
            (["Transfer-Encoding: identity"], .invalidTransferEncoding),
            (["Transfer-Encoding:"], .invalidTransferEncoding),
            (["Transfer-Encoding: gzip, chunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked, chunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked,"], .invalidTransferEncoding),
            (["Transfer-Encoding: ,chunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked;a=b"], .invalidTransferEncoding),
            (["Transfer-Encoding: xchunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunke"], .invalidTransferEncoding),
            (["Transfer-Encoding: \"chunked\""], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked identity"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunKed\u{B}"], .badFieldValue),
            (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], .invalidTransferEncoding),
            (["Transfer-Encoding: gzip", "transfer-encoding: chunked"], .invalidTransferEncoding),
        ])
    func framing(lines: [String], error: HeadError) {
        let text = "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(parseRequest(text) == .refused(error))
    }

    @Test func `RFC 9112 §6.1: Transfer-Encoding does not exist in HTTP 1.0`() {
        let text = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(parseRequest(text) == .refused(.transferEncodingInHTTP10))
    }

    @Test(
        "RFC 9110 §5.3: a field that means one thing occurs once",
        arguments: [
            "Authorization", "Proxy-Authorization", "Content-Type", "Origin", "Referer", "User-Agent",
            "Range", "Date",
            "Sec-WebSocket-Key", "HTTP2-Settings",
        ])
    func singletons(name: String) {
        #expect(parseRequest(request("\(name): a", "\(name.lowercased()): a")) == .refused(.duplicateField))
        #expect(parseRequest(request("\(name): a")).length != nil)
    }

    @Test func `fields that are lists may occur twice`() {
        for name in [
            "Accept", "Accept-Encoding", "Cookie", "Via", "X-Forwarded-For", "Cache-Control", "X-Other", "TE",
        ] {
            #expect(parseRequest(request("\(name): a", "\(name): b")).length != nil, "\(name)")
        }
    }

    @Test func `RFC 9110 §10.1.1: only 100-continue may be expected`() {
        for value in ["y 100-continue", "100-continue, x", "200-ok", "", "100-continue\t,"] {
            #expect(
                parseRequest(request("Content-Length: 5", "Expect: \(value)"))
                    == .refused(.unknownExpectation))
        }
        #expect(
            parseRequest(request("Expect: 100-continue", "Expect: 100-continue")) == .refused(.duplicateField)
        )
    }

    @Test func `a Connection field lists at most 32 options`() {
        func options(_ count: Int) -> String { Array(repeating: "x", count: count).joined(separator: ",") }
        #expect(parseRequest(request("Connection: \(options(32))")).length != nil)
        #expect(parseRequest(request("Connection: \(options(33))")) == .refused(.tooManyConnectionOptions))
        #expect(
            parseRequest(request("Connection: \(options(20))", "Connection: \(options(20))"))
                == .refused(.tooManyConnectionOptions))
    }

    @Test func `every reason has a status of its kind and a sentence`() {
        for error in HeadError.allCases {
            #expect([400, 414, 417, 431, 501, 502, 505].contains(error.status), "\(error)")
            #expect("\(error.detail)".hasSuffix("."), "\(error)")
        }
        #expect(HeadError.targetTooLong.status == 414)
        #expect(HeadError.headTooLarge.status == 431)
        #expect(HeadError.unsupportedVersion.status == 505)
    }
}
