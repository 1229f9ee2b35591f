import Bytes
import HTTP1
import HTTPModel
import Testing

@Suite struct ResponseParserTests {
    @Test func `a plain answer is read whole`() {
        let text = "HTTP/1.1 200 All is well\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello"
        let length = withResponse(text) { head in
            #expect(head.status == 200 && head.reasonBytes.equals("All is well"))
            #expect(head.framing == .length(5) && head.keepAlive && !head.isInterim)
            #expect(head.value(of: .server)?.equals("x") == true)
            let line = head.line(at: 1)
            #expect(head.bytes.slice(line.start, line.end).equals("Server: x\r\n"))
            return head.bytes.count
        }
        #expect(length == text.utf8.count - 5)
    }

    @Test(
        "RFC 9112 §6.3: framing by method, status and fields",
        arguments: [
            (Method.get, 200, ["Content-Length: 5"], BodyFraming.length(5), true),
            (.get, 200, ["Content-Length: 0"], .none, true),
            (.get, 200, ["Transfer-Encoding: chunked"], .chunked, true),
            (.get, 200, ["Transfer-Encoding: Chunked"], .chunked, true),
            (.get, 200, [], .untilClose, false), (.get, 200, ["Connection: keep-alive"], .untilClose, false),
            (.get, 404, [], .untilClose, false), (.get, 205, ["Content-Length: 0"], .none, true),
            (.head, 200, ["Content-Length: 5"], .none, true),
            (.head, 200, ["Transfer-Encoding: chunked"], .none, true),
            (.head, 200, [], .none, true), (.head, 200, ["Connection: close"], .none, false),
            (.get, 204, [], .none, true), (.get, 204, ["Content-Length: 0"], .none, true),
            (.get, 204, ["Content-Length: 5"], .none, false),
            (.get, 204, ["Transfer-Encoding: chunked"], .none, false),
            (.get, 304, ["Content-Length: 5"], .none, true), (.get, 304, [], .none, true),
            (.get, 304, ["Transfer-Encoding: chunked"], .none, true), (.get, 100, [], .none, true),
            (.get, 103, ["Link: </a>"], .none, true),
            (.get, 101, ["Upgrade: websocket", "Connection: upgrade"], .none, true),
            (.get, 100, ["Content-Length: 5"], .none, false),
            (.get, 200, ["Content-Length: 5", "Connection: close"], .length(5), false),
        ])
    func framing(method: Method, status: Int, lines: [String], expected: BodyFraming, keepAlive: Bool) {
        let text = "HTTP/1.1 \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        withResponse(text, answering: method) { head in
            #expect(head.framing == expected)
            #expect(head.keepAlive == keepAlive)
            #expect(head.isInterim == (status == 100 || status == 103))
        }
        #expect(parseResponse(Array(text.utf8), answering: method).length == text.utf8.count)
    }

    @Test func `an HTTP 1.0 origin keeps the connection only when it says so`() {
        #expect(withResponse("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n") { $0.keepAlive } == false)
        #expect(
            withResponse("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n") {
                $0.keepAlive
            } == true)
    }

    @Test(
        "RFC 9112 §4: the reason may be empty, with its space or without",
        arguments: ["", " ", " \t", " Ünicode", " a\tb  "])
    func reasons(reason: String) {
        #expect(parseResponse(Array("HTTP/1.1 200\(reason)\r\nContent-Length: 0\r\n\r\n".utf8)).length != nil)
    }

    @Test(
        "answers that could be read in two ways are refused",
        arguments: [
            ("HTTP/1.1 200 OK\nX: y\n\n", HeadError.bareLineFeed), ("HTTP/1.1 200\n\n", .bareLineFeed),
            ("HTTP/1.1 200 OK\rX: y\r\n\r\n", .bareCarriageReturn), ("HTTP/1.1 200\rX", .bareCarriageReturn),
            ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .badReason), ("HTTP/1.1 200 OK\u{7F}\r\n\r\n", .badReason),
            ("HTTP/1.1 20\r\n\r\n", .badStatus), ("HTTP/1.1 2000 OK\r\n\r\n", .badStatus),
            ("HTTP/1.1 200OK\r\n\r\n", .badStatus),
            ("HTTP/1.1 099 OK\r\n\r\n", .badStatus), ("HTTP/1.1 600 OK\r\n\r\n", .badStatus),
            ("HTTP/1.1 +20 OK\r\n\r\n", .badStatus),
            ("HTTP/1.1  200 OK\r\n\r\n", .badStatus), ("HTTP/1.1\t200 OK\r\n\r\n", .badVersion),
            ("HTTP/1.1200 OK\r\n\r\n", .badVersion),
            ("http/1.1 200 OK\r\n\r\n", .badVersion), ("\r\nHTTP/1.1 200 OK\r\n\r\n", .badVersion),
            ("<html>", .badVersion),
            ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion), ("SSH-2.0", .badVersion),
            ("\u{15}\u{3}", .badVersion),
            ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", .spaceBeforeColon),
            ("HTTP/1.1 200 OK\r\n X: y\r\n\r\n", .foldedLine),
            ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .foldedLine),
            ("HTTP/1.1 200 OK\r\nX\r\n\r\n", .badFieldName),
        ])
    func refusals(text: String, error: HeadError) {
        #expect(parseResponse(Array(text.utf8)) == .refused(error))
    }

    @Test(
        "RFC 9112 §6.3: contradictory framing is an error, also where there is no body",
        arguments: [
            (
                ["Content-Length: 5", "Transfer-Encoding: chunked"],
                HeadError.contentLengthWithTransferEncoding
            ),
            (["Content-Length: 5", "Content-Length: 5"], .duplicateContentLength),
            (["Content-Length: 5, 5"], .invalidContentLength),
            (["Content-Length: -1"], .invalidContentLength),
            (["Transfer-Encoding: gzip, chunked"], .invalidTransferEncoding),
            (["Transfer-Encoding: identity"], .invalidTransferEncoding),
            (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], .invalidTransferEncoding),
        ])
    func contradictions(lines: [String], error: HeadError) {
        for status in [200, 204, 304, 404] {
            for method in [Method.get, .head] {
                let text = "HTTP/1.1 \(status) X\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
                #expect(parseResponse(Array(text.utf8), answering: method) == .refused(error))
            }
        }
        #expect(
            parseResponse(Array("HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
                == .refused(.transferEncodingInHTTP10))
    }

    @Test func `an origin may repeat fields that frame nothing`() {
        for name in ["Content-Type", "Date", "Host", "Location", "Set-Cookie", "Server"] {
            #expect(
                parseResponse(Array(response("\(name): a", "\(name): b", "Content-Length: 0").utf8)).length
                    != nil, "\(name)")
        }
    }

    @Test func `Connection names fields to remove`() {
        let names = withResponse(
            response("Connection: X-A, Content-Type", "X-A: 1", "Content-Type: b", "X-B: 2")
        ) { head in
            (0..<head.fields.count).filter { head.connectionLists(nameAt: $0) }.map {
                head.name(at: $0).text()
            }
        }
        #expect(names == ["X-A"])
    }

    @Test func `a head that is too large is refused`() {
        let limits = HeadLimits(maximumBytes: 128)
        let endless = Array("HTTP/1.1 200 OK\r\nX: ".utf8) + [UInt8](repeating: 0x61, count: 200)
        #expect(parseResponse(endless, limits: limits) == .refused(.headTooLarge))
        #expect(parseResponse(endless, cuts: Array(1..<200), limits: limits) == .refused(.headTooLarge))
        #expect(
            parseResponse(Array("HTTP/1.1 200 ".utf8) + endless.dropFirst(20), limits: limits)
                == .refused(.headTooLarge))
    }
}
