import Bytes
import HTTP1
import HTTPModel
import Testing

@Suite struct RequestParserTests {
    @Test func `a plain request is read whole`() {
        let text =
            "GET /a/b?x=1&y= HTTP/1.1\r\nHost: A.example:8080\r\nUser-Agent: \t curl/8 \t\r\n"
            + "X-A:b\r\nEmpty:\r\n\r\nrest"
        let length = withRequest(text) { head in
            #expect(head.method == .get && head.methodBytes.equals("GET"))
            #expect(head.pathBytes.equals("/a/b"))
            #expect(head.queryBytes?.equals("x=1&y=") == true)
            #expect(head.authorityBytes?.equals("A.example:8080") == true)
            #expect(head.value(of: .userAgent)?.equals("curl/8") == true)
            #expect(head.value(at: 2).equals("b") && head.name(at: 2).equals("X-A"))
            #expect(head.value(at: 3).isEmpty)
            #expect(head.fields.count == 4 && head.minorVersion == 1)
            #expect(head.framing == .none && head.keepAlive && !head.expectsContinue && !head.wantsUpgrade)
            let line = head.line(at: 3)
            #expect(head.bytes.slice(line.start, line.end).equals("Empty:\r\n"))
            #expect(head.bytes.slice(0, head.fieldsStart).equals("GET /a/b?x=1&y= HTTP/1.1\r\n"))
            return head.bytes.count
        }
        #expect(length == text.utf8.count - 4)
        #expect(parseRequest(text).length == text.utf8.count - 4)
    }

    @Test(
        "RFC 9112 §3.2: the forms of a target",
        arguments: [
            ("GET / HTTP/1.1", "origin path=/ query=- authority=h"),
            ("GET /? HTTP/1.1", "origin path=/ query= authority=h"),
            ("GET /?a?b/c HTTP/1.1", "origin path=/ query=a?b/c authority=h"),
            ("GET //a HTTP/1.1", "origin path=//a query=- authority=h"),
            ("GET /a?{\"|\"}^`<>\\[] HTTP/1.1", "origin path=/a query={\"|\"}^`<>\\[] authority=h"),
            ("GET http://a.example HTTP/1.1", "absolute path= query=- authority=a.example"),
            ("GET HTTP://a.example:81/b?c HTTP/1.1", "absolute path=/b query=c authority=a.example:81"),
            ("GET https://[::1]:443?c HTTP/1.1", "absolute path= query=c authority=[::1]:443"),
            ("OPTIONS * HTTP/1.1", "asterisk path= query=- authority=h"),
            ("OPTIONS http://a.example HTTP/1.1", "absolute path= query=- authority=a.example"),
            ("M-SEARCH /x HTTP/1.1", "origin path=/x query=- authority=h"),
        ])
    func targets(line: String, expected: String) {
        let verdict = parseRequest("\(line)\r\nHost: h\r\n\r\n")
        #expect("\(verdict)".contains(" \(expected) 1.1"), "\(verdict)")
    }

    @Test(
        "RFC 9110 §9: methods are case-sensitive",
        arguments: [
            ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
            ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .trace), ("get", .other), ("Post", .other),
            ("PROPFIND", .other),
            ("GETT", .other), ("connect", .other), ("!#$%&'*+-.^_`|~", .other),
        ])
    func methods(token: String, method: Method) {
        #expect(
            withRequest("\(token) / HTTP/1.1\r\nHost: a\r\n\r\n") {
                $0.method == method && $0.methodBytes.text() == token
            } == true)
    }

    @Test(
        "RFC 9112 §3.2: valid hosts",
        arguments: [
            "a", "a.example", "A.EXAMPLE", "a.example.", "xn--4ca.example", "a_b.example", "a-b.c",
            "127.0.0.1", "127.0.0.1:80", "[::]",
            "[::1]", "[2001:db8::1]:8443", "[1:2:3:4:5:6:7:8]", "[::ffff:10.0.0.1]", "[1::]",
            "[1:2:3:4:5:6:1.2.3.4]",
            "localhost:65535", "a:1", "a:00080",
        ])
    func hosts(host: String) {
        #expect(withRequest("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") { $0.authorityBytes?.text() } == host)
    }

    @Test func `an absolute target wins over Host`() {
        let text = "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
        #expect(withRequest(text) { $0.authorityBytes?.text() } == "b.example")
    }

    @Test func `an HTTP 1.0 request needs no Host`() {
        #expect(withRequest("GET / HTTP/1.0\r\n\r\n") { $0.authority == nil && $0.minorVersion == 0 } == true)
        #expect(withRequest("GET / HTTP/1.0\r\nHost: a\r\n\r\n") { $0.authorityBytes?.text() } == "a")
    }

    @Test(
        "RFC 9112 §6: framing",
        arguments: [
            (["Content-Length: 5"], BodyFraming.length(5)), (["content-length:\t5 "], .length(5)),
            (["Content-Length: 0"], .none), (["Content-Length: 00"], .none),
            (["Content-Length: 007"], .length(7)),
            (["Content-Length: 999999999999999999"], .length(999_999_999_999_999_999)),
            (["Transfer-Encoding: chunked"], .chunked), (["TRANSFER-ENCODING: \tCHUNKED "], .chunked),
            ([], .none),
            (["TE: trailers"], .none), (["Content_Length: 5"], .none),
            (["Transfer.Encoding: chunked"], .none),
        ])
    func framing(lines: [String], expected: BodyFraming) {
        let text = "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(withRequest(text) { $0.framing } == expected)
    }

    @Test(
        "RFC 9112 §9.3: persistence",
        arguments: [
            ("1.1", [], true), ("1.1", ["close"], false), ("1.1", ["Close"], false),
            ("1.1", ["keep-alive"], true),
            ("1.1", ["keep-alive, close"], false), ("1.1", ["x, close"], false),
            ("1.1", ["keep-alive", "CLOSE"], false),
            ("1.1", [",, ,close,"], false), ("1.1", ["closed"], true), ("1.1", ["\"close\""], true),
            ("1.0", [], false),
            ("1.0", ["keep-alive"], true), ("1.0", ["Keep-Alive"], true), ("1.0", ["x", "keep-alive"], true),
            ("1.0", ["close, keep-alive"], false), ("1.0", ["x"], false),
        ])
    func persistence(version: String, options: [String], expected: Bool) {
        let lines = options.map { "Connection: \($0)\r\n" }.joined()
        #expect(withRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n") { $0.keepAlive } == expected)
    }

    @Test func `Proxy-Connection says nothing`() {
        #expect(
            withRequest("GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n") { $0.keepAlive }
                == true)
        #expect(
            withRequest("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n") { $0.keepAlive } == false)
    }

    @Test func `RFC 9110 §10.1.1: an expectation counts with a body and in HTTP 1.1 only`() {
        #expect(
            withRequest(request("Content-Length: 5", "Expect: 100-Continue")) { $0.expectsContinue } == true)
        #expect(
            withRequest(request("Transfer-Encoding: chunked", "Expect: 100-continue")) { $0.expectsContinue }
                == true)
        #expect(withRequest(request("Expect: 100-continue")) { $0.expectsContinue } == false)
        #expect(
            withRequest("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: x\r\n\r\n") { $0.expectsContinue }
                == false)
    }

    @Test func `RFC 9110 §7.8: an upgrade needs both fields and HTTP 1.1`() {
        #expect(
            withRequest(request("Connection: keep-alive, Upgrade", "Upgrade: websocket")) { $0.wantsUpgrade }
                == true)
        #expect(withRequest(request("Connection: Upgrade")) { $0.wantsUpgrade } == false)
        #expect(withRequest(request("Upgrade: websocket")) { $0.wantsUpgrade } == false)
        #expect(
            withRequest("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n") { $0.wantsUpgrade }
                == false)
    }

    @Test func `RFC 9110 §7.6.1: Connection removes unknown fields and no field that all recipients need`() {
        let text = request(
            "Connection: X-A, x-b , close",
            "Connection: Host,Authorization,Content-Length,Cookie,Keep-Alive,X-Forwarded-For",
            "x-A: 1", "X-B: 2", "X-C: 3", "Authorization: a", "Content-Length: 5", "Cookie: c",
            "Keep-Alive: 5",
            "X-Forwarded-For: 1.2.3.4")
        let listed = withRequest(text) { head in
            let listsOthers = head.connectionListsOthers
            #expect(listsOthers)
            return (0..<head.fields.count).filter { head.connectionLists(nameAt: $0) }.map {
                head.name(at: $0).text()
            }
        }
        #expect(listed == ["x-A", "X-B", "Keep-Alive"])
        #expect(
            withRequest(request("Connection: close, keep-alive", "X: y")) { $0.connectionListsOthers }
                == false)
    }

    @Test func `names with an underscore or a dot are told apart from all others`() {
        let text = request(
            "X_Real_IP: 1", "x.forwarded.for: 1", "X-Real-IP: 1", "X~Y: 1", "content_length: 5")
        let names = withRequest(text) { head in (1..<head.fields.count).map { head.fields[$0].name } }
        #expect(names == [.ambiguous, .ambiguous, .xRealIP, .other, .ambiguous])
        #expect(withRequest(text) { $0.fields.contains(.ambiguous) } == true)
        #expect(withRequest(request("X: y")) { $0.fields.contains(.ambiguous) } == false)
    }

    @Test func `RFC 9112 §2.2: up to two empty lines before the request line are overlooked`() {
        for prefix in ["", "\r\n", "\r\n\r\n"] {
            let text = "\(prefix)GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"
            #expect(parseRequest(text).length == text.utf8.count - 4)
            #expect(withRequest(text) { $0.bytes.text() } == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        }
    }

    @Test func `values keep every byte that is no control`() {
        let value = [UInt8](0x21...0x7E) + [0x20, 0x09] + [UInt8](0x80...0xFF)
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + value + Array("\r\n\r\n".utf8)
        bytes.withView { view in
            var head = RequestHead()
            var parser = RequestParser(limits: HeadLimits())
            #expect((try? parser.parse(view, into: &head)) == bytes.count)
            #expect(head.value(at: 1).array() == value)
        }
    }

    @Test func `one parser reads one request after another`() {
        let bytes = Array(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: bb\r\nX: y\r\n\r\n".utf8)
        var parser = RequestParser(limits: HeadLimits())
        var head = RequestHead()
        var paths: [String] = []
        bytes.withView { view in
            var rest = view
            while let length = try? parser.parse(rest, into: &head) {
                paths.append(head.pathBytes.text())
                rest = rest.dropFirst(length)
            }
            #expect(rest.isEmpty)
        }
        #expect(paths == ["/1", "/2"])
    }
}
