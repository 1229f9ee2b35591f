/// RFC 9113 §8: messages, their fields and pseudo-fields.
enum HTTP2MessageTable {
    private typealias Code = HTTP2Code

    static let table =
        order + names + values + connectionFields + pseudoFields + targets + lengths + connect

    private static let get = HTTP2Case.get()
    private static let malformed = HTTP2Case.Accepted.malformed

    private static let order: [HTTP2Case] = [
        HTTP2Case("8.1", "trailers", .served, .post(1), .data(1, "x", []), .headers(1, [("x-sum", "1")])),
        HTTP2Case("8.1", "trailers without a body", .served, .post(1), .headers(1, [("x-sum", "1")])),
        HTTP2Case("8.1", "empty trailers", .served, .post(1), .data(1, "x", []), .headers(1, [])),
        HTTP2Case(
            "8.1", "trailers that do not end the stream", malformed, .post(1), .data(1, "x", []),
            .headers(1, [("x-sum", "1")], .endHeaders), .data(1, "y")),
        HTTP2Case(
            "8.1", "a second head that does not end the stream", malformed, .post(1),
            .headers(1, get, .endHeaders), .data(1, "y")),
        HTTP2Case("8.1", "a second head that ends the stream", malformed, .post(1), .headers(1, get)),
        HTTP2Case(
            "8.1", "DATA behind trailers", .stream(Code.streamClosed), .post(1),
            .headers(1, [("x-sum", "1")]), .data(1, "x")),
        HTTP2Case(
            "8.1", "a pseudo-field in trailers", malformed, .post(1), .data(1, "x", []),
            .headers(1, [(":path", "/")])),
        HTTP2Case(
            "8.1", ":status in trailers", malformed, .post(1), .data(1, "x", []),
            .headers(1, [(":status", "200")])),
        HTTP2Case(
            "8.1", "an upper-case name in trailers", malformed, .post(1), .data(1, "x", []),
            .headers(1, [("X-Sum", "1")])),
        HTTP2Case(
            "8.1", "a line end in a trailer's value", malformed, .post(1), .data(1, "x", []),
            .headers(1, [("x-sum", "1\r\nx: y")])),
        HTTP2Case(
            "8.1", "a connection's field in trailers", malformed, .post(1), .data(1, "x", []),
            .headers(1, [("transfer-encoding", "chunked")])),
        HTTP2Case(
            "8.1", "a length in trailers", malformed.or(.served), .post(1), .data(1, "x", []),
            .headers(1, [("content-length", "1")])),
        HTTP2Case(
            "8.1", "a body of many pieces", .served, .post(1), .data(1, "a", []), .data(1, "b", []),
            .data(1, "c")),
        HTTP2Case("8.1", "HEAD", .served, .headers(1, [(":method", "HEAD")] + get.dropFirst())),
        HTTP2Case("8.1", "OPTIONS", .served, .headers(1, [(":method", "OPTIONS")] + get.dropFirst())),
    ]

    /// §8.2.1: bytes that stand in no name.
    private static let badNames: [(String, String)] = [
        ("NUL", "x-a\u{0}b"), ("CR", "x-a\rb"), ("LF", "x-a\nb"), ("CR LF", "x-a\r\nb"),
        ("a tab", "x-a\tb"),
        ("a space", "x-a b"), ("a space at the end", "x-a "), ("a space at the start", " x-a"),
        ("an upper-case letter", "x-A"), ("DEL", "x-a\u{7F}"), ("the byte 0x80", "x-a\u{80}"),
        ("the byte 0xFF", "x-a\u{FF}"), ("a colon", "x-a:b"), ("a colon at the end", "x-a:"),
        ("the control 0x01", "x-a\u{1}"), ("the control 0x1F", "x-a\u{1F}"),
    ]

    private static let names: [HTTP2Case] =
        badNames.map { .field("8.2.1", "\($0) in a name", $1, "v") } + [
            .field("8.2.1", "an empty name", "", "v"),
            .field("8.2", "a name in upper case", "ACCEPT", "v"),
            .field("8.2", "one letter in upper case", "acCept", "v"),
            HTTP2Case(
                "8.2.1", "a name that is no token", malformed.or(.served),
                .headers(1, get + [("x(a)", "v")])),
            HTTP2Case(
                "8.2", "a name in upper case from the table", malformed,
                .block(1, HTTP2Case.getBlock + .literal("X-A", "v", .incremental) + .indexed(62))),
            HTTP2Case(
                "8.2", "a name in upper case by Huffman", malformed,
                .block(1, HTTP2Case.getBlock + .literal("X-A", "v", huffman: true))),
            HTTP2Case(
                "8.2.1", "a line end in a name by Huffman", malformed,
                .block(1, HTTP2Case.getBlock + .literal("x\r\na", "v", huffman: true))),
            HTTP2Case(
                "8.2", "all that a token may have", .served,
                .headers(1, get + [("x!#$%&'*+-.^_`|~09az", "v")])),
        ]

    /// §8.2.1: what stands in no value.
    private static let badValues: [(String, String)] = [
        ("NUL", "a\u{0}b"), ("CR", "a\rb"), ("LF", "a\nb"), ("CR LF", "a\r\nx: y"),
        ("CR at the end", "a\r"),
        ("LF at the end", "a\n"), ("LF at the start", "\na"), ("NUL alone", "\u{0}"),
        ("a space at the start", " a"), ("a space at the end", "a "), ("a tab at the start", "\ta"),
        ("a tab at the end", "a\t"), ("a space alone", " "),
    ]

    private static let values: [HTTP2Case] =
        badValues.map { .field("8.2.1", "\($0) in a value", "x-a", $1) } + [
            HTTP2Case(
                "8.2.1", "a line end in a value by Huffman", malformed,
                .block(1, HTTP2Case.getBlock + .literal("x-a", "a\r\nb: c", huffman: true))),
            HTTP2Case(
                "8.2.1", "a line end in a value in the table", malformed,
                .block(1, HTTP2Case.getBlock + .literal("x-a", "a\nb", .incremental))),
            HTTP2Case(
                "8.2.1", "a line end in a value from the table", malformed.on(3),
                .block(1, HTTP2Case.getBlock + .literal("x-a", "a\nb", .incremental)),
                .block(3, HTTP2Case.getBlock + .indexed(62))),
            HTTP2Case(
                "8.2.1", "a line end in a value of a name that the table has", malformed,
                .block(1, HTTP2Case.getBlock + .literal(nameAt: 58, "a\r\nb: c"))),
            HTTP2Case(
                "8.2.1", "a control in a value", malformed.or(.served),
                .headers(1, get + [("x-a", "a\u{1}b")])),
            HTTP2Case(
                "8.2.1", "bytes above 0x7F in a value", .served,
                .headers(1, get + [("x-a", "\u{E4}\u{FF}")])),
            HTTP2Case("8.2.1", "a tab inside of a value", .served, .headers(1, get + [("x-a", "a\tb")])),
            HTTP2Case("8.2.1", "an empty value", .served, .headers(1, get + [("x-a", "")])),
            HTTP2Case(
                "8.2.3", "cookies in crumbs", .served,
                .headers(1, get + [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")])),
        ]

    private static let connectionFields: [HTTP2Case] =
        [
            ("connection", "close"), ("connection", "x-a"), ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"), ("transfer-encoding", "chunked"),
            ("transfer-encoding", "identity"),
            ("upgrade", "h2c"), ("upgrade", "websocket"), ("te", "gzip"), ("te", "trailers, gzip"),
            ("te", "chunked"),
        ].map { .field("8.2.2", "\($0): \($1)", $0, $1) } + [
            HTTP2Case("8.2.2", "te: trailers", .served, .headers(1, get + [("te", "trailers")])),
            HTTP2Case(
                "8.2.2", "transfer-encoding with a body", malformed,
                .headers(1, HTTP2Case.post() + [("transfer-encoding", "chunked")], .endHeaders),
                .data(1, "0\r\n\r\n")),
        ]

    private static func without(_ name: String) -> [(String, String)] { get.filter { $0.0 != name } }

    private static func with(_ name: String, _ value: String) -> [(String, String)] {
        get.map { $0.0 == name ? (name, value) : $0 }
    }

    private static let pseudoFields: [HTTP2Case] =
        [":method", ":scheme", ":path"].flatMap { name in
            [
                HTTP2Case("8.3.1", "no \(name)", malformed, .headers(1, without(name))),
                HTTP2Case(
                    "8.3.1", "\(name) behind a field", malformed,
                    .headers(1, without(name) + [("x-a", "1"), get.first { $0.0 == name } ?? ("", "")])),
            ]
        }
        + get.map { name, value in
            HTTP2Case("8.3.1", "\(name) twice", malformed, .headers(1, [(name, value)] + get))
        }
        + get.map { name, _ in
            HTTP2Case(
                "8.3.1", "\(name) twice and different", malformed,
                .headers(1, [(name, name == ":path" ? "/b" : "other")] + get))
        }
        + [
            HTTP2Case("8.3", "an unknown pseudo-field", malformed, .headers(1, [(":unknown", "1")] + get)),
            HTTP2Case("8.3", "a pseudo-field without a name", malformed, .headers(1, [(":", "1")] + get)),
            HTTP2Case(
                "8.3", "a pseudo-field in upper case", malformed, .headers(1, [(":PATH", "/")] + get)),
            HTTP2Case("8.3", ":status in a request", malformed, .headers(1, [(":status", "200")] + get)),
            HTTP2Case(
                "8.3", ":status in the place of :method", malformed,
                .headers(1, [(":status", "200")] + without(":method"))),
            HTTP2Case(
                "8.3", ":authority behind a field", malformed,
                .headers(1, without(":authority") + [("x-a", "1"), (":authority", "here")])),
            HTTP2Case(
                "8.3", "no pseudo-field", malformed, .headers(1, [("host", "here"), ("accept", "*/*")])),
            HTTP2Case("8.3", "a field alone", malformed, .headers(1, [("x-a", "1")])),
        ]

    private static let targets: [HTTP2Case] = [
        HTTP2Case("8.3.1", "an empty :path", malformed, .headers(1, with(":path", ""))),
        HTTP2Case("8.3.1", "a :path without a slash", malformed, .headers(1, with(":path", "a/b"))),
        HTTP2Case("8.3.1", "a :path of * for GET", malformed, .headers(1, with(":path", "*"))),
        HTTP2Case(
            "8.3.1", "a :path with a space", malformed, .headers(1, with(":path", "/a b")), strict: true),
        HTTP2Case("8.2.1", "a line end in :path", malformed, .headers(1, with(":path", "/a\r\nx: y"))),
        HTTP2Case("8.2.1", "NUL in :path", malformed, .headers(1, with(":path", "/a\u{0}"))),
        HTTP2Case(
            "8.2.1", "a line end in :authority", malformed, .headers(1, with(":authority", "here\r\nx: y"))),
        HTTP2Case("8.2.1", "a line end in :method", malformed, .headers(1, with(":method", "GET\r\nx: y"))),
        HTTP2Case(
            "8.2.1", "a line end in :scheme", malformed, .headers(1, with(":scheme", "http\r\nx: y"))),
        HTTP2Case("8.3.1", "an empty :method", malformed, .headers(1, with(":method", "")), strict: true),
        HTTP2Case("8.3.1", "a :method that is no token", malformed, .headers(1, with(":method", "GE T"))),
        HTTP2Case("8.3.1", "an empty :scheme", malformed, .headers(1, with(":scheme", "")), strict: true),
        HTTP2Case(
            "8.3.1", "a :scheme of another protocol", malformed.or(.served),
            .headers(1, with(":scheme", "ftp"))),
        HTTP2Case(
            "8.3.1", "an empty :authority", malformed, .headers(1, with(":authority", "")), strict: true),
        HTTP2Case(
            "8.3.1", "a user in :authority", malformed, .headers(1, with(":authority", "me@here")),
            strict: true),
        HTTP2Case(
            "8.3.1", "no :authority and no host", malformed, .headers(1, without(":authority")),
            strict: true),
        HTTP2Case(
            "8.3.1", "host in the place of :authority", .served,
            .headers(1, without(":authority") + [("host", "here")])),
        HTTP2Case("8.3.1", "host as :authority", .served, .headers(1, get + [("host", "here")])),
        HTTP2Case(
            "8.3.1", "host unlike :authority", malformed, .headers(1, get + [("host", "there")]),
            strict: true
        ),
        HTTP2Case(
            "8.3.1", "an empty host beside :authority", malformed, .headers(1, get + [("host", "")]),
            strict: true),
        HTTP2Case(
            "8.3.1", "host twice", malformed,
            .headers(1, without(":authority") + [("host", "here"), ("host", "here")]),
            strict: true),
        HTTP2Case(
            "8.3.1", "host twice and different", malformed,
            .headers(1, without(":authority") + [("host", "here"), ("host", "there")]), strict: true),
        HTTP2Case(
            "8.3.1", "OPTIONS of *", .served.or(malformed),
            .headers(
                1, [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "here")])),
    ]

    private static func length(_ what: String, _ value: String, _ body: HTTP2Step...) -> HTTP2Case {
        guard let first = body.first else {
            return HTTP2Case(
                "8.1.1", what, malformed, .headers(1, HTTP2Case.post() + [("content-length", value)]))
        }
        return HTTP2Case(
            "8.1.1", what, malformed,
            .headers(1, HTTP2Case.post() + [("content-length", value)], .endHeaders),
            first, body.count > 1 ? body[1] : .bytes([]))
    }

    private static let lengths: [HTTP2Case] = [
        HTTP2Case(
            "8.1.1", "content-length as DATA", .served, .post(1, ("content-length", "3")), .data(1, "abc")),
        HTTP2Case(
            "8.1.1", "content-length over two DATA", .served, .post(1, ("content-length", "3")),
            .data(1, "a", []), .data(1, "bc")),
        HTTP2Case(
            "8.1.1", "content-length 0 without DATA", .served,
            .headers(1, HTTP2Case.post() + [("content-length", "0")])),
        HTTP2Case(
            "8.1.1", "content-length 0 with an empty DATA", .served, .post(1, ("content-length", "0")),
            .data(1, "")),
        HTTP2Case(
            "8.1.1", "content-length with padded DATA", .served, .post(1, ("content-length", "1")),
            .any(0, [.endStream, .padded], 1, [2, 120, 0, 0])),
        HTTP2Case(
            "8.1.1", "content-length with trailers", .served, .post(1, ("content-length", "1")),
            .data(1, "x", []), .headers(1, [("x-sum", "1")])),
        length("content-length without DATA", "3"),
        length("content-length below DATA", "1", .data(1, "abc")),
        length("content-length above DATA", "4", .data(1, "abc")),
        length("content-length below two DATA", "2", .data(1, "a", []), .data(1, "bc")),
        length("content-length above two DATA", "9", .data(1, "a", []), .data(1, "bc")),
        length("content-length 0 with DATA", "0", .data(1, "a")),
        length(
            "content-length above DATA with trailers", "9", .data(1, "a", []), .headers(1, [("x-sum", "1")])
        ),
        length("a negative content-length", "-1", .data(1, "a")),
        length("a signed content-length", "+1", .data(1, "a")),
        length("a content-length in hexadecimal", "0x1", .data(1, "a")),
        length("an empty content-length", "", .data(1, "a")),
        length("a content-length beyond 64 bits", "18446744073709551617", .data(1, "a")),
        length("a content-length of words", "one", .data(1, "a")),
        HTTP2Case(
            "8.1.1", "two content-lengths", malformed,
            .post(1, ("content-length", "1"), ("content-length", "2")), .data(1, "a")),
        HTTP2Case(
            "8.1.1", "content-length twice", malformed,
            .post(1, ("content-length", "1"), ("content-length", "1")), .data(1, "a"), strict: true),
        HTTP2Case(
            "8.1.1", "a list of content-lengths", malformed, .post(1, ("content-length", "1, 1")),
            .data(1, "a"), strict: true),
    ]

    /// CONNECT is off: refused by an answer, or as malformed.
    private static let refused = malformed.or(.status(400, 403, 404, 405, 421, 501))
        .or(.stream(Code.refused, Code.connect, Code.cancel))

    private static let connect: [HTTP2Case] = [
        HTTP2Case(
            "8.5", "CONNECT", refused,
            .headers(1, [(":method", "CONNECT"), (":authority", "here:80")], .endHeaders), strict: true),
        HTTP2Case(
            "8.5", "CONNECT with :path", refused, .headers(1, [(":method", "CONNECT")] + get.dropFirst())),
        HTTP2Case(
            "8.5", "CONNECT with :scheme", refused,
            .headers(1, [(":method", "CONNECT"), (":scheme", "http"), (":authority", "here:80")])),
        HTTP2Case("8.5", "CONNECT without :authority", refused, .headers(1, [(":method", "CONNECT")])),
        HTTP2Case(
            "8.5", "CONNECT to a protocol that nobody knows", refused,
            .headers(1, [(":method", "CONNECT"), (":protocol", "tcp")] + get.dropFirst(), .endHeaders)),
        HTTP2Case(
            "8.5", ":protocol without CONNECT", malformed, .headers(1, [(":protocol", "websocket")] + get)),
    ]
}
