import Testing

/// What arrives over HTTP/2 goes on over HTTP/1.1 as exactly one request, or not at all (security.md 5).
@Suite(.whereOurs, DowngradeRoom(), .timeLimit(.minutes(20))) struct HTTP2DowngradeTests {
    typealias Row = HTTP2Downgrade
    typealias Sight = HTTP2Downgrade.Sight

    static let table: [Row] = [injected, smuggling, framing, lengths, targets, hosts, hops, fields, bodies]
        .flatMap(\.self)

    @Test(arguments: table)
    func `the origin sees one request as the client meant it, or none`(row: HTTP2Downgrade) throws {
        try #require(DowngradeRoom.place).run(row)
    }

    @Test func `no case goes missing, and each has a name of its own`() {
        #expect(Self.table.count >= 110)
        #expect(Set(Self.table.map(\.name)).count == Self.table.count)
    }

    private static let hidden = "\r\n\r\nGET /smuggled-MARK HTTP/1.1\r\nHost: here\r\n\r\n"

    private static let injections: [(name: String, field: String, value: String)] = [
        ("a request in a value", "x-a", "1" + hidden),
        ("a request in a name", "x-a: 1" + hidden + "x", "1"),
        ("a field in a value", "x-a", "1\r\nx-evil: 1"),
        ("a field behind LF in a value", "x-a", "1\nx-evil: 1"),
        ("a field behind CR in a value", "x-a", "1\rx-evil: 1"),
        ("a field in a name", "x-a: 1\r\nx-evil", "1"),
        ("NUL in a value", "x-a", "1\u{0}2"), ("NUL in a name", "x-a\u{0}", "1"),
        ("a colon in a name", "x-a: evil", "1"), ("a space at a name's end", "x-a ", "1"),
        ("a name of a line end", "\r\n", "1"), ("a name of a space", " ", "1"), ("no name", "", "1"),
        ("a request in a cookie", "cookie", "a=1" + hidden),
        ("a request in the user agent", "user-agent", hidden),
        ("a length in a value", "x-a", "1\r\ncontent-length: 5"),
        ("an encoding in a value", "x-a", "1\r\ntransfer-encoding: chunked"),
        ("an encoding in a name", "transfer-encoding: chunked\r\nx", "1"),
        ("an upper-case encoding", "Transfer-Encoding", "chunked"),
        ("an upper-case length", "Content-Length", "0"),
        ("an upper-case host", "Host", "evil"), ("a folded value", "x-a", "1\r\n 2"),
    ]

    private static let injected: [Row] = injections.map {
        .refused($0.name, Row.head([($0.field, $0.value)]))
    }

    private static let smuggling: [Row] = [
        .refused("a request in :path", Row.head(path: "/MARK HTTP/1.1" + hidden)),
        .refused("a request in :method", Row.head("GET /evil-MARK HTTP/1.1\r\nHost: here\r\n\r\nGET")),
        .refused("a request in :authority", Row.head(authority: "here" + hidden)),
        .refused("a request in :scheme", Row.head(scheme: "http" + hidden)),
        .refused("a field in :path", Row.head(path: "/MARK HTTP/1.1\r\nx-evil: 1\r\nx: y")),
        .refused("a field in :authority", Row.head(authority: "here\r\nx-evil: 1")),
        .refused("LF in :path", Row.head(path: "/MARK\nx: y")),
        .refused("CR in :path", Row.head(path: "/MARK\rx")),
        .refused("LF in :method", Row.head("GET\n")),
        .refused("LF in :authority", Row.head(authority: "here\n")),
    ]

    private static let codings = [
        "chunked", "identity", "gzip, chunked", " chunked", "chunked\r\n", "xchunked",
    ]
    private static let framing: [Row] = codings.map {
        .refused(
            "transfer-encoding: \($0.debugDescription)", Row.head("POST", [("transfer-encoding", $0)]),
            body: ["0\r\n\r\n"])
    }

    private static let noLengths = [
        "-1", "+2", "0x2", "2, 2", "2 2", "", "two", "99999999999999999999", "2\u{B}", "\u{B2}",
    ]
    private static let lengths: [Row] =
        noLengths.map {
            .refused(
                "content-length: \($0.debugDescription)", Row.head("POST", [("content-length", $0)]),
                body: ["ab"])
        }
        + [
            .refused(
                "content-length below the body", Row.head("POST", [("content-length", "1")]), body: ["ab"]),
            .refused(
                "content-length above the body", Row.head("POST", [("content-length", "3")]), body: ["ab"]),
            Row(
                name: "content-length 0 before a body", fields: Row.head("POST", [("content-length", "0")]),
                body: ["GET /smuggled-MARK HTTP/1.1\r\n\r\n"],
                fate: .refusedBehind(Sight(line: "POST /MARK", framing: ["content-length: 0"]))),
            .refused("content-length without a body", Row.head("POST", [("content-length", "5")])),
            .refused(
                "two lengths", Row.head("POST", [("content-length", "2"), ("content-length", "1")]),
                body: ["ab"]),
            .refused(
                "a length twice", Row.head("POST", [("content-length", "2"), ("content-length", "2")]),
                body: ["ab"]),
            .refused(
                "a length and an encoding",
                Row.head("POST", [("content-length", "2"), ("transfer-encoding", "chunked")]), body: ["ab"]),
            .refused(
                "content-length above the body with trailers", Row.head("POST", [("content-length", "3")]),
                body: ["ab"], trailers: [("x-sum", "1")]),
        ]

    private static let targets: [Row] = [
        .refused("a space in :path", Row.head(path: "/MARK a")),
        .refused("a tab in :path", Row.head(path: "/MARK\ta")),
        .refused("NUL in :path", Row.head(path: "/MARK\u{0}")),
        .refused("DEL in :path", Row.head(path: "/MARK\u{7F}")),
        .refused("a control in :path", Row.head(path: "/MARK\u{1}")),
        .refused("a space before :path", Row.head(path: " /MARK")),
        .refused("an empty :path", Row.head(path: "")),
        .refused("a :path without a slash", Row.head(path: "MARK")),
        .refused(":path of *", Row.head(path: "*")),
        .refused("an absolute :path", Row.head(path: "http://evil/MARK")),
        .refused(":path of another's authority", Row.head(path: "evil:80")),
        .refused("a fragment in :path", Row.head(path: "/MARK#a")),
        .refused("a climb out of the root", Row.head(path: "/../MARK")),
        .refused("an encoded slash", Row.head(path: "/MARK%2Fa")),
        .refused("an encoded NUL", Row.head(path: "/MARK%00")),
        .refused("a backslash", Row.head(path: "/MARK\\a")),
        .refused("a version in :path", Row.head(path: "/MARK HTTP/1.1")),
        .refused("an empty :method", Row.head("")), .refused("a space in :method", Row.head("GET GET")),
        .refused("a colon in :method", Row.head("GET:")),
        .refused("CONNECT with a path", Row.head("CONNECT"), 405, 501),
        .seen("TRACE", Row.head("TRACE"), Sight(line: "TRACE /MARK")).orRefused,
        .seen("a query", Row.head(path: "/MARK?a=1&b=%20"), Sight(line: "GET /MARK?a=1&b=%20")),
        .seen("a method that nobody knows", Row.head("BREW"), Sight(line: "BREW /MARK")),
        .seen("another scheme says nothing", Row.head(scheme: "https"), Sight(line: "GET /MARK")).orRefused,
    ]

    private static let hosts: [Row] = [
        .seen(
            "host in the place of :authority", Row.head(authority: nil, [("host", "there")]),
            Sight(line: "GET /MARK", host: "there")),
        .seen("host as :authority", Row.head([("host", "here")]), Sight(line: "GET /MARK")),
        .seen(":authority in upper case", Row.head(authority: "HERE"), Sight(line: "GET /MARK")),
        .seen(
            ":authority with a port", Row.head(authority: "here:8080"),
            Sight(line: "GET /MARK", host: "here:8080")),
        .refused("host unlike :authority", Row.head([("host", "evil")]), 421),
        .refused("host twice", Row.head([("host", "here"), ("host", "here")])),
        .refused(
            "host twice without :authority", Row.head(authority: nil, [("host", "here"), ("host", "evil")])),
        .refused("no host at all", Row.head(authority: nil)),
        .refused("an empty :authority", Row.head(authority: "")),
        .refused("an empty host", Row.head(authority: nil, [("host", "")])),
        .refused("a user in :authority", Row.head(authority: "me@here")),
        .refused("a path in :authority", Row.head(authority: "here/evil")),
        .refused("a space in :authority", Row.head(authority: "here evil")),
        .refused("a list in :authority", Row.head(authority: "here, evil")),
        .refused("a port in :authority that is none", Row.head(authority: "here:99999")),
        .refused(":authority twice", [(":authority", "evil")] + Row.head()),
        .refused(":path twice", [(":path", "/evil")] + Row.head()),
        .refused(":method twice", [(":method", "POST")] + Row.head()),
        .refused(
            ":path behind a field",
            Row.head().filter { $0.0 != ":path" } + [("x-a", "1"), (":path", "/MARK")]),
        .refused("an unknown pseudo-field", [(":host", "evil")] + Row.head()),
    ]

    private static let hopFields: [(name: String, value: String)] = [
        ("connection", "close"), ("connection", "x-forwarded-for"), ("connection", "upgrade"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"), ("upgrade", "h2c"), ("upgrade", "websocket"), ("te", "gzip"),
    ]
    private static let hops: [Row] =
        hopFields.map { .refused("\($0.name): \($0.value)", Row.head([($0.name, $0.value)])) }
        + [
            .kept("http2-settings", [("http2-settings", "AAMAAABk")]),
            .kept("proxy-authorization", [("proxy-authorization", "Basic eA==")]),
            .kept("trailer", [("trailer", "x-sum")]),
            .seen(
                "te: trailers", Row.head([("te", "trailers")]),
                Sight(line: "GET /MARK", framing: ["connection: TE", "te: trailers"])),
        ]

    private static let fields: [Row] = [
        .kept(
            "cookies in crumbs", [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3")],
            "cookie: a=1; b=2; c=3", "x-a: 1"),
        .kept("a cookie", [("cookie", "a=1; b=2")], "cookie: a=1; b=2"),
        .kept("x_forwarded_for", [("x_forwarded_for", "6.6.6.6")]),
        .kept("x.forwarded.for", [("x.forwarded.for", "6.6.6.6")]),
        .kept("x-forwarded-for", [("x-forwarded-for", "6.6.6.6")]),
        .kept(
            "all of the client's address",
            [
                ("x-forwarded-host", "evil"), ("x-forwarded-proto", "https"), ("x-forwarded-port", "1"),
                ("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6"),
            ]),
        .kept("content_length", [("content_length", "5")]),
        .kept("transfer_encoding", [("transfer_encoding", "chunked")]),
        .kept("x-middleware-subrequest", [("x-middleware-subrequest", "1")]),
        .kept(
            "fields in their order", [("x-b", "1"), ("x-a", "2"), ("x-b", "3")], "x-b: 1", "x-a: 2",
            "x-b: 3"),
        .kept("bytes above 0x7F", [("x-a", "\u{E4}")], "x-a: \u{FFFD}"),
        .kept("a priority", [("priority", "u=1")], "priority: u=1"),
        .kept("an expectation without a body", [("expect", "100-continue")]),
        .kept("an empty value", [("x-a", "")], "x-a: "),
        .refused("a space before a value", Row.head([("x-a", " 1")])),
        .refused("a tab behind a value", Row.head([("x-a", "1\t")])),
    ]

    private static let bodies: [Row] = [
        .seen(
            "a body with its length", Row.head("POST", [("content-length", "4")]), body: ["ab", "cd"],
            Sight(line: "POST /MARK", framing: ["content-length: 4"], body: "abcd")),
        .seen(
            "a body without a length", Row.head("POST"), body: ["ab", "cd"],
            Sight(line: "POST /MARK", framing: ["transfer-encoding: chunked"], body: "abcd")),
        .seen(
            "a body that looks like chunks", Row.head("POST"),
            body: ["0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"],
            Sight(
                line: "POST /MARK", framing: ["transfer-encoding: chunked"],
                body: "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")),
        .seen(
            "a body of a GET", Row.head("GET", [("content-length", "3")]), body: ["abc"],
            Sight(line: "GET /MARK", framing: ["content-length: 3"], body: "abc")),
        .seen(
            "length 0", Row.head("POST", [("content-length", "0")]),
            Sight(line: "POST /MARK", framing: ["content-length: 0"])),
        .seen(
            "trailers", Row.head("POST"), body: ["ab"], trailers: [("x-sum", "1")],
            Sight(
                line: "POST /MARK", framing: ["transfer-encoding: chunked"], body: "ab",
                trailers: ["x-sum: 1"])),
        .seen(
            "trailers that must not pass", Row.head("POST"), body: ["ab"],
            trailers: [
                ("content-length", "9"), ("host", "evil"), ("x-forwarded-for", "6.6.6.6"),
                ("authorization", "x"), ("x-sum", "1"),
            ],
            Sight(
                line: "POST /MARK", framing: ["transfer-encoding: chunked"], body: "ab",
                trailers: ["x-sum: 1"])
        ).orRefused,
        .refused(
            "a line end in trailers", Row.head("POST"), body: ["ab"],
            trailers: [("x-sum", "1\r\n\r\nGET / HTTP/1.1")]),
        .refused(
            "an encoding in trailers", Row.head("POST"), body: ["ab"],
            trailers: [("transfer-encoding", "chunked")]),
        .refused(
            "a pseudo-field in trailers", Row.head("POST"), body: ["ab"], trailers: [(":path", "/evil")]),
    ]
}

extension HTTP2Downgrade {
    /// Leaves it to the gateway whether it serves or refuses what it may serve.
    fileprivate var orRefused: HTTP2Downgrade {
        guard case .seen(let sight) = fate else { return self }
        return HTTP2Downgrade(
            name: name, fields: fields, body: body, trailers: trailers, fate: .refusedOr(sight))
    }
}
