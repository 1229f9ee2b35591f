import Bytes
import Foundation
import Telemetry
import Testing
import Time

@Suite struct AccessLogEncoderTests {
    static func line(
        of record: AccessRecord, query: AccessLogEncoder.Query = .presence, room: Int = 65_536
    ) -> [UInt8]? {
        var encoder = AccessLogEncoder(query: query)
        return withUnsafeTemporaryAllocation(byteCount: room + 8, alignment: 16) { region -> [UInt8]? in
            region.initializeMemory(as: UInt8.self, repeating: 0xA5)
            let length = encoder.encode(
                record, into: UnsafeMutableRawBufferPointer(rebasing: region[..<room]))
            #expect(region[room...].allSatisfy { $0 == 0xA5 }, "wrote behind its region")
            return length.map { Array(region[..<$0]) }
        }
    }

    static func text(_ record: AccessRecord, query: AccessLogEncoder.Query = .presence) -> String {
        String(decoding: line(of: record, query: query) ?? [], as: UTF8.self)
    }

    static func object(_ record: AccessRecord, query: AccessLogEncoder.Query = .presence) -> [String: Any] {
        parsed(line(of: record, query: query) ?? [])?.first ?? [:]
    }

    @Test func `an ordinary request is one line with its keys in order`() {
        let expected = #"""
            {"time":"2025-12-31T12:00:00.123Z","id":"0f8fad5bd9cb469fa16570867728950e",\#
            "trace":"4bf92f3577b34da6a3ce929d0e0e4736","client":"203.0.113.7","user":"u-7",\#
            "method":"GET","scheme":"https",\#
            "host":"app.example.com","path":"/api/trpc/profile.get","query":true,\#
            "protocol":"HTTP/1.1",\#
            "status":200,"outcome":"ok","route":"api","upstream":"app",\#
            "server":"127.0.0.1:3000","reused":true,\#
            "retries":0,"bytes_in":353,"bytes_out":1234,"head_us":10,"policy_us":2,\#
            "queue_us":0,"connect_us":1,\#
            "response_us":3000,"total_us":4000,"sequence":7,\#
            "user_agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",\#
            "referer":"https://app.example.com/profile"}

            """#
        #expect(Self.text(ordinaryRecord()) == expected)
    }

    @Test func `what is not there is left out`() {
        #expect(
            Self.text(AccessRecord()) == """
                {"time":"1970-01-01T00:00:00.000Z","scheme":"http","protocol":"HTTP/1.1",\
                "status":0,"outcome":"ok",\
                "retries":0,"bytes_in":0,"bytes_out":0,"sequence":1}

                """)
    }

    @Test func `the time is right across seconds, back and forth`() {
        var encoder = AccessLogEncoder(query: .presence)
        var record = AccessRecord()
        for (nanoseconds, expected): (Int64, String) in [
            (0, "1970-01-01T00:00:00.000Z"), (999_999_999, "1970-01-01T00:00:00.999Z"),
            (1_000_000_000, "1970-01-01T00:00:01.000Z"), (86_399_070_000_000, "1970-01-01T23:59:59.070Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_005_000_000, "2000-02-29T00:00:00.005Z"),
        ] {
            record.time = WallTime(nanoseconds: nanoseconds)
            let line = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { region in
                encoder.encode(record, into: region).map { Array(region[..<$0]) } ?? []
            }
            #expect(parsed(line)?.first?["time"] as? String == expected)
        }
    }

    @Test func `secrets in queries stay out unless settings ask for them`() {
        #expect(!Self.text(ordinaryRecord()).contains("secret"))
        var record = ordinaryRecord()
        record.referer = .empty
        #expect(Self.object(record, query: .text)["query"] as? String == "token=secret")
        record.query = nil
        #expect(Self.object(record, query: .presence)["query"] == nil)
        #expect(Self.object(record, query: .text)["query"] == nil)
    }

    @Test(arguments: [
        ("https://a.example/x?q=1", "https://a.example/x"),
        ("https://a.example/x#f?g", "https://a.example/x"),
        ("https://a.example/x", "https://a.example/x"), ("https://user:pass@a.example/x", nil), ("?q", nil),
    ])
    func `a referer loses query, fragment and any user`(given: String, expected: String?) {
        let bytes = PinnedBytes(Array(given.utf8))
        var record = AccessRecord()
        record.referer = bytes.view
        #expect(Self.object(record)["referer"] as? String == expected)
    }

    @Test func `how a call of gRPC went stands behind the status`() {
        var record = ordinaryRecord()
        record.grpcStatus = 14
        #expect(Self.text(record).contains(#""status":200,"grpc_status":14,"outcome":"ok""#))
    }

    @Test func `each byte alone gives a valid line and is told apart`() {
        var wrong: [[UInt8]] = []
        for length in [1, 3, 4, 7, 8, 15, 16, 17, 31, 33] {
            for position in [0, length / 2, length - 1] {
                for byte in UInt8.min...UInt8.max {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes[position] = byte
                    let pinned = PinnedBytes(bytes)
                    var record = AccessRecord()
                    record.path = pinned.view
                    // A byte that is no UTF-8 of its own stands for the character of its value.
                    let expected = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
                    let line = Self.line(of: record, room: 1024) ?? []
                    let written = parsed(line)?.first?["path"] as? String
                    if written?.unicodeScalars.elementsEqual(expected.unicodeScalars) != true {
                        wrong.append(bytes)
                    }
                }
            }
        }
        #expect(wrong == [])
    }

    @Test func `valid UTF-8 stays, terminal controls do not`() {
        let pinned = PinnedBytes(Array("/é/漢字/🙂/\u{9B}31m/\u{1B}[0m/\u{7F}".utf8))
        var record = AccessRecord()
        record.path = pinned.view
        let line = Self.text(record)
        #expect(line.contains(#""path":"/é/漢字/🙂/\u009b31m/\u001b[0m/\u007f""#))
    }

    @Test(
        arguments: [
            [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x99], [0xC3, 0x22], [0x80, 0xBF], [0xFF, 0xFE],
        ] as [[UInt8]])
    func `invalid UTF-8 is escaped byte by byte`(bytes: [UInt8]) {
        let pinned = PinnedBytes(bytes)
        var record = AccessRecord()
        record.path = pinned.view
        let written = Self.object(record)["path"] as? String
        #expect(written?.unicodeScalars.elementsEqual(bytes.map { Unicode.Scalar($0) }) == true)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `hostile bytes in every field give one valid line`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let fields = (0..<12).map { _ in
                let length = Int.random(in: 0...Int.random(in: 0...6000, using: &random), using: &random)
                // From mostly printable to mostly not, with quotes and pieces of UTF-8 often.
                let alphabet: [UInt8] = [
                    0x22, 0x5C, 0x0A, 0x00, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x7F,
                ]
                let share = Int.random(in: 0...100, using: &random)
                return PinnedBytes(
                    (0..<length).map { _ in
                        guard Int.random(in: 0..<100, using: &random) < share else { return 0x61 }
                        return Bool.random(using: &random)
                            ? UInt8.random(in: 0...255, using: &random)
                            : alphabet.randomElement(using: &random)!
                    })
            }
            var record = AccessRecord()
            (record.requestID, record.traceID, record.client) = (
                fields[0].view, fields[1].view, fields[2].view
            )
            (record.method, record.host, record.path) = (fields[3].view, fields[4].view, fields[5].view)
            (record.query, record.route, record.upstream) = (fields[6].view, fields[7].view, fields[8].view)
            (record.server, record.limitRule, record.userAgent) = (
                fields[9].view, fields[10].view, fields[11].view
            )
            (record.referer, record.user) = (fields[5].view, fields[8].view)
            guard let line = Self.line(of: record, query: .text) else {
                Issue.record("seed \(seed): the line did not fit into a block")
                continue
            }
            #expect(line.filter { $0 < 0x20 || $0 == 0x7F } == [0x0A], "seed \(seed)")
            #expect(parsed(line)?.count == 1, "seed \(seed): \(line)")
        }
    }

    @Test func `long fields are cut at a character and say so`() {
        for shift in 0..<4 {
            let text = String(repeating: "a", count: shift) + String(repeating: "🙂", count: 4000)
            let pinned = PinnedBytes(Array(text.utf8))
            var record = AccessRecord()
            record.path = pinned.view
            record.userAgent = pinned.view
            record.user = pinned.view
            let object = Self.object(record)
            #expect((object["user"] as? String ?? "").utf8.count <= AccessLogEncoder.Limit.user + 3)
            let path = object["path"] as? String ?? ""
            #expect(path.utf8.count <= AccessLogEncoder.Limit.path + 3)
            #expect(path.utf8.count > AccessLogEncoder.Limit.path - 4)
            #expect(path.hasSuffix("🙂…") && text.hasPrefix(path.dropLast()))
            #expect(
                (object["user_agent"] as? String ?? "").utf8.count <= AccessLogEncoder.Limit.userAgent + 3)
        }
    }

    @Test func `the longest line fits into an empty block`() {
        let pinned = PinnedBytes([UInt8](repeating: 0x01, count: 10_000))
        var record = ordinaryRecord()
        (record.requestID, record.traceID, record.client) = (pinned.view, pinned.view, pinned.view)
        (record.method, record.host, record.path) = (pinned.view, pinned.view, pinned.view)
        (record.query, record.route, record.upstream) = (pinned.view, pinned.view, pinned.view)
        (record.server, record.limitRule, record.userAgent) = (pinned.view, pinned.view, pinned.view)
        (record.referer, record.user) = (pinned.view, pinned.view)
        (record.bytesIn, record.bytesOut, record.retries, record.sequence) = (.max, .max, .max, .max)
        #expect(Self.line(of: record, query: .text) != nil)
        #expect(Self.object(record)["bytes_in"] as? Int == .max)
    }

    @Test func `a region that is too small gets nothing and nothing behind it is touched`() {
        let pinned = PinnedBytes(Array("/\u{1}\"é/plain/and/long/enough/for/blocks".utf8))
        var record = ordinaryRecord()
        record.path = pinned.view
        let length = Self.line(of: record)?.count ?? 0
        for room in 1..<length { #expect(Self.line(of: record, room: room) == nil) }
        #expect(Self.line(of: record, room: length)?.count == length)
    }
}
