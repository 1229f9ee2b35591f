import Bytes
import Redis
import Time

/// Shared tables as Redis holds them.
///
/// Of each table, with `{prefix}` as settings have it and the table's name in braces, so that a cluster keeps
/// its keys together:
/// - `{prefix}{table}:entries`: a hash from key to `end:value`, the end in milliseconds since 1970;
/// - `{prefix}{table}:ends`: a sorted set of the keys by their ends, for sweeping;
/// - `{prefix}{table}:state`: a hash with `version`, which grows with each change, and `epoch`, which tells
///   data that was lost and begun anew from what was known;
/// - `{prefix}{table}:changes`: the channel on which each change is told.
///
/// All keys end by themselves an hour after the last entry does.
struct SharedCommands: Sendable {
    let table: SharedTable.Name
    private let entries: [UInt8]
    private let ends: [UInt8]
    private let state: [UInt8]
    let channel: [UInt8]
    /// The one slot of all of them.
    let slot: KeySlot

    init(_ table: SharedTable.Name, prefix: String) {
        self.table = table
        func key(_ part: String) -> [UInt8] { Array("\(prefix){\(table.rawValue)}:\(part)".utf8) }
        entries = key("entries")
        ends = key("ends")
        state = key("state")
        channel = key("changes")
        slot = entries.withView { KeySlot($0) }
    }

    /// KEYS: entries, ends, state. ARGV: channel, operation (`put`, `restore`, `remove`), key, end, value.
    ///
    /// The version is Redis' own time in microseconds, or one more than the last: it does not begin again
    /// where data was lost. `restore` puts what is not there.
    static let change = Script(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)
        for _, key in ipairs(dead) do
          redis.call('HDEL', KEYS[1], key)
          redis.call('ZREM', KEYS[2], key)
        end
        local operation, key, ends, value = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
        if operation == 'restore' and redis.call('HEXISTS', KEYS[1], key) == 1 then return 0 end
        if operation == 'remove' then
          redis.call('HDEL', KEYS[1], key)
          redis.call('ZREM', KEYS[2], key)
          ends = '0'
        else
          redis.call('HSET', KEYS[1], key, ends .. ':' .. value)
          redis.call('ZADD', KEYS[2], ends, key)
        end
        local last = tonumber(redis.call('HGET', KEYS[3], 'version') or '0')
        local version = string.format('%.0f', math.max(last + 1, time[1] * 1000000 + time[2]))
        redis.call('HSETNX', KEYS[3], 'epoch', version)
        local epoch = redis.call('HGET', KEYS[3], 'epoch')
        redis.call('HSET', KEYS[3], 'version', version)
        local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
        local over = string.format('%.0f', math.max(tonumber(latest[2] or '0'), now) + 3600000)
        for index = 1, 3 do redis.call('PEXPIREAT', KEYS[index], over) end
        local change = table.concat({version, epoch, ends, #key, key .. value}, ' ')
        redis.call('PUBLISH', ARGV[1], change)
        return 1
        """)

    enum Operation: Equatable {
        case put(SharedTable.Entry)
        /// Puts an entry that Redis has lost.
        case restore(SharedTable.Entry)
        case remove([UInt8])
    }

    func write(_ operation: Operation, into writer: inout CommandWriter) {
        writer.begin(Self.change, keys: 3, arguments: 5)
        writer.word(entries)
        writer.word(ends)
        writer.word(state)
        writer.word(channel)
        switch operation {
        case .put(let entry), .restore(let entry):
            if case .put = operation { writer.word("put") } else { writer.word("restore") }
            writer.word(entry.key)
            writer.word(decimal: Int(entry.expires.nanoseconds / 1_000_000))
            writer.word(entry.value)
        case .remove(let key):
            writer.word("remove")
            writer.word(key)
            writer.word("0")
            writer.word("")
        }
    }

    func writeState(into writer: inout CommandWriter) {
        writer.begin(4)
        writer.word("HMGET")
        writer.word(state)
        writer.word("version")
        writer.word("epoch")
    }

    func writeScan(from cursor: [UInt8], into writer: inout CommandWriter) {
        writer.begin(5)
        writer.word("HSCAN")
        writer.word(entries)
        writer.word(cursor)
        writer.word("COUNT")
        writer.word("500")
    }

    /// How far a table has come.
    struct State: Equatable {
        var version = 0
        /// Nil where there is no such table.
        var epoch: [UInt8]?

        init() {}

        init?(_ reply: Reply) {
            guard reply.count == 2 else { return nil }
            version = reply[0].integer ?? 0
            epoch = reply[1].kind == .string ? reply[1].bytes.array() : nil
        }
    }

    /// The next cursor and the entries of one step of a scan; nil where the reply is none.
    static func scanned(_ reply: Reply) -> (cursor: [UInt8], entries: [SharedTable.Entry])? {
        guard reply.count == 2, reply[0].kind == .string, reply[1].kind == .array else { return nil }
        let pairs = reply[1]
        var entries: [SharedTable.Entry] = []
        for position in stride(from: 0, to: pairs.count - 1, by: 2) {
            guard let entry = entry(key: pairs[position].bytes, stored: pairs[position + 1].bytes) else {
                continue
            }
            entries.append(entry)
        }
        return (reply[0].bytes.array(), entries)
    }

    private static func entry(key: ByteView, stored: ByteView) -> SharedTable.Entry? {
        guard let colon = stored.firstIndex(of: 0x3A), let ends = stored.prefix(colon).decimal() else {
            return nil
        }
        return SharedTable.Entry(
            key: key.array(), value: stored.dropFirst(colon + 1).array(), expires: time(ends))
    }

    /// Milliseconds that were nonsense end no later than anything does here.
    private static func time(_ milliseconds: Int) -> WallTime {
        let (nanoseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return min(WallTime(nanoseconds: overflow ? .max : Int64(nanoseconds)), SharedTable.never)
    }

    /// A change as the channel tells it: `version epoch end keylength keyvalue`, end 0 for a removal.
    struct Change: Equatable {
        let state: State
        let key: [UInt8]
        /// Nil is a removal.
        let entry: SharedTable.Entry?

        init?(_ message: ByteView) {
            guard let first = message.firstIndex(of: 0x20),
                let second = message.firstIndex(of: 0x20, from: first + 1),
                let third = message.firstIndex(of: 0x20, from: second + 1),
                let fourth = message.firstIndex(of: 0x20, from: third + 1),
                let version = message.prefix(first).decimal(),
                let ends = message.slice(second + 1, third).decimal(),
                let length = message.slice(third + 1, fourth).decimal(),
                length <= message.count - fourth - 1
            else { return nil }
            var state = State()
            state.version = version
            state.epoch = message.slice(first + 1, second).array()
            self.state = state
            let rest = message.dropFirst(fourth + 1)
            key = rest.prefix(length).array()
            entry =
                ends == 0
                ? nil
                : SharedTable.Entry(
                    key: key, value: rest.dropFirst(length).array(), expires: SharedCommands.time(ends))
        }
    }
}
