import Glibc

/// Waits for descriptors, for threads that have no loop.
// SAFETY: poll reads and writes the requests of the caller's frame.
package enum DescriptorWait {
    /// Waits until the descriptor can be read, or written where that is asked for, or is broken. False where
    /// `milliseconds` have passed before.
    package static func wait(_ descriptor: Int32, forWriting: Bool = false, milliseconds: Int32) -> Bool {
        var request = pollfd(
            fd: descriptor, events: Int16(forWriting ? POLLOUT : POLLIN), revents: 0)
        return unsafe poll(&request, 1, milliseconds) > 0
    }

    /// Waits until one of two descriptors can be read.
    package static func wait(either first: Int32, or second: Int32, milliseconds: Int32) {
        var requests = (
            pollfd(fd: first, events: Int16(POLLIN), revents: 0),
            pollfd(fd: second, events: Int16(POLLIN), revents: 0)
        )
        _ = unsafe withUnsafeMutablePointer(to: &requests) { pointer in
            unsafe pointer.withMemoryRebound(to: pollfd.self, capacity: 2) { pair in
                unsafe poll(pair, 2, milliseconds)
            }
        }
    }
}
