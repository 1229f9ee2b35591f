import Demo
import Foundation
import Testing

/// The demo's origin over real sockets, with hostile bytes, curl and a real WebSocket client.
@Suite(.timeLimit(.minutes(20))) struct DemoOriginTests {
    private func withOrigin(_ body: (DemoOrigin) throws -> Void) throws {
        let origin = try DemoOrigin(port: 0)
        try origin.start()
        defer { origin.stop() }
        try body(origin)
    }

    private func get(_ path: String, method: String = "GET", fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: demo\r\n\(fields)\r\n"
    }

    @Test func `hello shows what arrived`() throws {
        try withOrigin { origin in
            let fields = "X-Forwarded-For: 1.2.3.4\r\nTraceparent: \"a\\b\"\r\nX-Forwarded-For: 5.6.7.8\r\n"
            let response = try RawClient(port: origin.port).ask(get("/api/hello?x=1", fields: fields))
            #expect(response.status == 200)
            #expect(response.value("Server") == "demo-origin/1.0")
            #expect(response.value("X-Powered-By") == "demo-origin")
            let json = try #require(
                try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
            #expect(json["method"] as? String == "GET")
            #expect(json["path"] as? String == "/api/hello")
            #expect(json["query"] as? String == "x=1")
            let headers = try #require(json["headers"] as? [String: String])
            #expect(headers["x-forwarded-for"] == "1.2.3.4, 5.6.7.8")
            #expect(headers["traceparent"] == "\"a\\b\"")
        }
    }

    @Test(arguments: [
        "/", "/health", "/api/orders", "/api/limited", "/api/slow?ms=1", "/api/big?bytes=70000",
    ])
    func `HEAD answers as GET does but for the body, on one connection`(path: String) throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            let head = try client.ask(get(path, method: "HEAD"))
            let whole = try client.ask(get(path))
            #expect(head.status == 200)
            #expect(head.value("content-length") == String(whole.body.count))
            #expect(head.body.isEmpty)
        }
    }

    @Test func `unknown paths and methods are refused and the connection serves on`() throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            #expect(try client.ask(get("/nothing")).status == 404)
            #expect(try client.ask(get("/api/orders", method: "DELETE")).status == 405)
            #expect(try client.ask(get("/ws")).status == 426)
            try client.send(
                "POST /api/orders HTTP/1.1\r\nHost: demo\r\nContent-Length: 5\r\n\r\nhello" + get("/health"))
            #expect(try client.response().status == 405)
            #expect(try client.response().status == 200)
        }
    }

    @Test func `echo gives the body back as it was framed`() throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            let plain = try client.ask(
                "POST /api/echo HTTP/1.1\r\nHost: d\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\na\0b")
            #expect(plain.body == [0x61, 0, 0x62])
            #expect(plain.value("content-type") == "a/b")
            #expect(plain.framing == .length(3))
            let chunked = try client.ask(
                "POST /api/echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3;e=1\r\nabc\r\n0a\r\n0123456789\r\n0\r\nT: 1\r\n\r\n")
            #expect(chunked.framing == .chunked)
            #expect(chunked.text == "abc0123456789")
            #expect(try client.ask("POST /api/echo HTTP/1.1\r\nHost: d\r\n\r\n").body.isEmpty)
            #expect(try client.ask(get("/health")).status == 200)
        }
    }

    @Test func `echo answers while the body still comes and continues when it is asked to`() throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            try client.send(
                "POST /api/echo HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n")
            #expect(try client.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("abc")
            #expect(try client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(try client.read(3) == Array("abc".utf8))
            try client.send("def")
            #expect(try client.read(3) == Array("def".utf8))
        }
    }

    @Test func `big answers have exactly the bytes that were asked for`() throws {
        try withOrigin { origin in
            for size in [0, 1, 65_536, 200_001] {
                let response = try RawClient(port: origin.port).ask(get("/api/big?bytes=\(size)"))
                #expect(response.body.count == size)
                #expect(response.body.enumerated().allSatisfy { $1 == UInt8($0 % 65_536 % 251) })
            }
        }
    }

    @Test func `video tokens fail in the same order in every run`() throws {
        try withOrigin { origin in
            var outcomes: [String] = []
            for _ in 1...10 {
                do {
                    let response = try RawClient(port: origin.port).ask(get("/api/video/token"))
                    outcomes.append(String(response.status))
                } catch SocketError.reset {
                    outcomes.append("reset")
                }
            }
            #expect(outcomes == ["200", "200", "503", "200", "reset", "503", "200", "200", "503", "reset"])
        }
    }

    @Test func `a chat is a stream of events that ends with done`() throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            try client.send("POST /api/chat HTTP/1.1\r\nHost: d\r\nContent-Length: 8\r\n\r\n{\"a\": 1}")
            let start = ContinuousClock.now
            _ = try client.read(through: "data: {\"index\": 0")
            let first = ContinuousClock.now - start
            _ = try client.read(through: "data: [DONE]\n\n\r\n0\r\n\r\n")
            #expect(ContinuousClock.now - start > first + .milliseconds(600))
            #expect(try client.ask(get("/health")).status == 200)
        }
    }

    @Test func `an HTTP 1 0 client gets a stream that ends with the connection`() throws {
        try withOrigin { origin in
            let response = try RawClient(port: origin.port).ask(
                "GET /api/chat HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(response.framing == .untilClose)
            #expect(response.text.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test(
        arguments: [
            "\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\n: x\r\n\r\n",
            "GET / HTTP/1.1\r\nA : x\r\n\r\n",
            "GET / HTTP/1.1\r\nA: \0\r\n\r\n", "GET / HTTP/1.1\r\nA: x\ry\r\n\r\n", " / HTTP/1.1\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "POST /api/echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST /api/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
            "POST /api/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11\nx\r\n0\r\n\r\n",
            WireText(text: "GET /" + String(repeating: "a", count: 20_000) + " HTTP/1.1\r\n\r\n"),
        ] as [WireText])
    func `malformed requests are refused and closed`(wire: WireText) throws {
        try withOrigin { origin in
            let client = try RawClient(port: origin.port)
            try client.send(wire.text)
            do {
                let answer = try client.response()
                #expect([400, 431, 505].contains(answer.status))
                #expect(answer.value("connection") == "close")
                #expect(try client.readToEnd().isEmpty)
            } catch SocketError.reset where wire.text.utf8.count > 10_000 {
                // A long request may be cut off by a reset: the rest of it is never read.
            }
            #expect(try RawClient(port: origin.port).ask(get("/health")).status == 200)
        }
    }

    @Test func `random bytes never end the origin`() throws {
        try withOrigin { origin in
            var random = SplitMix64(seed: 20_261)
            let starts = [
                "", "GET /", "POST /api/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Self.upgrade,
            ]
            for round in 0..<200 {
                let client = try RawClient(port: origin.port)
                let noise = (0..<Int(random.next() % 400)).map { _ in UInt8(truncatingIfNeeded: random.next())
                }
                try? client.send(Array(starts[round % starts.count].utf8) + noise)
                if round % 2 == 0 { client.reset() } else { client.close() }
            }
            #expect(try RawClient(port: origin.port).ask(get("/health")).status == 200)
        }
    }

    @Test func `stopping ends streams and waits for every thread`() throws {
        let origin = try DemoOrigin(port: 0)
        try origin.start()
        let clients = try (0..<20).map { _ in try RawClient(port: origin.port) }
        for client in clients {
            try client.send(get("/api/events"))
            _ = try client.read(through: "event: clock\n")
        }
        let start = ContinuousClock.now
        origin.stop()
        #expect(ContinuousClock.now - start < .seconds(1))
        for client in clients { _ = try? client.readToEnd() }
        #expect(throws: SocketError.self) { try RawClient(port: origin.port).ask(get("/health")) }
        origin.stop()
    }

    @Test func `a port that is in use is said in one line`() throws {
        try withOrigin { origin in
            let error = #expect(throws: DemoError.self) { try DemoOrigin(port: origin.port) }
            #expect(error?.description.hasPrefix("127.0.0.1:\(origin.port) is in use") == true)
            #expect(throws: DemoError.notAnAddress("nowhere")) { try DemoOrigin(address: "nowhere", port: 0) }
        }
    }

    @Test func `the guide has no escape codes unless it is styled`() {
        func guide(styled: Bool) -> String {
            DemoGuide.text(
                gateway: "127.0.0.1:8080", admin: "127.0.0.1:9901", origin: "127.0.0.1:9000", styled: styled)
        }
        #expect(!guide(styled: false).contains("\u{1B}"))
        #expect(guide(styled: true).contains("\u{1B}[1m"))
        #expect(guide(styled: false).contains("curl -i http://127.0.0.1:8080/api/hello\n"))
    }

    static let upgrade =
        "GET /ws HTTP/1.1\r\nHost: d\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
