import Foundation
import Testing

/// Floods (security.md 13): rapid reset (CVE-2023-44487), resets that the server is provoked to
/// (CVE-2025-8671), CONTINUATION (CVE-2024-27316 and kin), and what else is cheap to send.
@Suite(HTTP2Room(), .serialized, .timeLimit(.minutes(20))) struct HTTP2FloodTests {
    typealias Flood = HTTP2Flood

    static let table: [Flood] = [resets, provoked, blocks, cheap].flatMap(\.self)

    @Test(arguments: table)
    func `a flood ends its connection, and another client goes on being served`(flood: HTTP2Flood) throws {
        let place = try #require(HTTP2Room.place)
        let neighbour = try HTTP2Client(port: place.port)
        try neighbour.greet()
        var stream: UInt32 = 1
        func neighbourIsServed() throws {
            let status = try neighbour.ask(stream).status
            #expect(status == 200)
            stream += 2
        }
        try neighbourIsServed()
        let memory = place.gateway?.process.residentBytes ?? 0
        let client = try HTTP2Client(port: place.port, limit: .seconds(4))
        try client.greet()
        let sent = try flood.run(client, between: neighbourIsServed)
        client.takeWhatCame()
        if flood.isHarmless {
            #expect(sent == nil || client.goAways.last.map { flood.codes.contains($0.code) } == true)
        } else {
            #expect(sent != nil, "it goes on behind \(flood.limit) frames: \(client.summary)")
        }
        if HTTP2Room.isStrict, let goAway = client.goAways.last(where: { $0.code != HTTP2Code.none }) {
            #expect(flood.codes.contains(goAway.code), "\(client.summary)")
        } else if HTTP2Room.isStrict {
            #expect(!flood.isTold, "no GOAWAY: \(client.summary)")
        }
        client.close()
        try neighbourIsServed()
        let fresh = try HTTP2Client(port: place.port)
        try fresh.greet()
        #expect(try fresh.ask(1).status == 200)
        let grown = (place.gateway?.process.residentBytes ?? memory) - memory
        #expect(grown < 64 << 20, "the gateway has grown by \(grown) bytes")
    }

    @Test func `no flood goes missing`() {
        #expect(Self.table.count >= 30)
        #expect(Set(Self.table.map(\.name)).count == Self.table.count)
    }

    // MARK: Resets by the client

    private static let resets: [Flood] = [
        Flood(name: "rapid reset", limit: 4000, isTold: true) {
            [.held(Flood.stream($0)), .reset(Flood.stream($0))]
        },
        Flood(name: "rapid reset of what is answered", limit: 4000, isTold: true) {
            [.answered(Flood.stream($0)), .reset(Flood.stream($0))]
        },
        Flood(name: "rapid reset with bodies begun", limit: 6000, isTold: true) {
            let stream = Flood.stream($0)
            return [.held(stream, .endHeaders), .data(stream, [1]), .reset(stream)]
        },
        Flood(name: "rapid reset with NO_ERROR", limit: 4000, isTold: true) {
            [.held(Flood.stream($0)), .reset(Flood.stream($0), HTTP2Code.none)]
        },
        Flood(name: "rapid reset by the hundred", limit: 8000, batch: 200, isTold: true) { index in
            let first = Flood.stream(index * 90)
            let streams = (0..<90).map { first + UInt32($0) * 2 }
            return streams.map { HTTP2Frame.held($0) } + streams.map { HTTP2Frame.reset($0) }
        },
    ]

    // MARK: Resets by the server (CVE-2025-8671)

    private static let faults: Set = [
        HTTP2Code.calm, HTTP2Code.protocolError, HTTP2Code.streamClosed, HTTP2Code.flowControl,
        HTTP2Code.frameSize,
    ]

    /// A request, and behind it what provokes its reset.
    private static func provoking(
        _ name: String, _ frames: @escaping @Sendable (UInt32) -> [HTTP2Frame]
    ) -> Flood {
        Flood(name: "resets provoked by \(name)", limit: 6000, codes: faults) { index in
            frames(Flood.stream(index))
        }
    }

    private static let provoked: [Flood] = [
        provoking("WINDOW_UPDATE of 0") { [.held($0), .window($0, 0)] },
        provoking("a window beyond 2^31 - 1") { [.held($0), .window($0, 0x7FFF_FFFF)] },
        provoking("DATA on a half-closed stream") { [.held($0), .data($0, [1])] },
        provoking("HEADERS on a half-closed stream") { [.held($0), .held($0)] },
        provoking("PRIORITY of four bytes") {
            [.held($0), HTTP2Frame(kind: HTTP2Frame.Kind.priority, stream: $0, payload: [0, 0, 0, 0])]
        },
        provoking("PRIORITY on itself") { [.held($0), .priority($0, on: $0), .reset($0)] },
        provoking("trailers that do not end the stream") {
            [.held($0, .endHeaders), .headers($0, .literal("x-a", "1"), .endHeaders)]
        },
        provoking("upper-case names") { [.headers($0, HTTP2Case.getBlock + .literal("X-A", "1"))] },
        provoking("a missing :path") { [.headers($0, .literal(":method", "GET"))] },
        provoking("connection fields") {
            [.headers($0, HTTP2Case.getBlock + .literal("connection", "close"))]
        },
        provoking("bodies beyond their length") {
            [
                .headers(
                    $0, .fields(HTTP2Case.post("/held")) + .literal("content-length", "1"), .endHeaders),
                .data($0, [1, 2]),
            ]
        },
        Flood(
            name: "resets provoked by streams beyond the limit", limit: 6000,
            codes: faults.union([HTTP2Code.refused])
        ) {
            [.held(Flood.stream($0))]
        },
    ]

    // MARK: Header blocks

    private static let blockCodes: Set = [
        HTTP2Code.calm, HTTP2Code.protocolError, HTTP2Code.compression, HTTP2Code.internalError,
    ]

    /// A block that fills the table with one entry, and then names it again and again.
    private static func bomb(_ count: Int) -> HPACKBlock {
        let entry = HPACKBlock.literal("x-bomb", String(repeating: "b", count: 4000), .incremental)
        return HTTP2Case.getBlock + entry + .raw([UInt8](repeating: 0xBE, count: count))
    }

    private static let blocks: [Flood] = [
        Flood(
            name: "empty CONTINUATION", limit: 2000, opening: [.answered(1, .endStream)], codes: blockCodes
        ) { _ in
            [.continuation(1, HPACKBlock(), [])]
        },
        Flood(
            name: "CONTINUATION of one field", limit: 2000, opening: [.answered(1, .endStream)],
            codes: blockCodes
        ) {
            [.continuation(1, .literal("x-\($0)", "1"), [])]
        },
        Flood(
            name: "CONTINUATION of 16 KiB", limit: 100, batch: 10, opening: [.answered(1, .endStream)],
            codes: blockCodes
        ) { _ in
            let value = String(repeating: "a", count: 16_000)
            return [.continuation(1, .literal("x-a", value), [])]
        },
        Flood(
            name: "CONTINUATION of one byte", limit: 2000, opening: [.answered(1, .endStream)],
            codes: blockCodes
        ) { _ in
            [.continuation(1, .raw([0x82]), [])]
        },
        Flood(
            name: "CONTINUATION of size updates", limit: 2000,
            opening: [.headers(1, HPACKBlock(), .endStream)], codes: blockCodes
        ) { _ in
            [.continuation(1, .raw([UInt8](repeating: 0x20, count: 1000)), [])]
        },
        Flood(name: "one entry named ten thousand times", limit: 600, batch: 10, codes: blockCodes) {
            index in
            [.headers(Flood.stream(index), bomb(10_000))]
        },
        Flood(
            name: "one entry named a few times too often", limit: 4000,
            codes: blockCodes.union([HTTP2Code.refused])
        ) { index in
            [.headers(Flood.stream(index), bomb(8)), .reset(Flood.stream(index))]
        },
    ]

    // MARK: What is cheap to send

    private static let ping = HTTP2Frame.ping(Array("floodgat".utf8))

    private static let cheap: [Flood] = [
        Flood(name: "PING", limit: 20_000) { _ in [ping] },
        Flood(name: "PING without reading", limit: 20_000, isDeaf: true) { _ in [ping] },
        Flood(name: "SETTINGS", limit: 20_000) { _ in
            [HTTP2Frame.settings([(HTTP2Setting.window, UInt32(65_535))])]
        },
        Flood(name: "empty SETTINGS", limit: 20_000) { _ in [.settings()] },
        Flood(name: "SETTINGS without reading", limit: 20_000, isDeaf: true) { _ in [.settings()] },
        Flood(
            name: "SETTINGS that move the window of a hundred streams", limit: 20_000,
            opening: (0..<90).map { HTTP2Frame.held(Flood.stream($0)) }
        ) {
            [.settings([(HTTP2Setting.window, 65_535 + UInt32($0 % 2))])]
        },
        Flood(name: "empty DATA", limit: 20_000, opening: [.held(1, .endHeaders)]) { _ in [.data(1, [])] },
        Flood(
            name: "DATA of padding alone", limit: 20_000, opening: [.held(1, .endHeaders)],
            codes: [HTTP2Code.calm, HTTP2Code.flowControl]
        ) { _ in
            [HTTP2Frame(kind: HTTP2Frame.Kind.data, flags: .padded, stream: 1, payload: [0])]
        },
        Flood(
            name: "empty DATA on a closed stream", limit: 20_000,
            opening: [.held(1, .endHeaders), .reset(1)], codes: [HTTP2Code.calm, HTTP2Code.streamClosed]
        ) { _ in
            [.data(1, [])]
        },
        Flood(name: "WINDOW_UPDATE of the connection", limit: 100_000, batch: 1000) { _ in [.window(0, 1)]
        },
        Flood(name: "WINDOW_UPDATE of a stream", limit: 100_000, batch: 1000, opening: [.held(1)]) { _ in
            [.window(1, 1)]
        },
        Flood(name: "PRIORITY", limit: 100_000, batch: 1000) {
            [.priority(Flood.stream($0 % 1000), on: 0)]
        },
        Flood(name: "PRIORITY_UPDATE", limit: 100_000, batch: 1000, isHarmless: true) {
            [.priorityUpdate(of: Flood.stream($0 % 1000), "u=1")]
        },
        Flood(
            name: "RST_STREAM on a closed stream", limit: 100_000, batch: 1000,
            opening: [.held(1), .reset(1)], codes: [HTTP2Code.calm, HTTP2Code.streamClosed]
        ) { _ in
            [.reset(1)]
        },
        Flood(name: "unknown frames", limit: 100_000, batch: 1000, isHarmless: true) { _ in
            [HTTP2Frame(kind: HTTP2Frame.Kind.unknown)]
        },
        Flood(
            name: "acknowledgements of SETTINGS", limit: 100_000, batch: 1000, isHarmless: true,
            codes: [HTTP2Code.calm, HTTP2Code.protocolError]
        ) { _ in [.settingsAck] },
        Flood(name: "answers to PING", limit: 100_000, batch: 1000, isHarmless: true) { _ in
            [.ping(ping.payload, .ack)]
        },
    ]
}

extension HTTP2Frame {
    /// A whole request that is answered at once.
    fileprivate static func answered(_ stream: UInt32, _ flags: Flags = .whole) -> HTTP2Frame {
        HTTP2Flood.get(stream, flags)
    }

    /// A whole request that is never answered.
    fileprivate static func held(_ stream: UInt32, _ flags: Flags = .whole) -> HTTP2Frame {
        HTTP2Flood.held(stream, flags)
    }
}
