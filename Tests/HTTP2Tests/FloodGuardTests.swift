import Testing

@testable import HTTP2

/// Allowances of what costs a peer nothing, in a time of the test's own.
@Suite struct FloodGuardTests {
    private static let second: Int64 = 1_000_000_000

    /// How many of a kind are admitted at one moment, up to a bound.
    private func admitted(_ guardian: inout FloodGuard, _ kind: FloodGuard.Kind, now: Int64) -> Int {
        var count = 0
        while count < 100_000, guardian.admit(kind, now: now) { count += 1 }
        return count
    }

    @Test(arguments: FloodGuard.Kind.allCases)
    func `a burst at once, then so many a second, never more than a burst`(kind: FloodGuard.Kind) {
        let (burst, rate) = FloodGuard.allowance(of: kind)
        var flood = FloodGuard(now: 7)
        #expect(admitted(&flood, kind, now: 7) == burst)
        #expect(admitted(&flood, kind, now: 7 + Self.second) == rate)
        #expect(admitted(&flood, kind, now: 7 + Self.second) == 0)
        #expect(admitted(&flood, kind, now: 7 + 3 * Self.second) == 2 * rate)
        #expect(admitted(&flood, kind, now: 7 + 4000 * Self.second) == burst)
        #expect(admitted(&flood, kind, now: .max / 2) == burst)
    }

    @Test(arguments: FloodGuard.Kind.allCases, [1, 7, 50, 99, 100, 101, 333, 999])
    func `what comes often in small steps gets its whole rate`(kind: FloodGuard.Kind, step: Int64) {
        let (burst, rate) = FloodGuard.allowance(of: kind)
        var flood = FloodGuard(now: 0)
        #expect(admitted(&flood, kind, now: 0) == burst)
        var count = 0
        var now: Int64 = 0
        while now <= 20 * Self.second {
            count += admitted(&flood, kind, now: now)
            now += step * 1_000_000
        }
        #expect(count <= 20 * rate)
        #expect(Int64(count) >= 20 * rate * 9 / 10 - 1)
    }

    @Test func `one kind takes nothing from another`() {
        var flood = FloodGuard(now: 0)
        #expect(admitted(&flood, .reset, now: 0) == 100)
        #expect(admitted(&flood, .control, now: 0) == 200)
        #expect(admitted(&flood, .window, now: 0) == 2000)
        #expect(admitted(&flood, .emptyData, now: 0) == 50)
    }

    @Test func `useful work earns, up to a burst`() {
        var flood = FloodGuard(now: 0)
        _ = admitted(&flood, .reset, now: 0)
        flood.earn(.reset, 3)
        #expect(admitted(&flood, .reset, now: 0) == 3)
        flood.earn(.reset, 1_000_000)
        #expect(admitted(&flood, .reset, now: 0) == 100)
    }

    @Test func `a clock that stands still or goes back gives nothing`() {
        var flood = FloodGuard(now: 5 * Self.second)
        _ = admitted(&flood, .control, now: 5 * Self.second)
        #expect(admitted(&flood, .control, now: 0) == 0)
        #expect(admitted(&flood, .control, now: 5 * Self.second) == 0)
    }

    private static let heads: [(UInt8, UInt8, Int, FloodGuard.Kind?)] = [
        (0, 0, 0, .emptyData), (0, 1, 0, .emptyData), (0, 0, 1, nil), (1, 4, 0, nil), (9, 4, 0, nil),
        (2, 0, 5, .control), (3, 0, 4, .control), (4, 0, 0, .control), (4, 1, 0, nil), (6, 0, 8, .control),
        (6, 1, 8, nil), (7, 0, 8, .control), (8, 0, 4, .window), (8, 1, 4, .window), (0x10, 0, 9, .control),
        (0xFF, 0, 0, .control), (5, 0, 4, .control),
    ]

    @Test(arguments: heads)
    func `each frame counts as what it is`(type: UInt8, flags: UInt8, length: Int, kind: FloodGuard.Kind?) {
        #expect(FloodGuard.kind(of: FrameScanner.Head(length: length, type: type, flags: flags)) == kind)
    }
}
