import Bytes
import Redis
import Time

/// What a server says to a Redis session is replies or the connection's end, within the limits, and the same
/// however its bytes are cut.
enum RedisReplyProperties {
    private static let limits = ReplyLimits(bytes: 1024, values: 64)

    static func check(_ bytes: [UInt8]) throws(Violation) {
        let whole = try read(bytes, cut: false)
        let parts = try read(bytes, cut: true)
        try hold(whole == parts, "whole it says \(whole), in parts \(parts)")
        try converse(bytes)
    }

    /// The replies that were understood, as text, and whether an error ended them.
    private static func read(_ bytes: [UInt8], cut: Bool) throws(Violation) -> [String] {
        var reader = ReplyReader(limits)
        var seen: [String] = []
        var cuts = Cuts(bytes)
        var start = 0
        let memory = Scratch(size: max(1, bytes.count))
        bytes.withView { memory.view.write($0, at: 0) }
        let all = memory.view.view.prefix(bytes.count)
        var violation: Violation?
        do throws(ReplyError) {
            while start < all.count {
                let end = cut ? min(all.count, start + 1 + cuts.next(upTo: 20)) : all.count
                try reader.feed(all.slice(start, end))
                start = end
                while let reply = try reader.next() {
                    var values = 0
                    seen.append(shown(reply, &values))
                    if let nonsense = nonsense(reply) { violation = Violation(description: nonsense) }
                    if values > limits.values { violation = Violation(description: "\(values) values") }
                }
            }
        } catch {
            seen.append("error")
        }
        if let violation { throw violation }
        return seen
    }

    /// What a cluster and sentinels say is read whatever it is; nil where what was read can be.
    private static func nonsense(_ reply: Reply) -> String? {
        var children: [Reply.Kind] = []
        reply.forEach { children.append($0.kind) }
        guard children == (0..<reply.count).map({ reply[$0].kind }) else {
            return "another walk, other values"
        }
        let asked = RedisNode(host: "asked", port: 1)
        if let map = try? ClusterMap(reply, asked: asked) {
            let places = map.owners.filter { $0 != ClusterMap.nobody }
            guard map.owners.count == KeySlot.count, places.allSatisfy({ Int($0) < map.nodes.count }),
                !places.isEmpty
            else { return "a map without nodes" }
        }
        if let redirection = Redirection(reply) {
            guard !redirection.node(asked: asked).host.isEmpty else { return "a node without a host" }
        }
        if let master = try? SentinelCommands.master(reply), master.host.isEmpty { return "no master" }
        _ = (ServerFault(reply), SentinelCommands.Role(reply))
        return nil
    }

    private static func shown(_ reply: Reply, _ values: inout Int) -> String {
        values += 1
        switch reply.kind {
        case .null: return "null"
        case .integer: return "\(reply.integer ?? 0)"
        case .string, .status, .error: return "\(reply.kind)\(reply.bytes.array())"
        case .array:
            var text = "["
            for position in 0..<reply.count { text += shown(reply[position], &values) + " " }
            return text + "]"
        }
    }

    /// Whatever comes, each command that was taken ends once.
    private static func converse(_ bytes: [UInt8]) throws(Violation) {
        var settings = SessionSettings()
        settings.followsRedirections = bytes.count % 2 == 0
        var session = RedisSession(settings, seed: 1)
        var now = Instant(nanoseconds: 1_000_000_000)
        var waiting: Set<UInt64> = []
        var next: UInt64 = 0
        var rest = bytes[...]
        var cuts = Cuts(bytes)
        var greets = false
        while !rest.isEmpty {
            now = now + .milliseconds(cuts.next(upTo: 4))
            next += 1
            let refusal = session.ask(Ticket(id: next), by: now + .milliseconds(20), now: now) { writer in
                writer.begin(1)
                writer.word("PING")
            }
            if refusal == nil { waiting.insert(next) }
            session.advance(now: now)
            while let event = session.next(now: now) {
                switch event {
                case .connect:
                    session.connected(now: now)
                    greets = true
                case .reply(let ticket, _, _), .expired(let ticket), .failed(let ticket):
                    try hold(waiting.remove(ticket.id) != nil, "\(ticket.id) has ended twice")
                case .redirected(_, let stray):
                    let isWhole = stray.bytes.equals("*1\r\n$4\r\nPING\r\n")
                    try hold(isWhole, "\(stray.bytes.text()) was sent elsewhere")
                    try hold(waiting.remove(stray.ticket.id) != nil, "\(stray.ticket.id) has ended twice")
                case .close, .lost, .returned: break
                }
            }
            session.sent(session.outgoing.count)
            if greets {
                greets = false
                Array("+PONG\r\n".utf8).withView { session.received($0, now: now) }
                continue
            }
            let part = Array(rest.prefix(1 + cuts.next(upTo: 30)))
            rest = rest.dropFirst(part.count)
            part.withView { session.received($0, now: now) }
        }
        session.retire()
        while let event = session.next(now: now) {
            switch event {
            case .reply(let ticket, _, _), .expired(let ticket), .failed(let ticket):
                try hold(waiting.remove(ticket.id) != nil, "\(ticket.id) has ended twice")
            case .redirected(_, let stray):
                try hold(waiting.remove(stray.ticket.id) != nil, "\(stray.ticket.id) has ended twice")
            case .connect, .close, .lost, .returned: break
            }
        }
        try hold(waiting.isEmpty, "\(waiting.count) commands have never ended")
    }
}
