import Glibc
import Synchronization
import Time

/// What the process has to say besides single requests: start, reload, drain, errors. For the control plane.
///
/// A message is a constant, so that it can be searched and counted; what varies stands in its details. One
/// line, one write. A line that the reader has no room for is dropped and counted rather than waited for.
// SAFETY: `poll` gets the address of a local, `write` that of an array's bytes, both for the call only.
package final class EventLog: Sendable {
    package enum Level: Int, Comparable, CaseIterable, Sendable {
        case debug, info, warning, error

        package var name: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Format: Sendable {
        /// `2026-01-31T12:00:00.000Z warning settings not loaded path=/etc/floodgate.yaml`
        case text
        /// `{"time":"…","level":"warning","message":"settings not loaded","path":"/etc/floodgate.yaml"}`
        case json
    }

    package typealias Details = KeyValuePairs<String, String>

    /// Messages whose repetition is remembered. Beyond it, the oldest is forgotten.
    static let repeatedLimit = 256

    private let descriptor: Int32
    private let format: Format
    private let level: Level
    private let clock: @Sendable () -> WallTime
    private let state = Mutex(State())

    private struct State {
        var repeated: [String: Repeated] = [:]
        var dropped = 0

        mutating func makeRoom() {
            guard repeated.count >= EventLog.repeatedLimit else { return }
            if let oldest = repeated.min(by: { $0.value.lastTold < $1.value.lastTold }) {
                repeated[oldest.key] = nil
            }
        }
    }

    private struct Repeated {
        var lastTold: WallTime
        var suppressed = 0
    }

    /// Writes events of `level` and above to `descriptor`, which stays open.
    package init(
        format: Format, level: Level = .info, descriptor: Int32 = STDERR_FILENO,
        clock: @escaping @Sendable () -> WallTime = { Clock.wall }
    ) {
        self.format = format
        self.level = level
        self.descriptor = descriptor
        self.clock = clock
    }

    package func debug(_ message: StaticString, _ details: Details = [:]) { log(.debug, message, details) }
    package func info(_ message: StaticString, _ details: Details = [:]) { log(.info, message, details) }
    package func warning(_ message: StaticString, _ details: Details = [:]) {
        log(.warning, message, details)
    }
    package func error(_ message: StaticString, _ details: Details = [:]) { log(.error, message, details) }

    package func log(_ level: Level, _ message: StaticString, _ details: Details = [:]) {
        guard level >= self.level else { return }
        emit(level, message, details, at: clock(), suppressed: 0)
    }

    /// As `log`, but at most once per `interval` for the same message and `subject`; what was left out
    /// between is counted in the next line's `suppressed`.
    package func log(
        _ level: Level, _ message: StaticString, _ details: Details = [:], about subject: String = "",
        atMostEvery interval: Duration
    ) {
        guard level >= self.level else { return }
        let now = clock()
        let key = "\(message)\u{0}\(subject)"
        let suppressed: Int? = state.withLock { state in
            guard let last = state.repeated[key] else {
                state.makeRoom()
                state.repeated[key] = Repeated(lastTold: now)
                return 0
            }
            // A clock that was set back must not silence the message for long.
            let age = now.nanoseconds - last.lastTold.nanoseconds
            guard age < 0 || age >= interval.nanoseconds else {
                state.repeated[key]?.suppressed += 1
                return nil
            }
            state.repeated[key] = Repeated(lastTold: now)
            return last.suppressed
        }
        if let suppressed { emit(level, message, details, at: now, suppressed: suppressed) }
    }

    /// Lines that were not written, because nobody read the others.
    package var dropped: Int { state.withLock { $0.dropped } }

    /// Messages whose repetition is remembered now.
    package var rememberedRepetitions: Int { state.withLock { $0.repeated.count } }

    private func emit(
        _ level: Level, _ message: StaticString, _ details: Details, at time: WallTime, suppressed: Int
    ) {
        var line = EventLine(format: format, time: time, level: level, message: message)
        for (key, value) in details { line.add(key, value) }
        if suppressed > 0 { line.add("suppressed", String(suppressed)) }
        let bytes = line.finish()
        state.withLock { state in
            if !write(bytes) { state.dropped += 1 }
        }
    }

    /// Lines are no longer than what a pipe takes whole, so that they never mix with those of other
    /// processes.
    private func write(_ bytes: [UInt8]) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&entry, 1, 0) == 1 else { return false }
        var result = 0
        repeat {
            result = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        } while result < 0 && errno == EINTR
        return result == bytes.count
    }
}
