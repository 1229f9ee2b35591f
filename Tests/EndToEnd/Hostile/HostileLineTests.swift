import Testing

/// Lines of a head end with CRLF, and consist of what they may consist of (security.md 2; RFC 9112 §2-§5).
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileLineTests {
    static let table: [HostileCase] = [
        methods, targets, names, values, ends, requestLines, fields, sizes, beginnings, continued,
    ].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a head is lines of plain text or refused`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    /// All control characters, and some bytes above ASCII: the ends of its ranges, and what Unicode calls
    /// blanks and line ends.
    static let bytes: [UInt8] = Array(0x00...0x1F) + [0x7F, 0x80, 0x85, 0xA0, 0xAD, 0xFF]

    private static func character(_ byte: UInt8) -> String { String(latin1: [byte]) }

    // MARK: One byte, wherever it may stand

    private static let methods: [HostileCase] = (bytes + [0x20, 0x22, 0x28, 0x2C, 0x2F, 0x3A, 0x40, 0x7B])
        .map { byte in
            .head("\(named(byte)) in the method", hostile("GE\(character(byte))T /MARK"))
        }

    private static let targets: [HostileCase] = bytes.flatMap { byte -> [HostileCase] in
        [
            .head("\(named(byte)) in the path", hostile("GET /MARK/a\(character(byte))b")),
            .head("\(named(byte)) in the query", hostile("GET /MARK?a=\(character(byte))b")),
        ]
    }

    private static let separators: [UInt8] = [
        0x20, 0x22, 0x28, 0x29, 0x2C, 0x2F, 0x3B, 0x3D, 0x40, 0x5B, 0x7B,
    ]
    private static let names: [HostileCase] = (bytes + separators).map { byte in
        .lines("\(named(byte)) in a field name", "X-A\(character(byte))B: c")
    }

    /// Tabs, and whatever stands above ASCII, are text (RFC 9110 §5.5) and go on as they came.
    private static let values: [HostileCase] = bytes.map { byte in
        let line = "X-A: b\(character(byte))c"
        guard byte == 0x09 || byte >= 0x80 else { return .lines("\(named(byte)) in a value", line) }
        return .fields("\(named(byte)) in a value", [line], kept: [line])
    }

    // MARK: Ends of lines

    private static let parts: [(name: String, text: String)] = [
        ("the request line", "GET /MARK HTTP/1.1"), ("Host", "Host: here"), ("a field", "X-A: b"),
        ("an empty value", "X-B:"), ("the head", ""),
    ]
    private static let badEnds: [(name: String, text: String)] = [
        ("LF", "\n"), ("CR", "\r"), ("LF CR", "\n\r"), ("CR CR LF", "\r\r\n"), ("CR NUL LF", "\r\0\n"),
        ("NEL", "\u{85}"), ("VT", "\u{0B}"), ("FF", "\u{0C}"),
    ]

    /// Each line in turn ends in each of the wrong ways.
    private static let ends: [HostileCase] = parts.indices.flatMap { position -> [HostileCase] in
        badEnds.compactMap { end in
            // What is no line end at all only makes the line longer: of a value, it may.
            let isText = end.name == "NEL" && position > 0
            guard !isText else { return nil }
            var text = ""
            for (index, part) in parts.enumerated() {
                text += part.text + (index == position ? end.text : "\r\n")
            }
            let kind = position == 0 && !["LF", "LF CR", "CR", "CR CR LF", "CR NUL LF"].contains(end.name)
            return .head(
                "\(end.name) behind \(parts[position].name)", text, 400, kind ? "version" : "malformed")
        }
    }

    // MARK: Request lines

    private static func line(_ line: String, _ status: Int = 400, _ kind: String = "malformed") -> HostileCase
    {
        .head("'\(line)'", "\(line)\r\nHost: here\r\n\r\n", status, kind)
    }

    private static let requestLines: [HostileCase] = [
        line("GET  /MARK HTTP/1.1"), line("GET\t/MARK HTTP/1.1"), line("GET /MARK  HTTP/1.1", 400, "version"),
        line("GET /MARK\tHTTP/1.1"), line("GET /MARK HTTP/1.1 ", 400, "version"),
        line("GET /MARK HTTP/1.1\t", 400, "version"), line(" GET /MARK HTTP/1.1"),
        line("\tGET /MARK HTTP/1.1"),
        line("GET /MARK"), line("GET"), line("GET "), line("GET HTTP/1.1"), line("/MARK HTTP/1.1"),
        line("GET /MARK HTTP/1.1 HTTP/1.1", 400, "version"), line("GET /MARK a HTTP/1.1", 400, "version"),
        line("GET /MARK http/1.1", 400, "version"), line("GET /MARK HTTP/1.10", 400, "version"),
        line("GET /MARK HTTP/01.1", 400, "version"), line("GET /MARK HTTP/1,1", 400, "version"),
        line("GET /MARK HTTP/1", 400, "version"), line("GET /MARK HTTP/1.", 400, "version"),
        line("GET /MARK HTTP/.1", 400, "version"), line("GET /MARK HTTP/1.1x", 400, "version"),
        line("GET /MARK HTTP /1.1", 400, "version"), line("GET /MARK HTTP/-1.1", 400, "version"),
        line("GET /MARK HTTPS/1.1", 400, "version"), line("GET /MARK XTTP/1.1", 400, "version"),
        line("GET /MARK ICAP/1.0", 400, "version"), line("GET /MARK RTSP/1.0", 400, "version"),
        line("GET /MARK HTTP/1.2", 505, "version"), line("GET /MARK HTTP/1.9", 505, "version"),
        line("GET /MARK HTTP/0.9", 505, "version"), line("GET /MARK HTTP/2.0", 505, "version"),
        line("GET /MARK HTTP/3.0", 505, "version"), line("PRI * HTTP/2.0", 505, "version"),
        line("GET * HTTP/1.1"), line("GET ** HTTP/1.1"), line("OPTIONS *x HTTP/1.1"),
        line("OPTIONS *?x HTTP/1.1"),
        line("GET MARK HTTP/1.1"), line("GET ?MARK HTTP/1.1"), line("GET #MARK HTTP/1.1"),
        line("GET /MARK#part HTTP/1.1"), line("GET /MARK?a#part HTTP/1.1"), line("GET ../MARK HTTP/1.1"),
        line("CONNECT here:443 HTTP/1.1", 501, "method"), line("CONNECT /MARK HTTP/1.1", 501, "method"),
        line("CONNECT http://here/MARK HTTP/1.1", 501, "method"),
        line("CONNECT [::1]:443 HTTP/1.1", 501, "method"),
        line("\(String(repeating: "A", count: 33)) /MARK HTTP/1.1", 501, "method"),
        line("HTTP/1.1 200 OK"), line("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{FC}\u{3}\u{3}"),
        line("SSH-2.0-OpenSSH_9.2"), line("EHLO here"), line("PROXY TCP4 203.0.113.7 127.0.0.1 4660 8080"),
        .head("HTTP/0.9", "GET /MARK\r\n"), .head("a colon as a request line", ":\r\n\r\n"),
        .head("a version that is cut", "GET /MARK HTTP/1.\r\n\r\n", 400, "version"),
    ]

    // MARK: Field lines

    private static let fields: [HostileCase] = [
        .lines("no colon", "X-A b"), .lines("nothing but a name", "X-A"), .lines("no name", ": b"),
        .lines("nothing but a colon", ":"), .lines("a blank before the colon", "X-A : b"),
        .lines("a tab before the colon", "X-A\t: b"), .lines("a line that begins with a blank", " X-A: b"),
        .lines("a line that begins with a tab", "\tX-A: b"), .lines("a folded line", "X-A: b\r\n c"),
        .lines("a folded line with a tab", "X-A: b\r\n\tc"), .lines("a line of blanks", "   "),
        .lines("a folded empty value", "X-A:\r\n b"),
        .lines("a second Host, folded", "X-A: b", "Host:\r\n here", kind: "host"),
        .lines("a request as a field", "GET /MARK/inner HTTP/1.1"),
        .lines("a status line as a field", "HTTP/1.1 200 OK"),
        .lines("CR LF in quotes", "X-A: \"b\r\nc\""), .lines("a quoted name", "\"X-A\": b"),
        .lines("a name in brackets", "[X-A]: b"), .lines("UTF-8 in a name", "X-\u{C3}\u{84}: b"),
        .lines("a byte order mark", "\u{EF}\u{BB}\u{BF}X-A: b"), .lines("overlong LF", "X-A\u{C0}\u{8A}: b"),
        .lines(
            "a name that is too long", String(repeating: "a", count: 256) + ": b", status: 431,
            kind: "fields_too_large"),
    ]

    private static let sizes: [HostileCase] = [
        .head(
            "a target that is too long", hostile("GET /MARK" + String(repeating: "a", count: 9000)), 414,
            "target_too_long"),
        .lines(
            "a value that is too long", "X-A: " + String(repeating: "a", count: 17_000), status: 431,
            kind: "fields_too_large"),
        .lines(
            "too many fields", (0..<200).map { "X-\($0): a" }.joined(separator: "\r\n"), status: 431,
            kind: "fields_too_large"),
    ]

    private static let text = "GET /MARK HTTP/1.1\r\nHost: here\r\n\r\n"

    /// Before a request line, two empty lines are overlooked (RFC 9112 §2.2).
    private static let beginnings: [HostileCase] = [
        .forwarded("one empty line", "\r\n" + text, Seen("GET /MARK")),
        .forwarded("two empty lines", "\r\n\r\n" + text, Seen("GET /MARK")),
        .head("three empty lines", "\r\n\r\n\r\n" + text), .head("an LF before it", "\n" + text),
        .head("CRLF and LF before it", "\r\n\n" + text), .head("a CR before it", "\r" + text),
        .head("CR CR LF before it", "\r\r\n" + text),
        .head("NUL before it", "\0" + text),
        .head("a byte order mark before it", "\u{EF}\u{BB}\u{BF}" + text),
        .head("an empty line of blanks before it", " \r\n" + text),
    ]

    /// What is unusual and has one meaning goes on, exactly.
    private static let continued: [HostileCase] = [
        .fields("a field without a blank", ["X-A:b"], kept: ["X-A:b"]),
        .fields("blanks around a value", ["X-A: \t b \t"], kept: ["X-A: \t b \t"]),
        .fields("an empty value", ["X-A:"], kept: ["X-A:"]),
        .fields("a value of blanks", ["X-A:  \t"], kept: ["X-A:  \t"]),
        .fields("colons in a value", ["X-A: b: c"], kept: ["X-A: b: c"]),
        .fields("a field twice", ["X-A: b", "x-a: c"], kept: ["X-A: b", "x-a: c"]),
        .fields("all of a token", ["!#$%&'*+-^`|~9: b"], kept: ["!#$%&'*+-^`|~9: b"]),
        .fields("UTF-8 in a value", ["X-A: \u{C3}\u{84}"], kept: ["X-A: \u{C3}\u{84}"]),
        .fields("no UTF-8 in a value", ["X-A: \u{C3}\u{28}\u{FF}"], kept: ["X-A: \u{C3}\u{28}\u{FF}"]),
        .fields("CRLF, escaped", ["X-A: b%0d%0aX-B: c"], kept: ["X-A: b%0d%0aX-B: c"]),
        .fields("CRLF, written out", ["X-A: b\\r\\nX-B: c"], kept: ["X-A: b\\r\\nX-B: c"]),
        .forwarded("an unknown method", hostile("BREW /MARK"), Seen("BREW /MARK")),
        .forwarded("a method in lower case", hostile("get /MARK"), Seen("get /MARK")),
        .forwarded("a method of signs", hostile("!#$%&'*+-.^_`|~ /MARK"), Seen("!#$%&'*+-.^_`|~ /MARK")),
        .forwarded(
            "a query of signs", hostile("GET /MARK?\"<>[]^`{|}\\'&=%0d%0a%00%"),
            Seen("GET /MARK?\"<>[]^`{|}\\'&=%0d%0a%00%")),
        .forwarded("a query of queries", hostile("GET /MARK??a=/../b?"), Seen("GET /MARK??a=/../b?")),
    ]
}
