import Bytes
import Fetch
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

/// Where a worker asks for plans, and is told of them.
package struct PlanDesk: Sendable {
    let lookups: PlanLookups
    private let mailbox: Mailbox<WorkerMessage>

    init(_ lookups: PlanLookups, mailbox: Mailbox<WorkerMessage>) {
        self.lookups = lookups
        self.mailbox = mailbox
    }

    /// The answer comes as a message, however soon it is known.
    func ask(_ user: ByteView, for inquiry: Inquiry) {
        lookups.ask(user.array()) { [mailbox] value in mailbox.post(.plan(value, for: inquiry)) }
    }
}

/// Plans' names as exchanges hold them: each one object of this worker. Bounded by what backends make up.
struct PlanNames {
    private var names: [[UInt8]: PinnedText] = [:]
    private static let limit = 256

    mutating func name(_ plan: [UInt8]) -> PinnedText {
        if let known = names[plan] { return known }
        if names.count >= Self.limit { names = [:] }
        let name = PinnedText(String(decoding: plan, as: UTF8.self))
        names[plan] = name
        return name
    }
}

// Plans that are looked up elsewhere.
extension ProxyCore where Net: ~Copyable {
    /// Asks for the plan of whom the exchange is from. Nil where it waits for that.
    mutating func lookUpPlan(for id: SlotID, within limit: Duration) -> Answer? {
        guard let desk = plans, let user = exchanges[id].state.identity?.subject.view else {
            return .plan(nil)
        }
        if let known = desk.lookups.find(user) { return answer(known) }
        desk.ask(user, for: suspend(id, within: limit))
        return nil
    }

    /// A plan that was asked for is known, or cannot be.
    package mutating func planCame(_ plan: PlanValue, for inquiry: Inquiry) {
        answered(inquiry, answer(plan))
    }

    /// What a stage gets that has asked for a plan: for who cannot wait any longer, the last that was known.
    mutating func planAnswer(_ first: Answer?, for id: SlotID) -> Answer? {
        guard case .expired = first, exchanges[id].state.hasAskedForPlan, let desk = plans,
            let user = exchanges[id].state.identity?.subject.view
        else { return first }
        return answer(desk.lookups.lastKnown(user))
    }

    private mutating func answer(_ plan: PlanValue) -> Answer {
        switch plan {
        case .plan(let name): .plan(planNames.name(name))
        case .noPlan, .unknown: .plan(nil)
        }
    }
}
