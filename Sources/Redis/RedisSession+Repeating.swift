import Bytes
import Time

// Commands that are asked once more: of a server that had to be given a script, or of another node.
extension RedisSession {
    /// Takes a command in that another server has sent here.
    package mutating func ask(
        _ stray: StrayCommand, _ kind: Redirection.Kind, now: Instant
    ) -> Rejection? {
        guard !isOpen else {
            counts.refused += 1
            return .down
        }
        let isTaken =
            commands.count + 2 <= settings.maximumCommands
            && (kind == .moved || appendAsking(by: stray.deadline, now: now))
            && append(.asked(stray.ticket), by: stray.deadline, now: now, script: stray.script) {
                $0.copy(stray.bytes)
            }
        guard isTaken else {
            counts.refused += 1
            return .full
        }
        commands[commands.count - 1].hops = stray.hops
        commands[commands.count - 1].needsAsking = kind == .ask
        counts.commands += 1
        return nil
    }

    mutating func appendAsking(by deadline: Instant, now: Instant) -> Bool {
        append(.asking, by: deadline, now: now) { writer in
            writer.begin(1)
            writer.word("ASKING")
        }
    }

    mutating func redirect(
        _ ticket: Ticket, _ redirection: Redirection, _ command: Command
    ) -> SessionEvent {
        counts.redirected += 1
        commands[0].kind = .redirected
        hasRedirected = true
        return .redirected(
            redirection,
            StrayCommand(
                ticket: ticket, bytes: queue.first(command.length), deadline: command.deadline,
                script: command.script, hops: command.hops + 1))
    }

    /// What became of it is told: its bytes are of no more use.
    mutating func dropRedirected() {
        guard hasRedirected else { return }
        hasRedirected = false
        _ = popFirst()
        doomed = max(0, doomed - 1)
    }

    /// Gives the server a script that it did not know, and asks once more what needs it.
    mutating func repeatFirst(_ command: Command, loading script: Script, now: Instant) -> Bool {
        guard case .asked = command.kind, commands.count + 2 < settings.maximumCommands else { return false }
        let isLoaded = append(.load, by: .distantFuture, now: now, script: script) { writer in
            writer.begin(3)
            writer.word("SCRIPT")
            writer.word("LOAD")
            writer.word(script.source)
        }
        guard isLoaded, !command.needsAsking || appendAsking(by: command.deadline, now: now),
            queue.repeatFirst(command.length)
        else { return false }
        _ = popFirst()
        commands.append(command)
        return true
    }
}
