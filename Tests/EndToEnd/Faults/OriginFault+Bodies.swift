// Bodies that are not what their heads say.
extension OriginFault {
    private static func answer(_ fields: String..., status: String = "200 OK", body: String = "") -> String {
        (["HTTP/1.1 \(status)"] + fields + ["", body]).joined(separator: "\r\n")
    }

    private static let chunkedHead = answer("Transfer-Encoding: chunked")
    private static let ok = Seen.answer("200 OK", "Content-Length: 2", body: "ok")

    private static let badLengths: [(name: String, text: String)] = [
        ("two that differ", "2\r\nContent-Length: 3"),
        ("two that are the same", "2\r\nContent-Length: 2"),
        ("a list", "2, 2"), ("a list of two that differ", "2, 3"), ("a negative one", "-2"),
        ("one with a sign", "+2"), ("a hexadecimal one", "0x2"), ("none", ""), ("two in one line", "2 2"),
        ("one with a fraction", "2.0"), ("one with a parameter", "2;q=1"), ("a word", "two"),
        ("digits beyond ASCII", "\u{662}"), ("one that is quoted", "\"2\""),
        ("one beyond 64 bits", "99999999999999999999"), ("one beyond 63 bits", "9223372036854775808"),
        ("one that wraps around to 2", "18446744073709551618"),
    ]

    static let lengths: [OriginFault] =
        badLengths.map { name, text -> OriginFault in
            .wire("length: \(name)", answer("Content-Length: \(text)", body: "ok"), .invalid)
        } + [
            .wire("length: a space before its colon", answer("Content-Length : 2", body: "ok"), .invalid),
            .wire(
                "length: two in any case", answer("Content-Length: 2", "CONTENT-LENGTH: 3", body: "ok"),
                .invalid),
            .wire("length: longer than the body, which ends", nine, end: .closes, cutNine),
            .wire("length: longer than the body, which is reset", nine, end: .resets, cutNine),
            .wire(
                "length: longer than the body, which falls silent", nine, upstream: "read_timeout: 500ms",
                cutNine),
            .wire(
                "length: longer than no body at all", answer("Content-Length: 9"), end: .closes,
                .beginning("200 OK", "Content-Length: 9")),
            .wire(
                "length: longer than the body, for HTTP/1.0", nine, end: .closes, to: .old,
                .beginning("200 OK", "Content-Length: 9", closing: ["Connection: close"], body: "abc")),
            OriginFault(
                "length: longer than the body, all in one packet", [.expectRequest, .sendLast(nine)],
                end: .isOver,
                cutNine),
            .wire(
                "length: the longest of all", answer("Content-Length: 999999999999999999", body: "abc"),
                end: .closes,
                .beginning("200 OK", "Content-Length: 999999999999999999", body: "abc")),
            .wire("length: shorter than the body", answer("Content-Length: 2", body: "okSURPLUS"), ok),
            .later(
                "length: shorter than the body by what comes later",
                answer("Content-Length: 2", body: "ok"), then: "SURPLUS", ok),
            .wire(
                "length: zero before a body", answer("Content-Length: 0", body: "hello"),
                .answer("200 OK", "Content-Length: 0")),
            .wire(
                "length: Connection: close, and the origin stays",
                answer("Content-Length: 2", "Connection: close", body: "ok"), ok),
            .wire(
                "length: HTTP/1.0 that keeps its connection to itself",
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", ok),
            .wire(
                "length: HTTP/1.0 that keeps its connection",
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", ok, reuses: true),
            .wire(
                "length: the end says it", answer(body: "ok"), end: .closes, chunked("2\r\nok\r\n0\r\n\r\n")),
            .wire(
                "length: the end says it, HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", end: .closes,
                chunked("2\r\nok\r\n0\r\n\r\n")),
            .wire("length: the end says it of nothing", answer(), end: .closes, chunked("0\r\n\r\n")),
            .wire(
                "length: the end would say it, and is a reset", answer(body: "ok"), end: .resets,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "length: the end would say it, and does not come", answer(body: "ok"),
                upstream: "read_timeout: 500ms", cutChunks("2\r\nok\r\n")),
            .wire(
                "length: the end says it to a client of HTTP/1.0", answer(body: "ok"), end: .closes, to: .old,
                .answer("200 OK", closing: ["Connection: close"], body: "ok"), keepsClient: false),
            .wire(
                "length: the end would say it to a client of HTTP/1.0, and is a reset", answer(body: "ok"),
                end: .resets,
                to: .old, .beginning("200 OK", closing: ["Connection: close"], body: "ok")),
        ]

    private static let nine = answer("Content-Length: 9", body: "abc")
    private static let cutNine = Seen.beginning("200 OK", "Content-Length: 9", body: "abc")

    /// What a client sees of a body that is framed anew for it.
    private static func chunked(_ body: String) -> Seen {
        .answer("200 OK", closing: ["Transfer-Encoding: chunked"], body: body)
    }

    private static func cutChunks(_ body: String) -> Seen {
        .beginning("200 OK", closing: ["Transfer-Encoding: chunked"], body: body)
    }

    private static let badCodings: [(name: String, text: String)] = [
        ("another", "gzip"), ("another before it", "gzip, chunked"),
        ("another behind it", "chunked, gzip"),
        ("identity", "identity"), ("identity behind it", "chunked, identity"),
        ("twice in a line", "chunked, chunked"),
        ("twice", "chunked\r\nTransfer-Encoding: chunked"), ("none", ""), ("a longer name", "xchunked"),
        ("a shorter name", "chunke"), ("quoted", "\"chunked\""), ("with a parameter", "chunked;q=1"),
        ("with a vertical tab", "chunked\u{B}"), ("behind a comma", ",chunked"),
        ("and a length behind it", "chunked\r\nContent-Length: 12"),
    ]

    static let codings: [OriginFault] =
        badCodings.map { name, text -> OriginFault in
            .wire("coding: \(name)", answer("Transfer-Encoding: \(text)", body: okChunks), .invalid)
        } + [
            .wire(
                "coding: and a length before it",
                answer("Content-Length: 12", "Transfer-Encoding: chunked", body: okChunks), .invalid),
            .wire(
                "coding: a space before its colon", answer("Transfer-Encoding : chunked", body: okChunks),
                .invalid),
            .wire(
                "coding: in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + okChunks,
                .invalid),
            .wire(
                "coding: in capitals", answer("Transfer-Encoding: CHUNKED", body: okChunks),
                chunked(okChunks),
                reuses: true),
            .wire(
                "coding: among blanks", answer("Transfer-Encoding: \t chunked \t", body: okChunks),
                chunked(okChunks),
                reuses: true),
            .wire(
                "coding: that Connection names",
                answer("Connection: Transfer-Encoding", "Transfer-Encoding: chunked", body: okChunks),
                chunked(okChunks), reuses: true),
        ]

    private static let okChunks = "2\r\nok\r\n0\r\n\r\n"

    static let bodiless: [OriginFault] = [
        .wire("bodiless: 204", answer(status: "204 No Content"), .answer("204 No Content"), reuses: true),
        .wire(
            "bodiless: 204 with a length of zero", answer("Content-Length: 0", status: "204 No Content"),
            .answer("204 No Content"), reuses: true),
        .wire(
            "bodiless: 204 with a body", answer("Content-Length: 5", status: "204 No Content", body: "hello"),
            .answer("204 No Content")),
        .wire(
            "bodiless: 204 with a body and no length", answer(status: "204 No Content", body: "hello"),
            .answer("204 No Content")),
        .wire(
            "bodiless: 204 with chunks",
            answer("Transfer-Encoding: chunked", status: "204 No Content", body: okChunks),
            .answer("204 No Content")),
        .later(
            "bodiless: 204 with a body that comes later",
            answer("Content-Length: 5", status: "204 No Content"), then: "hello", .answer("204 No Content")),
        .wire(
            "bodiless: 204 with a length and a coding",
            answer("Content-Length: 5", "Transfer-Encoding: chunked", status: "204 No Content"), .invalid),
        .wire(
            "bodiless: 304 with a length", answer("Content-Length: 5", status: "304 Not Modified"),
            .answer("304 Not Modified", "Content-Length: 5"), reuses: true),
        .wire(
            "bodiless: 304 with a body",
            answer("Content-Length: 5", status: "304 Not Modified", body: "hello"),
            .answer("304 Not Modified", "Content-Length: 5")),
        .wire(
            "bodiless: 304 with chunks",
            answer("Transfer-Encoding: chunked", status: "304 Not Modified", body: okChunks),
            .answer("304 Not Modified")),
        .wire(
            "bodiless: HEAD", answer("Content-Length: 5"), to: .head, .answer("200 OK", "Content-Length: 5"),
            reuses: true),
        .wire(
            "bodiless: HEAD with a body", answer("Content-Length: 5", body: "hello"), to: .head,
            .answer("200 OK", "Content-Length: 5")),
        .later(
            "bodiless: HEAD with a body that comes later", answer("Content-Length: 5"), then: "hello",
            to: .head,
            .answer("200 OK", "Content-Length: 5")),
        .wire("bodiless: HEAD with chunks", chunkedHead + okChunks, to: .head, .answer("200 OK")),
        .wire(
            "bodiless: HEAD with two lengths", answer("Content-Length: 5", "Content-Length: 6"), to: .head,
            .invalid),
        .wire(
            "bodiless: HEAD, and the connection ends", "HTTP/1.1 200 O", end: .closes, to: .head, .brokenOff),
    ]

    static let chunks: [OriginFault] =
        badChunks.flatMap(both) + [
            .wire("chunks: none, and the end", chunkedHead, end: .closes, cutChunks("")),
            .wire(
                "chunks: one, and the end", chunkedHead + "2\r\nok\r\n", end: .closes,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: one, and a reset", chunkedHead + "2\r\nok\r\n", end: .resets,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: one, and silence", chunkedHead + "2\r\nok\r\n", upstream: "read_timeout: 500ms",
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: half of one, and the end", chunkedHead + "9\r\nok", end: .closes,
                cutChunks("2\r\nok\r\n")
            ),
            .wire(
                "chunks: half of one, and a reset", chunkedHead + "9\r\nok", end: .resets,
                cutChunks("2\r\nok\r\n")
            ),
            .wire(
                "chunks: half a size, and the end", chunkedHead + "2\r\nok\r\n1", end: .closes,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: half the last one, and the end", chunkedHead + "2\r\nok\r\n0\r\n", end: .closes,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: half the last one, and silence", chunkedHead + "2\r\nok\r\n0\r\n",
                upstream: "read_timeout: 500ms", cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: all but the last byte, and the end", chunkedHead + "2\r\nok\r\n0\r\n\r",
                end: .closes,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: half the trailers, and the end", chunkedHead + "2\r\nok\r\n0\r\nX: a\r\n",
                end: .closes,
                cutChunks("2\r\nok\r\n")),
            OriginFault(
                "chunks: one and the end, in one packet",
                [.expectRequest, .sendLast(chunkedHead + "2\r\nok\r\n")], end: .isOver,
                cutChunks("2\r\nok\r\n")),
            .wire(
                "chunks: one and the end, for HTTP/1.0", chunkedHead + "2\r\nok\r\n", end: .closes, to: .old,
                .beginning("200 OK", closing: ["Connection: close"], body: "ok")),
            .wire(
                "chunks: whole, for HTTP/1.0", chunkedHead + okChunks, to: .old,
                .answer("200 OK", closing: ["Connection: close"], body: "ok"), keepsClient: false,
                reuses: true),
            .wire(
                "chunks: extensions", chunkedHead + "2;a=b;c=\"d\"\r\nok\r\n0;e\r\n\r\n", chunked(okChunks),
                reuses: true),
            .wire(
                "chunks: trailers that would be framing, names and cookies",
                chunkedHead + "2\r\nok\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: a\r\n"
                    + "Set-Cookie: a=b\r\nX-Sum:  1 \r\n\r\n",
                chunked("2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), reuses: true),
            .wire("chunks: bytes behind the last one", chunkedHead + okChunks + "SURPLUS", chunked(okChunks)),
        ]

    private static let badChunks: [(name: String, text: String)] = [
        ("a size of letters", "zz\r\nok\r\n0\r\n\r\n"), ("a negative size", "-2\r\nok\r\n0\r\n\r\n"),
        ("a size with a sign", "+2\r\nok\r\n0\r\n\r\n"), ("a size with 0x", "0x2\r\nok\r\n0\r\n\r\n"),
        ("a space before a size", " 2\r\nok\r\n0\r\n\r\n"), ("no size", "\r\nok\r\n0\r\n\r\n"),
        ("an extension and no size", ";a\r\nok\r\n0\r\n\r\n"), ("two sizes", "2 2\r\nok\r\n0\r\n\r\n"),
        ("a size beyond 64 bits", "FFFFFFFFFFFFFFFFF\r\nok\r\n"),
        ("a size that wraps around to 2", "10000000000000002\r\nok\r\n0\r\n\r\n"),
        ("a size of twenty zeros", "00000000000000000002\r\nok\r\n0\r\n\r\n"),
        ("a bare LF behind a size", "2\nok\r\n0\r\n\r\n"), ("a bare CR behind a size", "2\rok\r\n0\r\n\r\n"),
        ("a bare LF behind the bytes", "2\r\nok\n0\r\n\r\n"),
        ("nothing behind the bytes", "2\r\nok0\r\n\r\n"),
        ("a size that is too large", "3\r\nok\r\n0\r\n\r\n"),
        ("a size that is too small", "1\r\nok\r\n0\r\n\r\n"),
        ("a good one before a bad one", "2\r\nok\r\nzz\r\n"),
        ("a bare LF in an extension", "2;a\nb\r\nok\r\n0\r\n\r\n"),
        ("NUL in an extension", "2;a\u{0}\r\nok\r\n0\r\n\r\n"),
        ("an extension of 5,000 bytes", "2;" + String(repeating: "a", count: 5000) + "\r\nok\r\n0\r\n\r\n"),
        ("a bare LF behind the last one", "2\r\nok\r\n0\n\r\n"),
        ("a bare LF at the end", "2\r\nok\r\n0\r\n\n"),
        ("a trailer without a colon", "2\r\nok\r\n0\r\nX\r\n\r\n"),
        ("a folded trailer", "2\r\nok\r\n0\r\nX: a\r\n b\r\n\r\n"),
        ("a trailer behind a bare LF", "2\r\nok\r\n0\r\nX: a\nY: b\r\n\r\n"),
        ("NUL in a trailer", "2\r\nok\r\n0\r\nX: a\u{0}\r\n\r\n"),
        (
            "a trailer of 9,000 bytes",
            "2\r\nok\r\n0\r\nX: " + String(repeating: "a", count: 9000) + "\r\n\r\n"
        ),
        ("a hundred trailers", "2\r\nok\r\n0\r\n" + String(repeating: "X: a\r\n", count: 100) + "\r\n"),
    ]

    /// Together with the head nothing of the answer has been passed on: the client is told. Later it can only
    /// be cut off.
    private static func both(_ name: String, _ text: String) -> [OriginFault] {
        [
            .wire("chunks: \(name), with the head", chunkedHead + text, .invalid),
            .later("chunks: \(name), behind the head", chunkedHead, then: text, cutChunks("")),
        ]
    }
}
