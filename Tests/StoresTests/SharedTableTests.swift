import Bytes
import Stores
import Synchronization
import Testing
import Time

struct SharedTableTests {
    @Test func `an entry holds until its end and not a moment longer`() {
        let table = SharedTable(.revocations)
        expectEqual(table.put("a", "why", expires: wall(100), now: wall(10)), .stored)
        expectEqual(table.value(of: "a", now: wall(99)), "why")
        expectEqual(table.value(of: "a", now: wall(100)), nil)
        expectEqual(table.value(of: "b", now: wall(10)), nil)
        expectEqual(table.count, 1)
        expectEqual(table.removeExpired(now: wall(100)), 1)
        expectEqual(table.count, 0)
        expectEqual(table.put("a", expires: wall(10), now: wall(10)), .expired)
    }

    @Test func `a key without end holds`() {
        let table = SharedTable(.apiKeys)
        expectEqual(table.put("a", expires: SharedTable.never, now: wall(0)), .stored)
        expectEqual(table.put("b", expires: WallTime(nanoseconds: .max), now: wall(0)), .stored)
        expectEqual(
            table.entries(now: wall(4_000_000_000)).map(\.expires), [SharedTable.never, SharedTable.never])
    }

    @Test func `the version moves with every change and with nothing else`() {
        let table = SharedTable(.bans)
        var version = table.version
        func hasMoved() -> Bool {
            defer { version = table.version }
            return table.version != version
        }
        _ = table.put("a", expires: wall(9), now: wall(0))
        expectEqual(hasMoved(), true)
        _ = table.put("a", "x", expires: wall(9), now: wall(0))
        expectEqual(hasMoved(), true)
        _ = table.value(of: "a", now: wall(0))
        _ = table.put("b", expires: wall(0), now: wall(0))
        table.remove("c")
        expectEqual(hasMoved(), false)
        expectEqual(table.remove("a"), true)
        expectEqual(hasMoved(), true)
        expectEqual(table.remove("a"), false)
    }

    @Test func `a full table of revocations forgets none and says so`() {
        let table = SharedTable(.revocations, limits: .init(entries: 3))
        for key in ["a", "b", "c"] { expectEqual(table.put(key, expires: wall(50), now: wall(0)), .stored) }
        expectEqual(table.put("d", expires: wall(90), now: wall(0)), .full)
        expectEqual(table.put("a", "new", expires: wall(60), now: wall(0)), .stored)
        expectEqual(table.keys(now: wall(0)), ["a", "b", "c"])
        // What has ended makes room.
        expectEqual(table.put("d", expires: wall(90), now: wall(55)), .stored)
        expectEqual(table.keys(now: wall(55)), ["a", "d"])
    }

    @Test func `a full table of bans forgets one of those that end soonest`() {
        let table = SharedTable(.bans, limits: .init(entries: 1000, overflow: .evictsSoonest))
        for number in 0..<5000 {
            let change = table.put("\(number)", expires: wall(Int64(100 + number)), now: wall(0))
            verify(change == .stored || change == .full)
        }
        verify(table.count <= 1000, "\(table.count)")
        let kept = table.keys(now: wall(0)).compactMap { Int($0) }
        verify(kept.reduce(0, +) / kept.count > 3000, "the later ends are kept")
    }

    @Test func `keys and values are bounded`() {
        let table = SharedTable(.bans)
        let long = String(repeating: "x", count: 257)
        expectEqual(table.put(long, expires: wall(9), now: wall(0)), .tooLong)
        expectEqual(
            table.put("a", String(repeating: "x", count: 1025), expires: wall(9), now: wall(0)), .tooLong)
        expectEqual(table.put(String(long.dropLast()), expires: wall(9), now: wall(0)), .stored)
        expectEqual(table.count, 1)
    }

    @Test func `many threads find what one of them changes`() async {
        let table = SharedTable(.bans)
        let faults = Faults()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for round in 0..<2000 {
                        let key = "\(thread)-\(round % 50)"
                        if table.put(key, "\(round)", expires: wall(9), now: wall(0)) != .stored {
                            faults.count.add(1, ordering: .relaxed)
                        }
                        if table.value(of: key, now: wall(0)) != "\(round)" {
                            faults.count.add(1, ordering: .relaxed)
                        }
                        _ = table.value(of: "\((thread + 1) % 4)-\(round % 50)", now: wall(0))
                        if round % 3 == 0 { table.remove(key) }
                    }
                }
            }
        }
        expectEqual(faults.count.load(ordering: .relaxed), 0)
        expectEqual(table.count, table.entries(now: wall(0)).count)
    }
}

private final class Faults: Sendable {
    let count = Atomic<Int>(0)
}
