import CLinux
import Glibc

/// Signals as events: blocked everywhere, read by one loop.
package struct Signals: ~Copyable {
    package enum Signal: CaseIterable, Sendable {
        /// End calmly.
        case terminate, interrupt
        /// Read the settings again.
        case hangUp
        /// Open the access log again.
        case user1

        fileprivate var number: Int32 {
            switch self {
            case .terminate: SIGTERM
            case .interrupt: SIGINT
            case .hangUp: SIGHUP
            case .user1: SIGUSR1
            }
        }
    }

    /// Readable when a signal has come.
    package let descriptor: Int32

    /// Blocks the signals for this thread and all that it starts from now on. To be called first thing.
    // SAFETY: the set is this frame's.
    package init() throws(SystemError) {
        // A peer that closes while we write is an answer, not a death.
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in Signal.allCases { unsafe sigaddset(&set, signal.number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError("signalfd", code: errno) }
    }

    deinit { close(descriptor) }

    /// The next signal that has come; nil when there is none.
    // SAFETY: the kernel writes one whole record or nothing.
    package func next() -> Signal? {
        var record = signalfd_siginfo()
        let count = unsafe read(descriptor, &record, MemoryLayout<signalfd_siginfo>.size)
        guard count == MemoryLayout<signalfd_siginfo>.size else { return nil }
        return Signal.allCases.first { $0.number == Int32(record.ssi_signo) }
    }
}
