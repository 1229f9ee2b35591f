/// RFC 9113 §5: states of streams, their identifiers, priorities, errors and extensions.
enum HTTP2StreamTable {
    private typealias Code = HTTP2Code
    private typealias Kind = HTTP2Frame.Kind

    static let table =
        idle + open + halfClosed + closedByReset + closedByEnd + identifiers + priorities + rest

    /// What RFC 9113 §5.1 lets a server do with frames on a stream that is closed: discard them, or end the
    /// connection. RFC 7540 asked for a stream error.
    private static let discarded = HTTP2Case.Accepted.alive.or(.stream(Code.streamClosed))

    private static let idle: [HTTP2Case] = [
        HTTP2Case("5.1", "DATA on an idle stream", .connection(Code.protocolError), .data(1, "x")),
        HTTP2Case("5.1", "an empty DATA on an idle stream", .connection(Code.protocolError), .data(1, "")),
        HTTP2Case(
            "5.1", "RST_STREAM on an idle stream", .connection(Code.protocolError), .frame(.reset(1))),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE on an idle stream", .connection(Code.protocolError),
            .frame(.window(1, 100))
        ),
        HTTP2Case(
            "5.1", "CONTINUATION on an idle stream", .connection(Code.protocolError),
            .continuation(1, HTTP2Case.getBlock)),
        HTTP2Case("5.1", "PRIORITY on an idle stream", .served, .frame(.priority(3)), .get(1)),
        HTTP2Case(
            "5.1", "RST_STREAM on an idle stream above an open one", .connection(Code.protocolError),
            .post(1),
            .frame(.reset(5))),
        HTTP2Case(
            "5.1", "DATA on an even idle stream", .connection(Code.protocolError), .data(2, "x")),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE on an even idle stream", .connection(Code.protocolError),
            .frame(.window(2, 1))),
        HTTP2Case(
            "5.1", "RST_STREAM on an even idle stream", .connection(Code.protocolError), .frame(.reset(2))),
    ]

    private static let open: [HTTP2Case] = [
        HTTP2Case(
            "5.1", "PRIORITY on an open stream", .served, .post(1), .frame(.priority(1)), .data(1, "x")),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE on an open stream", .served, .post(1), .frame(.window(1, 9)),
            .data(1, "x")),
        HTTP2Case("5.1", "RST_STREAM on an open stream", .alive.on(0), .post(1), .frame(.reset(1))),
        HTTP2Case(
            "5.1", "a request behind one that was reset", .served.on(3), .post(1), .frame(.reset(1)),
            .get(3)),
    ]

    private static let halfClosed: [HTTP2Case] = [
        HTTP2Case(
            "5.1", "DATA on a half-closed stream", .stream(Code.streamClosed), .get(1, "/held"),
            .data(1, "x")
        ),
        HTTP2Case(
            "5.1", "an empty DATA on a half-closed stream", .stream(Code.streamClosed), .get(1, "/held"),
            .data(1, "")),
        HTTP2Case(
            "5.1", "HEADERS on a half-closed stream", .stream(Code.streamClosed), .get(1, "/held"), .get(1)),
        HTTP2Case(
            "5.1", "trailers on a half-closed stream", .stream(Code.streamClosed), .get(1, "/held"),
            .headers(1, [("x-late", "1")])),
        HTTP2Case(
            "5.1", "CONTINUATION on a half-closed stream",
            .connection(Code.protocolError, Code.streamClosed), .get(1, "/held"),
            .continuation(1, HPACKBlock())),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE on a half-closed stream", .served, .get(1), .frame(.window(1, 100))),
        HTTP2Case("5.1", "PRIORITY on a half-closed stream", .served, .get(1), .frame(.priority(1))),
        HTTP2Case(
            "5.1", "RST_STREAM on a half-closed stream", .alive.on(0), .get(1, "/held"), .frame(.reset(1))),
    ]

    private static let closedByReset: [HTTP2Case] = [
        HTTP2Case("5.1", "DATA behind RST_STREAM", discarded, .post(1), .frame(.reset(1)), .data(1, "x")),
        HTTP2Case(
            "5.1", "HEADERS behind RST_STREAM", discarded.or(.connection(Code.protocolError)), .post(1),
            .frame(.reset(1)), .get(1)),
        HTTP2Case(
            "5.1", "CONTINUATION behind RST_STREAM", .connection(Code.protocolError, Code.streamClosed),
            .post(1), .frame(.reset(1)), .continuation(1, HPACKBlock())),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE behind RST_STREAM", .alive.or(.connection(Code.streamClosed)), .post(1),
            .frame(.reset(1)), .frame(.window(1, 5))),
        HTTP2Case(
            "5.1", "RST_STREAM twice", .alive.or(.connection(Code.streamClosed)), .post(1),
            .frame(.reset(1)),
            .frame(.reset(1))),
        HTTP2Case(
            "5.1", "PRIORITY behind RST_STREAM", .alive, .post(1), .frame(.reset(1)), .frame(.priority(1))),
    ]

    private static let closedByEnd: [HTTP2Case] = [
        HTTP2Case(
            "5.1", "DATA on a stream that is through", discarded, .get(1), .untilOver(1), .data(1, "x")),
        HTTP2Case(
            "5.1", "HEADERS on a stream that is through", discarded.or(.connection(Code.protocolError)),
            .get(1), .untilOver(1), .get(1)),
        HTTP2Case(
            "5.1", "CONTINUATION on a stream that is through",
            .connection(Code.protocolError, Code.streamClosed), .get(1), .untilOver(1),
            .continuation(1, HPACKBlock())),
        HTTP2Case(
            "5.1", "WINDOW_UPDATE on a stream that is through", .alive, .get(1), .untilOver(1),
            .frame(.window(1, 5))),
        HTTP2Case(
            "5.1", "RST_STREAM on a stream that is through", .alive, .get(1), .untilOver(1),
            .frame(.reset(1))
        ),
        HTTP2Case(
            "5.1", "PRIORITY on a stream that is through", .alive, .get(1), .untilOver(1),
            .frame(.priority(1))),
        HTTP2Case(
            "5.1", "an unknown frame on a stream that is through", .alive, .get(1), .untilOver(1),
            .any(Kind.unknown, [], 1)),
    ]

    private static let identifiers: [HTTP2Case] = [
        HTTP2Case("5.1.1", "an even stream", .connection(Code.protocolError), .get(2)),
        // The section says too that it is closed by then, and what comes there may be discarded.
        HTTP2Case(
            "5.1.1", "a stream below one that was opened",
            .discarded.or(.connection(Code.protocolError, Code.streamClosed)).on(3), .get(5), .get(3)),
        HTTP2Case(
            "5.1.1", "a stream below one that is through",
            .discarded.or(.connection(Code.protocolError, Code.streamClosed)).on(3), .get(5), .untilOver(5),
            .get(3)),
        HTTP2Case("5.1.1", "stream 0", .connection(Code.protocolError), .get(0)),
        HTTP2Case("5.1.1", "streams that are left out", .served.on(101), .get(1), .get(101)),
        HTTP2Case("5.1.1", "the highest stream", .served.on(0x7FFF_FFFF), .get(0x7FFF_FFFF)),
        HTTP2Case(
            "5.1.1", "DATA on a stream that was left out",
            discarded.or(.connection(Code.protocolError)).on(3),
            .get(5), .data(3, "x")),
    ]

    private static let dependent =
        HTTP2Case.Accepted.served.or(.stream(Code.protocolError))

    private static let priorities: [HTTP2Case] = [
        HTTP2Case(
            "5.3.1", "PRIORITY on itself", .alive.or(.stream(Code.protocolError)),
            .frame(.priority(1, on: 1))
        ),
        HTTP2Case(
            "5.3.1", "HEADERS that depend on themselves", dependent,
            .any(Kind.headers, [.whole, .priority], 1, [0, 0, 0, 1, 9] + HTTP2Case.getBlock.bytes)),
        HTTP2Case(
            "5.3.1", "exclusive dependence on a stream that was never there", .served,
            .any(Kind.headers, [.whole, .priority], 1, [0x80, 0, 0, 99, 255] + HTTP2Case.getBlock.bytes)),
        HTTP2Case(
            "5.3.1", "many PRIORITY frames in a circle", .served, .frame(.priority(3, on: 5)),
            .frame(.priority(5, on: 7)), .frame(.priority(7, on: 3)), .get(1)),
        HTTP2Case("5.3.2", "PRIORITY_UPDATE", .served, .frame(.priorityUpdate(of: 1, "u=1, i")), .get(1)),
        HTTP2Case(
            "5.3.2", "PRIORITY_UPDATE behind its request", .served, .get(1),
            .frame(.priorityUpdate(of: 1, "u=7"))),
        HTTP2Case(
            "5.3.2", "PRIORITY_UPDATE that does not parse", .served,
            .frame(.priorityUpdate(of: 1, "u=,,;;\u{1}")), .get(1)),
        HTTP2Case(
            "5.3.2", "the field priority", .served, .headers(1, HTTP2Case.get() + [("priority", "u=0, i")])),
        HTTP2Case(
            "5.3.2", "a field priority that does not parse", .served,
            .headers(1, HTTP2Case.get() + [("priority", "urgent!")])),
    ]

    private static let rest: [HTTP2Case] = [
        HTTP2Case(
            "5.4.1", "an error of the connection while requests are open", .connection(Code.protocolError),
            .post(1), .post(3), .any(Kind.ping, [], 1, Array("pingpong".utf8))),
        HTTP2Case(
            "5.4.2", "another stream goes on behind an error of one", .served.on(3),
            .headers(1, HTTP2Case.get() + [("UPPER", "x")]), .get(3)),
        HTTP2Case(
            "5.4.2", "a code that nobody knows in RST_STREAM", .served.on(3), .post(1),
            .frame(.reset(1, 0xDEAD_BEEF)), .get(3)),
        HTTP2Case("5.5", "an unknown setting", .served, .settings((0xF0F0, 77)), .get(1)),
        HTTP2Case(
            "5.5", "an unknown frame on a half-closed stream", .served, .get(1),
            .any(Kind.unknown, [], 1, [1])),
        HTTP2Case(
            "5.5", "ALTSVC and ORIGIN from a client", .served, .any(0xA, [], 0, [0, 0]), .any(0xC), .get(1)),
    ]
}
