import Addressing
import Reactor

/// Threads that look names up, because a look-up blocks. Two: a name whose servers do not answer does not
/// hold all others up.
final class NameDesk: Sendable {
    private enum Message: Sendable {
        case lookUp(String)
        case stop
    }

    private let desks: [Mailbox<Message>]

    /// - Parameter answer: called on a desk's thread.
    init(
        _ lookUp: @escaping FetchLoop.LookUp,
        answer: @escaping @Sendable (String, Result<[IPAddress], NameLookup.Failure>) -> Void
    ) throws(SystemError) {
        var desks: [Mailbox<Message>] = []
        for _ in 0..<Self.count { desks.append(try Mailbox()) }
        self.desks = desks
        for desk in desks {
            try Thread.start(name: "fetch-names") {
                while true {
                    desk.wait(milliseconds: -1)
                    for message in desk.take() {
                        switch message {
                        case .stop: return
                        case .lookUp(let name):
                            answer(name, Result { () throws(NameLookup.Failure) in try lookUp(name) })
                        }
                    }
                }
            }
        }
    }

    static let count = 2

    /// - Parameter desk: 0 to `count` - 1.
    func lookUp(_ name: String, at desk: Int) { desks[desk].post(.lookUp(name)) }

    func stop() { for desk in desks { desk.post(.stop) } }
}

/// Names that are being looked up, and those that were a short while ago. Bounded by the names of the
/// settings, which are all that is ever asked for.
struct NameBook {
    enum Entry: Equatable {
        case known([IPAddress])
        /// To be looked up at this desk.
        case ask(desk: Int)
        case asked
    }

    private struct Known {
        let addresses: [IPAddress]
        let until: Int64
    }

    private var known: [String: Known] = [:]
    /// The desk of each name that is being looked up.
    private var asked: [String: Int] = [:]

    mutating func find(_ name: String, now: Int64) -> Entry {
        if let entry = known[name], now < entry.until { return .known(entry.addresses) }
        known[name] = nil
        guard asked[name] == nil else { return .asked }
        let load = (0..<NameDesk.count).map { desk in asked.values.count { $0 == desk } }
        let desk = load.indices.min { load[$0] < load[$1] } ?? 0
        asked[name] = desk
        return .ask(desk: desk)
    }

    mutating func found(_ name: String, _ addresses: [IPAddress]?, until: Int64) {
        asked[name] = nil
        if let addresses { known[name] = Known(addresses: addresses, until: until) }
    }
}
