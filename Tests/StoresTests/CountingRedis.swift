import Bytes
import Pipeline
import Reactor
import Redis
import Stores
import TestServers
import Testing
import Time

/// A real Redis that counts: by its own clock, or by one that a test sets, so that nothing waits for time.
final class CountingRedis {
    let server: RedisServer
    private var client: RedisClient
    private let script: [UInt8]
    private let room = Scratch(size: 65_536)
    /// Microseconds, of Redis' clock; nil is its own.
    var now: Int64?

    init(_ server: RedisServer, clock now: Int64? = 1_700_000_000_000_000) throws {
        self.server = server
        self.now = now
        client = RedisClient(try target(server.address))
        try client.connect(by: seconds(20))
        guard now != nil else {
            script = TokenCommands.script.digest
            return
        }
        let source = String(decoding: ByteView(TokenCommands.script.source).array(), as: UTF8.self)
        let parts = source.split(separator: "redis.call('TIME')")
        expectEqual(parts.count, 2)
        let clock = "{math.floor(redis.call('GET', 'clock') / 1000000), redis.call('GET', 'clock') % 1000000}"
        let reply = try client.ask(by: seconds(20)) { writer in
            writer.begin(3)
            writer.word("SCRIPT")
            writer.word("LOAD")
            writer.word([UInt8](parts.joined(separator: clock)))
        }
        script = reply.bytes.array()
        expectEqual(script.count, 40, "\(reply.bytes.text())")
    }

    convenience init() throws { try self.init(RedisServer()) }

    /// The key of a bucket.
    static func name(_ bucket: TokenDemand.Bucket) -> String { "limit:{\(bucket.key)}:\(bucket.algorithm)" }

    /// One command; false where the answer was no answer to it.
    func take(
        _ demand: inout TokenDemand, hints: CounterStates = CounterStates(), members: UInt16 = .max,
        _ said: inout CounterStates
    ) throws -> Bool {
        let reply = try run(demand) { keys, writer in
            TokenCommands.write(demand, members: members, hints: hints, keys: keys, into: &writer)
        }
        return TokenCommands.read(reply, members: members, into: &demand, &said)
    }

    func take(_ demand: inout TokenDemand) throws {
        var said = CounterStates()
        guard try take(&demand, &said) else { throw NeverHappened(description: "no such reply") }
    }

    func refund(_ demand: TokenDemand, members: UInt16 = .max, _ said: CounterStates) throws -> Reply {
        try run(demand) { keys, writer in
            TokenCommands.writeRefund(demand, members: members, said, keys: keys, into: &writer)
        }
    }

    private func run(
        _ demand: TokenDemand, _ write: ((Int) -> ByteView, inout CommandWriter) -> Void
    ) throws -> Reply {
        // Keys stay where they are while the command is written.
        let scratch = Scratch(size: 4096)
        var places: [(Int, Int)] = []
        var end = 0
        for index in 0..<demand.count {
            let bytes = [UInt8](Self.name(demand[index]))
            bytes.withView { scratch.view.write($0, at: end) }
            places.append((end, end + bytes.count))
            end += bytes.count
        }
        var writer = CommandWriter(room.view)
        write({ scratch.view.view.slice(places[$0].0, places[$0].1) }, &writer)
        verify(writer.isWhole, "the command has all words it was said to have")
        var words = Self.words(writer.view.array())
        words[1] = script
        let now = now
        let send: (inout CommandWriter) -> Void = { writer in
            if let now {
                writer.begin(3)
                writer.word("SET")
                writer.word("clock")
                writer.word(decimal: Int(now))
            }
            writer.begin(words.count)
            for word in words { writer.word(word) }
        }
        guard now != nil else {
            return try client.run(TokenCommands.script, by: seconds(20), send)
        }
        _ = try client.ask(by: seconds(20), send)
        guard let reply = try client.receive(by: seconds(20)) else { throw Loss.hung }
        return reply
    }

    /// The words of one command as it goes over the wire.
    private static func words(_ bytes: [UInt8]) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var place = 0
        func line() -> String {
            let start = place
            while bytes[place] != UInt8(ascii: "\r") { place += 1 }
            defer { place += 2 }
            return String(decoding: bytes[start..<place], as: UTF8.self)
        }
        let count = Int(line().dropFirst()) ?? 0
        for _ in 0..<count {
            let length = Int(line().dropFirst()) ?? 0
            words.append(Array(bytes[place..<place + length]))
            place += length + 2
        }
        return words
    }
}
