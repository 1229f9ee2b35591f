import Bytes
import Time

/// The conversation with one Redis server over connections that come and go, as a machine without input or
/// output: commands go in, bytes come out, replies are matched in their order.
///
/// A breaker is part of it. While the server answers, commands are pipelined. Failures in a row, or one
/// attempt to connect that fails, open it: all that wait are told at once, and from then on commands are
/// refused without a wait, until a new connection has answered a probe in time.
///
/// After any call, whoever drives it performs what `next` says until it says nothing, and sends `outgoing`.
package struct RedisSession: ~Copyable {
    package enum Phase: Equatable, Sendable {
        /// No connection; the next attempt begins then.
        case resting(until: Instant)
        case connecting(until: Instant)
        /// Connected; who we are has been said and is not answered yet.
        case greeting(until: Instant)
        case ready
    }

    struct Command {
        enum Kind: Equatable {
            case asked(Ticket)
            /// Its limit has passed: the reply is nobody's.
            case expired
            case heartbeat
            /// Gives the server a script.
            case load
            /// Lets the command behind it in, whose slot is on its way to the server.
            case asking
            /// Its reply was told, and sent it elsewhere.
            case redirected
        }

        var kind: Kind
        let deadline: Instant
        let asked: Instant
        /// Bytes in the queue.
        let length: Int
        /// What it runs, where the server may not know it.
        var script: Script?
        /// Servers that have sent it elsewhere so far, and whether it needs to be let in here.
        var hops: UInt8 = 0
        var needsAsking = false
    }

    package let settings: SessionSettings
    package private(set) var phase = Phase.resting(until: .zero)
    /// Whether commands are refused.
    package private(set) var isOpen = false
    package internal(set) var counts = SessionCounts()

    var queue: CommandQueue
    var commands = Ring<Command>()
    /// The oldest commands: their connection has ended.
    var doomed = 0
    private var reader: ReplyReader
    private var greeting: CommandQueue
    private var steps: [SessionSettings.Greeting] = []
    private var probed = Instant.zero
    private var random: UInt64

    /// Moments at which something had failed, since the last reply.
    private var failures = 0
    /// Attempts to connect that have failed, since the last one that did not.
    private var attempts = 0
    /// No command's limit is before this.
    var earliest = Instant.distantFuture
    private var lastReply = Instant.zero
    private var nextHeartbeat = Instant.distantFuture

    /// What `next` has to say first.
    private var wantsClose = false
    /// The oldest command was told as redirected; its bytes stay until the next event.
    var hasRedirected = false
    private var overdue = Ring<Ticket>()
    /// Why the server is lost; nil while it is not. And whether that was told.
    private var loss: Loss?
    private var hasToldLoss = false

    /// Bytes of a greeting: a user and a password are 512 bytes each at most, where settings let them in.
    private static let longestGreeting = 8192

    /// - Parameter seed: Spreads the attempts of many sessions.
    package init(_ settings: SessionSettings, seed: UInt64) {
        self.settings = settings
        random = seed
        queue = CommandQueue(limit: settings.maximumBytes)
        greeting = CommandQueue(limit: Self.longestGreeting)
        reader = ReplyReader(settings.replies)
    }

    /// Commands without reply, those included that nobody waits for any more.
    package var pending: Int { commands.count }

    package var isReady: Bool { phase == .ready }

    // MARK: Commands

    /// Takes a command in: `write` writes exactly one, and may be called again. It leaves with `outgoing`.
    ///
    /// A command that was taken is answered by exactly one event: its reply, that it has expired, or that it
    /// has failed. Whether Redis has run one that expired or failed, nobody knows.
    package mutating func ask(
        _ ticket: Ticket, by deadline: Instant, now: Instant, script: Script? = nil,
        _ write: (inout CommandWriter) -> Void
    ) -> Rejection? {
        guard !isOpen else {
            counts.refused += 1
            return .down
        }
        guard append(.asked(ticket), by: deadline, now: now, script: script, write) else {
            counts.refused += 1
            return .full
        }
        counts.commands += 1
        return nil
    }

    mutating func append(
        _ kind: Command.Kind, by deadline: Instant, now: Instant, script: Script? = nil,
        _ write: (inout CommandWriter) -> Void
    ) -> Bool {
        guard commands.count < settings.maximumCommands, let length = queue.append(write) else {
            return false
        }
        commands.append(
            Command(kind: kind, deadline: deadline, asked: now, length: length, script: script))
        earliest = min(earliest, deadline)
        return true
    }

    /// What is to be sent now. Valid until the session changes.
    package var outgoing: ByteView {
        switch phase {
        case .ready: queue.outgoing
        case .greeting: greeting.outgoing
        case .resting, .connecting: .empty
        }
    }

    /// So much of `outgoing` is on its way.
    package mutating func sent(_ length: Int) {
        switch phase {
        case .ready: queue.sent(length)
        case .greeting: greeting.sent(length)
        case .resting, .connecting: precondition(length == 0, "nothing is to be sent without a connection")
        }
    }

    // MARK: The connection

    /// The connection that `connect` asked for stands, with TLS where there is any.
    package mutating func connected(now: Instant) {
        guard case .connecting(let until) = phase else { return }
        phase = .greeting(until: until)
        counts.connects += 1
        reader = ReplyReader(settings.replies)
        greeting.removeAll()
        steps = settings.greeting
        for step in steps { say(step) }
        probed = now
    }

    private mutating func say(_ step: SessionSettings.Greeting) {
        let settings = settings
        let length = greeting.append { settings.write(step, into: &$0) }
        precondition(length != nil, "a greeting has room")
    }

    /// The connection, or the attempt to have one, has ended.
    package mutating func connectionEnded(_ loss: Loss, now: Instant) {
        if case .resting = phase { return }
        end(loss, now: now)
    }

    /// The server is not to be asked any more: all that wait are told, and nothing connects again.
    package mutating func retire() {
        if case .resting = phase {} else { wantsClose = true }
        phase = .resting(until: .distantFuture)
        isOpen = true
        doomed = commands.count
    }

    /// Bytes came in.
    package mutating func received(_ bytes: ByteView, now: Instant) {
        do throws(ReplyError) {
            try reader.feed(bytes)
        } catch {
            connectionEnded(.notRedis(error.words), now: now)
        }
    }

    private mutating func end(_ loss: Loss, now: Instant) {
        let wasReady = phase == .ready
        if wasReady {
            failures += 1
            counts.losses += 1
            doomed = commands.count
        } else {
            attempts += 1
        }
        if !wasReady || failures >= settings.failuresToOpen { open(loss) }
        wantsClose = true
        nextHeartbeat = .distantFuture
        // One loss may be a restart or an idle time-out of the server's: the first attempt follows at once.
        let step = wasReady ? failures - 1 : attempts
        phase = .resting(until: step == 0 ? now : now + pause(step))
    }

    private mutating func open(_ loss: Loss) {
        isOpen = true
        doomed = commands.count
        if self.loss == nil { self.loss = loss }
    }

    /// Doubles with each step, less a random part of its half.
    private mutating func pause(_ step: Int) -> Duration {
        let doubled = settings.firstPause.nanoseconds << Int64(min(step - 1, 20))
        let full = min(doubled, settings.longestPause.nanoseconds)
        // SplitMix64 (Steele and others 2014).
        random &+= 0x9E37_79B9_7F4A_7C15
        var mixed = random
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        let half = UInt64(full / 2) + 1
        return .nanoseconds(full - Int64((mixed ^ (mixed >> 31)) % half))
    }

    // MARK: Time

    /// When `advance` has something to do next.
    package var nextDeadline: Instant {
        switch phase {
        case .resting(let until): min(until, earliest)
        case .connecting(let until), .greeting(let until): min(until, earliest)
        case .ready: min(nextHeartbeat, earliest)
        }
    }

    /// Looks after limits. Replies that have come are to be taken in first: they are in time.
    package mutating func advance(now: Instant) {
        if earliest <= now { expire(now: now) }
        switch phase {
        case .connecting(let until), .greeting(let until):
            if until <= now { end(.connectTimeout, now: now) }
        case .ready: if nextHeartbeat <= now { beat(now: now) }
        case .resting: break
        }
    }

    private mutating func expire(now: Instant) {
        var hasExpired = false
        earliest = .distantFuture
        for position in doomed..<commands.count {
            let command = commands[position]
            guard command.deadline <= now else {
                earliest = min(earliest, command.deadline)
                continue
            }
            switch command.kind {
            case .asked(let ticket):
                overdue.append(ticket)
                counts.expired += 1
            case .heartbeat: nextHeartbeat = now + settings.patience
            case .expired, .load, .asking, .redirected: continue
            }
            commands[position].kind = .expired
            hasExpired = true
        }
        guard hasExpired else { return }
        // However many had asked at once, the server was late once.
        failures += 1
        guard failures >= settings.failuresToOpen else { return }
        if phase == .ready {
            // Counted already.
            failures -= 1
            end(.hung, now: now)
        } else {
            open(.hung)
        }
    }

    /// Asks a quiet connection whether it is still there.
    private mutating func beat(now: Instant) {
        guard lastReply + settings.heartbeat <= now else {
            nextHeartbeat = lastReply + settings.heartbeat
            return
        }
        nextHeartbeat = now + settings.heartbeat
        let settings = settings
        _ = append(.heartbeat, by: now + settings.patience, now: now) { settings.write(.probe, into: &$0) }
    }

    // MARK: Events

    /// What is to be done, or to be known, next; nil where that is all.
    package mutating func next(now: Instant) -> SessionEvent? {
        dropRedirected()
        while true {
            if wantsClose {
                wantsClose = false
                return .close
            }
            if let ticket = overdue.popFirst() { return .expired(ticket) }
            if doomed > 0 {
                guard let command = popFirst() else { preconditionFailure("doomed commands are there") }
                doomed -= 1
                guard case .asked(let ticket) = command.kind else { continue }
                counts.failed += 1
                return .failed(ticket)
            }
            // Lost and back again between two looks is nothing that anybody needs to be told.
            if hasToldLoss != (loss != nil) {
                hasToldLoss.toggle()
                return loss.map { .lost($0) } ?? .returned
            }
            if case .resting(let until) = phase {
                guard until <= now, until != .distantFuture else { return nil }
                phase = .connecting(until: now + settings.connectTimeout)
                return .connect
            }
            guard let event = nextReply(now: now) else {
                // The replies may have been the end of it.
                if wantsClose || doomed > 0 || hasToldLoss != (loss != nil) { continue }
                return nil
            }
            return event
        }
    }

    mutating func popFirst() -> Command? {
        guard let command = commands.popFirst() else { return nil }
        queue.dropFirst(command.length)
        return command
    }

    private mutating func nextReply(now: Instant) -> SessionEvent? {
        while phase == .ready || isGreeting {
            let reply: Reply
            do throws(ReplyError) {
                guard let next = try reader.next() else { return nil }
                reply = next
            } catch {
                end(.notRedis(error.words), now: now)
                return nil
            }
            if isGreeting {
                hear(reply, now: now)
            } else if let event = take(reply, now: now) {
                return event
            }
        }
        return nil
    }

    private var isGreeting: Bool { if case .greeting = phase { true } else { false } }

    private mutating func take(_ reply: Reply, now: Instant) -> SessionEvent? {
        guard var command = commands.isEmpty ? nil : commands[0] else {
            end(.notRedis("a reply that nobody has asked for"), now: now)
            return nil
        }
        if command.kind != .load, let script = command.script, reply.isError("NOSCRIPT") {
            command.script = nil
            if repeatFirst(command, loading: script, now: now) { return nil }
        }
        failures = 0
        lastReply = now
        if settings.followsRedirections, case .asked(let ticket) = command.kind,
            let redirection = Redirection(reply)
        {
            return redirect(ticket, redirection, command)
        }
        _ = popFirst()
        switch command.kind {
        case .asked(let ticket):
            counts.replies += 1
            if reply.kind == .error { counts.errors += 1 }
            return .reply(ticket, reply, nanoseconds: now - command.asked)
        case .expired, .heartbeat, .load, .asking, .redirected: return nil
        }
    }

    // MARK: Greeting

    private mutating func hear(_ reply: Reply, now: Instant) {
        guard let step = steps.first else {
            return end(.notRedis("a reply that nobody has asked for"), now: now)
        }
        steps.removeFirst()
        if let loss = settings.refusal(of: step, reply) { return end(loss, now: now) }
        guard step == .probe else { return }
        guard now - probed <= settings.patience.nanoseconds else {
            // Too slow to be asked by requests. The first answer of a new connection may be: once more.
            steps = [.probe]
            say(.probe)
            probed = now
            return
        }
        becomeReady(now: now)
    }

    private mutating func becomeReady(now: Instant) {
        phase = .ready
        isOpen = false
        attempts = 0
        lastReply = now
        nextHeartbeat = now + settings.heartbeat
        loss = nil
    }
}

extension Reply {
    /// Whether it is an error of this kind: errors of Redis begin with a word for programs.
    package func isError(_ word: StaticString) -> Bool {
        let word = ByteView(word)
        guard kind == .error, bytes.hasPrefix(word) else { return false }
        return bytes.count == word.count || bytes[word.count] == 0x20
    }

    /// An error's first word; for logs.
    package var word: String {
        let end = bytes.firstIndex(of: 0x20) ?? bytes.count
        return Self.shown(bytes.prefix(min(end, 24)))
    }

    /// What a server says that is no answer; for logs.
    package var words: String {
        switch kind {
        case .error: Self.shown(bytes.prefix(min(bytes.count, 100)))
        case .string, .status, .integer, .null, .array: "the server's answer to PING is not PONG"
        }
    }

    private static func shown(_ bytes: ByteView) -> String {
        String(decoding: bytes.array().map { $0 < 0x20 || $0 >= 0x7F ? 0x3F : $0 }, as: UTF8.self)
    }
}
