import Bytes
import Pipeline
import Redis
import Slots
import Stores
import Telemetry
import Time

// Questions to the store: memory answers at once, Redis later.
extension ProxyCore where Net: ~Copyable {
    /// Whether other gateways ask the same store.
    var storeIsShared: Bool { storeRoutes != nil }

    /// Whether keys are on several servers: a command has keys of one slot alone.
    var storeIsDivided: Bool { storePlan?.target.isDivided == true }

    /// Nil without Redis.
    var storePlan: RedisPlan? { storeRoutes?.plan }

    /// Where the key lies that these parts make. All keys lie alike where there is only one server.
    func storeSlot(_ first: ByteView, _ second: ByteView = .empty, _ third: ByteView = .empty) -> KeySlot {
        storeIsDivided ? KeySlot(first, second, third) : .any
    }

    /// Asks one command of whoever has the slot. False where nobody can be asked now; else it is answered by
    /// `storeReplied`, exactly once and within `deadline`, wherever its keys have gone meanwhile.
    mutating func ask(
        _ ticket: Ticket, slot: KeySlot, by deadline: Instant, script: Script?,
        _ write: (inout CommandWriter) -> Void
    ) -> Bool {
        guard let link = storeRoutes?.link(of: slot),
            links[link].session.ask(ticket, by: deadline, now: now, script: script, write) == nil
        else {
            metrics.add(.store(.refused))
            return false
        }
        metrics.add(.store(.commands))
        markDirty(link)
        return true
    }

    /// What a command is for whose answer nobody waits for.
    static var untold: UInt8 { 0x80 }

    /// Asks for an exchange. Nil where it waits; the limit is the question's or the settings', whichever is
    /// nearer.
    mutating func ask(_ question: StoreQuestion, for id: SlotID, within limit: Duration) -> Answer? {
        guard !question.isLocal, let plan = storePlan else {
            return .store(records.answer(question.operation, now: now))
        }
        let limit = min(limit, plan.target.timeout)
        let ticket = Ticket(
            id: id.word, number: exchanges[id].questions &+ 1,
            kind: RecordCommands.Kind(question.operation).rawValue)
        guard ask(question.operation, ticket, plan, within: limit) else { return .store(.unavailable) }
        _ = suspend(id, within: limit)
        return nil
    }

    /// Tells the store something whose answer nobody waits for: that a request is done, or will not be.
    package mutating func tellStore(_ question: StoreQuestion) {
        guard !question.isLocal, let plan = storePlan else {
            _ = records.answer(question.operation, now: now)
            return
        }
        let kind = RecordCommands.Kind(question.operation).rawValue | Self.untold
        // What is sent is not lost because it is slow.
        _ = ask(question.operation, Ticket(id: 0, kind: kind), plan, within: .seconds(1))
    }

    private mutating func ask(
        _ operation: StoreQuestion.Operation, _ ticket: Ticket, _ plan: RedisPlan, within limit: Duration
    ) -> Bool {
        plan.prefix.withView { prefix in
            let slot =
                storeIsDivided ? RecordCommands.slot(of: operation, prefix: prefix) : .any
            return ask(
                ticket, slot: slot, by: now + limit, script: RecordCommands.script(of: operation)
            ) { writer in
                RecordCommands.write(operation, prefix: prefix, into: &writer)
            }
        }
    }

    /// A command has been answered, or never will be.
    mutating func storeReplied(_ ticket: Ticket, _ answer: StoreAnswer) {
        guard ticket.kind & Self.untold == 0 else { return }
        let exchange = SlotID(word: ticket.id)
        guard exchanges.contains(exchange), let inquiry = exchanges[exchange].inquiry,
            inquiry.number == ticket.number
        else { return }
        answered(inquiry, .store(answer))
    }

    /// A command will not be answered.
    mutating func storeFailed(_ ticket: Ticket) {
        guard ticket.kind & Self.tokenTicket != 0 else { return storeReplied(ticket, .unavailable) }
        tokensEnded(ticket)
    }

    /// What a reply to a command says.
    func answer(_ reply: Reply, to ticket: Ticket) -> StoreAnswer {
        guard let kind = RecordCommands.Kind(rawValue: ticket.kind & ~Self.untold) else {
            preconditionFailure("no command of this kind was asked: \(ticket.kind)")
        }
        return RecordCommands.answer(reply, to: kind)
    }
}
