import Foundation
import Testing

/// How the gateway starts, and how it says that it does not.
@Suite(.timeLimit(.minutes(20))) struct StartTests {
    /// Runs a command on a settings file that stands in a folder of its own.
    private func run(
        _ settings: String?, command: String = "run", environment: [String: String] = [:]
    ) throws -> (exit: ChildProcess.Exit, lines: [String], file: String) {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "floodgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("gateway.yaml").path
        try settings?.write(toFile: file, atomically: true, encoding: .utf8)
        let child = try ChildProcess(GatewayProcess.binary, [command, file], environment: environment)
        defer { child.kill() }
        let exit = try child.waitUntilExit(within: .seconds(20))
        #expect(child.standardOutput.isEmpty)
        return (exit, child.standardError.split(separator: "\n").map(String.init), file)
    }

    private func settings(port: UInt16, more: String = "") -> String {
        """
        listeners: [{ address: 127.0.0.1:\(port) }]
        admin: { address: off }
        routes: [{ path: /*, respond: { status: 204 } }]
        \(more)
        """
    }

    @Test func `a port in use is one clear line and status 1`() throws {
        let (holder, port) = try Loopback.listen()
        defer { close(holder) }
        let (exit, lines, _) = try run(settings(port: port))
        #expect(exit == .code(1))
        #expect(lines.count == 1)
        #expect(lines.first?.contains("cannot listen on 127.0.0.1:\(port): ") == true)
        #expect(lines.first?.contains("Address already in use") == true)
    }

    @Test func `another gateway's port is in use too although workers share theirs`() throws {
        let first = try GatewayProcess(routing: "routes: [{ path: /*, respond: { status: 204 } }]")
        let (exit, lines, _) = try run(settings(port: first.ports.gateway))
        #expect(exit == .code(1))
        #expect(lines.count == 1)
        #expect(lines.first?.contains("Address already in use") == true)
        #expect(try first.ask("/").status == 204)
    }

    @Test func `a file that is not there is one clear line and status 1`() throws {
        let (exit, lines, file) = try run(nil)
        #expect(exit == .code(1))
        #expect(lines == ["cannot read \(file): open: No such file or directory"])
    }

    @Test func `a folder is no settings file`() throws {
        let child = try ChildProcess.run(GatewayProcess.binary, ["run", "/tmp"])
        #expect(child.exit == .code(1))
        #expect(child.errors == "cannot read /tmp: read: Is a directory\n")
    }

    @Test func `a missing variable is named with file, line and column`() throws {
        let text = "admin:\n  address: 127.0.0.1:1\n  token: \"${FLOODGATE_TEST_TOKEN}\"\n"
        let (exit, lines, file) = try run(text + "routes: [{ path: /*, respond: { status: 204 } }]\n")
        #expect(exit == .code(1))
        #expect(lines.first?.hasPrefix("\(file):3:") == true)
        #expect(lines.first?.contains("FLOODGATE_TEST_TOKEN") == true)
    }

    @Test func `every error of a file is listed at once`() throws {
        let text = """
            listeners: [{ adress: 127.0.0.1:8080 }]
            limits: { everyone: { rate: often, by: ip } }
            upstreams: { app: { servers: [127.0.0.1:1], balance: best } }
            routes: [{ path: /*, upstream: ap }]

            """
        let (exit, lines, file) = try run(text)
        #expect(exit == .code(1))
        for line in 1...4 {
            #expect(lines.contains { $0.hasPrefix("\(file):\(line):") }, "nothing of line \(line): \(lines)")
        }
        #expect(lines.contains { $0.contains("address") && $0.contains("adress") })
        let checked = try run(text, command: "check")
        #expect(checked.exit == .code(1))
        #expect(checked.lines.count == lines.count)
    }

    @Test func `systemd is told of readiness, reloads and the end`() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "notify-\(UUID().uuidString)"
        ).path
        let socket = try NotifySocket(path: path)
        defer { socket.remove() }
        let gateway = try GatewayProcess(environment: ["NOTIFY_SOCKET": path]) { ports in
            """
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: off }
            drain: { announce: 0s }
            routes: [{ path: /*, respond: { status: 204 } }]

            """
        }
        #expect(try socket.next() == "READY=1")
        gateway.signal(SIGHUP)
        let reloading = try socket.next()
        #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(try socket.next() == "READY=1")
        gateway.signal(SIGTERM)
        #expect(try socket.next() == "STOPPING=1")
        #expect(try gateway.process.waitUntilExit(within: .seconds(5)) == .code(0))
    }

    @Test func `the demo starts, serves and stops without an escape code where nobody looks`() throws {
        let free = try Loopback.freePorts(3)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "floodgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("quickstart.yaml")
        try """
        listeners: [{ address: 127.0.0.1:\(free[0]) }]
        admin: { address: 127.0.0.1:\(free[1]) }
        upstreams: { app: { servers: [127.0.0.1:\(free[2])] } }
        routes: [{ path: /api/*, upstream: app }]

        """.write(to: file, atomically: true, encoding: .utf8)
        let demo = try ChildProcess(
            GatewayProcess.binary, ["demo", "--file", file.path, "--origin-port", "\(free[2])"])
        defer { demo.kill() }
        try eventually("the guide") { demo.standardOutput.contains("Ctrl-C ends it") }
        let client = try RawClient(port: free[0])
        #expect(try client.ask(get("/api/hello")).status == 200)
        #expect(try client.ask(get("/healthz")).text.hasPrefix("{\"ok\":true,\"ts\":"))
        client.close()
        demo.signal(SIGINT)
        #expect(try demo.waitUntilExit(within: .seconds(5)) == .code(0))
        #expect(!(demo.standardOutput + demo.standardError).utf8.contains(0x1B))
    }
}

/// The socket that a service manager listens on.
private final class NotifySocket {
    private let descriptor: Int32
    private let path: String

    init(path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw SocketError.cannotOpen(errno: errno) }
    }

    /// The next message.
    func next(within limit: Duration = .seconds(5)) throws -> String {
        try eventually("a message to the service manager", within: limit) {
            var bytes = [UInt8](repeating: 0, count: 512)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
        }
    }

    func remove() {
        close(descriptor)
        unlink(path)
    }
}
