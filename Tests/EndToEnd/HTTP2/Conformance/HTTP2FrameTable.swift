/// RFC 9113 §6 and §7: each kind of frame, and codes.
enum HTTP2FrameTable {
    private typealias Code = HTTP2Code
    private typealias Kind = HTTP2Frame.Kind
    private typealias Setting = HTTP2Setting

    static let table =
        data + headers + priority + resets + settings + pushAndPing + goAway + windows + continuations

    private static let payload = Array("pingpong".utf8)
    private static let protocolError = HTTP2Case.Accepted.connection(HTTP2Code.protocolError)
    private static let frameSize = HTTP2Case.Accepted.connection(HTTP2Code.frameSize)
    /// Where the document names one of two codes, depending on how one reads it.
    private static let either = HTTP2Case.Accepted.connection(HTTP2Code.protocolError, HTTP2Code.frameSize)

    private static let data: [HTTP2Case] = [
        HTTP2Case("6.1", "DATA on stream 0", protocolError, .data(0, "x")),
        HTTP2Case(
            "6.1", "padded DATA", .served, .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [2, 120, 0, 0])),
        HTTP2Case(
            "6.1", "DATA that is all padding", .served, .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [2, 0, 0])),
        HTTP2Case(
            "6.1", "padding of no bytes", .served, .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [0, 120])),
        HTTP2Case(
            "6.1", "padding that is not zero", .served.or(protocolError), .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [2, 120, 1, 2])),
        HTTP2Case(
            "6.1", "padding as long as the payload", protocolError, .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [4, 120, 0, 0])),
        HTTP2Case(
            "6.1", "padding longer than the payload", protocolError, .post(1),
            .any(Kind.data, [.endStream, .padded], 1, [255, 120])),
        HTTP2Case(
            "6.1", "padded DATA without the length", either, .post(1),
            .any(Kind.data, [.endStream, .padded], 1)),
        HTTP2Case(
            "6.1", "empty DATA in between", .served, .post(1), .data(1, "", []), .data(1, "x", []),
            .data(1, "", .endStream)),
    ]

    private static func block(_ before: [UInt8], _ behind: [UInt8] = []) -> [UInt8] {
        before + HTTP2Case.getBlock.bytes + behind
    }

    private static let headers: [HTTP2Case] = [
        HTTP2Case("6.2", "HEADERS on stream 0", protocolError, .get(0)),
        HTTP2Case(
            "6.2", "padded HEADERS", .served,
            .any(Kind.headers, [.whole, .padded], 1, block([3], [0, 0, 0]))),
        HTTP2Case(
            "6.2", "padded HEADERS with a priority", .served,
            .any(Kind.headers, [.whole, .padded, .priority], 1, block([1, 0, 0, 0, 0, 9], [0]))),
        HTTP2Case(
            "6.2", "HEADERS with a priority", .served,
            .any(Kind.headers, [.whole, .priority], 1, block([0, 0, 0, 0, 9]))),
        HTTP2Case(
            "6.2", "padding longer than HEADERS", protocolError,
            .any(Kind.headers, [.whole, .padded], 1, block([200]))),
        HTTP2Case(
            "6.2", "padding over the priority", either,
            .any(Kind.headers, [.whole, .padded, .priority], 1, [4, 0, 0, 0, 0, 9])),
        HTTP2Case(
            "6.2", "padded HEADERS without the length", either, .any(Kind.headers, [.whole, .padded], 1)),
        HTTP2Case(
            "6.2", "a priority cut short", either, .any(Kind.headers, [.whole, .priority], 1, [0, 0, 0])),
    ]

    private static let priority: [HTTP2Case] = [
        HTTP2Case("6.3", "PRIORITY on stream 0", protocolError, .frame(.priority(0, on: 1))),
        HTTP2Case(
            "6.3", "PRIORITY of four bytes", .stream(Code.frameSize),
            .any(Kind.priority, [], 1, [0, 0, 0, 3])),
        HTTP2Case(
            "6.3", "PRIORITY of six bytes", .stream(Code.frameSize),
            .any(Kind.priority, [], 1, [0, 0, 0, 3, 1, 1])),
    ]

    private static let resets: [HTTP2Case] = [
        HTTP2Case("6.4", "RST_STREAM on stream 0", protocolError, .frame(.reset(0))),
        HTTP2Case(
            "6.4", "RST_STREAM of three bytes", frameSize, .post(1), .any(Kind.reset, [], 1, [0, 0, 8])),
        HTTP2Case(
            "6.4", "RST_STREAM of five bytes", frameSize, .post(1),
            .any(Kind.reset, [], 1, [0, 0, 0, 8, 0])),
        HTTP2Case("6.4", "an empty RST_STREAM", frameSize, .post(1), .any(Kind.reset, [], 1)),
    ]

    private static let settings: [HTTP2Case] = [
        HTTP2Case(
            "6.5", "an acknowledgement with a payload", frameSize,
            .any(Kind.settings, .ack, 0, [0, 3, 0, 0, 0, 9])),
        HTTP2Case("6.5", "SETTINGS on a stream", protocolError, .any(Kind.settings, [], 1)),
        HTTP2Case("6.5", "an acknowledgement on a stream", protocolError, .any(Kind.settings, .ack, 1)),
        HTTP2Case("6.5", "SETTINGS of five bytes", frameSize, .any(Kind.settings, [], 0, [0, 3, 0, 0, 0])),
        HTTP2Case(
            "6.5", "SETTINGS of seven bytes", frameSize, .any(Kind.settings, [], 0, [0, 3, 0, 0, 0, 1, 0])),
        HTTP2Case("6.5.2", "push that is neither off nor on", protocolError, .settings((Setting.push, 2))),
        HTTP2Case("6.5.2", "push off", .served, .settings((Setting.push, 0)), .get(1)),
        HTTP2Case("6.5.2", "push on", .served, .settings((Setting.push, 1)), .get(1)),
        HTTP2Case(
            "6.5.2", "a window beyond 2^31 - 1", .connection(Code.flowControl),
            .settings((Setting.window, 0x8000_0000))),
        HTTP2Case(
            "6.5.2", "the largest window", .served, .settings((Setting.window, 0x7FFF_FFFF)), .get(1)),
        HTTP2Case(
            "6.5.2", "a frame size below 16384", protocolError, .settings((Setting.frameSize, 16_383))),
        HTTP2Case(
            "6.5.2", "a frame size above 2^24 - 1", protocolError,
            .settings((Setting.frameSize, 16_777_216))),
        HTTP2Case(
            "6.5.2", "the largest frame size", .served, .settings((Setting.frameSize, 16_777_215)), .get(1)),
        HTTP2Case("6.5.2", "no table", .served, .settings((Setting.tableSize, 0)), .get(1)),
        HTTP2Case("6.5.2", "a table of 4 GiB", .served, .settings((Setting.tableSize, .max)), .get(1)),
        HTTP2Case("6.5.2", "no streams for the server", .served, .settings((Setting.streams, 0)), .get(1)),
        HTTP2Case("6.5.2", "a large header list", .served, .settings((Setting.headerList, .max)), .get(1)),
        HTTP2Case(
            "6.5.2", "no priorities of RFC 7540", .served, .bytes(HTTP2Client.preface),
            .settings((Setting.noPriorities, 1)), .get(1), opening: .nothing),
        HTTP2Case(
            "6.5.2", "priorities that are neither off nor on", .alive.or(protocolError),
            .bytes(HTTP2Client.preface), .settings((Setting.noPriorities, 2)), opening: .nothing),
        HTTP2Case(
            "6.5.2", "the connect protocol is a server's setting", .served.or(protocolError),
            .settings((Setting.connectProtocol, 1)), .get(1)),
        HTTP2Case(
            "6.5.3", "SETTINGS are acknowledged", .served, .settings((Setting.streams, 9)),
            .untilAcknowledged(2), .get(1)),
        HTTP2Case(
            "6.5.3", "empty SETTINGS are acknowledged", .served, .settings(), .settings(),
            .untilAcknowledged(3), .get(1)),
        HTTP2Case(
            "6.5.3", "the last of a setting holds", .served,
            .settings((Setting.window, 0), (Setting.window, 0x7FFF_FFFF), (Setting.window, 65_535)), .get(1)
        ),
        // Or the last alone, where a server folds the frame before it looks.
        HTTP2Case(
            "6.5.3", "each of a setting is checked", .alive.or(.connection(Code.flowControl)),
            .settings((Setting.window, .max), (Setting.window, 65_535))),
        HTTP2Case(
            "6.5.3", "an acknowledgement too many", .alive.or(protocolError), .frame(.settingsAck),
            .frame(.settingsAck)),
    ]

    private static let pushAndPing: [HTTP2Case] = [
        HTTP2Case(
            "6.6", "PUSH_PROMISE from a client", protocolError, .get(1),
            .any(Kind.push, .endHeaders, 1, block([0, 0, 0, 2]))),
        HTTP2Case(
            "6.6", "PUSH_PROMISE on stream 0", protocolError,
            .any(Kind.push, .endHeaders, 0, block([0, 0, 0, 2]))),
        HTTP2Case(
            "8.4", "PUSH_PROMISE where no stream is", protocolError,
            .any(Kind.push, .endHeaders, 3, block([0, 0, 0, 4]))),
        HTTP2Case("6.7", "PING", .alive, .frame(.ping(payload))),
        HTTP2Case("6.7", "an answer to no PING", .alive, .frame(.ping(payload, .ack))),
        HTTP2Case("6.7", "PING on a stream", protocolError, .any(Kind.ping, [], 1, payload)),
        HTTP2Case(
            "6.7", "PING of seven bytes", frameSize, .any(Kind.ping, [], 0, Array(payload.dropLast()))),
        HTTP2Case("6.7", "PING of nine bytes", frameSize, .any(Kind.ping, [], 0, payload + [0])),
        HTTP2Case("6.7", "an empty PING", frameSize, .any(Kind.ping)),
        HTTP2Case(
            "6.7", "PING in the middle of a body", .served, .post(1), .frame(.ping(payload)), .data(1, "x")),
    ]

    private static let goAway: [HTTP2Case] = [
        HTTP2Case(
            "6.8", "GOAWAY on a stream", protocolError,
            .any(Kind.goAway, [], 1, [UInt8](repeating: 0, count: 8))),
        HTTP2Case(
            "6.8", "GOAWAY of seven bytes", frameSize,
            .any(Kind.goAway, [], 0, [UInt8](repeating: 0, count: 7))),
        HTTP2Case(
            "6.8", "GOAWAY with words", .alive.or(.closed), .frame(.goAway(debug: Array("bye".utf8)))),
        HTTP2Case(
            "6.8", "an answer comes behind the client's GOAWAY", .servedLast, .get(1), .frame(.goAway())),
        HTTP2Case("6.8", "GOAWAY twice", .alive.or(.closed), .frame(.goAway()), .frame(.goAway())),
        HTTP2Case(
            "7", "a code that nobody knows in GOAWAY", .alive.or(.closed), .frame(.goAway(0xDEAD_BEEF))),
    ]

    private static let windows: [HTTP2Case] = [
        HTTP2Case("6.9", "WINDOW_UPDATE of 0 on the connection", protocolError, .frame(.window(0, 0))),
        HTTP2Case(
            "6.9", "WINDOW_UPDATE of 0 on a stream", .stream(Code.protocolError), .post(1),
            .frame(.window(1, 0))),
        HTTP2Case("6.9", "WINDOW_UPDATE of three bytes", frameSize, .any(Kind.window, [], 0, [0, 0, 1])),
        HTTP2Case(
            "6.9", "WINDOW_UPDATE of five bytes", frameSize, .any(Kind.window, [], 0, [0, 0, 0, 1, 0])),
        HTTP2Case(
            "6.9", "WINDOW_UPDATE of three bytes on a stream", frameSize, .post(1),
            .any(Kind.window, [], 1, [0, 0, 1])),
        HTTP2Case(
            "6.9", "the reserved bit in WINDOW_UPDATE", .served, .frame(.window(0, 0x8000_0001)), .get(1)),
        HTTP2Case(
            "6.9", "WINDOW_UPDATE of 0 but for the reserved bit", protocolError,
            .frame(.window(0, 0x8000_0000))),
        HTTP2Case(
            "6.9.1", "the connection's window beyond 2^31 - 1", .connection(Code.flowControl),
            .frame(.window(0, 0x7FFF_FFFF))),
        HTTP2Case(
            "6.9.1", "the connection's window beyond 2^31 - 1 in two steps", .connection(Code.flowControl),
            .frame(.window(0, 0x7FFF_0000)), .frame(.window(0, 0x10000))),
        HTTP2Case(
            "6.9.1", "the connection's window of 2^31 - 1", .served, .frame(.window(0, 0x7FFF_0000)),
            .get(1)),
        HTTP2Case(
            "6.9.1", "a stream's window beyond 2^31 - 1", .stream(Code.flowControl), .post(1),
            .frame(.window(1, 0x7FFF_FFFF))),
        HTTP2Case(
            "6.9.1", "a stream's window of 2^31 - 1", .served, .post(1), .frame(.window(1, 0x7FFF_0000)),
            .data(1, "x")),
        // The document asks for the connection's end; that of the stream does no more harm.
        HTTP2Case(
            "6.9.2", "settings that lift a stream's window beyond 2^31 - 1", .stream(Code.flowControl),
            .post(1), .frame(.window(1, 0x7FFF_0000)), .settings((Setting.window, 0x7FFF_FFFF))),
    ]

    private static let continuations: [HTTP2Case] = [
        HTTP2Case(
            "6.10", "CONTINUATION on stream 0", protocolError, .block(1, HTTP2Case.getBlock, .endStream),
            .continuation(0, HPACKBlock())),
        HTTP2Case(
            "6.10", "CONTINUATION behind a whole block", protocolError, .post(1),
            .continuation(1, HPACKBlock())),
        HTTP2Case(
            "6.10", "CONTINUATION behind DATA", protocolError, .post(1), .data(1, "x", []),
            .continuation(1, HPACKBlock())),
        HTTP2Case(
            "6.10", "CONTINUATION behind the last CONTINUATION", protocolError,
            .block(1, HTTP2Case.getBlock, []), .continuation(1, HPACKBlock()),
            .continuation(1, HPACKBlock())),
        HTTP2Case(
            "6.10", "two CONTINUATION frames", .served, .block(1, HTTP2Case.getBlock, .endStream),
            .continuation(1, .literal("x-one", "1"), []), .continuation(1, .literal("x-two", "2"))),
        HTTP2Case(
            "6.10", "END_STREAM on CONTINUATION means nothing", .served,
            .block(1, HTTP2Case.getBlock, .endStream),
            .continuation(1, HPACKBlock(), [.endHeaders, .endStream])),
        HTTP2Case(
            "6.10", "trailers over CONTINUATION", .served, .post(1), .data(1, "x", []),
            .block(1, HPACKBlock(), .endStream), .continuation(1, .literal("x-trailer", "1"))),
    ]
}
