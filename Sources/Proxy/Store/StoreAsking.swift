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
    var storeIsShared: Bool { link != nil }

    /// What a command is for whose answer nobody waits for.
    private static var untold: UInt8 { 0x80 }

    /// Asks for an exchange. Nil where it waits; the limit is the question's or the settings', whichever is
    /// nearer.
    mutating func ask(_ question: StoreQuestion, for id: SlotID, within limit: Duration) -> Answer? {
        guard !question.isLocal, let link else {
            return .store(records.answer(question.operation, now: now))
        }
        let limit = min(limit, links[link].plan.target.timeout)
        let ticket = Ticket(
            id: id.word, number: exchanges[id].questions &+ 1,
            kind: RecordCommands.Kind(question.operation).rawValue)
        guard ask(question.operation, ticket, on: link, within: limit) else { return .store(.unavailable) }
        _ = suspend(id, within: limit)
        return nil
    }

    /// Tells the store something whose answer nobody waits for: that a request is done, or will not be.
    package mutating func tellStore(_ question: StoreQuestion) {
        guard !question.isLocal, let link else {
            _ = records.answer(question.operation, now: now)
            return
        }
        let kind = RecordCommands.Kind(question.operation).rawValue | Self.untold
        // What is sent is not lost because it is slow.
        _ = ask(question.operation, Ticket(id: 0, kind: kind), on: link, within: .seconds(1))
    }

    private mutating func ask(
        _ operation: StoreQuestion.Operation, _ ticket: Ticket, on link: SlotID, within limit: Duration
    ) -> Bool {
        let plan = links[link].plan
        let refusal = plan.prefix.withView { prefix in
            links[link].session.ask(
                ticket, by: now + limit, now: now, script: RecordCommands.script(of: operation)
            ) { writer in
                RecordCommands.write(operation, prefix: prefix, into: &writer)
            }
        }
        linkIsDirty = true
        metrics.add(.store(refusal == nil ? .commands : .refused))
        return refusal == nil
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

    /// What a reply to a command says.
    func answer(_ reply: Reply, to ticket: Ticket) -> StoreAnswer {
        guard let kind = RecordCommands.Kind(rawValue: ticket.kind & ~Self.untold) else {
            preconditionFailure("no command of this kind was asked: \(ticket.kind)")
        }
        return RecordCommands.answer(reply, to: kind)
    }
}
