// Connections that end, stall, or say too much.
extension OriginFault {
    private static let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let ok = Seen.answer("200 OK", "Content-Length: 2", body: "ok")
    private static let again = Seen.answer("200 Scripted", "Content-Length: 5", body: "again")

    static let connections: [OriginFault] =
        [Ending.closes, .resets].flatMap { ending -> [OriginFault] in
            let how = ending == .closes ? "ends" : "is reset"
            return [
                OriginFault(
                    "connection: \(how) before the request is read", [.expectBytes(1)], end: ending,
                    .brokenOff,
                    sightings: 0),
                OriginFault(
                    "connection: \(how) behind the request", [.expectRequest], end: ending, .brokenOff),
                OriginFault(
                    "connection: \(how) behind a POST", [.expectRequest], end: ending, to: .post, .brokenOff),
                .wire("connection: \(how) behind one byte", "H", end: ending, .brokenOff),
                .wire(
                    "connection: \(how) in the head", "HTTP/1.1 200 OK\r\nContent-Le", end: ending, .brokenOff
                ),
                .wire(
                    "connection: \(how) before the head's last byte", "HTTP/1.1 200 OK\r\n\r", end: ending,
                    .brokenOff),
                .wire("connection: \(how) behind the answer", good, end: ending, ok),
                onceMore("connection: kept, \(how) instead of an answer", end: ending, .get),
                onceMore("connection: kept, \(how) instead of an answer to HEAD", end: ending, .head),
                onceMore("connection: kept, \(how) instead of an answer to DELETE", end: ending, .delete),
                kept(
                    "connection: kept, \(how) instead of an answer to POST", [.expectRequest], end: ending,
                    .post),
                kept(
                    "connection: kept, \(how) instead of an answer to chunks", [.expectRequest], end: ending,
                    .chunkedPost),
                kept(
                    "connection: kept, \(how) instead of an answer to an empty POST", [.expectRequest],
                    end: ending, Request(method: "POST")),
                kept(
                    "connection: kept, \(how) behind one byte", [.expectRequest, .send("H")], end: ending,
                    .get),
                kept(
                    "connection: kept, \(how) behind an interim answer",
                    [.expectRequest, .send("HTTP/1.1 103 Early Hints\r\n\r\n")], end: ending, .get),
            ]
        } + [
            OriginFault(
                "connection: half closed instead of an answer",
                [.expectRequest, .finishSending, .waitUntilPeerLeaves], end: .isOver, .brokenOff),
            OriginFault(
                "connection: half closed behind the answer",
                [.expectRequest, .send(good), .finishSending, .waitUntilPeerLeaves], end: .isOver, ok),
            OriginFault(
                "connection: the answer and the end in one packet", [.expectRequest, .sendLast(good)],
                end: .isOver, ok),
            OriginFault(
                "connection: half a head and the end in one packet",
                [.expectRequest, .sendLast("HTTP/1.1 200 OK\r\nCont")], end: .isOver, .brokenOff),
            OriginFault(
                "connection: refused", [], listener: .nobody, .unreachable, outcome: "upstream.connect",
                sightings: 0),
            OriginFault(
                "connection: never answered", [], listener: .blackHole, upstream: "connect_timeout: 300ms",
                .late,
                outcome: "upstream.connect", sightings: 0),
            OriginFault(
                "connection: never taken out of the backlog", [], listener: .deaf,
                upstream: "response_timeout: 500ms", .late, sightings: 0),
        ]
        + [Listener.ipv6, .unix].flatMap { listener -> [OriginFault] in
            let name = listener == .ipv6 ? "IPv6" : "unix"
            return [
                OriginFault(
                    "\(name): an answer that is none", [.expectRequest, .send("SSH-2.0\r\n")],
                    listener: listener,
                    .invalid),
                OriginFault(
                    "\(name): ends behind the request", [.expectRequest], end: .closes, listener: listener,
                    .brokenOff),
                OriginFault(
                    "\(name): ends in the body",
                    [.expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")], end: .closes,
                    listener: listener, .beginning("200 OK", "Content-Length: 9", body: "abc")),
                OriginFault(
                    "\(name): two answers at once", [.expectRequest, .send(good + good)], listener: listener,
                    ok),
                OriginFault(
                    "\(name): never answers", [.expectRequest, .waitUntilPeerLeaves], end: .isOver,
                    listener: listener,
                    upstream: "response_timeout: 500ms", .late),
            ]
        }

    /// The connection had served before: what may be repeated is, once.
    private static func onceMore(_ name: String, end ending: Ending, _ request: Request) -> OriginFault {
        let seen = request.method == "HEAD" ? Seen.answer("200 Scripted", "Content-Length: 5") : again
        return OriginFault(
            name, [.expectRequest], end: ending, to: request, onKept: true, seen, retries: 1, sightings: 2)
    }

    /// The connection had served before, but the request may have had its effect.
    private static func kept(_ name: String, _ steps: [Step], end ending: Ending, _ request: Request)
        -> OriginFault
    {
        OriginFault(name, steps, end: ending, to: request, onKept: true, .brokenOff)
    }

    static let uploads: [OriginFault] =
        [Ending.closes, .resets].flatMap { ending -> [OriginFault] in
            let how = ending == .closes ? "ends" : "is reset"
            return [
                upload("\(how) before a short body", [.expectHead], end: ending, .upload(5), .brokenOff),
                upload(
                    "\(how) before a long body", [.expectHead], end: ending, .upload(1_000_000), .brokenOff,
                    ends: true),
                upload(
                    "\(how) inside a body", [.expectHead, .expectBytes(2)], end: ending,
                    Request(method: "POST", body: "he", withheld: 3), .brokenOff),
                // Whether the client sends its body now, nobody can know.
                upload(
                    "\(how) while the client waits for leave", [.expectHead], end: ending,
                    .upload(5, "Expect: 100-continue"), .brokenOff, ends: true),
                upload(
                    "\(how) behind the leave", [.expectHead, .send("HTTP/1.1 100 Continue\r\n\r\n")],
                    end: ending,
                    .upload(5, "Expect: 100-continue"), .brokenOff),
                early("an answer, then it \(how)", end: ending, .upload(5), "200 Scripted"),
                early("a refusal, then it \(how)", end: ending, .upload(5), "401 Scripted"),
            ]
        } + [
            early("an answer", end: .stays, .upload(5), "200 Scripted"),
            early("a refusal", end: .stays, .upload(5), "403 Scripted"),
            early("a refusal of a long body", end: .stays, .upload(1_000_000), "413 Scripted", ends: true),
            early(
                "a refusal of what the client waits with", end: .stays, .upload(5, "Expect: 100-continue"),
                "417 Scripted", ends: true),
            upload(
                "garbage before a body", [.expectHead, .send("SSH-2.0\r\n")], end: .stays, .upload(5),
                .invalid),
            upload(
                "garbage while the client waits for leave", [.expectHead, .send("SSH-2.0\r\n")], end: .stays,
                .upload(5, "Expect: 100-continue"), .invalid, ends: true),
            upload(
                "bad chunks before a body",
                [.expectHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")],
                end: .stays,
                .upload(5), .invalid),
            upload(
                "101 before a body", [.expectHead, .send("HTTP/1.1 101 Switching Protocols\r\n\r\n")],
                end: .stays,
                .upload(5), .invalid),
            OriginFault(
                "upload: two answers before a body",
                [.expectHead, .send(good + good), .waitUntilPeerLeaves], end: .isOver, to: .upload(5), ok),
            OriginFault(
                "upload: a short answer, cut",
                [.expectHead, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")],
                end: .closes, to: .upload(5), .beginning("200 OK", "Content-Length: 9", body: "abc")),
        ]

    /// The request has not gone out whole when it fails.
    private static func upload(
        _ name: String, _ steps: [Step], end ending: Ending, _ request: Request, _ seen: Seen,
        ends: Bool = false
    ) -> OriginFault {
        OriginFault(
            "upload: \(name)", steps, end: ending, to: request, seen, outcome: "upstream.request",
            keepsClient: !ends)
    }

    /// An answer before the body: passed on, and never is a connection kept on which half a request stands.
    private static func early(
        _ name: String, end ending: Ending, _ request: Request, _ status: String, ends: Bool = false
    ) -> OriginFault {
        let steps: [Step] = [.expectHead, .send("HTTP/1.1 \(status)\r\nContent-Length: 2\r\n\r\nok")]
        return OriginFault(
            "upload: \(name)", steps + (ending == .stays ? [.waitUntilPeerLeaves] : []), end: ending,
            to: request,
            .answer(status, "Content-Length: 2", closing: ends ? ["Connection: close"] : [], body: "ok"),
            keepsClient: !ends)
    }

    static let timings: [OriginFault] = [
        OriginFault(
            "time: no answer", [.expectRequest, .waitUntilPeerLeaves], end: .isOver,
            upstream: "response_timeout: 500ms",
            .late),
        OriginFault(
            "time: no answer to a POST", [.expectRequest, .waitUntilPeerLeaves], end: .isOver, to: .post,
            upstream: "response_timeout: 500ms", .late),
        OriginFault(
            "time: no answer on a kept connection", [.expectRequest, .waitUntilPeerLeaves], end: .isOver,
            upstream: "response_timeout: 500ms", onKept: true, .late),
        OriginFault(
            "time: half a head, then silence",
            [.expectRequest, .send("HTTP/1.1 200 OK\r\nContent-"), .waitUntilPeerLeaves], end: .isOver,
            upstream: "response_timeout: 500ms", .late),
        OriginFault(
            "time: an interim answer, then silence",
            [.expectRequest, .send("HTTP/1.1 103 Early Hints\r\n\r\n"), .waitUntilPeerLeaves], end: .isOver,
            upstream: "response_timeout: 500ms", .late),
        OriginFault(
            "time: a head that drips too slowly", [.expectRequest, .drip(good, every: .milliseconds(50))],
            end: .isOver,
            upstream: "response_timeout: 500ms", .late),
        OriginFault(
            "time: interim answers that drip for ever",
            [
                .expectRequest,
                .forever([.send("HTTP/1.1 102 Processing\r\n\r\n"), .wait(.milliseconds(50))]),
            ], end: .isOver,
            upstream: "response_timeout: 500ms", .late),
        OriginFault(
            "time: an answer that drips, byte by byte",
            [.expectRequest, .drip(good, every: .milliseconds(5))], upstream: "response_timeout: 10s", ok,
            reuses: true),
        OriginFault(
            "time: chunks that drip, byte by byte",
            [
                .expectRequest, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                .drip("2\r\nok\r\n0\r\n\r\n", every: .milliseconds(20)),
            ],
            .answer("200 OK", closing: ["Transfer-Encoding: chunked"], body: "1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
            reuses: true),
        OriginFault(
            "time: silence behind the head",
            [.expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), .waitUntilPeerLeaves],
            end: .isOver,
            upstream: "read_timeout: 500ms", .beginning("200 OK", "Content-Length: 9")),
        OriginFault(
            "time: a body that drips, then silence",
            [
                .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                .drip("abc", every: .milliseconds(20)), .waitUntilPeerLeaves,
            ], end: .isOver, upstream: "read_timeout: 500ms",
            .beginning("200 OK", "Content-Length: 9", body: "abc")),
    ]

    static let surplus: [OriginFault] = [
        twoAnswers(filling: 16384), twoAnswers(filling: 65536),
        .wire("surplus: two answers at once", good + poison, ok),
        .later("surplus: a second answer later", good, then: poison, ok),
        .wire("surplus: two answers at once, kept", good + poison, onKept: true, ok),
        .wire("surplus: a second answer to a POST", good + poison, to: .post, ok),
        .wire(
            "surplus: a second answer behind chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + poison,
            .answer("200 OK", closing: ["Transfer-Encoding: chunked"], body: "2\r\nok\r\n0\r\n\r\n")),
        .wire("surplus: half a second answer", good + "HTTP/1.1 200 OK\r\nX-Poi", ok),
        .wire("surplus: an empty line", good + "\r\n", ok),
        .later("surplus: an empty line later", good, then: "\r\n", ok),
        .later("surplus: one byte later", good, then: "\u{0}", ok),
        .later("surplus: a second answer and the end", good, then: poison, end: .closes, ok),
        .later("surplus: a second answer and a reset", good, then: poison, end: .resets, ok),
        OriginFault(
            "surplus: an answer before the request is read", [.send(good), .expectRequest], ok, reuses: true),
    ]

    /// Two answers at once, the first of which ends where a read of the gateway's is full: what stands behind
    /// it is still in the socket.
    private static func twoAnswers(filling size: Int) -> OriginFault {
        let length = size - "HTTP/1.1 200 OK\r\nContent-Length: 00000\r\n\r\n".utf8.count
        let body = String(repeating: "b", count: length)
        return .wire(
            "surplus: two answers, the first of \(size) bytes",
            "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n" + body + poison,
            .answer("200 OK", "Content-Length: \(length)", body: body))
    }

    /// An answer that nobody may ever see.
    private static let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Poison: 1\r\n\r\npoison"
}
