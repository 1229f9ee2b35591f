import Foundation

/// The real binary, started with a settings file of the test's own on free ports of the loopback.
final class GatewayProcess: Sendable {
    /// Ports that were free when the gateway was started.
    struct Ports: Sendable {
        let gateway: UInt16
        let admin: UInt16
        /// For further listeners, or for upstreams that are not there.
        let other: [UInt16]
    }

    struct NotReady: Error, CustomStringConvertible {
        let reason: String
        let standardError: String
        var description: String { "the gateway is not ready: \(reason)\n\(standardError)" }
    }

    let ports: Ports
    let process: ChildProcess
    /// A folder of this gateway's own, gone with it.
    let directory: URL
    var settingsFile: URL { directory.appendingPathComponent("gateway.yaml") }

    /// Starts `floodgate run` and returns when its listener takes connections.
    ///
    /// - Parameters:
    ///   - settings: makes the text of the settings file, knowing the ports.
    ///   - binary: FLOODGATE_BINARY, or the one built with these tests.
    ///   - arguments: the settings file comes behind them.
    ///   - otherPorts: how many more free ports the settings need.
    ///   - limit: how long until it is ready.
    init(
        environment: [String: String] = [:], binary: String = GatewayProcess.binary,
        arguments: [String] = ["run"], otherPorts: Int = 0,
        within limit: Duration = .seconds(10), settings: (Ports) -> String
    ) throws {
        let free = try Loopback.freePorts(2 + otherPorts)
        let ports = Ports(gateway: free[0], admin: free[1], other: Array(free.dropFirst(2)))
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("floodgate-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent("gateway.yaml")
        do {
            try settings(ports).write(to: file, atomically: true, encoding: .utf8)
            process = try ChildProcess(binary, arguments + [file.path], environment: environment)
        } catch {
            try? FileManager.default.removeItem(at: directory)
            throw error
        }
        self.ports = ports
        self.directory = directory
        try waitUntilReady(within: limit)
    }

    deinit {
        process.terminate(within: .seconds(2))
        try? FileManager.default.removeItem(at: directory)
    }

    /// The binary to test: from the environment, else the one that stands beside the running test bundle.
    static var binary: String {
        if let path = ProcessInfo.processInfo.environment["FLOODGATE_BINARY"] { return path }
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let beside = tests.deletingLastPathComponent().appendingPathComponent("floodgate").path
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return root.appendingPathComponent(".build/debug/floodgate").path
    }

    /// What the gateway printed.
    var standardOutput: String { process.standardOutput }
    var standardError: String { process.standardError }

    func signal(_ number: Int32) { process.signal(number) }

    /// Replaces the settings file; the gateway reads it on SIGHUP.
    func rewriteSettings(_ text: String) throws {
        try text.write(to: settingsFile, atomically: true, encoding: .utf8)
    }

    /// A client that is connected to the gateway's listener.
    func client(limit: Duration = .seconds(10)) throws -> RawClient {
        try RawClient(port: ports.gateway, limit: limit)
    }

    @discardableResult
    func terminate(within limit: Duration = .seconds(10)) -> ChildProcess.Exit? {
        process.terminate(within: limit)
    }

    private func waitUntilReady(within limit: Duration) throws {
        do {
            try eventually("the listener on port \(ports.gateway)", within: limit) { () -> Bool? in
                if let exit = process.exit {
                    throw NotReady(reason: "it ended with \(exit)", standardError: standardError)
                }
                guard let probe = try? TestSocket.connect(port: ports.gateway, within: .seconds(1)) else {
                    return nil
                }
                probe.close()
                return true
            }
        } catch let error as TimedOut {
            throw NotReady(reason: "\(error)", standardError: standardError)
        }
    }
}
