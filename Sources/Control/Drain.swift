import Settings
import Time
import Proxy

/// The gateway's way out, as a machine: announce, close the doors, wait, end. Pure; the control loop does
/// what it says.
struct Drain: Equatable {
    enum Phase: Equatable {
        /// Readiness is off, everybody is still let in.
        case announcing(until: Instant)
        /// Nobody new is let in; what is in work is finished.
        case finishing
        /// Everything has ended or was cut.
        case over
    }

    enum Action: Equatable {
        case none
        /// Close the listeners and connections that ask for nothing.
        case closeDoors
        /// Stop the workers. With connections that are still open, those are cut.
        case stop(cutting: Int)
    }

    private(set) var phase: Phase
    private let deadline: Instant

    /// - Parameter announces: False where nobody balances load: an operator at the keyboard.
    init(_ settings: DrainSettings, announces: Bool, now: Instant) {
        deadline = now + settings.deadline
        phase = .announcing(until: announces ? min(now + settings.announce, deadline) : now)
    }

    /// What to do now, with so many connections open. `isDrained` where all workers have closed their doors
    /// and serve nobody.
    mutating func advance(now: Instant, open: Int, isDrained: Bool) -> Action {
        switch phase {
        case .announcing(let until):
            guard now >= until else { return .none }
            phase = .finishing
            return .closeDoors
        case .finishing:
            guard isDrained || now >= deadline else { return .none }
            phase = .over
            return .stop(cutting: open)
        case .over:
            return .none
        }
    }

    /// The operator has asked again: no more waiting.
    mutating func hurry(open: Int) -> Action {
        guard phase != .over else { return .none }
        phase = .over
        return .stop(cutting: open)
    }
}
