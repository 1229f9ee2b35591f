import Foundation
import Testing

/// Bodies that nobody reads, or that never end (security.md 3): what is left of one is dropped or the
/// connection is closed; it is never taken for a request, and what is not whole is never passed on as whole.
@Suite(
    .serialized, .timeLimit(.minutes(20)),
    HostileRoom(
        routes: """
            [{ path: /small/*, upstream: app, max_body: 100 }, { path: /open/*, upstream: app },
            { path: /post-only/*, upstream: app, methods: [POST] }, { path: "/{mark}/after", upstream: app },
            { path: "/{mark}/beside", upstream: app }, { path: "/{mark}/smuggled", upstream: app }]
            """)) struct HostileBodyTests
{
    /// What a body would be taken for.
    private static let inner = "GET /open/MARK/inner HTTP/1.1\r\nHost: here\r\n\r\n"

    private static func post(_ path: String, _ lines: [String], _ body: String) -> String {
        hostile("POST \(path)", lines, body)
    }

    private static func chunk(_ payload: String) -> String {
        "\(String(payload.utf8.count, radix: 16))\r\n\(payload)\r\n"
    }

    private static let filler = String(repeating: "x", count: 200)
    private static let tooLarge = HostileCase.Refusal(status: 413, outcome: "gateway.policy")
    private static let grown = HostileCase.Refusal(
        status: 413, outcome: "gateway.request",
        begun: Seen("POST /small/MARK", payload: filler, isChunked: true))

    static let table: [HostileCase] =
        [
            // Refused by the length that the head tells: what is small is read away.
            HostileCase(
                "a body above the limit", post("/small/MARK", ["Content-Length: 200"], filler),
                .refused(HostileCase.Refusal(status: 413, outcome: "gateway.policy", persists: true))),
            HostileCase(
                "a request in a body above the limit",
                post("/small/MARK", ["Content-Length: \(inner.utf8.count + 200)"], inner + filler),
                .refused(HostileCase.Refusal(status: 413, outcome: "gateway.policy", persists: true))),
            HostileCase(
                "a body far above the limit", post("/small/MARK", ["Content-Length: 999999"], inner),
                .refused(tooLarge)),
            HostileCase(
                "the largest length", post("/small/MARK", ["Content-Length: 999999999999999999"], inner),
                .refused(tooLarge)),
            // Refused where it grows beyond it.
            HostileCase(
                "chunks above the limit",
                post("/small/MARK", ["Transfer-Encoding: chunked"], chunk(filler) + "0\r\n\r\n"),
                .refused(grown)),
            HostileCase(
                "a request in chunks above the limit",
                post(
                    "/small/MARK", ["Transfer-Encoding: chunked"],
                    chunk(filler) + chunk(inner) + "0\r\n\r\n"),
                .refused(grown)),
            // Answered by the gateway itself, unread.
            .policy(
                "a body for nobody", post("/nowhere", ["Content-Length: \(inner.utf8.count)"], inner), 404),
            .policy(
                "a body of another method",
                hostile("PUT /post-only/MARK", ["Content-Length: \(inner.utf8.count)"], inner), 405),
            .policy(
                "a body for a bad path", post("/open/%00", ["Content-Length: \(inner.utf8.count)"], inner),
                400,
                kind: "path"),
            HostileCase(
                "chunks for nobody",
                post("/nowhere", ["Transfer-Encoding: chunked"], chunk(inner) + "0\r\n\r\n"),
                .refused(HostileCase.Refusal(status: 404, outcome: "gateway.policy"))),
            HostileCase(
                "a long body for nobody", post("/nowhere", ["Content-Length: 70000"], inner),
                .refused(HostileCase.Refusal(status: 404, outcome: "gateway.policy"))),
            HostileCase(
                "a body that waits for nobody",
                post("/nowhere", ["Content-Length: \(inner.utf8.count)", "Expect: 100-continue"], inner),
                .refused(HostileCase.Refusal(status: 404, outcome: "gateway.policy"))),
            // Expectations.
            .forwarded(
                "a body that waits",
                post("/open/MARK", ["Content-Length: 5", "Expect: 100-continue"], "abcde"),
                Seen("POST /open/MARK", ["Expect: 100-continue"], payload: "abcde")),
            .forwarded(
                "in capitals", post("/open/MARK", ["Content-Length: 5", "EXPECT: 100-CONTINUE"], "abcde"),
                Seen("POST /open/MARK", ["EXPECT: 100-CONTINUE"], payload: "abcde")),
            .forwarded(
                "nothing to wait for", hostile("GET /open/MARK", ["Expect: 100-continue"]),
                Seen("GET /open/MARK")),
            .last(
                "waiting in HTTP/1.0",
                "POST /open/MARK HTTP/1.0\r\nHost: here\r\nExpect: 100-continue\r\n"
                    + "Content-Length: 5\r\n\r\nabcde",
                Seen("POST /open/MARK", payload: "abcde")),
        ]
        + badExpectations.map {
            .head(
                "expectation '\($0)'",
                post("/open/MARK", ["Expect: \($0)", "Content-Length: \(inner.utf8.count)"], inner), 417)
        }

    private static let badExpectations: [String] = [
        "", "200-ok", "100-continue, x", "x, 100-continue", "100-continue, 100-continue", "100-continue;a",
        "100 continue",
        "100-continu", "100-continuee", "\"100-continue\"", "y 100-continue", "100-continue\u{A0}",
    ]

    @Test(arguments: table, Delivery.allCases)
    func `a body that nobody reads is no request`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    // MARK: Bodies that break off

    static let halves: [(name: String, lines: [String], body: String, seen: Seen)] = [
        ("less than its length", ["Content-Length: 9"], "abc", Seen("POST /open/MARK", payload: "abc******")),
        (
            "half a chunk", ["Transfer-Encoding: chunked"], "9\r\nabc",
            Seen("POST /open/MARK", payload: "abc", isChunked: true)
        ),
        (
            "no last chunk", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n",
            Seen("POST /open/MARK", payload: "abc", isChunked: true)
        ),
        (
            "no end of the trailers", ["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\nX-A: b\r\n",
            Seen("POST /open/MARK", payload: "abc", isChunked: true)
        ),
    ]

    /// RFC 9112 §8: the origin must not take it for whole, so its connection ends.
    @Test(arguments: halves.indices, [false, true])
    func `a body that breaks off is never passed on as a whole one`(index: Int, resets: Bool) throws {
        let place = try #require(HostileRoom.place)
        let half = Self.halves[index]
        let mark = place.mark()
        place.note(mark, half.name, targets: ["/\(mark)/beside"], begun: half.seen)
        place.note(unanswered: "client.request")
        let client = try place.gateway.client()
        try client.send(hostile("POST /open/MARK", half.lines, half.body).marked(mark).latin1)
        try eventually("the head at the origin") { place.origin.hasBegun(mark) ? true : nil }
        if resets { client.reset() } else { client.socket.finishSending() }
        if !resets { #expect(throws: SocketError.reset) { try client.readToEnd() } }
        let beside = try place.gateway.ask("/\(mark)/beside")
        place.note(beside, "beside \(half.name)", outcome: "ok", method: "GET")
    }
}
