import Bytes
import Pipeline
import Reactor
import Redis
import Stores
import TestServers
import Testing
import Time

/// Nonces and requests that are done once: the same suite over memory and over a real Redis.
@Suite(.serialized)
struct RecordTests {
    enum Backing: CaseIterable, Sendable { case memory, redis }

    private static func withStore(_ backing: Backing, _ body: (inout StoreUnderTest) throws -> Void) throws {
        switch backing {
        case .memory:
            var store = StoreUnderTest(memory: MemoryRecords(), client: nil)
            try body(&store)
        case .redis:
            let server = try RedisServer()
            var client = RedisClient(try target(server.address))
            try client.connect(by: seconds(5))
            var store = StoreUnderTest(memory: nil, client: client)
            try body(&store)
            withExtendedLifetime(server) {}
        }
    }

    @Test(arguments: Backing.allCases)
    func `a nonce is new once, until its time is over`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            expectEqual(try store.once("n1", lasts: .seconds(60)), .first)
            expectEqual(try store.once("n1", lasts: .seconds(60)), .seen)
            expectEqual(try store.once("n2", lasts: .milliseconds(40)), .first)
            expectEqual(try store.once("", lasts: .seconds(60)), .first)
            try store.pass(.milliseconds(50))
            expectEqual(try store.once("n2", lasts: .seconds(60)), .first)
            expectEqual(try store.once("n1", lasts: .seconds(60)), .seen)
        }
    }

    @Test(arguments: Backing.allCases)
    func `a request is begun once, and those behind it see how far it is`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            expectEqual(try store.begin("k", "print", owner: 1), .started)
            expectEqual(try store.begin("k", "print", owner: 2), .inProgress(fingerprint: .init("print")))
            expectEqual(try store.begin("k", "other", owner: 3), .inProgress(fingerprint: .init("print")))
            expectEqual(try store.begin("l", "print", owner: 4), .started, "another key")
            expectEqual(try store.finish("k", owner: 1, "answer\r\n\0"), .finished(true))
            expectEqual(
                try store.begin("k", "print", owner: 5),
                .done(fingerprint: .init("print"), answer: .init("answer\r\n\0")))
        }
    }

    @Test(arguments: Backing.allCases)
    func `only who has begun finishes or abandons, and only once`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            expectEqual(try store.finish("k", owner: 1, "x"), .finished(false))
            expectEqual(try store.abandon("k", owner: 1), .finished(false))
            expectEqual(try store.begin("k", "f", owner: .max), .started)
            expectEqual(try store.finish("k", owner: 2, "x"), .finished(false))
            expectEqual(try store.abandon("k", owner: 2), .finished(false))
            expectEqual(try store.abandon("k", owner: .max), .finished(true))
            expectEqual(try store.abandon("k", owner: .max), .finished(false))
            expectEqual(try store.begin("k", "g", owner: 3), .started, "abandoned: the next one begins")
            expectEqual(try store.finish("k", owner: 3, ""), .finished(true))
            expectEqual(try store.finish("k", owner: 3, "again"), .finished(false))
            expectEqual(try store.abandon("k", owner: 3), .finished(false), "what is done stays")
            expectEqual(try store.begin("k", "g", owner: 4), .done(fingerprint: .init("g"), answer: []))
        }
    }

    @Test(arguments: Backing.allCases)
    func `a lease that is over is somebody else's, and an answer ends too`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            expectEqual(try store.begin("k", "f", owner: 1, lease: .milliseconds(40)), .started)
            try store.pass(.milliseconds(50))
            expectEqual(try store.begin("k", "f", owner: 2), .started)
            expectEqual(try store.finish("k", owner: 1, "late"), .finished(false))
            expectEqual(try store.finish("k", owner: 2, "x", lasts: .milliseconds(40)), .finished(true))
            try store.pass(.milliseconds(50))
            expectEqual(try store.begin("k", "f", owner: 3), .started)
        }
    }

    @Test(arguments: Backing.allCases)
    func `nonces and requests of one name do not meet, and any bytes are a key`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            let key = String(repeating: "\r\n*1 \u{0}{}", count: 60)
            expectEqual(try store.once(key, lasts: .seconds(9)), .first)
            expectEqual(try store.begin(key, "f", owner: 1), .started)
            expectEqual(try store.once(key, lasts: .seconds(9)), .seen)
        }
    }

    @Test(arguments: Backing.allCases)
    func `a long answer comes back as it was`(backing: Backing) throws {
        try Self.withStore(backing) { store in
            let answer = String(repeating: "0123456789abcdef", count: 64 << 10)
            expectEqual(answer.utf8.count, StoreQuestion.longestAnswer)
            expectEqual(try store.begin("k", "f", owner: 1), .started)
            expectEqual(try store.finish("k", owner: 1, answer), .finished(true))
            verify(
                try store.begin("k", "f", owner: 2) == .done(fingerprint: .init("f"), answer: .init(answer)))
        }
    }

    @Test func `memory is bounded in entries and in bytes, and what has ended makes room`() {
        let records = MemoryRecords(.init(entries: 100, bytes: 10_000))
        var now = Instant.zero
        var stored = 0
        for number in 0..<200 where once(records, number, now) == .first { stored += 1 }
        expectEqual(stored, 100)
        expectEqual(records.size.entries, 100)
        now = now + .seconds(11)
        records.removeExpired(now: now)
        expectEqual(records.size.entries, 0)
        let large = [UInt8](repeating: 1, count: 6000)
        for (key, expected) in [("a", StoreAnswer.finished(true)), ("b", .finished(true))] {
            let answer = Array(key.utf8).withView { key in
                _ = records.answer(
                    .begin(key: key, fingerprint: .empty, owner: 1, lease: .seconds(1)), now: now)
                return large.withView {
                    records.answer(.finish(key: key, owner: 1, answer: $0, lasts: .seconds(5)), now: now)
                }
            }
            expectEqual(answer, expected)
        }
        // What is done and ends soonest has made room.
        expectEqual(records.size.bytes, 6000)
        records.removeExpired(now: now + .seconds(6))
        expectEqual(records.size.bytes, 0)
        expectEqual(records.size.entries, 0)
    }

    private func once(_ records: MemoryRecords, _ number: Int, _ now: Instant) -> StoreAnswer {
        Array("\(number)".utf8).withView {
            records.answer(.once(key: $0, lasts: .seconds(10)), now: now)
        }
    }

    @Test func `Redis' keys have their ends, and are named as documented`() throws {
        let server = try RedisServer()
        var store = StoreUnderTest(memory: nil, client: RedisClient(try target(server.address)))
        try store.connect()
        _ = try store.once("n", lasts: .seconds(100))
        _ = try store.begin("k", "f", owner: 1, lease: .seconds(100))
        let names = try server.ask("KEYS", "*").split(separator: "\n").map(String.init).sorted()
        expectEqual(names, ["floodgate:once:n", "floodgate:request:k"])
        for name in names {
            let left = Int(try server.ask("TTL", name)) ?? -1
            verify((90...100).contains(left), "\(name) has \(left) s left")
        }
        _ = try store.finish("k", owner: 1, "x", lasts: .seconds(500))
        verify((Int(try server.ask("TTL", "floodgate:request:k")) ?? -1) > 400)
        // A key that somebody else uses otherwise is an answer too, not a trap.
        try server.ask("SET", "floodgate:request:foreign", "1")
        expectEqual(try store.begin("foreign", "f", owner: 1), .unavailable)
    }
}

/// Either store behind the same calls.
private struct StoreUnderTest: ~Copyable {
    private let memory: MemoryRecords?
    private var client: RedisClient?
    private var now = Instant.zero

    init(memory: MemoryRecords?, client: consuming RedisClient?) {
        self.memory = memory
        self.client = client
    }

    mutating func connect() throws { try client?.connect(by: seconds(5)) }

    /// Time passes: at once for memory, really for Redis.
    mutating func pass(_ duration: Duration) throws {
        now = now + duration
        if memory == nil { SystemClock.pause(duration) }
    }

    mutating func once(_ key: String, lasts: Duration) throws -> StoreAnswer {
        let key = Held(key)
        return try ask(.once(key: key.view, lasts: lasts))
    }

    mutating func begin(
        _ key: String, _ fingerprint: String, owner: UInt64, lease: Duration = .seconds(30)
    ) throws -> StoreAnswer {
        let (key, fingerprint) = (Held(key), Held(fingerprint))
        return try ask(
            .begin(key: key.view, fingerprint: fingerprint.view, owner: owner, lease: lease))
    }

    mutating func finish(
        _ key: String, owner: UInt64, _ answer: String, lasts: Duration = .seconds(30)
    ) throws -> StoreAnswer {
        let (key, answer) = (Held(key), Held(answer))
        return try ask(.finish(key: key.view, owner: owner, answer: answer.view, lasts: lasts))
    }

    mutating func abandon(_ key: String, owner: UInt64) throws -> StoreAnswer {
        let key = Held(key)
        return try ask(.abandon(key: key.view, owner: owner))
    }

    private mutating func ask(_ operation: StoreQuestion.Operation) throws -> StoreAnswer {
        if let memory { return memory.answer(operation, now: now) }
        let write: (inout CommandWriter) -> Void = {
            RecordCommands.write(operation, prefix: ByteView("floodgate:"), into: &$0)
        }
        guard let script = RecordCommands.script(of: operation) else {
            guard let reply = try client?.ask(by: seconds(5), write) else { throw Loss.broken }
            return RecordCommands.answer(reply, to: .init(operation))
        }
        guard let reply = try client?.run(script, by: seconds(5), write) else { throw Loss.broken }
        return RecordCommands.answer(reply, to: .init(operation))
    }
}

/// Bytes that stay where they are for as long as somebody looks at them.
private final class Held {
    private let scratch: Scratch
    private let count: Int

    init(_ text: String) {
        count = text.utf8.count
        scratch = Scratch(size: max(1, count))
        Array(text.utf8).withView { scratch.view.write($0, at: 0) }
    }

    var view: ByteView { scratch.view.view.prefix(count) }
}
