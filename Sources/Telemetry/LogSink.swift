import Bytes
import Glibc
import Time

/// Where the access log goes.
package enum AccessLogDestination: Equatable, Sendable {
    case standardOutput
    /// A file that is appended to, made with mode 0640 where there is none; or a named pipe that somebody
    /// reads.
    case file(path: String)
    /// An open descriptor, which stays open afterwards.
    case descriptor(Int32)
}

package enum AccessLogError: Error, Equatable, CustomStringConvertible {
    case open(path: String, errorNumber: Int32)
    case thread(errorNumber: Int32)

    package var description: String {
        switch self {
        case .open(let path, let number): "cannot open the access log \(path): \(SystemError.text(number))"
        case .thread(let number): "cannot start the access log's thread: \(SystemError.text(number))"
        }
    }
}

/// An open log: writes all of a block, or knows how much of it was lost.
// SAFETY: system calls get addresses of locals and of views whose block the caller holds during `write`; all
// on the writer's thread.
struct LogSink {
    struct Result: Equatable {
        var bytes: Int
        /// Lines that were not written, or only in part.
        var linesLost: Int
    }

    private let destination: AccessLogDestination
    private let events: EventLog
    private var descriptor: Int32
    /// Bytes written at once where a write might block: what poll(2) promises a pipe has room for (PIPE_BUF).
    private var piece: Int
    /// The last write ended inside a line; the next begins with a line feed, so that only one line is spoilt.
    private var isTorn = false
    /// What the last write failed with, until one succeeds: an error is told once, not once a block.
    private var failure: Int32?
    private var lostInFailure = 0
    private var retryOpenAt = Instant.zero

    init(destination: AccessLogDestination, events: EventLog) throws(AccessLogError) {
        self.destination = destination
        self.events = events
        switch destination {
        case .standardOutput: descriptor = STDOUT_FILENO
        case .descriptor(let number): descriptor = number
        case .file(let path):
            descriptor = LogSink.open(path)
            if descriptor < 0 { throw .open(path: path, errorNumber: errno) }
        }
        piece = LogSink.piece(of: descriptor)
    }

    /// Opens the path anew. Where that fails, the old file goes on.
    mutating func reopen() {
        guard case .file(let path) = destination else { return }
        let fresh = LogSink.open(path)
        guard fresh >= 0 else {
            let number = errno
            events.error("access log not reopened", ["path": path, "error": SystemError.text(number)])
            return
        }
        close()
        descriptor = fresh
        piece = LogSink.piece(of: fresh)
        isTorn = false
        events.info("access log reopened", ["path": path])
    }

    mutating func close() {
        guard case .file = destination, descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// Writes `lines`, each of which ends in a line feed. Waits for a reader that is slow until `giveUp` says
    /// true.
    mutating func write(_ lines: ByteView, giveUp: () -> Bool) -> Result {
        if isTorn {
            guard writeAll(ByteView("\n"), giveUp: giveUp) == 1 else { return lost(lines, written: 0) }
            isTorn = false
        }
        let written = writeAll(lines, giveUp: giveUp)
        guard written == lines.count else { return lost(lines, written: written) }
        if failure != nil { tellRecovery() }
        return Result(bytes: written, linesLost: 0)
    }

    private mutating func lost(_ lines: ByteView, written: Int) -> Result {
        if written > 0 { isTorn = lines[written - 1] != 0x0A }
        let whole = lines.prefix(written).countLines()
        let lost = lines.countLines() - whole
        lostInFailure += lost
        return Result(bytes: written, linesLost: lost)
    }

    /// Bytes written before an error or before giving up.
    private mutating func writeAll(_ bytes: ByteView, giveUp: () -> Bool) -> Int {
        var written = 0
        while written < bytes.count {
            if piece < Int.max {
                switch waitUntilWritable(milliseconds: giveUp() ? 0 : 100) {
                case .ready: break
                case .busy:
                    if giveUp() { return written }
                    continue
                }
            }
            let rest = bytes.slice(written, min(bytes.count, written &+ min(piece, bytes.count &- written)))
            let result = unsafe Glibc.write(descriptor, rest.start, rest.count)
            if result > 0 {
                written += result
                continue
            }
            let number = errno
            switch number {
            case EINTR: continue
            case EAGAIN:
                // A descriptor that somebody else set non-blocking; poll waits for it.
                piece = min(piece, Int(PIPE_BUF))
                if giveUp() { return written }
            default:
                tellFailure(number)
                return written
            }
        }
        return written
    }

    private enum Readiness { case ready, busy }

    /// The caller keeps the wait short, so that the end of the process is noticed.
    private func waitUntilWritable(milliseconds: Int32) -> Readiness {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // Errors and hang-ups count as ready: the write tells which.
        return unsafe poll(&entry, 1, milliseconds) == 1 ? .ready : .busy
    }

    private mutating func tellFailure(_ number: Int32) {
        guard failure != number else { return }
        failure = number
        events.error("access log cannot be written, records are dropped", ["error": SystemError.text(number)])
    }

    private mutating func tellRecovery() {
        events.warning("access log is written again", ["dropped": String(lostInFailure)])
        failure = nil
        lostInFailure = 0
    }

    private static func open(_ path: String) -> Int32 {
        // Non-blocking, so that a named pipe without a reader is an error instead of a wait; files do not
        // mind.
        unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
    }

    /// Files take whole blocks; pipes, sockets and terminals as much as never blocks.
    private static func piece(of descriptor: Int32) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return Int(PIPE_BUF) }
        return status.st_mode & S_IFMT == S_IFREG ? Int.max : Int(PIPE_BUF)
    }

    /// Signals are for the control thread.
    static func blockSignals() {
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
    }
}

extension ByteView {
    /// Number of line feeds.
    fileprivate func countLines() -> Int {
        var lines = 0
        var index = 0
        while let found = firstIndex(of: 0x0A, from: index) {
            lines += 1
            index = found + 1
        }
        return lines
    }
}

/// Words for error numbers.
enum SystemError {
    static func text(_ number: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let base = buffer.baseAddress else { return "error \(number)" }
            unsafe base.initialize(repeating: 0, count: 128)
            guard unsafe strerror_r(number, base, 127) == 0 else { return "error \(number)" }
            return unsafe String(cString: base)
        }
    }
}
