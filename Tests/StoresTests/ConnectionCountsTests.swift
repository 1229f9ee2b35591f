import Stores
import Testing

@Suite struct ConnectionCountsTests {
    @Test func `a holder has as many connections as the limit says, and others are not its concern`() {
        let counts = ConnectionCounts()
        for _ in 0..<3 { verify(counts.enter(7, limit: 3)) }
        verify(!counts.enter(7, limit: 3))
        verify(counts.enter(8, limit: 3))
        counts.leave(7)
        verify(counts.enter(7, limit: 3))
        verify(!counts.enter(7, limit: 3))
        expectEqual(counts.totals.connections, 4)
    }

    @Test func `holders that have left are forgotten`() {
        let counts = ConnectionCounts()
        for holder in 0..<1000 { verify(counts.enter(UInt128(holder) << 64, limit: 1)) }
        expectEqual(counts.totals.holders, 1000)
        for holder in 0..<1000 { counts.leave(UInt128(holder) << 64) }
        expectEqual(counts.totals.holders, 0)
        expectEqual(counts.totals.connections, 0)
    }
}
