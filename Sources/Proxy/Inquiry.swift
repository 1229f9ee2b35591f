import Bytes
import Pipeline
import Slots
import Time

/// A question that an exchange has asked and waits for. Whoever answers needs nothing else.
package struct Inquiry: Equatable, Sendable {
    package let exchange: SlotID
    /// Which of the exchange's questions it is.
    let number: UInt32
    /// When the exchange goes on without an answer.
    let deadline: Instant
}

// Questions that are not answered at once.
extension ProxyCore where Net: ~Copyable {
    /// The exchange stops at its stage until an answer comes or `limit` is over.
    mutating func suspend(_ id: SlotID, within limit: Duration) -> Inquiry {
        exchanges[id].questions &+= 1
        let inquiry = Inquiry(exchange: id, number: exchanges[id].questions, deadline: now + limit)
        exchanges[id].inquiry = inquiry
        moveClientDeadline(exchanges[id].client)
        return inquiry
    }

    /// An answer has come. One that nobody waits for any more is dropped: its exchange is over, or has gone
    /// on without it.
    package mutating func answered(_ inquiry: Inquiry, _ answer: Answer) {
        let id = inquiry.exchange
        guard exchanges.contains(id), exchanges[id].inquiry == inquiry else { return }
        exchanges[id].inquiry = nil
        decide(id, with: answer)
    }
}
