import Testing

/// Every section of RFC 9113 and RFC 7541 that a server can fail. Another server is held to the same cases
/// where FLOODGATE_H2_TARGET names it.
@Suite(HTTP2Room(), .timeLimit(.minutes(20))) struct HTTP2ConformanceTests {
    static let tables: [(name: String, table: [HTTP2Case], atLeast: Int)] = [
        ("framing", HTTP2FramingTable.table, 50), ("streams", HTTP2StreamTable.table, 55),
        ("frames", HTTP2FrameTable.table, 85), ("messages", HTTP2MessageTable.table, 120),
        ("compression", HPACKTable.table, 69),
    ]

    private func run(_ row: HTTP2Case) throws {
        guard HTTP2Room.isStrict || !row.isStrict else { return }
        let place = try #require(HTTP2Room.place)
        try HTTP2Driver(port: place.port, isStrict: HTTP2Room.isStrict).run(row)
    }

    @Test(arguments: HTTP2FramingTable.table)
    func `a connection begins and frames are cut as RFC 9113 says`(row: HTTP2Case) throws { try run(row) }

    @Test(arguments: HTTP2StreamTable.table)
    func `streams live and end as RFC 9113 says`(row: HTTP2Case) throws { try run(row) }

    @Test(arguments: HTTP2FrameTable.table)
    func `each kind of frame is taken as RFC 9113 says`(row: HTTP2Case) throws { try run(row) }

    @Test(arguments: HTTP2MessageTable.table)
    func `messages are taken as RFC 9113 says`(row: HTTP2Case) throws { try run(row) }

    @Test(arguments: HPACKTable.table)
    func `header blocks are decoded as RFC 7541 says`(row: HTTP2Case) throws { try run(row) }
}

/// That no case goes missing unseen, and that each can be told by its name.
@Suite struct HTTP2TableTests {
    @Test(arguments: HTTP2ConformanceTests.tables.indices)
    func `no case goes missing, and each has a name of its own`(index: Int) {
        let (name, table, atLeast) = HTTP2ConformanceTests.tables[index]
        #expect(table.count >= atLeast, "\(name)")
        let names = table.map(\.testDescription)
        let repeated = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
        #expect(repeated.isEmpty, "\(name)")
    }
}
