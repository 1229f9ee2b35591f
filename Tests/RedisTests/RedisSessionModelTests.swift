import Bytes
import Redis
import Testing
import Time

/// Runs in which a server does whatever servers do: answers late, hangs, leaves, says nonsense. Whatever it
/// is, each command that was taken ends exactly once, and no reply is ever another command's.
struct RedisSessionModelTests {
    @Test func `each command ends once, with its own reply or without any`() {
        for seed in 0..<200 as Range<UInt64> {
            var run = SessionRun(seed: seed)
            run.play(turns: 400)
            run.settle()
            for problem in run.problems { Issue.record("seed \(seed): \(problem)") }
        }
    }
}

private struct SessionRun: ~Copyable {
    private var dice: Dice
    private var session: RedisSession
    private var now = Instant(nanoseconds: 5_000_000_000)
    private(set) var problems: [String] = []

    private var waiting: [UInt64: Instant] = [:]
    private var nextID: UInt64 = 1
    private var isLost = false

    // The server's side.
    private var isConnecting = false
    private var isConnected = false
    private var isHung = false
    private var inbox: [UInt8] = []
    private var outbox: [UInt8] = []

    init(seed: UInt64) {
        dice = Dice(seed: seed)
        var settings = SessionSettings()
        if dice.chance(50) { settings.password = "p" }
        if dice.chance(50) { settings.database = 1 }
        settings.maximumCommands = 40
        settings.followsRedirections = dice.chance(50)
        session = RedisSession(settings, seed: seed)
    }

    mutating func play(turns: Int) {
        for _ in 0..<turns where problems.isEmpty {
            now = now + .milliseconds(dice.chance(5) ? dice.below(2000) : dice.below(12))
            for _ in 0..<dice.below(5) { ask() }
            serve()
            if dice.chance(2) { isHung.toggle() }
            if isConnected, dice.chance(2) { leave(.closedByServer) }
            if isConnected, dice.chance(1) { outbox += Array("?what\r\n".utf8) }
            if dice.chance(90) { deliver() }
            turn()
        }
    }

    /// The server behaves from now on: the session comes back, and nothing is left over.
    mutating func settle() {
        isHung = false
        for _ in 0..<3000 where problems.isEmpty {
            now = now + .milliseconds(5)
            serve()
            deliver()
            turn()
        }
        if !session.isReady { problems.append("not ready after 15 calm seconds") }
        if session.isOpen { problems.append("open after 15 calm seconds") }
        if session.pending > 0 { problems.append("\(session.pending) commands are left") }
        if !waiting.isEmpty { problems.append("\(waiting.count) commands have never ended") }
        if isLost { problems.append("the return was not told") }
    }

    private mutating func ask() {
        let id = nextID
        nextID += 1
        let limit = now + .milliseconds(dice.chance(80) ? 20 : 200)
        let refusal = session.ask(Ticket(id: id), by: limit, now: now) { writer in
            writer.begin(2)
            writer.word("ECHO")
            writer.word(decimal: Int(id))
        }
        if refusal == nil { waiting[id] = limit }
        if refusal == .down, !session.isOpen { problems.append("refused while closed") }
    }

    private mutating func turn() {
        session.advance(now: now)
        while let event = session.next(now: now) {
            switch event {
            case .connect:
                if isConnected || isConnecting { problems.append("connects twice") }
                isConnecting = true
            case .close:
                isConnected = false
                isConnecting = false
                inbox = []
                outbox = []
            case .reply(let ticket, let reply, _):
                if reply.integer != Int(ticket.id) {
                    problems.append("\(ticket.id) got \(shown(reply))")
                }
                end(ticket.id)
            case .redirected(_, let stray):
                let words = Self.command(in: stray.bytes.array())?.words
                if words?.last != "\(stray.ticket.id)" { problems.append("\(words ?? []) was moved") }
                end(stray.ticket.id)
                if dice.chance(50) { ask() }
            case .expired(let ticket):
                if let limit = waiting[ticket.id], limit > now { problems.append("expired too early") }
                end(ticket.id)
            case .failed(let ticket): end(ticket.id)
            case .lost:
                if isLost { problems.append("lost twice") }
                isLost = true
            case .returned:
                if !isLost { problems.append("returned, and never lost") }
                isLost = false
            }
        }
        send()
        if isConnecting, !isHung, dice.chance(60) {
            isConnecting = false
            if dice.chance(20) { return session.connectionEnded(.connectFailed("refused"), now: now) }
            isConnected = true
            session.connected(now: now)
            send()
        }
    }

    private mutating func end(_ id: UInt64) {
        if waiting.removeValue(forKey: id) == nil { problems.append("\(id) has ended twice") }
    }

    private mutating func send() {
        let outgoing = session.outgoing
        let count = outgoing.isEmpty ? 0 : dice.chance(70) ? outgoing.count : dice.below(outgoing.count)
        guard count > 0 else { return }
        if !isConnected { problems.append("sends without a connection") }
        inbox += outgoing.prefix(count).array()
        session.sent(count)
    }

    // MARK: The server

    private mutating func serve() {
        guard !isHung else { return }
        while let (words, length) = Self.command(in: inbox) {
            inbox.removeFirst(length)
            switch words[0] {
            case "PING": outbox += Array("+PONG\r\n".utf8)
            case "AUTH", "SELECT": outbox += Array("+OK\r\n".utf8)
            case "ECHO" where session.settings.followsRedirections && dice.chance(10):
                outbox += Array("-\(dice.chance(50) ? "MOVED" : "ASK") 7 h:1\r\n".utf8)
            case "ECHO": outbox += Array((dice.chance(50) ? ":\(words[1])\r\n" : Self.bulk(words[1])).utf8)
            default: problems.append("the server does not know \(words)")
            }
            if dice.chance(10) { return }
        }
    }

    private static func bulk(_ word: String) -> String { "$\(word.utf8.count)\r\n\(word)\r\n" }

    /// The first whole command, and its length.
    private static func command(in bytes: [UInt8]) -> (words: [String], length: Int)? {
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        guard let count = lines.first.flatMap({ Int($0.dropFirst()) }), lines.count > 1 + count * 2 else {
            return nil
        }
        let words = (0..<count).map { String(lines[2 + $0 * 2]) }
        let length = lines[0...(count * 2)].reduce(0) { $0 + $1.utf8.count + 2 }
        return (words, length)
    }

    private mutating func deliver() {
        let count = dice.chance(70) ? outbox.count : dice.below(outbox.count + 1)
        guard isConnected, count > 0 else { return }
        let part = String(decoding: outbox.prefix(count), as: UTF8.self)
        outbox.removeFirst(count)
        session.receivedText(part, now: now)
    }

    private mutating func leave(_ loss: Loss) {
        isConnected = false
        inbox = []
        outbox = []
        session.connectionEnded(loss, now: now)
    }
}
