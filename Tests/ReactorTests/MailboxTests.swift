import Glibc
import Reactor
import Testing

@Suite struct MailboxTests {
    private struct Silence: Error {}

    private func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) == 1
    }

    @Test func `messages are taken in their order, and taking them silences the descriptor`() throws {
        let mailbox = try Mailbox<Int>()
        verify(!isReadable(mailbox.descriptor, milliseconds: 0))
        mailbox.post(1)
        verify(isReadable(mailbox.descriptor, milliseconds: 0), "a single message wakes the loop")
        for number in 2...3 { mailbox.post(number) }
        verify(isReadable(mailbox.descriptor, milliseconds: 0))
        verify(mailbox.take() == [1, 2, 3])
        verify(!isReadable(mailbox.descriptor, milliseconds: 0))
        verify(mailbox.take() == [])
    }

    @Test func `no message of many threads is lost, and each thread's keep their order`() throws {
        let mailbox = try Mailbox<(sender: Int, number: Int)>()
        let senders = 4
        let each = 2000
        for sender in 0..<senders {
            try Thread.start(name: "sender") {
                for number in 0..<each { mailbox.post((sender, number)) }
            }
        }
        var next = [Int](repeating: 0, count: senders)
        while next.reduce(0, +) < senders * each {
            guard isReadable(mailbox.descriptor, milliseconds: 10_000) else { throw Silence() }
            for message in mailbox.take() {
                verify(message.number == next[message.sender])
                next[message.sender] += 1
            }
        }
        verify(mailbox.take().isEmpty)
    }
}
