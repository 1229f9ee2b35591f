import Bytes
import Pipeline
import Redis
import Time

/// Nonces and requests that are done once as Redis holds them, for all gateways.
///
/// `{prefix}once:{key}` is a string that ends by itself. `{prefix}request:{key}` is a hash with the fields
/// `fingerprint`, `owner` while somebody is at it, and `answer` behind that; it ends with its lease, or as
/// long after the answer as was asked for. Each command touches one key, so that a cluster serves it too.
package enum RecordCommands {
    /// Answers 0 for begun, 1 for in progress, 2 for done.
    static let begin = Script(
        """
        local found = redis.call('HMGET', KEYS[1], 'fingerprint', 'answer')
        if not found[1] then
          redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'owner', ARGV[2])
          redis.call('PEXPIRE', KEYS[1], ARGV[3])
          return {0}
        end
        if found[2] then return {2, found[1], found[2]} end
        return {1, found[1]}
        """)

    static let finish = Script(
        """
        if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
        redis.call('HDEL', KEYS[1], 'owner')
        redis.call('HSET', KEYS[1], 'answer', ARGV[2])
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 1
        """)

    static let abandon = Script(
        """
        if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
        return redis.call('DEL', KEYS[1])
        """)

    /// The script that an operation runs; nil for one that is a command by itself.
    package static func script(of operation: StoreQuestion.Operation) -> Script? {
        switch operation {
        case .once: nil
        case .begin: begin
        case .finish: finish
        case .abandon: abandon
        }
    }

    /// Where the key of an operation lies in a cluster.
    package static func slot(of operation: StoreQuestion.Operation, prefix: ByteView) -> KeySlot {
        switch operation {
        case .once(let key, _): KeySlot(prefix, ByteView("once:"), key)
        case .begin(let key, _, _, _), .finish(let key, _, _, _), .abandon(let key, _):
            KeySlot(prefix, ByteView("request:"), key)
        }
    }

    package static func write(
        _ operation: StoreQuestion.Operation, prefix: ByteView, into writer: inout CommandWriter
    ) {
        switch operation {
        case .once(let key, let lasts):
            writer.begin(6)
            writer.word("SET")
            writer.word(prefix, "once:", key)
            writer.word("1")
            writer.word("NX")
            writer.word("PX")
            writer.word(milliseconds: lasts)
        case .begin(let key, let fingerprint, let owner, let lease):
            writer.begin(begin, keys: 1, arguments: 3)
            writer.word(prefix, "request:", key)
            writer.word(fingerprint)
            writer.word(decimal: Int(truncatingIfNeeded: owner))
            writer.word(milliseconds: lease)
        case .finish(let key, let owner, let answer, let lasts):
            writer.begin(finish, keys: 1, arguments: 3)
            writer.word(prefix, "request:", key)
            writer.word(decimal: Int(truncatingIfNeeded: owner))
            writer.word(answer)
            writer.word(milliseconds: lasts)
        case .abandon(let key, let owner):
            writer.begin(abandon, keys: 1, arguments: 1)
            writer.word(prefix, "request:", key)
            writer.word(decimal: Int(truncatingIfNeeded: owner))
        }
    }

    /// Which operation a reply answers: all that is kept of a question while it is asked.
    package enum Kind: UInt8, Sendable {
        case once = 1
        case begin, finish, abandon

        package init(_ operation: StoreQuestion.Operation) {
            self =
                switch operation {
                case .once: .once
                case .begin: .begin
                case .finish: .finish
                case .abandon: .abandon
                }
        }
    }

    package static func answer(_ reply: Reply, to kind: Kind) -> StoreAnswer {
        // Out of memory: the server says so before it changes anything.
        if reply.isError("OOM") { return .full }
        switch kind {
        case .once:
            if reply.isStatus("OK") { return .first }
            return reply.kind == .null ? .seen : .unavailable
        case .begin: return beginning(reply)
        case .finish, .abandon: return reply.integer.map { .finished($0 == 1) } ?? .unavailable
        }
    }

    private static func beginning(_ reply: Reply) -> StoreAnswer {
        switch (reply.count, reply.count > 0 ? reply[0].integer : nil) {
        case (1, 0): .started
        case (2, 1): .inProgress(fingerprint: reply[1].bytes.array())
        case (3, 2): .done(fingerprint: reply[1].bytes.array(), answer: reply[2].bytes.array())
        default: .unavailable
        }
    }
}

extension CommandWriter {
    package mutating func word(_ first: ByteView, _ second: StaticString, _ third: ByteView) {
        word(first, ByteView(second), third)
    }

    /// At least one: Redis refuses an end that is now.
    mutating func word(milliseconds duration: Duration) {
        word(decimal: max(1, Int(duration.nanoseconds / 1_000_000)))
    }
}
