import Bytes
import Reactor
import Telemetry
import Time

/// The admin listener's loop. Lives on its thread.
struct AdminLoop: ~Copyable {
    struct Parts: Sendable {
        let listeners: [Listener]
        let shared: AdminShared
        let limits: AdminLimits
        let events: EventLog
        let access: AdminGuard
        let handler: @Sendable (AdminRequest) -> AdminResponse
    }

    /// What the loop knows events by. A slot's generation tells a connection from an earlier one of the same
    /// slot.
    private enum Token {
        static let mailbox = UInt64.max
        /// Listeners count down from here.
        static let listeners = UInt64.max - 1

        static func connection(_ slot: Int, _ generation: UInt32) -> UInt64 {
            UInt64(generation) << 16 | UInt64(slot)
        }
    }

    private struct Slot {
        var generation: UInt32 = 0
        var connection: AdminConnection?
    }

    private let parts: Parts
    private var network: LinuxNetwork
    private let scratch = Scratch(size: 16_384)
    private var slots: [Slot]
    private var now = SystemClock.now()
    /// Set while no connection can be taken; the kernel's backlog holds them meanwhile.
    private var acceptsAgain: Instant?
    private var isRunning = true

    /// Connections accepted before those that are open get their turn.
    private static let acceptsPerTurn = 16
    private static let acceptPause = Duration.milliseconds(100)

    static func run(_ parts: Parts) {
        do throws(SystemError) {
            var loop = try AdminLoop(parts)
            while loop.turn() {}
            loop.closeAll()
        } catch {
            parts.events.error("admin listener stopped", ["reason": "\(error)"])
        }
        for listener in parts.listeners { listener.socket.close() }
        parts.shared.hasStopped.store(true, ordering: .releasing)
    }

    private init(_ parts: Parts) throws(SystemError) {
        let network = try LinuxNetwork()
        try network.epoll.addLevelTriggered(parts.shared.mailbox.descriptor, token: Token.mailbox)
        try AdminLoop.watch(parts.listeners, network.epoll)
        self.parts = parts
        self.network = network
        slots = Array(repeating: Slot(), count: max(1, min(parts.limits.connections, 1024)))
    }

    /// One turn: false where it was the last.
    private mutating func turn() -> Bool {
        let count = network.epoll.wait(milliseconds: waitingTime())
        now = SystemClock.now()
        let beginning = now
        for index in 0..<count {
            let (token, readiness) = network.epoll.event(index)
            if token == Token.mailbox {
                hearMessages()
            } else if Token.listeners - token < UInt64(parts.listeners.count) {
                accept(from: parts.listeners[Int(Token.listeners - token)])
            } else {
                ready(token, readiness)
            }
        }
        // What arrived while a handler worked is heard in the next turn, before its sender is told to have
        // been late.
        expire(at: beginning)
        if let instant = acceptsAgain, instant <= now { resumeAccepting() }
        return isRunning
    }

    /// Milliseconds to the next deadline, rounded up, so that it has passed when the wait is over; -1 where
    /// there is none.
    private func waitingTime() -> Int32 {
        var next = acceptsAgain ?? .distantFuture
        for slot in slots { if let deadline = slot.connection?.deadline { next = min(next, deadline) } }
        guard next < .distantFuture else { return -1 }
        return Int32(clamping: (max(0, next - SystemClock.now()) + 999_999) / 1_000_000)
    }

    private mutating func hearMessages() {
        for message in parts.shared.mailbox.take() {
            switch message {
            case .stop: isRunning = false
            }
        }
    }

    // MARK: Accepting

    private static func watch(_ listeners: [Listener], _ epoll: borrowing Epoll) throws(SystemError) {
        for (index, listener) in listeners.enumerated() {
            try epoll.addLevelTriggered(listener.socket.descriptor, token: Token.listeners - UInt64(index))
        }
    }

    private mutating func accept(from listener: Listener) {
        for _ in 0..<Self.acceptsPerTurn {
            guard acceptsAgain == nil, isRunning else { return }
            guard let next = nextSlot else { return pauseAccepting("admin connections at their limit", nil) }
            do throws(SystemError) {
                guard let accepted = try listener.accept() else { return }
                if slots[next].connection != nil {
                    parts.events.log(.warning, "admin connections at their limit", atMostEvery: .seconds(10))
                    close(next)
                }
                try take(accepted.socket, slot: next)
            } catch {
                pauseAccepting("admin listener cannot accept", error)
            }
        }
    }

    /// A slot without a connection. Where all are taken, that of whoever has waited longest with a request
    /// that is not complete: a client that means to ask has asked long before. Nil where all are being
    /// answered.
    private var nextSlot: Int? {
        if let free = slots.firstIndex(where: { $0.connection == nil }) { return free }
        let waiting = slots.indices.filter { slots[$0].connection?.isAsking == true }
        return waiting.min { deadline(of: $0) < deadline(of: $1) }
    }

    private func deadline(of slot: Int) -> Instant { slots[slot].connection?.deadline ?? .distantFuture }

    private mutating func take(_ socket: Socket, slot: Int) throws(SystemError) {
        slots[slot].generation &+= 1
        do throws(SystemError) {
            try network.watch(socket, token: Token.connection(slot, slots[slot].generation))
        } catch {
            socket.close()
            throw error
        }
        slots[slot].connection = AdminConnection(
            socket: socket, deadline: now + parts.limits.request, limits: parts.limits)
        // Most clients have sent their request by now.
        read(slot)
    }

    private mutating func pauseAccepting(_ message: StaticString, _ error: SystemError?) {
        for listener in parts.listeners { network.epoll.remove(listener.socket.descriptor) }
        acceptsAgain = now + Self.acceptPause
        let reason = error.map { "\($0)" } ?? "all are being answered"
        parts.events.log(.warning, message, ["reason": reason], atMostEvery: .seconds(10))
    }

    private mutating func resumeAccepting() {
        acceptsAgain = nil
        do throws(SystemError) {
            try AdminLoop.watch(parts.listeners, network.epoll)
        } catch {
            // Watching needs kernel memory; what is half watched is taken out again before the next attempt.
            pauseAccepting("admin listener not watched", error)
        }
    }

    // MARK: Connections

    private mutating func ready(_ token: UInt64, _ readiness: Readiness) {
        let slot = Int(token & 0xFFFF)
        guard slot < slots.count, slots[slot].connection != nil,
            Token.connection(slot, slots[slot].generation) == token
        else { return }
        if readiness.contains(.writable) { write(slot) }
        if readiness.contains(.readable) { read(slot) }
    }

    /// Reads until nothing is there. Nothing is read while an answer is being sent: what a client sends then
    /// waits in the kernel, and is dropped after the answer.
    private mutating func read(_ slot: Int) {
        while let connection = slots[slot].connection {
            if case .answering = connection.phase { return }
            switch network.receive(connection.socket, into: scratch.view) {
            case .moved(let count): received(slot, scratch.view.view.prefix(count))
            case .blocked: return
            case .ended:
                perform(connection.ended(), slot)
                return
            case .failed: return close(slot)
            }
        }
    }

    private mutating func received(_ slot: Int, _ bytes: ByteView) {
        let token = parts.shared.token.withLock { $0 }
        let step = slots[slot].connection?.received(bytes, limits: parts.limits) { head in
            parts.access.refusal(of: head, token: token)
        }
        if let step { perform(step, slot) }
    }

    private mutating func perform(_ step: AdminConnection.Step, _ slot: Int) {
        switch step {
        case .wait: return
        case .close: close(slot)
        case .invite: invite(slot)
        case .handle(let request): begin(slot, parts.handler(request))
        case .refuse(let response):
            parts.events.log(
                .warning, "admin request refused", ["status": "\(response.status)"],
                about: "\(response.status)",
                atMostEvery: .seconds(10))
            begin(slot, response)
        }
    }

    /// Says that the body may come (RFC 9110 §15.2.1). A new connection takes so few bytes at once, or is
    /// broken.
    private mutating func invite(_ slot: Int) {
        guard let socket = slots[slot].connection?.socket else { return }
        let line = ByteView("HTTP/1.1 100 Continue\r\n\r\n")
        if network.send(socket, line) != .moved(line.count) { close(slot) }
    }

    private mutating func begin(_ slot: Int, _ response: AdminResponse) {
        // The handler may have taken its time.
        now = SystemClock.now()
        slots[slot].connection?.begin(response, until: now + parts.limits.answer)
        write(slot)
    }

    private mutating func write(_ slot: Int) {
        while let connection = slots[slot].connection,
            case .answering(let bytes, let offset) = connection.phase
        {
            let transfer = bytes.withView { network.send(connection.socket, $0.dropFirst(offset)) }
            switch transfer {
            case .moved(let count):
                guard slots[slot].connection?.sent(count) == true else { continue }
                network.shutdownWrite(connection.socket)
                slots[slot].connection?.linger(until: now + parts.limits.linger)
                return read(slot)
            case .blocked: return
            case .ended, .failed: return close(slot)
            }
        }
    }

    /// Acts on deadlines that have passed. An answer that is not taken in time is cut off with a reset.
    private mutating func expire(at instant: Instant) {
        for slot in slots.indices {
            guard let connection = slots[slot].connection, connection.deadline <= instant else { continue }
            if case .answering = connection.phase {
                network.abort(connection.socket)
                slots[slot].connection = nil
            } else {
                perform(connection.expired(), slot)
            }
        }
    }

    private mutating func close(_ slot: Int) {
        guard let connection = slots[slot].connection else { return }
        network.close(connection.socket)
        slots[slot].connection = nil
    }

    private mutating func closeAll() {
        for slot in slots.indices { close(slot) }
    }
}
