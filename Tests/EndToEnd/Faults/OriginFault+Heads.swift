// Heads that are none.
extension OriginFault {
    /// All of them, in the order of their upstreams.
    static let all =
        statusLines + fields + lengths + codings + bodiless + chunks + interims + connections + uploads
        + timings + surplus

    private static let rest = "\r\nContent-Length: 2\r\n\r\nok"

    private static let badStatusLines: [(name: String, text: String)] = [
        ("another protocol's greeting", "SSH-2.0-OpenSSH_9.2\r\n"),
        ("an answer of HTTP/0.9", "<html>hello</html>\n"),
        ("a TLS alert", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{28}"),
        ("a frame of HTTP/2", "\u{0}\u{0}\u{0}\u{4}\u{0}\u{0}\u{0}\u{0}\u{0}"),
        ("a redis error", "-ERR unknown command\r\n"),
        ("the name of another protocol", "ICY 200 OK" + rest),
        ("version 2.0", "HTTP/2.0 200 OK" + rest), ("version 2", "HTTP/2 200" + rest),
        ("version 9.9", "HTTP/9.9 200 OK" + rest), ("version 1.2", "HTTP/1.2 200 OK" + rest),
        ("version 0.9", "HTTP/0.9 200 OK" + rest), ("version 1.10", "HTTP/1.10 200 OK" + rest),
        ("a version in small letters", "http/1.1 200 OK" + rest),
        ("a version with a comma", "HTTP/1,1 200 OK" + rest),
        ("no space behind the version", "HTTP/1.1200 OK" + rest),
        ("two spaces behind the version", "HTTP/1.1  200 OK" + rest),
        ("a tab behind the version", "HTTP/1.1\t200 OK" + rest),
        ("no status", "HTTP/1.1 " + rest), ("no status and no space", "HTTP/1.1" + rest),
        ("status 000", "HTTP/1.1 000 None" + rest), ("status 099", "HTTP/1.1 099 Low" + rest),
        ("a status of two digits", "HTTP/1.1 99 Low" + rest), ("status 600", "HTTP/1.1 600 High" + rest),
        ("status 999", "HTTP/1.1 999 High" + rest),
        ("a status of four digits", "HTTP/1.1 1000 Long" + rest),
        ("a status of letters", "HTTP/1.1 2OO OK" + rest),
        ("a negative status", "HTTP/1.1 -200 OK" + rest),
        ("a status with a sign", "HTTP/1.1 +20 OK" + rest),
        ("a status and a reason in one", "HTTP/1.1 200OK" + rest),
        ("a bare LF behind the status line", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"),
        ("a bare LF behind the status", "HTTP/1.1 200\nContent-Length: 2\r\n\r\nok"),
        ("a bare CR behind the status line", "HTTP/1.1 200 OK\rContent-Length: 2\r\n\r\nok"),
        ("a bare CR in the reason", "HTTP/1.1 200 O\rK" + rest),
        ("an empty line before the answer", "\r\nHTTP/1.1 200 OK" + rest),
        ("a bare LF before the answer", "\nHTTP/1.1 200 OK" + rest),
        ("a space before the answer", " HTTP/1.1 200 OK" + rest),
        ("a byte order mark before the answer", "\u{FEFF}HTTP/1.1 200 OK" + rest),
        ("NUL in the reason", "HTTP/1.1 200 O\u{0}K" + rest),
        ("an escape in the reason", "HTTP/1.1 200 \u{1B}[31mOK" + rest),
        ("DEL in the reason", "HTTP/1.1 200 O\u{7F}K" + rest),
    ]

    static let statusLines: [OriginFault] =
        badStatusLines.map { name, text -> OriginFault in .wire("status line: \(name)", text, .invalid) } + [
            tolerated("no reason and no space", "HTTP/1.1 200", as: "200 "),
            tolerated("an empty reason", "HTTP/1.1 200 ", as: "200 "),
            tolerated("a tab in the reason", "HTTP/1.1 200 O\tK", as: "200 O\tK"),
            tolerated("letters beyond ASCII in the reason", "HTTP/1.1 200 Schön", as: "200 Schön"),
            tolerated("a status that nobody knows", "HTTP/1.1 599 Odd", as: "599 Odd"),
            tolerated(
                "a reason of 2,000 bytes", "HTTP/1.1 200 " + String(repeating: "r", count: 2000),
                as: "200 " + String(repeating: "r", count: 2000)),
        ]

    /// Odd, but read by everybody alike.
    private static func tolerated(_ name: String, _ line: String, as status: String) -> OriginFault {
        .wire(
            "status line: \(name)", line + rest, .answer(status, "Content-Length: 2", body: "ok"),
            reuses: true)
    }

    private static let badFields: [(name: String, text: String)] = [
        ("a line without a colon", "X"), ("a line without a name", ": y"),
        ("a space before the colon", "X : y"), ("a tab before the colon", "X\t: y"),
        ("a space in a name", "X Y: z"), ("a name in parentheses", "X(a): b"),
        ("a name beyond ASCII", "Ä: a"), ("NUL in a name", "X\u{0}: a"),
        ("a name of 300 bytes", String(repeating: "n", count: 300) + ": a"),
        ("a folded line", "X: a\r\n b"), ("a folded line with a tab", "X: a\r\n\tb"),
        ("a first line that is folded", " X: a"), ("NUL in a value", "X: a\u{0}b"),
        ("DEL in a value", "X: a\u{7F}b"), ("an escape in a value", "X: \u{1B}[0m"),
        ("a vertical tab in a value", "X: a\u{B}b"), ("a bare CR in a value", "X: a\rb"),
        ("a second field behind a bare CR", "X: a\rSet-Cookie: b"),
        ("a bare LF behind a field", "X: a\nY: b"),
        ("a second field behind a bare LF", "X: a\nSet-Cookie: b"),
        ("an answer behind bare LFs", "X: a\n\nHTTP/1.1 200 OK"), ("CR CR LF behind a field", "X: a\r"),
        ("200 fields", (0..<200).map { "X\($0): a" }.joined(separator: "\r\n")),
        ("a field of 70,000 bytes", "X: " + String(repeating: "v", count: 70_000)),
        (
            "80 fields of 1,000 bytes",
            (0..<80).map { "X\($0): " + String(repeating: "v", count: 1000) }.joined(separator: "\r\n")
        ),
    ]

    static let fields: [OriginFault] =
        badFields.map { name, text -> OriginFault in .wire("fields: \(name)", head(text), .invalid) } + [
            .wire(
                "fields: a bare LF at the head's end", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
                .invalid),
            .wire("fields: bare LFs throughout", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", .invalid),
            .wire(
                "fields: more than the upstream's limit", head("X: " + String(repeating: "v", count: 5000)),
                upstream: "max_response_head: 4KiB", .invalid),
            OriginFault(
                "fields: no end of them",
                [
                    .expectRequest, .send("HTTP/1.1 200 OK\r\n"),
                    .forever([.send("X-Endless: and so on\r\n")]),
                ],
                end: .isOver, .invalid),
            OriginFault(
                "fields: one without an end",
                [.expectRequest, .send("HTTP/1.1 200 OK\r\nX: "), .forever([.send("and so on, ")])],
                end: .isOver, .invalid),
            passed("letters beyond ASCII in a value", "X: Grüße", as: "X: Grüße"),
            passed("an empty value", "X:", as: "X:"),
            passed("blanks around a value", "X: \t a \t", as: "X: \t a \t"),
            passed("names with underscores and dots", "X_y.z: a", as: "X_y.z: a"),
            passed(
                "two content types", "Content-Type: a/b\r\nContent-Type: c/d",
                as: "Content-Type: a/b", "Content-Type: c/d"),
            passed("a field that Connection names", "Connection: X-Hop\r\nX-Hop: 1\r\nX: 2", as: "X: 2"),
            // What says how long the answer is belongs to the answer, whatever the origin calls it.
            passed("a length that Connection names", "Connection: Content-Length"),
            passed(
                "a date that Connection names", "Connection: Date\r\nDate: Fri, 01 Jan 2021 00:00:00 GMT",
                as: "Date: *"),
        ]

    private static func head(_ lines: String) -> String {
        "HTTP/1.1 200 OK\r\n\(lines)\r\nContent-Length: 2\r\n\r\nok"
    }

    /// Odd, and no danger.
    private static func passed(_ name: String, _ lines: String, as kept: String...) -> OriginFault {
        let own = ["X-Request-Id: *"] + (kept.contains("Date: *") ? [] : ["Date: *"])
        let text = (["HTTP/1.1 200 OK"] + kept + ["Content-Length: 2"] + own + ["", "ok"])
        return .wire("fields: \(name)", head(lines), .whole(text.joined(separator: "\r\n")), reuses: true)
    }

    static let interims: [OriginFault] = [
        .wire("interim: 100 that nobody asked for", interim("100 Continue") + good, ok, reuses: true),
        .wire(
            "interim: sixteen of them", String(repeating: hints, count: 16) + good,
            .whole(String(repeating: hints, count: 16) + okText), reuses: true),
        .wire("interim: seventeen of them", String(repeating: hints, count: 17) + good, .invalid),
        .wire(
            "interim: a hundred that nobody asked for",
            String(repeating: interim("100 Continue"), count: 100) + good,
            .invalid),
        OriginFault(
            "interim: no end of 103", [.expectRequest, .forever([.send(hints)])], end: .isOver, .invalid),
        OriginFault(
            "interim: no end of 100", [.expectRequest, .forever([.send(interim("100 Continue"))])],
            end: .isOver,
            .invalid),
        .wire("interim: 100 and the end", interim("100 Continue"), end: .closes, .brokenOff),
        .wire("interim: 103 and the end", hints, end: .closes, .brokenOff),
        .wire("interim: 103 and a reset", hints, end: .resets, .brokenOff),
        .wire("interim: 103 and half a head", hints + "HTTP/1.1 200 O", end: .closes, .brokenOff),
        .wire(
            "interim: with a body",
            interim("102 Processing", "Content-Length: 5") + "hello" + good, .invalid),
        .wire(
            "interim: with chunks",
            interim("102 Wait", "Transfer-Encoding: chunked") + "2\r\nok\r\n0\r\n\r\n" + good, .invalid),
        .wire(
            "interim: with two lengths",
            interim("103 Early Hints", "Content-Length: 1", "Content-Length: 2"),
            .invalid),
        .wire("interim: with a bare LF", "HTTP/1.1 103 Early Hints\nLink: </a>\r\n\r\n" + good, .invalid),
        .wire("interim: with a field that is none", interim("103 Early Hints", "X") + good, .invalid),
        .wire(
            "interim: beyond the limit of heads",
            interim("103 Hints", "X: " + String(repeating: "v", count: 70_000)),
            .invalid),
        .wire("interim: 101 that nobody asked for", interim("101 Switching Protocols"), .invalid),
        .wire(
            "interim: 101 to another protocol",
            interim("101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket") + "\u{81}\u{2}hi",
            .invalid),
        .wire(
            "interim: a status that nobody knows", interim("199 Odd") + good,
            .whole(interim("199 Odd") + okText),
            reuses: true),
        .wire(
            "interim: framing and hop fields",
            interim("103 Hints", "Content-Length: 0", "Connection: X-Hop", "X-Hop: 1", "Link: </a>") + good,
            .whole(interim("103 Hints", "Link: </a>") + okText), reuses: true),
        .wire(
            "interim: to a client of HTTP/1.0", hints + good, to: .old,
            .answer("200 OK", "Content-Length: 2", closing: ["Connection: close"], body: "ok"),
            keepsClient: false, reuses: true),
        .wire("interim: behind the answer", good + hints, ok),
    ]

    private static let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let ok = Seen.answer("200 OK", "Content-Length: 2", body: "ok")
    private static let okText =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: *\r\nDate: *\r\n\r\nok"
    private static let hints = interim("103 Early Hints", "Link: </a.css>")

    private static func interim(_ status: String, _ fields: String...) -> String {
        (["HTTP/1.1 \(status)"] + fields + ["", ""]).joined(separator: "\r\n")
    }
}
