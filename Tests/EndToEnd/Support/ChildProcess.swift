import Foundation

/// A program that a test started: what it prints is collected, how it ends is known, and it never outlives
/// the test.
final class ChildProcess: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    enum Exit: Equatable {
        case code(Int32)
        case signal(Int32)
    }

    struct CannotStart: Error, CustomStringConvertible {
        let path: String
        let reason: String
        var description: String { "cannot start \(path): \(reason)" }
    }

    let processID: pid_t
    private let lock = NSLock()
    private var output: [UInt8] = []
    private var errors: [UInt8] = []
    private var openPipes = 2
    private var ended: Exit?

    /// - Parameter environment: added to that of the tests.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let outputPipe = try Self.pipe()
        let errorPipe = try Self.pipe()
        defer {
            close(outputPipe.write)
            close(errorPipe.write)
        }
        do {
            processID = try Self.spawn(
                path, arguments, environment: environment, output: outputPipe.write, errors: errorPipe.write)
        } catch {
            close(outputPipe.read)
            close(errorPipe.read)
            throw error
        }
        // The threads keep this object alive, so `deinit` cannot come before the program has ended.
        Thread.detachNewThread { self.collect(outputPipe.read) { self.output += $0 } }
        Thread.detachNewThread { self.collect(errorPipe.read) { self.errors += $0 } }
        Thread.detachNewThread { self.reap() }
    }

    /// Runs a program to its end.
    static func run(
        _ path: String, _ arguments: [String], within limit: Duration = .seconds(20)
    ) throws -> (exit: Exit, output: String, errors: String) {
        let child = try ChildProcess(path, arguments)
        defer { child.kill() }
        let exit = try child.waitUntilExit(within: limit)
        return (exit, child.standardOutput, child.standardError)
    }

    var standardOutput: String { lock.withLock { String(decoding: output, as: UTF8.self) } }
    var standardError: String { lock.withLock { String(decoding: errors, as: UTF8.self) } }

    /// How it ended, once it has and all that it printed was read; nil before.
    var exit: Exit? { lock.withLock { openPipes == 0 ? ended : nil } }

    /// Bytes of memory that are resident now; nil once it has ended.
    var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(processID)/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Sends a signal; does nothing once the program has ended, when its number may belong to another.
    func signal(_ number: Int32) {
        lock.withLock {
            if ended == nil { _ = Glibc.kill(processID, number) }
        }
    }

    func kill() { signal(SIGKILL) }

    func waitUntilExit(within limit: Duration) throws -> Exit {
        try eventually("the end of process \(processID)", within: limit) { exit }
    }

    /// Asks with SIGTERM and, where that takes too long, ends it with SIGKILL.
    @discardableResult
    func terminate(within limit: Duration = .seconds(5)) -> Exit? {
        signal(SIGTERM)
        if let exit = try? waitUntilExit(within: limit) { return exit }
        kill()
        return try? waitUntilExit(within: .seconds(5))
    }

    private func collect(_ descriptor: Int32, _ append: (ArraySlice<UInt8>) -> Void) {
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            lock.withLock { append(block[..<count]) }
        }
        close(descriptor)
        lock.withLock { openPipes -= 1 }
    }

    private func reap() {
        // Waited for without reaping first: until `ended` is set under the lock, the number stays this
        // program's.
        var information = siginfo_t()
        while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        lock.withLock {
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            ended = signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
        }
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else {
            throw CannotStart(path: "pipe", reason: String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ path: String, _ arguments: [String], environment: [String: String], output: Int32, errors: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        // A socket of another test must not live on in this program: its peer would never see it closed.
        addCloseFrom(&actions, 3)

        // Signals as a shell would start it, whatever the test runner ignores or blocks.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let merged = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let words = ([path] + arguments).map { strdup($0) }
        let variables = merged.map { strdup("\($0.key)=\($0.value)") }
        defer { for pointer in words + variables { free(pointer) } }
        var processID: pid_t = 0
        let result = posix_spawn(&processID, path, &actions, &attributes, words + [nil], variables + [nil])
        guard result == 0 else { throw CannotStart(path: path, reason: String(cString: strerror(result))) }
        return processID
    }
}

/// Closes all descriptors from a number on in the new program; Glibc declares it for GNU sources only.
@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
@discardableResult
private func addCloseFrom(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32)
    -> Int32
