import Testing

/// What an origin may say (security.md 3): an answer is passed on whole, or the client can tell that it is
/// not. A connection that is not clean is never used again.
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileAnswerTests {
    struct Case: CustomTestStringConvertible, Sendable {
        enum Fate: Sendable {
            /// 502, and the client's connection goes on.
            case refused
            /// Passed on with this body and these trailers.
            case passed(String, trailers: [String] = [])
            /// The head was out: the client sees the beginning and a reset.
            case cut
        }

        let name: String
        let text: String
        /// Sent once the client has the beginning.
        var rest: String?
        let fate: Fate
        var end = HostileOrigin.Answer.End.stays
        var testDescription: String { name }

        var isCut: Bool { if case .cut = fate { true } else { false } }

        static func refused(_ name: String, _ text: String) -> Case {
            Case(name: name, text: text, fate: .refused)
        }

        static func head(_ name: String, _ lines: String..., body: String = "ok") -> Case {
            refused(name, (["HTTP/1.1 200 OK"] + lines + ["", body]).joined(separator: "\r\n"))
        }

        static func chunks(_ name: String, _ body: String) -> Case {
            head(name, "Transfer-Encoding: chunked", body: body)
        }

        static func passed(
            _ name: String, _ lines: String..., body: String, as payload: String, trailers: [String] = []
        ) -> Case {
            let text = (["HTTP/1.1 200 OK"] + lines + ["", body]).joined(separator: "\r\n")
            return Case(name: name, text: text, fate: .passed(payload, trailers: trailers))
        }

        /// Breaks off when the client has read as far as `text` goes.
        static func cut(
            _ name: String, _ line: String, _ body: String, then rest: String = "",
            _ end: HostileOrigin.Answer.End = .stays
        ) -> Case {
            Case(
                name: name, text: "HTTP/1.1 200 OK\r\n\(line)\r\n\r\n\(body)", rest: rest, fate: .cut,
                end: end)
        }
    }

    static let table: [Case] = [heads, lengths, codings, chunks, cuts, good].flatMap { $0 }

    @Test(arguments: table)
    func `an answer is whole, or is known not to be`(hostile: Case) throws {
        let place = try #require(HostileRoom.place)
        let mark = place.mark()
        let gate = Gate()
        let rest = hostile.rest.map { (gate: gate, bytes: $0.latin1) }
        place.origin.lay(
            HostileOrigin.Answer(bytes: hostile.text.latin1, end: hostile.end, rest: rest), for: mark)
        place.note(
            mark, hostile.name, targets: ["/\(mark)"] + (hostile.isCut ? [] : ["/\(mark)/after"]), begun: nil)
        let client = try place.gateway.client()
        defer { client.close() }
        try client.send(get("/\(mark)"))
        switch hostile.fate {
        case .refused:
            let response = try client.response()
            #expect(response.status == 502)
            _ = response.problem()
            place.note(response, hostile.name, outcome: "upstream.response", method: "GET")
        case .passed(let body, let trailers):
            let response = try client.response()
            #expect(response.status == 200)
            #expect(String(latin1: response.body) == body)
            #expect(response.trailers.map { "\($0.name): \($0.value)" } == trailers)
            place.note(response, hostile.name, outcome: "ok", method: "GET")
        case .cut:
            let head = try client.read(through: "\r\n\r\n")
            gate.open()
            #expect(throws: SocketError.reset) { try client.readToEnd() }
            var reader = ResponseReader(method: "HEAD")
            let response = try #require(try reader.parse(Array(head.utf8))?.0)
            return place.note(response, hostile.name, outcome: "upstream.body", method: "GET")
        }
        // Nothing of it is left for the next one to ask, on either side.
        let after = try client.ask(get("/\(mark)/after"))
        #expect(after.text == "ok")
        place.note(after, "after \(hostile.name)", outcome: "ok", method: "GET")
    }

    // MARK: What is no answer

    private static let heads: [Case] = [
        .refused("another protocol", "SSH-2.0-OpenSSH_9.2\r\n"), .refused("HTTP/0.9", "<html>\r\n"),
        .refused("HTTP/2", "HTTP/2 200\r\n\r\n"), .refused("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"),
        .refused("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
        .refused("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        .refused("a status below 100", "HTTP/1.1 099 Low\r\n\r\n"),
        .refused("a status above 599", "HTTP/1.1 600 High\r\n\r\n"),
        .refused("a status in letters", "HTTP/1.1 2OO OK\r\n\r\n"),
        .refused("NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"),
        .refused("LF alone", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        .refused("an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        .refused("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        .refused(
            "seventeen interim answers",
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17) + "HTTP/1.1 200 OK\r\n\r\n"),
        .head("LF in a field", "X-A: b\nX-B: c", "Content-Length: 2"),
        .head("CR in a field", "X-A: b\rSet-Cookie: c=d", "Content-Length: 2"),
        .head("NUL in a field", "X-A: b\0c", "Content-Length: 2"),
        .head("a blank before the colon", "X-A : b"),
        .head("a folded line", "X-A: b\r\n c", "Content-Length: 2"),
        .head("no colon", "X-A", "Content-Length: 2"),
        .head("no name", ": b", "Content-Length: 2"),
        .head("UTF-8 in a name", "X-\u{C3}\u{84}: b", "Content-Length: 2"),
    ]

    private static let badLengths: [String] = [
        "", "-1", "+2", "0x2", "2,2", "2, 2", "2 2", "2;", "two", "99999999999999999999",
        "18446744073709551618",
    ]
    private static let lengths: [Case] =
        badLengths.map { .head("length '\($0)'", "Content-Length: \($0)") } + [
            .head("two lengths", "Content-Length: 2", "Content-Length: 3"),
            .head("the length twice", "Content-Length: 2", "Content-Length: 2"),
            .head(
                "length and coding", "Content-Length: 2", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
            .head(
                "coding and length", "Transfer-Encoding: chunked", "Content-Length: 2", body: "0\r\n\r\n"),
        ]

    private static let badCodings: [String] = [
        "", "gzip", "gzip, chunked", "chunked, gzip", "identity", "chunked, chunked", "xchunked",
        "\"chunked\"", "chunked;q=1",
    ]
    private static let codings: [Case] =
        badCodings.map {
            .head("coding '\($0)'", "Transfer-Encoding: \($0)", body: "0\r\n\r\n")
        } + [
            .head(
                "the coding twice", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                body: "0\r\n\r\n"),
            .refused(
                "a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ]

    /// Chunks that are none, in one packet with the head: the answer is a readable one.
    private static let chunks: [Case] = [
        .chunks("no size", "\r\n"), .chunks("a size in letters", "zz\r\n"),
        .chunks("a size with a sign", "-3\r\nabc"),
        .chunks("a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"),
        .chunks("a size that ends with LF", "3\nabc\r\n0\r\n\r\n"),
        .chunks("too large a size", "FFFFFFFFFFFFFFFF\r\n"),
        .chunks("LF in an extension", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
        .chunks("more data than said", "2\r\nabc\r\n0\r\n\r\n"),
        .chunks("no line end behind data", "3\r\nabc0\r\n\r\n"),
        .chunks("a bad second chunk", "3\r\nabc\r\nzz\r\n"),
        .chunks("a bad trailer", "3\r\nabc\r\n0\r\nX\r\n\r\n"),
        .chunks("another answer instead", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ]

    // MARK: What breaks off

    private static let cuts: [Case] = [
        .cut("less than its length", "Content-Length: 9", "abc", .closes),
        .cut("less than its length, and a reset", "Content-Length: 9", "abc", .resets),
        .cut("no last chunk", "Transfer-Encoding: chunked", "3\r\nabc\r\n", .closes),
        .cut("half a chunk", "Transfer-Encoding: chunked", "9\r\nabc", .closes),
        .cut(
            "no end of the trailers", "Transfer-Encoding: chunked", "3\r\nabc\r\n", then: "0\r\nX-A: b\r\n",
            .closes),
        .cut("a bad chunk later", "Transfer-Encoding: chunked", "3\r\nabc\r\n", then: "zz\r\n"),
        .cut("a bad line end later", "Transfer-Encoding: chunked", "3\r\nabc", then: "\n0\r\n\r\n"),
        .cut(
            "an answer instead of a chunk", "Transfer-Encoding: chunked", "3\r\nabc\r\n",
            then: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        .cut("a reset instead of the end", "X-A: b", "abc", .resets),
    ]

    // MARK: What is good

    private static let good: [Case] = [
        .passed("a length", "Content-Length: 3", body: "abc", as: "abc"),
        .passed("no body", "Content-Length: 0", body: "", as: ""),
        .passed(
            "chunks", "Transfer-Encoding: chunked", body: "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            as: "abcde"),
        .passed(
            "trailers", "Transfer-Encoding: chunked",
            body: "0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n", as: "",
            trailers: ["X-Sum: 1"]),
        .passed(
            "an answer behind an answer", "Content-Length: 3",
            body: "abcHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", as: "abc"),
        .passed(
            "an answer behind chunks", "Transfer-Encoding: chunked",
            body: "3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", as: "abc"),
        .passed("one byte too many", "Content-Length: 2", body: "abc", as: "ab"),
        .passed("an LF behind", "Content-Length: 3", body: "abc\n", as: "abc"),
        Case(name: "until the end", text: "HTTP/1.1 200 OK\r\n\r\nabc", fate: .passed("abc"), end: .closes),
    ]
}
