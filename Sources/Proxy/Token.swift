import Slots
import Time

/// What an event is about: a kind and an identity, in the 64 bits that epoll and the timer wheel carry.
package struct Token: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case client = 1, upstream, listener, mailbox, session
        /// A connection to the store that gateways share.
        case store
    }

    package let word: UInt64

    package init(_ kind: Kind, _ id: SlotID) { word = UInt64(kind.rawValue) << 56 | id.word }

    package init(word: UInt64) { self.word = word }

    package var kind: Kind {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: word >> 56)) else {
            preconditionFailure("no token of this loop: \(word)")
        }
        return kind
    }

    package var id: SlotID { SlotID(word: word) }
}

/// A deadline that may move at no cost: an entry of the wheel comes up early enough, and is asked
/// again when that one comes up too soon.
struct Deadline {
    private(set) var instant = Instant.distantFuture
    private var armed = Instant.distantFuture

    /// Moves the deadline. Returns true where the wheel needs an entry for it.
    mutating func move(to instant: Instant) -> Bool {
        self.instant = instant
        guard instant < armed else { return false }
        armed = instant
        return true
    }

    /// The wheel's entry has come up. Returns whether the deadline has passed; else `rearm` is when to be
    /// asked again, if ever.
    mutating func check(_ now: Instant) -> (passed: Bool, rearm: Instant?) {
        if instant <= now {
            armed = .distantFuture
            instant = .distantFuture
            return (true, nil)
        }
        // An entry from before the deadline had come nearer; the one that counts is still in the wheel.
        guard now >= armed else { return (false, nil) }
        armed = instant
        return (false, instant == .distantFuture ? nil : instant)
    }
}
