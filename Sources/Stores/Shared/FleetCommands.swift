import Bytes
import Redis

/// How gateways tell each other that they are there: `{prefix}{fleet}:gateways` is a sorted set of their
/// names by the time at which each was heard of last, in milliseconds of Redis' clock.
enum FleetCommands {
    /// Between two calls of one gateway.
    static let interval = Duration.seconds(2)
    /// After so long without a call a gateway counts no more.
    static let patience = Duration.seconds(7)

    /// KEYS: gateways. ARGV: name, patience in milliseconds. Answers how many there are.
    static let announce = Script(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZADD', KEYS[1], now, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return redis.call('ZCARD', KEYS[1])
        """)

    static func key(_ prefix: String) -> [UInt8] { Array("\(prefix){fleet}:gateways".utf8) }

    static func writeAnnounce(_ fleet: Fleet, key: [UInt8], into writer: inout CommandWriter) {
        writer.begin(announce, keys: 1, arguments: 2)
        writer.word(key)
        writer.word(Array(fleet.id.utf8))
        writer.word(milliseconds: patience)
    }

    static func writeLeave(_ fleet: Fleet, key: [UInt8], into writer: inout CommandWriter) {
        writer.begin(3)
        writer.word("ZREM")
        writer.word(key)
        writer.word(Array(fleet.id.utf8))
    }
}
