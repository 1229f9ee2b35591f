import Testing

@testable import TLS

/// Keys of session tickets.
@Suite struct TicketKeysTests {
    @Test(arguments: Array(0...200))
    func `a key has 80 bytes or 48`(size: Int) {
        let key = TicketKeys.Key(bytes: (0..<size).map { UInt8($0) })
        #expect((key != nil) == (size == 80 || size == 48))
    }

    @Test func `its parts stand where other servers look for them`() throws {
        let long = try #require(TicketKeys.Key(bytes: (0..<80).map { UInt8($0) }))
        #expect(long.name == Array(0..<16))
        #expect(long.macKey == Array(16..<48))
        #expect(long.cipherKey == Array(48..<80))
        let short = try #require(TicketKeys.Key(bytes: (0..<48).map { UInt8($0) }))
        #expect(short.name == Array(0..<16))
        #expect(short.cipherKey == Array(16..<32))
        #expect(short.macKey == Array(32..<48))
    }

    @Test func `random keys differ`() { #expect(TicketKeys.Key.random() != TicketKeys.Key.random()) }
}
