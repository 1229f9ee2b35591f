import CLinux
import Glibc
import Synchronization

/// Messages from other threads to one loop: a locked queue and an eventfd that wakes the loop once per batch.
// SAFETY: the kernel writes a counter and a poll request of the caller's frame.
package final class Mailbox<Message: Sendable>: Sendable {
    private let waiting = Mutex<[Message]>([])
    /// Readable while messages may be waiting.
    package let descriptor: Int32

    package init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError("eventfd", code: errno) }
    }

    deinit { close(descriptor) }

    /// Puts a message in, from any thread.
    package func post(_ message: Message) {
        let wasEmpty = waiting.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if wasEmpty { eventfd_write(descriptor, 1) }
    }

    /// Waits for a message, up to `milliseconds`; for threads that have no loop.
    package func wait(milliseconds: Int32) {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&request, 1, milliseconds)
    }

    /// All messages so far, in their order. On the loop's thread.
    package func take() -> [Message] {
        var count: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor, &count)
        return waiting.withLock { messages in
            let taken = messages
            messages = []
            return taken
        }
    }
}
