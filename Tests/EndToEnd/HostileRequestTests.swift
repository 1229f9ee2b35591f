import Foundation
import Testing

/// One gateway and one origin for all cases of a suite; what they do is checked case by case.
struct HostileStage: SuiteTrait, TestScoping {
    final class Place: Sendable {
        let origin: ScriptedOrigin
        let gateway: GatewayProcess

        init() throws {
            let origin = try ScriptedOrigin.answering(body: "ok")
            self.origin = origin
            gateway = try GatewayProcess(
                before: origin, clients: "max_body: 100KiB, head_timeout: 5s",
                route: "hosts: [here, \"*.here\", 127.0.0.1, \"[::1]\"]")
        }
    }

    @TaskLocal static var place: Place?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.origin.stop() }
        try await HostileStage.$place.withValue(place) { try await function() }
    }
}

/// What is refused: bytes in, the status, whether the connection may go on, and what the origin saw
/// (security.md 1-4, 6-10, 14).
@Suite(.serialized, .timeLimit(.minutes(1)), HostileStage()) struct HostileRequestTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let wire: WireText
        let status: Int
        /// Whether the connection serves another request.
        var goesOn = false
        var testDescription: String { wire.testDescription }

        init(_ text: String, _ status: Int, goesOn: Bool = false) {
            wire = WireText(text: text)
            self.status = status
            self.goesOn = goesOn
        }

        /// A request that differs from an ordinary one in these lines.
        static func lines(_ lines: String..., body: String = "", status: Int = 400) -> Case {
            Case((["POST / HTTP/1.1", "Host: here"] + lines + ["", body]).joined(separator: "\r\n"), status)
        }

        /// A chunked request with this body.
        static func chunks(_ body: String) -> Case { lines("Transfer-Encoding: chunked", body: body) }

        static func path(_ path: String, _ status: Int = 400) -> Case {
            Case(get(path), status, goesOn: true)
        }

        static func host(_ host: String, _ status: Int = 400) -> Case {
            Case("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", status, goesOn: status == 421)
        }
    }

    private func check(_ hostile: Case) throws {
        let place = try #require(HostileStage.place)
        let before = place.origin.requests.count
        let client = try place.gateway.client()
        // Behind every one stands what an attacker would want to be taken for a request.
        let smuggled = hostile.goesOn ? "" : get("/smuggled")
        try client.send(hostile.wire.text + smuggled)
        let response = try client.response()
        #expect(response.status == hostile.status)
        _ = response.problem()
        if hostile.goesOn {
            #expect(response.value("Connection") == nil)
            #expect(try client.ask(get("/healthz")).status == 200)
        } else {
            #expect(response.value("Connection") == "close")
            #expect(try client.readToEnd().isEmpty)
        }
        // What the origin receives from another client afterwards is all that it has received.
        #expect(try place.gateway.client().ask(get("/probe")).text == "ok")
        #expect(place.origin.requests.dropFirst(before).map(\.target) == ["/probe"])
        #expect(
            !place.origin.connections.contains { if case .failed = $0.end { true } else { false } },
            "the origin saw no request that it could not read")
        #expect(place.gateway.process.exit == nil)
    }

    @Test(arguments: [
        Case.lines("Content-Length: 5", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding: chunked", "Content-Length: 5", body: "0\r\n\r\n"),
        .lines("Content-Length: 5", "Content-Length: 5", body: "abcde"),
        .lines("Content-Length: 5", "Content-Length: 6", body: "abcde"),
        .lines("Content-Length: 5, 5", body: "abcde"),
        .lines("Content-Length: +5", body: "abcde"), .lines("Content-Length: -1"),
        .lines("Content-Length: 0x5"),
        .lines("Content-Length: 5 5"), .lines("Content-Length:"),
        .lines("Content-Length: 99999999999999999999"),
        .lines("Content-Length: \u{665}"), .lines("Content-Length : 5", body: "abcde"),
        .lines("Transfer-Encoding: identity"), .lines("Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding: chunked, identity", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding: xchunked"),
        .lines("Transfer-Encoding: \"chunked\""), .lines("Transfer-Encoding:", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body: "0\r\n\r\n"),
        .lines("Transfer-Encoding : chunked", body: "0\r\n\r\n"), .lines("Transfer-Encoding: chunked\u{B}"),
        .lines("Transfer-Encoding:\u{0}chunked"), .lines(" Transfer-Encoding: chunked", body: "0\r\n\r\n"),
        Case("POST / HTTP/1.0\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ])
    func `doubtful framing is refused and nothing of it goes on`(hostile: Case) throws { try check(hostile) }

    @Test(arguments: [
        Case("GET / HTTP/1.1\nHost: here\n\n", 400), Case("GET / HTTP/1.1\r\nHost: here\n\r\n", 400),
        Case("GET / HTTP/1.1\rHost: here\r\n\r\n", 400), .lines("X: a\rY: b"), .lines("X: a\nY: b"),
        .lines("X: a\r\n folded"), .lines("\tX: a"), .lines("X: a\u{0}b"), .lines("X: a\u{7F}b"),
        .lines("X: \u{1B}[0m"),
        .lines("X\u{0}: a"), .lines(": a"), .lines("X"), .lines("X(a): b"), .lines("X a: b"), .lines("Ä: a"),
        .lines("X: a\r\n\rGET /smuggled HTTP/1.1"), Case("\nGET / HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: here\r\n\r\n", 400),
    ])
    func `lines end with CRLF and fields are a token, a colon and text`(hostile: Case) throws {
        try check(hostile)
    }

    @Test(arguments: [
        Case.chunks("5\nabcde\r\n0\r\n\r\n"), .chunks("5\r\nabcde\n0\r\n\r\n"),
        .chunks("5\r\nabcdeX\r\n0\r\n\r\n"),
        .chunks("-1\r\n\r\n"), .chunks("+5\r\nabcde\r\n0\r\n\r\n"), .chunks("0x5\r\nabcde\r\n0\r\n\r\n"),
        .chunks(" 5\r\nabcde\r\n0\r\n\r\n"), .chunks("\r\n"), .chunks(";a=b\r\n"), .chunks("G\r\n"),
        .chunks("FFFFFFFFFFFFFFFFF\r\n"), .chunks("00000000000000000005\r\nabcde\r\n0\r\n\r\n"),
        .chunks("5;a\nb\r\nabcde\r\n0\r\n\r\n"), .chunks("5;a\rb\r\nabcde\r\n0\r\n\r\n"),
        .chunks("5;a=\u{0}\r\n"),
        .chunks("5;" + String(repeating: "a", count: 5000) + "\r\nabcde\r\n0\r\n\r\n"),
        .chunks("0\r\nX\r\n\r\n"),
        .chunks("0\r\nX: a\nY: b\r\n\r\n"), .chunks("0\r\n folded: a\r\n\r\n"), .chunks("0\r\nX : a\r\n\r\n"),
        .chunks("0\r\nX: " + String(repeating: "a", count: 9000) + "\r\n\r\n"), .chunks("1\r\na\r\n0\r\n\n"),
    ])
    func `chunks that are none are refused and reach the origin as no request`(hostile: Case) throws {
        try check(hostile)
    }

    @Test(arguments: [
        Case("get / HTTP/1.1 \r\nHost: here\r\n\r\n", 400),
        Case("GET  / HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET / http/1.1\r\nHost: here\r\n\r\n", 400), Case("GET / HTTP/1.10\r\nHost: here\r\n\r\n", 400),
        Case("GET /\r\n\r\n", 400), Case("GET / HTTP/2.0\r\nHost: here\r\n\r\n", 505),
        Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), Case("GET / HTTP/0.9\r\nHost: here\r\n\r\n", 505),
        Case("CONNECT here:443 HTTP/1.1\r\nHost: here\r\n\r\n", 501),
        Case("CONNECT / HTTP/1.1\r\nHost: here\r\n\r\n", 501),
        Case(String(repeating: "A", count: 40) + " / HTTP/1.1\r\nHost: here\r\n\r\n", 501),
        Case("GE\u{0}T / HTTP/1.1\r\nHost: here\r\n\r\n", 400), Case("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400),
        Case("GET * HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET here HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET ftp://here/ HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET http://u@here/ HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET /a#b HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET /\u{E4} HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET /?a\u{0}b HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        Case("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\nHost: here\r\n\r\n", 414),
        .lines("X: " + String(repeating: "a", count: 17_000), status: 431),
        .lines(String(repeating: "a", count: 300) + ": a", status: 431),
        Case("GET / HTTP/1.1\r\nHost: here\r\n" + (0..<200).map { "X\($0): a\r\n" }.joined() + "\r\n", 431),
        .lines("Expect: 200-ok", "Content-Length: 1", body: "x", status: 417),
        .lines("Expect: 100-continue, x", "Content-Length: 1", body: "x", status: 417),
        .lines("Connection: " + Array(repeating: "a", count: 40).joined(separator: ",")),
    ])
    func `request lines and heads beyond what HTTP or the limits allow are refused`(hostile: Case) throws {
        try check(hostile)
    }

    @Test(arguments: [
        Case("GET / HTTP/1.1\r\n\r\n", 400), Case("GET / HTTP/1.1\r\nHost: here\r\nHost: here\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: here\r\nHOST: evil\r\n\r\n", 400), .host(""), .host("here,evil"),
        .host("u@here"),
        .host("here/x"), .host("here:0"), .host("here:99999"), .host("here:+80"), .host("[::1"),
        .host("he re"),
        .host("here%2eevil"), .host("here\\evil"), .host("evil", 421), .host("here.evil", 421),
        .host("xhere", 421),
        .host("[::2]", 421), .host("evil:80", 421),
        Case("GET http://evil/ HTTP/1.1\r\nHost: here\r\n\r\n", 421, goesOn: true),
        Case("GET http://here/ HTTP/1.1\r\nHost: he re\r\n\r\n", 400),
    ])
    func `Host is one valid name that a route speaks for`(hostile: Case) throws { try check(hostile) }

    @Test(arguments: [
        Case.path("/..", 400), .path("/../a"), .path("/a/../../b"), .path("/%2e%2e/a"),
        .path("/a/%2e%2e/%2e%2e/b"),
        .path("/a%2fb"), .path("/a%2Fb"), .path("/a%5cb"), .path("/a\\b"), .path("/a%00b"), .path("/a%0ab"),
        .path("/a%0d%0aX:b"), .path("/%"), .path("/%zz"), .path("/%c0%af"), .path("/%c0%ae%c0%ae/"),
        .path("/%ff"),
        .path("/%ed%a0%80"), .path("/a/..;x/b"), .path("/.;/a"), .path("/%e0%80%af"), .path("/%7f"),
    ])
    func `paths that two servers could read in two ways are refused`(hostile: Case) throws {
        try check(hostile)
    }

    @Test(arguments: [
        "Authorization", "Content-Type", "Origin", "Referer", "User-Agent", "Range", "Sec-WebSocket-Key",
    ])
    func `a field that means one thing occurs once`(name: String) throws {
        try check(.lines("\(name): a", "\(name.lowercased()): b"))
    }

    @Test func `a body beyond the limit is refused by its length, unread`() throws {
        let place = try #require(HostileStage.place)
        let before = place.origin.requests.count
        let client = try place.gateway.client()
        try client.send(request("POST / HTTP/1.1", ["Content-Length: \(101 << 10)"]))
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(place.origin.requests.count == before)
    }

    @Test
    func `a chunked body beyond the limit is refused where it passes it, and the origin gets no request`()
        throws
    {
        let place = try #require(HostileStage.place)
        let before = place.origin.requests.count
        let client = try place.gateway.client()
        try client.send(request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"]))
        let chunk = "2800\r\n" + String(repeating: "x", count: 10240) + "\r\n"
        for _ in 0..<11 { try? client.send(chunk) }
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try place.gateway.client().ask(get("/probe")).text == "ok")
        #expect(place.origin.requests.dropFirst(before).map(\.target) == ["/probe"])
    }

    /// The request before it brings the body along in the same packet, so that it waits in the queue.
    @Test(arguments: [0, 200])
    func `no part of a body that is refused for its length is read as a request`(ahead: Int) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "max_body: 100")
        let client = try gateway.client()
        let smuggled = get("/smuggled") + String(repeating: "x", count: ahead)
        let body = String(repeating: "x", count: ahead) + smuggled + String(repeating: "y", count: 100)
        let chunk = "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        try client.send(
            get("/first") + request("POST /second HTTP/1.1", ["Transfer-Encoding: chunked"]) + chunk
                + get("/third"))
        #expect(try client.response().status == 200)
        let refused = try client.response()
        #expect(refused.status == 413)
        #expect(refused.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.requests.map(\.target).filter { $0 != "/second" } == ["/first"])
    }

    @Test(arguments: [
        ("/a/./b/../c", "/a/c"), ("//a///b", "/a/b"), ("/%61%2D%7e", "/a-~"),
        ("/a%20b%c3%a4", "/a%20b%C3%A4"),
        ("/a|b", "/a%7Cb"), ("/a/..", "/"), ("/a?x=%2f..%00\\|", "/a?x=%2f..%00\\|"),
        ("/a;v=1/b", "/a;v=1/b"),
    ])
    func `the origin sees the one normal form of a path, and the query as it came`(
        path: String, normal: String
    ) throws {
        let place = try #require(HostileStage.place)
        #expect(try place.gateway.client().ask(get(path)).text == "ok")
        #expect(place.origin.requests.last?.target == normal)
    }

    @Test(arguments: [1, 100, 1300, 2700, 4000, 5400, 8000])
    func `a path that grows where it is escaped is served whatever its length`(count: Int) throws {
        let place = try #require(HostileStage.place)
        let client = try place.gateway.client()
        #expect(try client.ask(get("/" + String(repeating: "|", count: count))).text == "ok")
        #expect(place.origin.requests.last?.target == "/" + String(repeating: "%7C", count: count))
    }

    @Test(arguments: 4088...4100)
    func `a target without a path finds room for its slash whatever the head's length`(length: Int) throws {
        let place = try #require(HostileStage.place)
        let start = "GET http://here HTTP/1.1\r\nHost: here\r\nX: "
        let filler = String(repeating: "x", count: length - start.utf8.count - 4)
        #expect(try place.gateway.client().ask("\(start)\(filler)\r\n\r\n").text == "ok")
        #expect(place.origin.requests.last?.target == "/")
    }

    @Test(arguments: ["here", "HERE", "here:8080", "a.here", "A.B.here:1", "127.0.0.1", "[::1]:80"])
    func `a host that a route speaks for is served in any spelling`(host: String) throws {
        let place = try #require(HostileStage.place)
        #expect(try place.gateway.client().ask("GET /h HTTP/1.1\r\nHost: \(host)\r\n\r\n").text == "ok")
        // Routes, backends and the log see one form (security.md 10).
        #expect(place.origin.requests.last?.value("Host") == host.lowercased())
    }
}
