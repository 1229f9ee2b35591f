import Testing

/// Chunks (security.md 2; RFC 9112 §7.1): sizes are plain hexadecimal numbers, lines end with CRLF,
/// extensions end here, and trailers are fields that may stand there.
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileChunkTests {
    static let table: [HostileCase] = [
        sizes, sizeBytes, extensionBytes, extensions, ends, data, goodSizes, goodExtensions, badTrailers,
        trailerBytes, droppedTrailers, keptTrailers,
    ].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `chunks are taken apart exactly or refused`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    private static func character(_ byte: UInt8) -> String { String(latin1: [byte]) }

    /// Chunks that are good, however unusual.
    private static func good(_ name: String, _ body: String, payload: String, trailers: [String] = [])
        -> HostileCase
    {
        .forwarded(
            name, hostile("POST /MARK", ["Transfer-Encoding: chunked"], body),
            Seen("POST /MARK", payload: payload, isChunked: true, trailers: trailers))
    }

    // MARK: Sizes

    private static let badSizes: [String] = [
        "", " ", "\t", "0x3", "0X3", "x3", "3x", "-3", "+3", "-0", "+0", " 3", "\t3", "3 ", "3 3",
        "3,3", "3.0",
        "3h", "g", "3g", "G", "\"3\"", "'3'", "#3", "$3", "3$", "3:", "3=", "3\\", "0o3", "1_0",
        "\u{B3}", "\u{FF}3",
        "\u{A0}3", "\u{D9}\u{A3}", "NaN", ";a=b", ";", " ;a", "3 a", "3 a=b",
        "3\t\"a\"",
        "FFFFFFFFFFFFFFFF", "7FFFFFFFFFFFFFFF", "8000000000000000", "10000000000000003",
        "FFFFFFFFFFFFFFFFFFFFFFFF",
        "0000000000000003", "00000000000000000000000000000003", "100000000000000000000000000000003",
    ]
    private static let sizes: [HostileCase] = badSizes.map {
        .chunks("size '\($0)'", "\($0)\r\nabc\r\n0\r\n\r\n")
    }

    private static let sizeBytes: [HostileCase] = HostileLineTests.bytes.map { byte in
        .chunks("\(named(byte)) behind a size", "3\(character(byte))\r\nabc\r\n0\r\n\r\n")
    }

    private static let goodSizes: [HostileCase] = [
        good("one chunk", "3\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("many chunks", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", payload: "abcdef"),
        good("capitals", "A\r\n0123456789\r\n0\r\n\r\n", payload: "0123456789"),
        good("leading zeros", "000000000000003\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("many zeros at the end", "3\r\nabc\r\n000000000000000\r\n\r\n", payload: "abc"),
        good("CRLF inside of a chunk", "7\r\na\r\n0\r\n\r\r\n0\r\n\r\n", payload: "a\r\n0\r\n\r"),
        good(
            "all bytes", "6\r\n\u{0}\u{FF}\r\n\u{7F}\u{80}\r\n0\r\n\r\n",
            payload: "\u{0}\u{FF}\r\n\u{7F}\u{80}"),
    ]

    // MARK: Extensions

    /// They end here, so that nobody behind can read them in another way.
    private static let extensionBytes: [HostileCase] = HostileLineTests.bytes.map { byte in
        let body = "3;a\(character(byte))b\r\nabc\r\n0\r\n\r\n"
        guard byte == 0x09 || byte >= 0x80 else { return .chunks("\(named(byte)) in an extension", body) }
        return good("\(named(byte)) in an extension", body, payload: "abc")
    }

    private static let longest = String(repeating: "a", count: 4095)
    private static let extensions: [HostileCase] = [
        .chunks("CRLF in a quoted extension", "3;a=\"b\r\nc\"\r\nabc\r\n0\r\n\r\n", before: "c\"\r"),
        .chunks("LF in a quoted extension", "3;a=\"b\nc\"\r\nabc\r\n0\r\n\r\n"),
        .chunks("CR in a quoted extension", "3;a=\"b\rc\"\r\nabc\r\n0\r\n\r\n"),
        .chunks("an escaped LF in a quoted extension", "3;a=\"b\\\nc\"\r\nabc\r\n0\r\n\r\n"),
        .chunks("an extension that ends with LF", "3;a\nabc\r\n0\r\n\r\n"),
        .chunks("an extension that ends with CR", "3;a\rabc\r\n0\r\n\r\n"),
        .chunks("an extension of the last chunk that ends with LF", "0;a\n\r\n"),
        .chunks(
            "a request behind an LF in an extension",
            "2;\nxx\r\n4c\r\n0\r\n\r\nGET /MARK/inner HTTP/1.1\r\nHost: here\r\n\r\n0\r\n\r\n"),
        .chunks("too long by one", "3;a\(longest)\r\nabc\r\n0\r\n\r\n"),
        .chunks("a megabyte of them", "3;\(String(repeating: "a", count: 1 << 20))\r\nabc\r\n0\r\n\r\n"),
        .chunks("a megabyte of blanks", "3\(String(repeating: " ", count: 1 << 20));a\r\nabc\r\n0\r\n\r\n"),
        .chunks(
            "too long in many small ones",
            String(repeating: "1;23456789\r\nx\r\n", count: 500) + "0\r\n\r\n",
            before: String(repeating: "x", count: 500)),
    ]

    private static let goodExtensions: [HostileCase] = [
        good("an extension", "3;a=b\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("a quoted one", "3;a=\"b;c\\\"d\"\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("several", "3;a;b=c;d=\"e\"\r\nabc\r\n0;last\r\n\r\n", payload: "abc"),
        good("blanks around them", "3 ; a = b \r\nabc\r\n0\t;\ta\r\n\r\n", payload: "abc"),
        good("empty ones", "3;\r\nabc\r\n0;;;\r\n\r\n", payload: "abc"),
        good("an open quote", "3;a=\"\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("the longest", "3;\(longest)\r\nabc\r\n0\r\n\r\n", payload: "abc"),
        good("a request in one", "3;GET /MARK/inner HTTP/1.1\r\nabc\r\n0\r\n\r\n", payload: "abc"),
    ]

    // MARK: Ends of lines

    private static let parts: [(name: String, text: String)] = [
        ("a size", "3"), ("a chunk", "abc"), ("the last size", "0"), ("a trailer", "X-A: b"),
        ("the trailers", ""),
    ]
    private static let badEnds: [(name: String, text: String)] = [
        ("LF", "\n"), ("CR", "\r"), ("LF CR", "\n\r"), ("CR CR LF", "\r\r\n"), ("nothing", ""),
    ]
    private static let ends: [HostileCase] = parts.indices.flatMap { position -> [HostileCase] in
        badEnds.compactMap { end in
            // Digits followed by data that looks like digits are a longer size.
            if position == 0, end.text.isEmpty { return nil }
            // Without an end of its own, a trailer has that of the section.
            if position == 3, end.text.isEmpty { return nil }
            var text = ""
            for (index, part) in parts.enumerated() {
                text += part.text + (index == position ? end.text : "\r\n")
            }
            return .chunks("\(end.name) behind \(parts[position].name)", text, before: "abc")
        }
    }

    private static let data: [HostileCase] = [
        .chunks("more data than said", "2\r\nabc\r\n0\r\n\r\n", before: "ab"),
        .chunks("less data than said", "4\r\nabc\r\n0\r\n\r\n", before: "abc\r"),
        .chunks("an empty line between chunks", "3\r\nabc\r\n\r\n3\r\nabc\r\n0\r\n\r\n", before: "abc"),
        .chunks("an empty line before the first", "\r\n3\r\nabc\r\n0\r\n\r\n"),
        .chunks("a blank behind data", "3\r\nabc \r\n0\r\n\r\n", before: "abc"),
        .chunks("a length instead of chunks", "abc"),
        .chunks("a request instead of chunks", "GET /MARK/inner HTTP/1.1\r\n"),
        .chunks("a second last chunk in the trailers", "0\r\n0\r\n\r\n"),
        .chunks("a chunk behind the last", "0\r\n3\r\nabc\r\n0\r\n\r\n"),
        .chunks(
            "a request behind the last", "3\r\nabc\r\n0\r\nGET /MARK/inner HTTP/1.1\r\nHost: here\r\n\r\n",
            before: "abc"),
    ]

    // MARK: Trailers

    private static let badTrailerLines: [String] = [
        "X", "X-A b", ": b", " X-A: b", "\tX-A: b", "X-A : b", "X-A\t: b", "X-A: b\r\n c", "X A: b",
        "X(A): b",
        "X-A: b\nX-B: c", "X-A: b\rX-B: c", "\"X-A\": b", "X-\u{C4}: b", "GET /MARK/inner HTTP/1.1",
        "Content-Length : 5", " Transfer-Encoding: chunked", String(repeating: "a", count: 256) + ": b",
        "X-A: " + String(repeating: "b", count: 9000),
        (0..<65).map { "X-\($0): a" }.joined(separator: "\r\n"),
    ]
    private static let badTrailers: [HostileCase] = badTrailerLines.map {
        .chunks("trailer '\($0.prefix(40))'", "3\r\nabc\r\n0\r\n\($0)\r\n\r\n", before: "abc")
    }

    private static let trailerBytes: [HostileCase] = HostileLineTests.bytes.flatMap { byte -> [HostileCase] in
        let value = "X-A: b\(character(byte))c"
        let name = HostileCase.chunks(
            "\(named(byte)) in a trailer's name", "3\r\nabc\r\n0\r\nX-A\(character(byte))B: c\r\n\r\n",
            before: "abc")
        guard byte == 0x09 || byte >= 0x80 else {
            return [
                name,
                .chunks("\(named(byte)) in a trailer", "3\r\nabc\r\n0\r\n\(value)\r\n\r\n", before: "abc"),
            ]
        }
        return [
            name,
            good(
                "\(named(byte)) in a trailer", "3\r\nabc\r\n0\r\n\(value)\r\n\r\n", payload: "abc",
                trailers: [value]),
        ]
    }

    /// Fields that a trailer cannot set (RFC 9110 §6.5.1): framing, routing, conditions, and whoever asks.
    private static let forbidden: [String] = [
        "Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil", "Connection: close", "Keep-Alive: a",
        "TE: a",
        "Trailer: X-A", "Upgrade: h2c", "Expect: 100-continue", "Proxy-Connection: close",
        "HTTP2-Settings: a",
        "Authorization: Bearer x", "Proxy-Authorization: x", "Cookie: a=b", "Set-Cookie: a=b",
        "Origin: http://evil",
        "Referer: http://evil", "User-Agent: evil", "Range: bytes=0-1", "If-Match: a", "If-Modified-Since: a",
        "Cache-Control: no-store", "Content-Type: text/html", "Content-Encoding: gzip", "Content-Range: a",
        "Max-Forwards: 0",
        "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https",
        "X-Forwarded-Server: evil",
        "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6", "Via: a", "X-Request-Id: evil", "traceparent: evil",
        "X-User-Id: 1",
        "X-Auth-User: root", "X-Client-Cert: a", "X-Original-URL: /admin", "X-Rewrite-URL: /admin",
        "X-Api-Key: a",
        "X-HTTP-Method-Override: DELETE", "X-Middleware-Subrequest: a", "CF-Connecting-IP: 6.6.6.6",
        "True-Client-IP: 6.6.6.6", "Remote-User: root", "Sec-WebSocket-Key: a", "Accept-Encoding: a",
        "Idempotency-Key: a",
        "X_Forwarded_For: 6.6.6.6", "Content_Length: 5", "x.real.ip: 6.6.6.6", "content-length: 5",
        "HOST: evil",
    ]
    private static let droppedTrailers: [HostileCase] = forbidden.map {
        good(
            "trailer '\($0)'", "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\($0)\r\n\r\n", payload: "abc",
            trailers: ["X-Sum: 1"])
    }

    private static let keptTrailers: [HostileCase] = [
        good("no trailer", "0\r\n\r\n", payload: ""),
        good("a trailer", "3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n", payload: "abc", trailers: ["X-Sum: 7"]),
        good(
            "its blanks", "0\r\nX-Sum:\t7 \t\r\nETag:\"a\"\r\n\r\n", payload: "",
            trailers: ["X-Sum: 7", "ETag: \"a\""]),
        good("an empty one", "0\r\nX-Sum:\r\n\r\n", payload: "", trailers: ["X-Sum: "]),
        good(
            "twice", "0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n", payload: "", trailers: ["X-Sum: 1", "X-Sum: 2"]),
    ]
}
