import Reactor
import Synchronization

/// The workers of one process as they see each other: whose mailbox is whose, and what they wait for of one
/// another.
package final class Neighbours: Sendable {
    /// Which of them wait for which Idempotency-Keys.
    package let turns = KeyTurns()
    private let mailboxes = Mutex<[Int: Mailbox<WorkerMessage>]>([:])

    package init() {}

    func join(_ mailbox: Mailbox<WorkerMessage>, as index: Int) {
        mailboxes.withLock { $0[index] = mailbox }
    }

    /// Tells some of them, by a bit each.
    func post(_ message: WorkerMessage, to workers: UInt64) {
        let wanted = mailboxes.withLock { mailboxes in
            mailboxes.filter { workers & 1 << UInt64($0.key) != 0 }.map(\.value)
        }
        for mailbox in wanted { mailbox.post(message) }
    }
}
