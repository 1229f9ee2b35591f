/// RFC 9113 §3 and §4: how a connection begins, and frames as such.
enum HTTP2FramingTable {
    private typealias Code = HTTP2Code
    private typealias Kind = HTTP2Frame.Kind

    private static let preface = HTTP2Client.preface
    private static let settings = HTTP2Frame.settings().bytes
    private static let ping = HTTP2Frame.ping(Array("pingpong".utf8))

    static let table = beginnings + formats + sizes + blocks

    private static let beginnings: [HTTP2Case] = [
        HTTP2Case(
            "3.4", "the preface byte by byte", .served, .dripped(preface + settings), .get(1),
            opening: .nothing),
        HTTP2Case("3.4", "the preface and a request at once", .served, .get(1)),
        HTTP2Case(
            "3.4", "a preface whose last bytes are others", .closed,
            .bytes("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".latin1 + settings), opening: .nothing, probed: false),
        HTTP2Case(
            "3.4", "a preface in lower case", .closed,
            .bytes("pri * http/2.0\r\n\r\nsm\r\n\r\n".latin1 + settings),
            opening: .nothing, probed: false),
        HTTP2Case(
            "3.4", "a preface of another version", .closed,
            .bytes("PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n".latin1 + settings), opening: .nothing, probed: false),
        HTTP2Case(
            "3.4", "HEADERS before SETTINGS", .connection(Code.protocolError).or(.closed), .bytes(preface),
            .get(1), opening: .nothing),
        HTTP2Case(
            "3.4", "PING before SETTINGS", .connection(Code.protocolError).or(.closed), .bytes(preface),
            .frame(ping), opening: .nothing),
        HTTP2Case(
            "3.4", "an unknown frame before SETTINGS", .connection(Code.protocolError).or(.closed),
            .bytes(preface), .any(Kind.unknown), opening: .nothing),
        HTTP2Case(
            "3.4", "an acknowledgement in the place of SETTINGS",
            .connection(Code.protocolError).or(.closed), .bytes(preface), .frame(.settingsAck),
            opening: .nothing, strict: true),
        HTTP2Case(
            "3.4", "malformed SETTINGS right behind the preface", .connection(Code.frameSize),
            .bytes(preface),
            .any(Kind.settings, [], 0, [0, 3, 0]), opening: .nothing),
        HTTP2Case(
            "3.4", "a second preface", .connection(Code.frameSize, Code.protocolError), .bytes(preface)),
    ]

    private static let formats: [HTTP2Case] = [
        HTTP2Case(
            "4.1", "a frame of an unknown kind", .served, .any(Kind.unknown, [], 0, [1, 2, 3]), .get(1)),
        HTTP2Case(
            "4.1", "a frame of an unknown kind on an open stream", .served, .post(1),
            .any(Kind.unknown, [], 1, [1]), .data(1, "x")),
        HTTP2Case(
            "4.1", "a frame of an unknown kind on an idle stream",
            .alive.or(.connection(Code.protocolError)), .any(Kind.unknown, [], 7)),
        HTTP2Case(
            "4.1", "a frame of an unknown kind with all flags", .served,
            .any(0xFF, [.undefined, .endHeaders, .endStream, .padded, .priority], 0, [9]), .get(1)),
        HTTP2Case(
            "4.1", "undefined flags on HEADERS", .served,
            .headers(1, HTTP2Case.get(), [.whole, .undefined])),
        HTTP2Case(
            "4.1", "undefined flags on DATA", .served, .post(1), .data(1, "x", [.endStream, .undefined])),
        HTTP2Case("4.1", "undefined flags on PING", .alive, .any(Kind.ping, .undefined, 0, ping.payload)),
        HTTP2Case("4.1", "undefined flags on SETTINGS", .served, .any(Kind.settings, .undefined), .get(1)),
        HTTP2Case(
            "4.1", "undefined flags on WINDOW_UPDATE", .served,
            .any(Kind.window, .undefined, 0, [0, 0, 0, 9]), .get(1)),
        HTTP2Case(
            "4.1", "undefined flags on RST_STREAM", .alive, .post(1),
            .any(Kind.reset, .undefined, 1, [0, 0, 0, 8])),
        HTTP2Case(
            "4.1", "the reserved bit on PING", .alive, .any(Kind.ping, [], 0x8000_0000, ping.payload)),
        HTTP2Case(
            "4.1", "the reserved bit on HEADERS", .served,
            .any(Kind.headers, .whole, 0x8000_0001, HTTP2Case.getBlock.bytes)),
        HTTP2Case(
            "4.1", "the reserved bit on DATA", .served, .post(1),
            .any(Kind.data, .endStream, 0x8000_0001, [120])),
    ]

    private static let over = [UInt8](repeating: 0, count: HTTP2Frame.largest + 1)

    private static let sizes: [HTTP2Case] = [
        HTTP2Case(
            "4.2", "DATA of the largest size", .served, .post(1),
            .frame(.data(1, [UInt8](repeating: 120, count: HTTP2Frame.largest), .endStream))),
        HTTP2Case(
            "4.2", "DATA beyond the largest size", .stream(Code.frameSize), .post(1),
            .frame(.data(1, over, .endStream))),
        HTTP2Case(
            "4.2", "HEADERS beyond the largest size", .connection(Code.frameSize),
            .block(1, HTTP2Case.getBlock + .raw([UInt8](repeating: 0x82, count: HTTP2Frame.largest)))),
        HTTP2Case(
            "4.2", "CONTINUATION beyond the largest size", .connection(Code.frameSize),
            .block(1, HTTP2Case.getBlock, .endStream),
            .continuation(1, .literal("x-a", String(repeating: "a", count: HTTP2Frame.largest)))),
        HTTP2Case(
            "4.2", "SETTINGS beyond the largest size", .connection(Code.frameSize),
            .any(Kind.settings, [], 0, [UInt8](repeating: 0, count: 6 * 2731))),
        HTTP2Case(
            "4.2", "PING beyond the largest size", .connection(Code.frameSize), .any(Kind.ping, [], 0, over)
        ),
        HTTP2Case(
            "4.2", "GOAWAY beyond the largest size", .connection(Code.frameSize),
            .any(Kind.goAway, [], 0, over)),
        HTTP2Case(
            "4.2", "an unknown frame of the largest size", .alive,
            .any(Kind.unknown, [], 0, Array(over.dropLast()))),
        HTTP2Case(
            "4.2", "an unknown frame beyond the largest size", .connection(Code.frameSize),
            .any(Kind.unknown, [], 0, over)),
        HTTP2Case(
            "4.2", "a frame that says it has 16 MiB", .connection(Code.frameSize),
            .bytes(HTTP2Frame.header(0xFF_FFFF, Kind.data, [], 1)), .bytes(over)),
    ]

    /// Frames that may not stand between HEADERS and CONTINUATION (§4.3, §6.2).
    private static let intruders: [(String, HTTP2Frame)] = [
        ("PRIORITY", .priority(1)), ("HEADERS on another stream", .headers(3, HTTP2Case.getBlock)),
        ("HEADERS on the same stream", .headers(1, HTTP2Case.getBlock)), ("DATA", .data(1, [1])),
        ("PING", ping), ("SETTINGS", .settings()), ("WINDOW_UPDATE", .window(0, 1)),
        ("RST_STREAM", .reset(1)),
        ("GOAWAY", .goAway()), ("an unknown frame", HTTP2Frame(kind: Kind.unknown)),
        ("an unknown frame on the stream", HTTP2Frame(kind: Kind.unknown, stream: 1)),
        ("CONTINUATION on another stream", .continuation(3, HPACKBlock())),
        ("PRIORITY_UPDATE", .priorityUpdate(of: 1, "u=1")),
    ]

    private static let blocks: [HTTP2Case] =
        intruders.map { name, frame in
            HTTP2Case(
                "6.2", "\(name) inside of a header block", .connection(Code.protocolError),
                .block(1, HTTP2Case.getBlock, .endStream), .frame(frame), .continuation(1, HPACKBlock()))
        } + [
            HTTP2Case(
                "4.3", "a block cut in the middle of a field", .served,
                .block(1, .raw(Array(HTTP2Case.getBlock.bytes.prefix(20))), .endStream),
                .continuation(1, .raw(Array(HTTP2Case.getBlock.bytes.dropFirst(20))))),
            HTTP2Case(
                "4.3", "an empty HEADERS frame with the block in CONTINUATION", .served,
                .block(1, HPACKBlock(), .endStream), .continuation(1, HTTP2Case.getBlock)),
            HTTP2Case(
                "4.3", "an empty last CONTINUATION", .served, .block(1, HTTP2Case.getBlock, .endStream),
                .continuation(1, HPACKBlock())),
            HTTP2Case(
                "4.3", "an empty block", .malformed.or(.connection(Code.compression)),
                .block(1, HPACKBlock())
            ),
            HTTP2Case(
                "4.3", "a block that ends inside of a field", .connection(Code.compression),
                .block(1, HTTP2Case.getBlock + .raw([0x00, 0x05, 0x61]))),
            HTTP2Case(
                "4.3", "the table is kept through a malformed request", .served.on(3),
                .block(
                    1, HTTP2Case.getBlock + .literal("UPPER", "x") + .literal("x-kept", "1", .incremental)),
                .block(3, HTTP2Case.getBlock + .indexed(62))),
            HTTP2Case(
                "4.3", "the table is kept through a block in trailers", .served.on(3), .post(1),
                .block(1, .literal("x-kept", "1", .incremental)),
                .block(3, HTTP2Case.getBlock + .indexed(62))),
            HTTP2Case(
                "4.3", "the table is kept through a block on a closed stream",
                .served.on(3).or(.connection(Code.streamClosed, Code.protocolError)), .get(1),
                .untilOver(1), .block(1, .literal("x-kept", "1", .incremental)),
                .block(3, HTTP2Case.getBlock + .indexed(62))),
        ]
}
