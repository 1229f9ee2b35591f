import Foundation
import Testing

/// What `make run` starts, on other ports: the demo with the quick-start settings, asked by real clients.
@Suite(.timeLimit(.minutes(20))) struct QuickstartTests {
    /// Config/quickstart.yaml with free ports in it, and the demo that runs it.
    private func withDemo(_ body: (_ port: UInt16) throws -> Void) throws {
        try withDemo { port, _, _ in try body(port) }
    }

    private func withDemo(
        _ body: (_ port: UInt16, _ securePort: UInt16, _ certificates: URL) throws -> Void
    ) throws {
        let free = try Loopback.freePorts(4)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var settings = try String(
            contentsOf: root.appendingPathComponent("Config/quickstart.yaml"), encoding: .utf8)
        for (port, own) in zip(["8080", "9901", "9000", "8443"], free) {
            settings = settings.replacingOccurrences(of: "127.0.0.1:\(port)", with: "127.0.0.1:\(own)")
        }
        let certificates = FileManager.default.temporaryDirectory.appendingPathComponent(
            "quickstart-\(UUID().uuidString)")
        settings = settings.replacingOccurrences(of: "Certs/", with: certificates.path + "/")
        defer { try? FileManager.default.removeItem(at: certificates) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "quickstart-\(UUID().uuidString).yaml")
        try settings.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let demo = try ChildProcess(
            GatewayProcess.binary, ["demo", "--file", file.path, "--origin-port", "\(free[2])"])
        defer { demo.kill() }
        try eventually("the guide") { demo.standardOutput.contains("Ctrl-C ends it") }
        try body(free[0], free[3], certificates)
        demo.signal(SIGINT)
        #expect(try demo.waitUntilExit(within: .seconds(10)) == .code(0))
    }

    /// Status, curl's exit code, and the body.
    private func curl(_ port: UInt16, _ path: String, _ arguments: String...) throws -> (String, String) {
        let result = try ChildProcess.run(
            "/usr/bin/curl",
            ["-sS", "-w", "\n%{http_code}/%{exitcode}"] + arguments + ["http://127.0.0.1:\(port)\(path)"])
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func `the demo makes a certificate for this machine, and serves with it`(version: String) throws {
        try withDemo { _, port, certificates in
            let authority = certificates.appendingPathComponent("authority.pem").path
            let result = try ChildProcess.run(
                "/usr/bin/curl",
                [
                    "-sS", version, "--cacert", authority, "-w", "\n%{http_version}",
                    "https://127.0.0.1:\(port)/api/hello",
                ])
            #expect(result.output.contains("\"x-forwarded-proto\": \"https\""))
            #expect(result.output.hasSuffix(version == "--http2" ? "\n2" : "\n1.1"))
        }
    }

    @Test func `curl reaches each kind of route`() throws {
        try withDemo { port in
            let hello = try curl(port, "/api/hello")
            #expect(hello.0 == "200/0" && hello.1.contains("\"x-forwarded-for\": \"127.0.0.1\""))
            #expect(try curl(port, "/api/echo", "-d", "byte for byte") == ("200/0", "byte for byte"))
            #expect(try curl(port, "/api/slow?ms=20") == ("200/0", "{\"waited_ms\": 20}\n"))
            let token = try (0..<10).map { _ in try curl(port, "/api/video/token").0 }
            #expect(token.contains("200/0") && token.contains("503/0"))
            // An origin that breaks off is an error of the connection, not a shorter answer.
            #expect(token.contains { $0.hasSuffix("/18") || $0.hasSuffix("/56") })
            let limited = try (0..<7).map { _ in try curl(port, "/api/limited").0 }
            #expect(limited == Array(repeating: "200/0", count: 5) + ["429/0", "429/0"])
            #expect(try curl(port, "/old-api/x").0 == "410/0")
            #expect(try curl(port, "/nothing").0 == "404/0")
            #expect(try curl(port, "/healthz").1.hasPrefix("{\"ok\":true,\"ts\":"))
        }
    }

    @Test func `events come one by one`() throws {
        try withDemo { port in
            let chat = try curl(port, "/api/chat", "-N", "-d", "{}")
            #expect(chat.0 == "200/0" && chat.1.contains("data: [DONE]"))
            let client = try RawClient(port: port)
            try client.send(get("/api/events", "Accept: text/event-stream"))
            // The stream never ends: what arrives was not held back.
            for _ in 0..<2 { _ = try client.read(through: "event: clock") }
            client.close()
        }
    }

    @Test(.enabled(if: DemoWebSocketTests.hasPythonClient, "needs Debian's python3-websockets"))
    func `a real WebSocket client talks through the gateway`() throws {
        try withDemo { port in
            let script = """
                import asyncio, websockets
                async def main():
                    async with websockets.connect("ws://127.0.0.1:\(port)/api/ws") as socket:
                        for message in ["hello", "ü" * 1000, b"\\x00\\xff" * 40000]:
                            await socket.send(message)
                            assert await socket.recv() == message
                        await (await socket.ping())
                    assert socket.close_code == 1000, socket.close_code
                    print("agreed")
                asyncio.run(main())
                """
            let result = try ChildProcess.run("/usr/bin/python3", ["-c", script])
            #expect(result.output == "agreed\n", "\(result.errors)")
        }
    }
}
