import Testing

/// RFC 7541, Appendix C, through the decoder that these tests hold servers with.
@Suite struct HPACKVectorTests {
    struct Vector: CustomTestStringConvertible, Sendable {
        let name: String
        /// Of the decoder's table.
        var capacity = 4096
        /// One line for each block, and what the table takes behind it.
        let blocks: [(hex: String, fields: [String], size: Int)]
        var testDescription: String { name }
    }

    private static let requests = [
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        [
            ":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
            "cache-control: no-cache",
        ],
        [
            ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
            "custom-key: custom-value",
        ],
    ]

    private static func answer(_ status: String, second: String, _ more: String...) -> [String] {
        [
            ":status: \(status)", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:\(second) GMT",
            "location: https://www.example.com",
        ] + more
    }

    private static let answers = [
        answer("302", second: "21"), answer("307", second: "21"),
        answer(
            "200", second: "22", "content-encoding: gzip",
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ]

    static let vectors = [
        Vector(
            name: "C.2.1",
            blocks: [
                ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", ["custom-key: custom-header"], 55)
            ]),
        Vector(name: "C.2.2", blocks: [("040c2f73616d706c652f70617468", [":path: /sample/path"], 0)]),
        Vector(name: "C.2.3", blocks: [("100870617373776f726406736563726574", ["password: secret"], 0)]),
        Vector(name: "C.2.4", blocks: [("82", [":method: GET"], 0)]),
        Vector(
            name: "C.3",
            blocks: [
                ("828684410f7777772e6578616d706c652e636f6d", requests[0], 57),
                ("828684be58086e6f2d6361636865", requests[1], 110),
                ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", requests[2], 164),
            ]),
        Vector(
            name: "C.4",
            blocks: [
                ("828684418cf1e3c2e5f23a6ba0ab90f4ff", requests[0], 57),
                ("828684be5886a8eb10649cbf", requests[1], 110),
                ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", requests[2], 164),
            ]),
        Vector(
            name: "C.5", capacity: 256,
            blocks: [
                (
                    "4803333032580770726976617465611d4d6f6e2c2032"
                        + "31204f637420323031332032303a31333a323120474d54"
                        + "6e1768747470733a2f2f7777772e6578616d706c652e636f6d", answers[0], 222
                ),
                ("4803333037c1c0bf", answers[1], 222),
                (
                    "88c1611d4d6f6e2c203231204f637420323031332032"
                        + "303a31333a323220474d54c05a04677a69707738666f6f"
                        + "3d4153444a4b48514b425a584f5157454f5049554158"
                        + "5157454f49553b206d61782d6167653d333630303b20"
                        + "76657273696f6e3d31", answers[2], 215
                ),
            ]),
        Vector(
            name: "C.6", capacity: 256,
            blocks: [
                (
                    "488264025885aec3771a4b6196d07abe941054d444a8"
                        + "200595040b8166e082a62d1bff6e919d29ad171863c78f"
                        + "0b97c8e9ae82ae43d3", answers[0], 222
                ),
                ("4883640effc1c0bf", answers[1], 222),
                (
                    "88c16196d07abe941054d444a8200595040b8166e084"
                        + "a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
                        + "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
                    answers[2],
                    215
                ),
            ]),
    ]

    @Test(arguments: vectors)
    func `the examples of the document decode as it says`(vector: Vector) throws {
        var decoder = HPACKDecoder()
        if vector.capacity != 4096 { _ = try decoder.decode(HPACKBlock.sizeUpdate(vector.capacity).bytes) }
        for (hex, fields, size) in vector.blocks {
            let decoded = try decoder.decode(Self.bytes(hex))
            #expect(decoded.map { "\($0.name): \($0.value)" } == fields)
            #expect(decoded.contains(where: \.isNeverIndexed) == (vector.name == "C.2.3"))
            #expect(decoder.tableSize == size)
        }
    }

    @Test func `integers are written as in the examples`() {
        #expect(HPACKBlock.integer(10, prefix: 5, pattern: 0) == [10])
        #expect(HPACKBlock.integer(1337, prefix: 5, pattern: 0) == [31, 154, 10])
        #expect(HPACKBlock.integer(42, prefix: 8, pattern: 0) == [42])
    }

    @Test func `the Huffman code is complete and its own inverse`() throws {
        let codes = HPACKHuffman.codes
        #expect(codes.reduce(0) { $0 + (1 << (30 - $1.length)) } == 1 << 30)
        #expect(codes[HPACKHuffman.end] == HPACKHuffman.Code(length: 30, bits: 0x3FFF_FFFF))
        let text = (0...255).map { UInt8($0) }
        #expect(try HPACKHuffman.decode(HPACKHuffman.encode(text)[...]) == text)
    }

    @Test(arguments: HPACKTable.table)
    func `what a server must refuse, the decoder refuses too`(row: HTTP2Case) {
        var decoder = HPACKDecoder()
        var hasFailed = false
        for case .frame(let frame) in row.steps where frame.kind == HTTP2Frame.Kind.headers {
            if (try? decoder.decode(frame.payload)) == nil { hasFailed = true }
        }
        let mayServe = row.accepted.served || !row.accepted.statuses.isEmpty
        if !mayServe { #expect(hasFailed) }
        if row.accepted.goAways.isEmpty { #expect(!hasFailed) }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
