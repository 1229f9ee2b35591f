import Testing

/// Fields for one hop, and what `Connection` may take away (security.md 7; RFC 9110 §7.6.1): what the client
/// sent for this hop, and nothing by which the gateway or the origin knows the request.
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileHopTests {
    static let table: [HostileCase] = [ours, relied, framing, removed, dropped, trailers, endings].flatMap {
        $0
    }

    @Test(arguments: table, Delivery.allCases)
    func `Connection takes away what was meant for this hop alone`(hostile: HostileCase, delivery: Delivery)
        throws
    {
        try hostile.check(delivery)
    }

    /// What the gateway says itself stands behind all that a client can do.
    private static let own: [String] = [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP",
        "X-Request-Id",
        "traceparent", "Host", "Forwarded", "X-Forwarded-Prefix", "x-forwarded-for", "X-FORWARDED-FOR",
        "X_Forwarded_For",
    ]
    private static let ours: [HostileCase] = own.flatMap { name -> [HostileCase] in
        [
            .fields("Connection: \(name)", ["Connection: \(name)"]),
            .fields(
                "Connection: close-not, \(name)", ["Connection: close-not, \(name)", "X-A: b"],
                kept: ["X-A: b"]),
            .fields(
                "Connection: \(name), with a value",
                ["Connection: \(name)", name == "Host" ? "X-Forwarded-Host: evil" : "\(name): 6.6.6.6"]),
        ]
    }

    /// What the request is judged by must be what the origin sees.
    private static let judged: [String] = [
        "Authorization: Bearer x", "Cookie: a=b", "Origin: http://here", "Referer: http://here/",
        "User-Agent: x",
        "Content-Type: a/b", "Accept: a/b", "Accept-Encoding: gzip", "Cache-Control: no-cache",
        "Range: bytes=0-1",
        "Date: x", "Via: 1.1 a",
    ]
    private static let relied: [HostileCase] =
        judged.map { line in
            let name = String(line.prefix { $0 != ":" })
            return .fields("Connection: \(name)", ["Connection: \(name)", line], kept: [line])
        } + [
            .forwarded(
                "Connection: traceparent, with one",
                hostile("GET /MARK", ["Connection: traceparent", trace]), untraced(["\(trace)"]))
        ]
    private static let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private static func untraced(_ kept: [String]) -> Seen {
        var seen = Seen("GET /MARK", kept)
        seen.trace = nil
        return seen
    }

    private static let framing: [HostileCase] = [
        .forwarded(
            "Connection: Content-Length",
            hostile("POST /MARK", ["Connection: Content-Length", "Content-Length: 5"], "abcde"),
            Seen("POST /MARK", payload: "abcde")),
        .forwarded(
            "Connection: Transfer-Encoding",
            hostile(
                "POST /MARK", ["Connection: Transfer-Encoding", "Transfer-Encoding: chunked"],
                "3\r\nabc\r\n0\r\n\r\n"),
            Seen("POST /MARK", payload: "abc", isChunked: true)),
        .framing(
            "Connection: Content-Length, beside a coding", "Connection: Content-Length", "Content-Length: 5",
            "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
        .framing(
            "Connection: Transfer-Encoding, beside a length", "Connection: Transfer-Encoding",
            "Transfer-Encoding: chunked", "Content-Length: 5", body: "0\r\n\r\n"),
        .framing(
            "Connection: Content-Length, with two", "Connection: content-length", "Content-Length: 5",
            "Content-Length: 6", body: "abcdef"),
        .forwarded(
            "Connection: Expect",
            hostile(
                "POST /MARK", ["Connection: Expect", "Expect: 100-continue", "Content-Length: 5"], "abcde"),
            Seen("POST /MARK", ["Expect: 100-continue"], payload: "abcde")),
    ]

    // MARK: Taken away

    private static let listings: [String] = [
        "X-Secret", "x-secret", "X-SECRET", " X-Secret ", "\tX-Secret\t", "a, X-Secret", "X-Secret,a",
        "X-Secret,", ",X-Secret",
        ",,X-Secret,,", " , \tX-Secret , ", "keep-alive, X-Secret", "keep-alive,X-Secret,X-Secret",
        "X-Secret, Host",
        "X-Secret, X-Forwarded-For",
    ]
    private static let removed: [HostileCase] =
        listings.map {
            .fields("Connection: '\($0)'", ["Connection: \($0)", "X-Secret: 1", "X-B: c"], kept: ["X-B: c"])
        } + [
            .fields("a second Connection", ["Connection: a", "X-Secret: 1", "connection: x-secret"]),
            .fields(
                "Connection behind", ["X-Secret: 1", "X-B: c", "Connection: X-Secret"], kept: ["X-B: c"]),
            .fields("both lines", ["X-Secret: 1", "Connection: X-Secret", "x-secret: 2"]),
            .fields(
                "nothing that is only alike", ["Connection: X-Secret", "X-Secrets: 1", "X-Secre: 2"],
                kept: ["X-Secrets: 1", "X-Secre: 2"]),
            .fields(
                "no option in quotes", ["Connection: \"X-Secret\"", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields(
                "no parameters", ["Connection: X-Secret;a", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields(
                "no two options in one", ["Connection: X-Secret X-B", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields("nothing at all", ["Connection:", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields("commas", ["Connection: ,,,", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields("Connection itself", ["Connection: Connection", "X-Secret: 1"], kept: ["X-Secret: 1"]),
            .fields("as many as may be", ["Connection: \(options(31)), X-Secret", "X-Secret: 1"]),
            .lines("one more than may be", "Connection: \(options(33))"),
            .lines("in two lines, one more", "Connection: \(options(30))", "Connection: a, b, c"),
        ]

    private static func options(_ count: Int) -> String {
        (0..<count).map { "x\($0)" }.joined(separator: ", ")
    }

    /// For one hop by definition, listed or not.
    private static let hopFields: [String] = [
        "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Proxy-Connection: close", "TE: gzip",
        "TE: chunked",
        "Trailer: X-A", "Upgrade: x", "Proxy-Authorization: Basic eA==", "Proxy-Authenticate: Basic",
        "HTTP2-Settings: a", "KEEP-ALIVE: a", "proxy-connection: a",
    ]
    private static let dropped: [HostileCase] = hopFields.map {
        .fields("'\($0)'", [$0, "X-B: c"], kept: ["X-B: c"])
    }

    private static let teTrailers = ["Connection: TE", "TE: trailers"]
    private static let trailers: [HostileCase] = [
        .fields("TE: trailers", ["TE: trailers"], closing: teTrailers),
        .fields("TE: trailers among others", ["TE: gzip;q=0.5, Trailers"], closing: teTrailers),
        .fields("TE: trailers, listed", ["Connection: TE", "TE: trailers"], closing: teTrailers),
        .fields("TE: trailers with a weight", ["TE: trailers;q=0.5"]),
        .fields("TE: xtrailers", ["TE: xtrailers"]),
    ]

    /// The end of a connection is a matter of this hop, and so is its life.
    private static let endings: [HostileCase] =
        ["close", "Close", "keep-alive, close", "close, keep-alive", " ,close", "close,X-A"]
        .map { .last("Connection: '\($0)'", hostile("GET /MARK", ["Connection: \($0)"]), Seen("GET /MARK")) }
        + [
            .last(
                "close in a second line", hostile("GET /MARK", ["Connection: a", "Connection: close"]),
                Seen("GET /MARK")),
            .last("HTTP/1.0", "GET /MARK HTTP/1.0\r\nHost: here\r\n\r\n", Seen("GET /MARK")),
            .last(
                "HTTP/1.0 and Keep-Alive", "GET /MARK HTTP/1.0\r\nHost: here\r\nKeep-Alive: a\r\n\r\n",
                Seen("GET /MARK")),
            .last(
                "HTTP/1.0, keep-alive and close",
                "GET /MARK HTTP/1.0\r\nHost: here\r\nConnection: keep-alive, close\r\n\r\n", Seen("GET /MARK")
            ),
            .forwarded(
                "HTTP/1.0 and keep-alive",
                "GET /MARK HTTP/1.0\r\nHost: here\r\nConnection: Keep-Alive\r\n\r\n",
                Seen("GET /MARK")),
            .fields("Proxy-Connection: close", ["Proxy-Connection: close"]),
            .fields("Connection: closed", ["Connection: closed"]),
            .fields("Connection: \"close\"", ["Connection: \"close\""]),
        ]
}
