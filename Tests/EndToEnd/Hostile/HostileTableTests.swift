import Testing

/// How many cases stand in the tables, so that none goes missing unseen, and that each can be told by its
/// name.
@Suite struct HostileTableTests {
    static let tables: [(row: String, table: [HostileCase], atLeast: Int)] = [
        ("1 framing", HostileFramingTests.table, 242), ("2 lines", HostileLineTests.table, 354),
        ("2 chunks", HostileChunkTests.table, 341), ("3 bodies", HostileBodyTests.table, 28),
        ("4 upgrade", HostileUpgradeTests.table, 70), ("6 aliases", HostileAliasTests.table, 137),
        ("7 hop by hop", HostileHopTests.table, 117), ("8 strangers", HostileStrangerTests.table, 86),
        ("8 proxies", HostileProxyTests.table, 74), ("8 balancers", HostileBalancerTests.table, 36),
        ("9 paths", HostilePathTests.table, 198), ("10 hosts", HostileHostTests.table, 163),
        ("15 frameworks", HostileFrameworkTests.table, 50),
    ]

    @Test(arguments: tables.indices)
    func `no case goes missing, and each has a name and bytes of its own`(index: Int) {
        let (row, table, atLeast) = Self.tables[index]
        #expect(table.count >= atLeast, "\(row)")
        #expect(Set(table.map(\.name)).count == table.count, "\(row): \(Self.repeated(table.map(\.name)))")
        #expect(Set(table.map(\.text)).count == table.count, "\(row): \(Self.repeated(table.map(\.text)))")
    }

    @Test func `there are as many as there were`() {
        let requests = Self.tables.map(\.table.count).reduce(0, +)
        #expect(requests >= 1896)
        #expect(HostileAnswerTests.table.count >= 60)
        #expect(HostileAdminTests.table.count >= 100)
    }

    private static func repeated(_ texts: [String]) -> [String] {
        Dictionary(grouping: texts) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }
}
