import Bytes
import Reactor
import Redis
import Stores
import Testing
import Time

/// As `#expect`, for calls that mutate and for loops: it looks at nothing but the two values.
func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, _ why: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if value == expected { return }
    Issue.record("\(value) is not \(expected) \(why.map { "(\($0))" } ?? "")", sourceLocation: sourceLocation)
}

func verify(_ holds: Bool, _ why: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    if !holds { Issue.record(why, sourceLocation: sourceLocation) }
}

struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// Waits until something holds, up to a limit that only a failure comes near.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ holds: () throws -> Bool
) throws {
    let end = SystemClock.now() + limit
    while SystemClock.now() < end {
        if try holds() { return }
        SystemClock.pause(.milliseconds(2))
    }
    throw NeverHappened(description: "never: \(what)")
}

func target(_ address: String, prefix: String = "floodgate:") throws -> RedisTarget {
    RedisTarget(address: try RedisAddress(address), prefix: prefix)
}

func seconds(_ count: Int) -> Instant { SystemClock.now() + .seconds(count) }

func wall(_ seconds: Int64) -> WallTime { WallTime(nanoseconds: seconds * 1_000_000_000) }

extension WallTime {
    static func + (time: WallTime, seconds: Int64) -> WallTime {
        WallTime(nanoseconds: time.nanoseconds + seconds * 1_000_000_000)
    }
}

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }
}

extension SharedTable {
    func put(_ key: String, _ value: String = "", expires: WallTime, now: WallTime) -> Change {
        Array(key.utf8).withView { key in
            Array(value.utf8).withView { put(key, $0, expires: expires, now: now) }
        }
    }

    func value(of key: String, now: WallTime) -> String? {
        Array(key.utf8).withView { key in read(key, now: now) { value, _ in value.text() } }
    }

    @discardableResult
    func remove(_ key: String) -> Bool { Array(key.utf8).withView { remove($0) } }

    func keys(now: WallTime) -> [String] {
        entries(now: now).map { String(decoding: $0.key, as: UTF8.self) }
    }
}
