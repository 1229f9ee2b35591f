import Testing

/// How long a body is (security.md 1; RFC 9112 §6): one way of saying it, and none that two readers could
/// take for two lengths.
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileFramingTests {
    static let table: [HostileCase] = [
        contradictions, lengths, moreLengths, lengthNames, codings, moreCodings, codingNames, oldVersion,
        accepted,
        bodies, pipelined,
    ].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `framing is understood in one way or refused`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    // MARK: Refused

    private static let last = "0\r\n\r\n"

    /// Two framings, or one told twice.
    private static let contradictions: [HostileCase] = [
        .framing("a length, then a coding", "Content-Length: 5", "Transfer-Encoding: chunked", body: last),
        .framing("a coding, then a length", "Transfer-Encoding: chunked", "Content-Length: 5", body: last),
        .framing(
            "a length of zero and a coding", "Content-Length: 0", "Transfer-Encoding: chunked", body: last),
        .framing("in lower case", "content-length: 5", "transfer-encoding: chunked", body: last),
        .framing(
            "far apart", "Content-Length: 5", "Accept: a", "X: b", "Transfer-Encoding: chunked", body: last),
        .framing("a length and identity", "Content-Length: 5", "Transfer-Encoding: identity", body: last),
        .framing("a bad length and a coding", "Content-Length: x", "Transfer-Encoding: chunked", body: last),
        .framing("a length and a bad coding", "Content-Length: 5", "Transfer-Encoding: x", body: last),
        .framing("an empty coding and a length", "Transfer-Encoding:", "Content-Length: 5", body: last),
        .framing("the length twice", "Content-Length: 5", "Content-Length: 5", body: "abcde"),
        .framing("two lengths", "Content-Length: 5", "Content-Length: 6", body: "abcdef"),
        .framing("a length and zero", "Content-Length: 0", "Content-Length: 5", body: "abcde"),
        .framing("zero twice", "Content-Length: 0", "Content-Length: 0"),
        .framing(
            "the length twice in two spellings", "Content-Length: 5", "content-LENGTH: 05", body: "abcde"),
        .framing(
            "the length twice far apart", "Content-Length: 5", "X: y", "Content-Length: 5", body: "abcde"),
        .framing("a length and an empty one", "Content-Length: 5", "Content-Length:", body: "abcde"),
        .framing("the coding twice", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body: last),
        .framing(
            "chunked, identity", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body: last),
        .framing(
            "identity, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked", body: last),
        .framing("gzip, then chunked", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", body: last),
        .framing("nothing, then chunked", "Transfer-Encoding:", "Transfer-Encoding: chunked", body: last),
        .framing("chunked, then nothing", "Transfer-Encoding: chunked", "Transfer-Encoding:", body: last),
        .framing("chunked, then x", "Transfer-Encoding: chunked", "transfer-encoding: x", body: last),
    ]

    /// Lengths that are no plain decimal number (RFC 9110 §8.6).
    private static let badLengths: [String] = [
        "", "+5", "-5", "+0", "-0", "0x5", "0b101", "0o5", "5 5", "5,5", "5, 5", "5,", ",5", "5;", "5;a=b",
        "5.0", "5.", ".5", "5e0", "5h", "\"5\"", "'5'", "(5)", "1_0", "five", "#5", "5%", "%35", "5\t5",
        "0 5", "NaN", "null", "true", "18446744073709551616", "18446744073709551621", "9223372036854775808",
        "99999999999999999999", "0000000000000000005", "\u{B2}", "\u{D9}\u{A5}", "\u{FF}5", "5\u{A0}",
        "\u{85}5", "5\u{85}", "\u{EF}\u{BC}\u{95}",
    ]
    private static let controlledLengths: [String] = [
        "\u{0B}5", "5\u{0B}", "\u{0C}5", "5\u{0C}", "\u{0}5", "5\u{0}", "5\u{1C}", "5\u{7F}", "\u{1}5",
    ]
    private static let lengths: [HostileCase] = badLengths.map {
        .framing("length '\($0)'", "Content-Length: \($0)", body: "abcde")
    }
    private static let moreLengths: [HostileCase] = controlledLengths.map {
        .lines("length with a control character: '\($0)'", "Content-Length: \($0)", body: "abcde")
    }

    /// Names that somebody could take for Content-Length.
    private static let badLengthLines: [String] = [
        "Content-Length : 5", "Content-Length\t: 5", " Content-Length: 5", "\tContent-Length: 5",
        "Content Length: 5", "Content-Length\u{85}: 5", "Content-Length\u{A0}: 5", "Content-Length\u{0}: 5",
        "\u{0}Content-Length: 5", "Content-Length\u{B}: 5", "Content-Length;: 5", "\"Content-Length\": 5",
        "Content-Length", "Content-Length 5", "Content-Length=5", ": 5", "Content-Length:\r\n 5",
        "Content-Length: 5\r\n 0", "Content-Length: 5\r\n\t", "X: y\r\n Content-Length: 5",
        "\u{FF}Content-Length: 5", "Content\u{AD}Length: 5", "(Content-Length): 5", "Content-Length\\: 5",
    ]
    private static let lengthNames: [HostileCase] = badLengthLines.map {
        .lines("line '\($0)'", $0, body: "abcde")
    }

    /// Everything but exactly `chunked`.
    private static let badCodings: [String] = [
        "", "identity", "gzip", "deflate", "gzip, chunked", "gzip,chunked", "chunked, gzip",
        "chunked, identity", "identity, chunked", "identity,chunked,identity", "chunked, chunked",
        "chunked,chunked", "chunked,", ",chunked", ", chunked", "chunked ,", "xchunked", "x-chunked",
        "chunkedx", "chunke", "chunk", "chunked chunked", "chunked x", "x chunked", "\"chunked\"",
        "'chunked'", "chunked;q=1", "chunked;a=b", "chunked ; a", "chunked;", "(chunked)", "chunked/1.0",
        "cow", "trailers", "none", "0", "c hunked", "\u{E9}chunked", "chunked\u{A0}", "\u{A0}chunked",
        "\u{85}chunked", "chunked\u{85}", "\u{EF}\u{BB}\u{BF}chunked", "ch\u{FF}unked",
        "chun\u{E2}\u{84}\u{AA}ed",
    ]
    private static let codings: [HostileCase] = badCodings.map {
        .framing("coding '\($0)'", "Transfer-Encoding: \($0)", body: last)
    }
    private static let controls: [UInt8] = [
        0x00, 0x01, 0x08, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1F, 0x7F,
    ]
    private static let moreCodings: [HostileCase] = controls.flatMap { byte -> [HostileCase] in
        let character = String(latin1: [byte])
        return [
            .lines("\(named(byte)) before chunked", "Transfer-Encoding:\(character)chunked", body: last),
            .lines("\(named(byte)) behind chunked", "Transfer-Encoding: chunked\(character)", body: last),
        ]
    }

    /// Names that somebody could take for Transfer-Encoding, beside a length that would then be the wrong
    /// one.
    private static let badCodingLines: [String] = [
        "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked", "Transfer Encoding: chunked", "Transfer-Encoding\u{A0}: chunked",
        "Transfer-Encoding\u{85}: chunked", "Transfer-Encoding\u{0}: chunked",
        "Transfer-Encoding\u{B}: chunked", "Transfer-Encoding", "Transfer-Encoding chunked",
        "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chun\r\n ked",
        "Transfer-Encoding\r\n : chunked",
        "X: y\r\n Transfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked", "X: y\u{0}Transfer-Encoding: chunked",
        "\"Transfer-Encoding\": chunked",
        "Transfer-Encoding\u{1F}: chunked", "\u{EF}\u{BB}\u{BF}Transfer-Encoding: chunked",
    ]
    private static let codingNames: [HostileCase] = badCodingLines.map {
        .lines("line '\($0)'", "Content-Length: 5", $0, body: last)
    }

    /// HTTP/1.0 knows no chunks (RFC 9112 §6.1).
    private static let oldLines: [[String]] = [
        ["Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Connection: keep-alive"],
        ["Transfer-Encoding: identity"], ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ]
    private static let oldVersion: [HostileCase] = oldLines.map { lines in
        let head = ["POST /MARK HTTP/1.0", "Host: here"] + lines + ["", last]
        return .head("HTTP/1.0 with \(lines)", head.joined(separator: "\r\n"), 400, "framing")
    }

    // MARK: Understood, and told to the origin in the gateway's own words

    private static func post(_ name: String, _ lines: String..., kept: [String] = [], payload: String)
        -> HostileCase
    {
        .forwarded(name, hostile("POST /MARK", lines, payload), Seen("POST /MARK", kept, payload: payload))
    }

    private static func chunked(_ name: String, _ line: String, method: String = "POST") -> HostileCase {
        .forwarded(
            name, hostile("\(method) /MARK", [line], "3\r\nabc\r\n0\r\n\r\n"),
            Seen("\(method) /MARK", payload: "abc", isChunked: true))
    }

    private static let inner = "GET /MARK/inner HTTP/1.1\r\nHost: here\r\n\r\n"

    private static let accepted: [HostileCase] = [
        post("a length", "Content-Length: 5", payload: "abcde"),
        post("leading zeros", "Content-Length: 0005", payload: "abcde"),
        post("leading zeros that could be octal", "Content-Length: 010", payload: "0123456789"),
        post("blanks around a length", "Content-Length:\t 5 \t", payload: "abcde"),
        post("no blank before a length", "content-length:5", payload: "abcde"),
        post("in capitals", "CONTENT-LENGTH: 5", payload: "abcde"),
        post(
            "names that are alike", "Content-Length: 5", "X-Content-Length: 7", "Content-Lengt: 9",
            kept: ["X-Content-Length: 7", "Content-Lengt: 9"], payload: "abcde"),
        post(
            "other names of lengths", "Content-Length: 5", "Length: 7", "X-Transfer-Encoding: chunked",
            kept: ["Length: 7", "X-Transfer-Encoding: chunked"], payload: "abcde"),
        post(
            "underscores", "Content-Length: 5", "Transfer_Encoding: chunked", "Content_Length: 9",
            payload: "abcde"),
        post(
            "dots", "Content-Length: 5", "Transfer.Encoding: chunked", "Content.Length: 9", payload: "abcde"),
        post("a request inside of a body", "Content-Length: \(inner.utf8.count)", payload: inner),
        post("a chunk inside of a body", "Content-Length: 5", payload: last),
        post("a length and TE", "Content-Length: 5", "TE: chunked", payload: "abcde"),
        .forwarded(
            "a length of zero", hostile("POST /MARK", ["Content-Length: 0"]),
            Seen("POST /MARK", closing: ["Content-Length: 0"])),
        .forwarded(
            "many zeros", hostile("POST /MARK", ["Content-Length: 000"]),
            Seen("POST /MARK", closing: ["Content-Length: 0"])),
        .forwarded("a POST without a body", hostile("POST /MARK"), Seen("POST /MARK")),
        chunked("chunks", "Transfer-Encoding: chunked"),
        chunked("a coding in capitals", "TRANSFER-ENCODING: CHUNKED"),
        chunked("mixed", "transfer-Encoding: cHuNkEd"), chunked("no blank", "Transfer-Encoding:chunked"),
        chunked("a blank behind", "Transfer-Encoding: chunked "),
        chunked("tabs", "Transfer-Encoding:\t chunked\t"),
        .forwarded(
            "a request inside of a chunk",
            hostile(
                "POST /MARK", ["Transfer-Encoding: chunked"],
                "\(String(inner.utf8.count, radix: 16))\r\n\(inner)\r\n0\r\n\r\n"),
            Seen("POST /MARK", payload: inner, isChunked: true)),
        .forwarded(
            "no chunk but the last", hostile("POST /MARK", ["Transfer-Encoding: chunked"], last),
            Seen("POST /MARK", isChunked: true)),
    ]

    private static let methods: [String] = ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PATCH", "PURGE"]
    private static let bodies: [HostileCase] = methods.flatMap { method -> [HostileCase] in
        [
            .forwarded(
                "\(method) with a body", hostile("\(method) /MARK", ["Content-Length: 5"], "abcde"),
                Seen("\(method) /MARK", payload: "abcde")),
            chunked("\(method) with chunks", "Transfer-Encoding: chunked", method: method),
        ]
    }

    /// What stands behind a body is the next request, wherever somebody else would have ended it.
    private static let pipelined: [HostileCase] = [
        .forwarded(
            "two requests", hostile("POST /MARK", ["Content-Length: 5"], "abcde") + inner,
            Seen("POST /MARK", payload: "abcde"), Seen("GET /MARK/inner")),
        .forwarded(
            "behind chunks",
            hostile("POST /MARK", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n" + last) + inner,
            Seen("POST /MARK", payload: "abc", isChunked: true), Seen("GET /MARK/inner")),
        .forwarded(
            "behind a length of zero", hostile("POST /MARK", ["Content-Length: 0"]) + inner,
            Seen("POST /MARK", closing: ["Content-Length: 0"]), Seen("GET /MARK/inner")),
        .forwarded(
            "a line end behind a body", hostile("POST /MARK", ["Content-Length: 5"], "abcde\r\n") + inner,
            Seen("POST /MARK", payload: "abcde"), Seen("GET /MARK/inner")),
        .forwarded(
            "what an old client would close with",
            hostile("GET /MARK", ["Connection: keep-alive"]) + inner, Seen("GET /MARK"),
            Seen("GET /MARK/inner")),
        .last(
            "nothing behind close",
            hostile("POST /MARK", ["Connection: close", "Content-Length: 5"], "abcde"),
            Seen("POST /MARK", payload: "abcde")),
        .last(
            "nothing behind HTTP/1.0", "POST /MARK HTTP/1.0\r\nHost: here\r\nContent-Length: 5\r\n\r\nabcde",
            Seen("POST /MARK", payload: "abcde")),
        .then("a body that nobody announced", hostile("POST /MARK") + last, Seen("POST /MARK")),
        .then(
            "a length that is too short", hostile("POST /MARK", ["Content-Length: 3"], "abcde\r\n\r\n"),
            Seen("POST /MARK", payload: "abc")),
        .then(
            "chunks behind a coding by another name",
            hostile("POST /MARK", ["Transfer_Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n"), Seen("POST /MARK")
        ),
        .then(
            "chunks to whom asked for none", hostile("GET /MARK", ["TE: chunked"], last), Seen("GET /MARK")),
    ]
}
