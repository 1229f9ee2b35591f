import Foundation

/// A real redis-server of a test's own on free loopback ports, with a folder of its own; both go with it.
package final class RedisServer: @unchecked Sendable {
    // Unchecked: used by one test at a time.
    package struct Options: Sendable {
        package var password: String?
        /// A user beside the default one, who is then switched off: name, password and what it may do.
        package var user: (name: String, password: String, rules: [String])?
        package var listensOnSocket = false
        /// Certificate, key and authority, PEM files: encrypted on a port of its own.
        package var tls: (certificate: String, key: String, authority: String)?
        /// Whether data survives an end by signal.
        package var persists = false
        package var more: [String] = []
        /// The lines of a sentinel's file; nil for a server that holds data. A sentinel writes into that file
        /// what it finds out, and knows it when it is started again.
        package var sentinel: [String]?

        package init() {}
    }

    package struct CannotStart: Error, CustomStringConvertible {
        package let description: String
    }

    package let port: UInt16
    /// Encrypted; 0 for none.
    package let tlsPort: UInt16
    private let options: Options
    private let folder: URL
    private var process: Process?

    package init(_ options: Options = Options()) throws {
        self.options = options
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "fg-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try Self.freePort()
        tlsPort = options.tls == nil ? 0 : try Self.freePort()
        if let sentinel = options.sentinel {
            let text = sentinel.map { $0 + "\n" }.joined()
            try text.write(to: sentinelFile, atomically: true, encoding: .utf8)
        }
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    private var sentinelFile: URL { folder.appendingPathComponent("sentinel.conf") }

    package var socketPath: String { folder.appendingPathComponent("redis.sock").path }

    /// `redis://…` for the default user.
    package var address: String {
        "redis://\(options.password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)"
    }

    // MARK: Life

    /// Starts it, with what is left of its data, and waits until it answers.
    package func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/redis-server")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        let end = Date(timeIntervalSinceNow: 20)
        while Date() < end {
            if (try? answersPing()) == true { return }
            guard process.isRunning else {
                throw CannotStart(description: "redis-server has ended: \(arguments)")
            }
            poll(nil, 0, 5)
        }
        kill()
        throw CannotStart(description: "redis-server does not answer on port \(port)")
    }

    private var arguments: [String] {
        var words = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--daemonize", "no",
            "--loglevel", "warning",
        ]
        if options.sentinel != nil {
            words = [sentinelFile.path, "--sentinel"] + words
        } else {
            words += ["--save", ""]
        }
        if options.persists { words += ["--appendonly", "yes", "--appendfsync", "always"] }
        if let password = options.password { words += ["--requirepass", password] }
        if let user = options.user {
            words += ["--user", user.name, "on", ">\(user.password)"] + user.rules
            words += ["--user", "default", "off"]
        }
        if options.listensOnSocket { words += ["--unixsocket", socketPath] }
        if let tls = options.tls {
            words += [
                "--tls-port", "\(tlsPort)", "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key,
                "--tls-ca-cert-file", tls.authority, "--tls-auth-clients", "no",
            ]
        }
        return words + options.more
    }

    package var isRunning: Bool { process?.isRunning ?? false }

    /// Ends it at once, and waits for that.
    package func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// It goes on taking connections and bytes, and does nothing with them.
    package func hang() { if let process { Foundation.kill(process.processIdentifier, SIGSTOP) } }

    package func goOn() { if let process { Foundation.kill(process.processIdentifier, SIGCONT) } }

    // MARK: Asking

    /// What `redis-cli` says to a command, without the last line's end.
    @discardableResult
    package func ask(_ words: String...) throws -> String { try ask(words) }

    @discardableResult
    package func ask(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/redis-cli")
        var arguments = ["-h", "127.0.0.1", "-p", "\(port)", "--no-auth-warning"]
        if let password = options.password { arguments += ["-a", password] }
        if let user = options.user { arguments += ["--user", user.name, "--pass", user.password] }
        process.arguments = arguments + words
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    /// Commands that it has run since it was started, as it counts them.
    package func calls(of command: String) throws -> Int {
        let statistics = try ask("INFO", "commandstats")
        guard
            let line = statistics.split(whereSeparator: \.isNewline).first(where: {
                $0.hasPrefix("cmdstat_\(command):")
            })
        else { return 0 }
        return line.split(separator: "calls=").dropFirst().first
            .flatMap { $0.split(separator: ",").first }.flatMap { Int($0) } ?? 0
    }

    private func answersPing() throws -> Bool {
        let answer = try TestPort.ask(port: port, "PING\r\n")
        return answer.hasPrefix("+PONG") || answer.hasPrefix("-NOAUTH")
    }

    private static func freePort() throws -> UInt16 { try TestPort.free() }
}
