import Testing

/// Other protocols on a connection (security.md 4; RFC 9110 §7.8): only what the route allows, only once the
/// origin has agreed, and never h2c or CONNECT. `/ws` may become a WebSocket, everything else may not.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(
        routes: "[{ path: /ws/*, upstream: app, upgrade: [websocket] }, { path: /*, upstream: app }]"))
struct HostileUpgradeTests {
    static let table: [HostileCase] = [closed, open, bodies, behind].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `an upgrade that may not be is not asked for`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    private static let upgrading = ["Connection: Upgrade", "Upgrade: websocket"]

    /// Lines of which the origin sees nothing.
    private static let asking: [[String]] = [
        upgrading,
        ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
        ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
        ["Connection: Upgrade", "Upgrade: h2c"],
        ["Connection: Upgrade", "Upgrade: h2"], ["Connection: Upgrade", "Upgrade: HTTP/2.0"],
        ["Connection: HTTP2-Settings", "HTTP2-Settings: AAMAAABk"], ["HTTP2-Settings: AAMAAABk"],
        ["Upgrade: h2c"],
        ["Connection: Upgrade"], ["Connection: Upgrade", "Upgrade:"],
        ["Connection: Upgrade", "Upgrade: TLS/1.0"],
        ["Connection: Upgrade", "Upgrade: websocket, h2c"],
        ["Connection: Upgrade", "Upgrade: h2c, websocket"],
        ["Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"],
        ["Connection: Upgrade", "Upgrade: websocket/13"], ["Connection: Upgrade", "Upgrade: xwebsocket"],
        ["Connection: Upgrade", "Upgrade: \"websocket\""], ["Connection: Upgrade", "Upgrade: connect-udp"],
        ["Upgrade: websocket"], ["Connection: keep-alive", "Upgrade: websocket"],
        ["Connection: XUpgrade", "Upgrade: websocket"], ["Connection: \"Upgrade\"", "Upgrade: websocket"],
    ]

    private static let closed: [HostileCase] =
        asking.map { .fields("closed: \($0)", $0) } + [
            .fields("closed: a key", upgrading + [key], kept: [key]),
            .lines("two settings of h2c", "HTTP2-Settings: a", "HTTP2-Settings: b"),
            .lines("two keys", "Sec-WebSocket-Key: a", "sec-websocket-key: b"),
            .head("CONNECT", hostile("CONNECT here:443"), 501, "method"),
            .head(
                "CONNECT with a body", hostile("CONNECT here:443", ["Content-Length: 5"], "abcde"), 501,
                "method"),
            .head("CONNECT to a route", hostile("CONNECT /ws/MARK", upgrading), 501, "method"),
            .forwarded("connect in lower case", hostile("connect /MARK"), Seen("connect /MARK")),
            .head("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"),
        ]

    private static func ws(_ name: String, _ lines: [String], asks protocolName: String? = nil) -> HostileCase
    {
        let closing = protocolName.map { ["Connection: Upgrade", "Upgrade: \($0)"] } ?? []
        return .forwarded(name, hostile("GET /ws/MARK", lines), Seen("GET /ws/MARK", closing: closing))
    }

    /// Where the route allows it, exactly this one protocol is asked for. The origin of these cases declines.
    private static let open: [HostileCase] =
        asking.dropFirst().map { ws("open: \($0)", $0) } + [
            ws("WebSocket", upgrading, asks: "websocket"),
            ws("in capitals", ["CONNECTION: UPGRADE", "UPGRADE: WEBSOCKET"], asks: "WEBSOCKET"),
            ws("among others", ["Connection: keep-alive, Upgrade", "Upgrade: websocket"], asks: "websocket"),
            ws(
                "in two lines", ["Connection: keep-alive", "Connection: upgrade", "Upgrade: websocket"],
                asks: "websocket"),
            ws("two protocols, the first of them allowed", upgrading + ["Upgrade: h2c"], asks: "websocket"),
            .last(
                "HTTP/1.0",
                "GET /ws/MARK HTTP/1.0\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                Seen("GET /ws/MARK")),
        ]

    /// A body would be read as the other protocol, or the other protocol as a body.
    private static let bodies: [HostileCase] =
        ["/MARK", "/ws/MARK"].flatMap { path -> [HostileCase] in
            [
                .forwarded(
                    "a body on \(path)", hostile("POST \(path)", upgrading + ["Content-Length: 5"], "abcde"),
                    Seen("POST \(path)", payload: "abcde")),
                .forwarded(
                    "chunks on \(path)",
                    hostile(
                        "POST \(path)", upgrading + ["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n"),
                    Seen("POST \(path)", payload: "abc", isChunked: true)),
                .forwarded(
                    "a body for h2c on \(path)",
                    hostile(
                        "POST \(path)", ["Upgrade: h2c", "Connection: Upgrade", "Content-Length: 5"],
                        "abcde"),
                    Seen("POST \(path)", payload: "abcde")),
            ]
        } + [
            .forwarded(
                "a length of zero", hostile("GET /ws/MARK", upgrading + ["Content-Length: 0"]),
                Seen(
                    "GET /ws/MARK",
                    closing: ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"]))
        ]

    private static let asked = ["Connection: Upgrade", "Upgrade: websocket"]
    private static let inner = "GET /MARK/inner HTTP/1.1\r\nHost: here\r\n\r\n"

    /// What comes behind a request for an upgrade that is declined is a request like any other.
    private static let behind: [HostileCase] = [
        .then(
            "a frame behind a declined upgrade",
            hostile("GET /ws/MARK", upgrading) + "\u{81}\u{85}\u{1}\u{2}\r\n",
            Seen("GET /ws/MARK", closing: asked)),
        .then(
            "a frame behind an upgrade that is not asked for",
            hostile("GET /MARK", upgrading) + "\u{81}\u{5}\r\n",
            Seen("GET /MARK")),
        .forwarded(
            "a request behind a declined upgrade", hostile("GET /ws/MARK", upgrading) + inner,
            Seen("GET /ws/MARK", closing: asked), Seen("GET /MARK/inner")),
        .then(
            "the preface of HTTP/2 behind h2c",
            hostile("GET /MARK", ["Connection: Upgrade", "Upgrade: h2c"])
                + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Seen("GET /MARK"), kind: "version", status: 505, method: "PRI"),
    ]

    // MARK: What origins agree to

    static let agreements: [(name: String, path: String, lines: [String])] = [
        ("on a route that allows none", "/MARK", upgrading),
        ("h2c", "/ws/MARK", ["Connection: Upgrade", "Upgrade: h2c"]),
        ("two protocols", "/ws/MARK", ["Connection: Upgrade", "Upgrade: websocket, h2c"]),
        ("none by name", "/ws/MARK", ["Connection: Upgrade"]), ("nothing", "/ws/MARK", []),
    ]

    @Test(arguments: agreements.indices)
    func `an agreement to what was not asked for opens no tunnel`(index: Int) throws {
        let place = try #require(HostileRoom.place)
        let (name, path, lines) = Self.agreements[index]
        let mark = place.mark()
        place.note(mark, name, targets: [path.marked(mark), "/\(mark)/after"], begun: nil)
        let answer = ["HTTP/1.1 101 Switching Protocols"] + lines + ["", "frames"]
        place.origin.lay(HostileOrigin.Answer(bytes: answer.joined(separator: "\r\n").latin1), for: mark)
        let client = try place.gateway.client()
        defer { client.close() }
        try client.send(hostile("GET \(path)", Self.upgrading).marked(mark).latin1)
        let response = try client.response()
        #expect(response.status == 502)
        _ = response.problem()
        place.note(response, name, outcome: "upstream.response", method: "GET")
        let after = try client.ask(get("/\(mark)/after"))
        #expect(after.text == "ok")
        place.note(after, "after \(name)", outcome: "ok", method: "GET")
    }
}
