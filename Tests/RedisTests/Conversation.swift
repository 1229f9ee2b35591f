import Bytes
import Redis
import Testing
import Time

/// A session and the server that it talks to, both in memory, on a clock that the test moves.
struct Conversation: ~Copyable {
    var session: RedisSession
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the session has said and done, in words.
    private(set) var log: [String] = []
    /// Bytes that have reached the server on this connection.
    private(set) var received: [UInt8] = []
    /// One write each.
    private(set) var writes: [String] = []
    private(set) var connects = 0
    private(set) var isConnected = false

    /// What the server has sent elsewhere, as it would be asked there.
    private(set) var strays: [String] = []

    init(_ change: (inout SessionSettings) -> Void = { _ in }) {
        var settings = SessionSettings()
        change(&settings)
        session = RedisSession(settings, seed: 7)
    }

    /// Does what the session wants, and sends what it has to send in one write.
    mutating func run() {
        session.advance(now: now)
        perform()
    }

    private mutating func perform() {
        while let event = session.next(now: now) {
            switch event {
            case .connect:
                connects += 1
                log.append("connect")
            case .close:
                isConnected = false
                received = []
                log.append("close")
            case .reply(let ticket, let reply, _): log.append("\(ticket.id):\(shown(reply))")
            case .redirected(let redirection, let stray):
                log.append("\(stray.ticket.id):\(redirection.kind) \(redirection.port)")
                redirected(redirection, stray)
            case .expired(let ticket): log.append("\(ticket.id):expired")
            case .failed(let ticket): log.append("\(ticket.id):failed")
            case .lost(let loss): log.append("lost: \(loss)")
            case .returned: log.append("returned")
            }
        }
        let outgoing = session.outgoing.array()
        guard !outgoing.isEmpty else { return }
        session.sent(outgoing.count)
        received += outgoing
        writes.append(String(decoding: outgoing, as: UTF8.self))
    }

    private mutating func redirected(_ redirection: Redirection, _ stray: StrayCommand) {
        strays.append(stray.bytes.text())
    }

    /// The connect succeeds.
    mutating func accept() {
        isConnected = true
        session.connected(now: now)
        run()
    }

    /// The server says something.
    mutating func answer(_ bytes: String) {
        let scratch = Scratch(size: max(1, bytes.utf8.count))
        for (index, byte) in bytes.utf8.enumerated() { scratch.view[index] = byte }
        session.received(scratch.view.view.prefix(bytes.utf8.count), now: now)
        run()
    }

    mutating func end(_ loss: Loss) {
        session.connectionEnded(loss, now: now)
        run()
    }

    /// Time passes, and the session looks after it at each of its deadlines.
    mutating func pass(_ milliseconds: Int) {
        let end = Instant(nanoseconds: now.nanoseconds + Int64(milliseconds) * 1_000_000)
        while session.nextDeadline <= end {
            now = max(now, session.nextDeadline)
            let before = session.nextDeadline
            run()
            // A timer of a wheel comes up late, never early.
            if session.nextDeadline == before { break }
        }
        now = end
        run()
    }

    /// Asks `GET id`, which has to be answered within so many milliseconds.
    @discardableResult
    mutating func ask(_ id: UInt64, within milliseconds: Int = 20, script: Script? = nil) -> Rejection? {
        let limit = Instant(nanoseconds: now.nanoseconds + Int64(milliseconds) * 1_000_000)
        return session.ask(Ticket(id: id), by: limit, now: now, script: script) { writer in
            guard let script else {
                writer.begin(2)
                writer.word("GET")
                return writer.word(decimal: Int(id))
            }
            writer.begin(script, keys: 0, arguments: 1)
            writer.word(decimal: Int(id))
        }
    }

    /// Connected and greeted.
    mutating func getReady() {
        run()
        accept()
        answer(String(repeating: "+OK\r\n", count: session.greetingSteps - 1) + "+PONG\r\n")
        takeLog()
    }

    /// What has been logged since the last call.
    @discardableResult
    mutating func takeLog() -> [String] {
        defer {
            log = []
            writes = []
        }
        return log
    }
}

extension RedisSession {
    fileprivate var greetingSteps: Int {
        1 + (settings.password == nil ? 0 : 1) + (settings.database == 0 ? 0 : 1)
    }
}
