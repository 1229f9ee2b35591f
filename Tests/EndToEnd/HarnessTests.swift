import Foundation
import Testing

/// The harness itself: what it reports must be what happened, or no end-to-end test can be believed.
@Suite(.timeLimit(.minutes(20))) struct HarnessTests {
    private static let request = "GET /a HTTP/1.1\r\nHost: here\r\n\r\n"

    @Test func `a response is read whole with its fields in their order`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest,
            .send("HTTP/1.1 200 Fine\r\nB: 2\r\nA:  1 \r\nb: 3\r\nContent-Length: 5\r\n\r\nhello"))
        defer { origin.stop() }
        let response = try RawClient(port: origin.port).ask(Self.request)
        #expect(response.status == 200)
        #expect(response.reason == "Fine")
        #expect(response.fields.map(\.name) == ["B", "A", "b", "Content-Length"])
        #expect(response.values("b") == ["2", "3"])
        #expect(response.value("a") == "1")
        #expect(response.text == "hello")
        #expect(try origin.requests(1)[0].text == Self.request)
        #expect(try origin.end() == .finished)
    }

    @Test func `chunks are put together and trailers kept apart`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest,
            .drip(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
                every: .microseconds(100)))
        defer { origin.stop() }
        let response = try RawClient(port: origin.port).ask(Self.request)
        #expect(response.framing == .chunked)
        #expect(response.text == "abc0123456789")
        #expect(response.trailers == [WireFormat.Field(name: "T", value: "1")])
        #expect(response.value("T") == nil)
    }

    @Test func `interim responses come before the final one and pipelined ones stay apart`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .expectRequest,
            .send("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 None\r\n\r\n"),
            .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))
        defer { origin.stop() }
        let client = try RawClient(port: origin.port)
        try client.send(Self.request + Self.request)
        let first = try client.response()
        #expect(first.interim == [103])
        #expect(first.status == 204)
        #expect(first.body.isEmpty)
        #expect(try client.response().text == "x")
        #expect(client.buffered.isEmpty)
    }

    @Test func `the answer to HEAD has no body and one without a length ends with the connection`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), .expectRequest,
            .send("HTTP/1.1 200 OK\r\n\r\nuntil the end"))
        defer { origin.stop() }
        let client = try RawClient(port: origin.port)
        #expect(try client.ask("HEAD / HTTP/1.1\r\nHost: here\r\n\r\n").body.isEmpty)
        let second = try client.ask(Self.request)
        #expect(second.framing == .untilClose)
        #expect(second.text == "until the end")
    }

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "",
        ] as [WireText])
    func `a response that breaks off is never taken for a whole one`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(wire.text))
        defer { origin.stop() }
        #expect(throws: MalformedMessage.self) { try RawClient(port: origin.port).ask(Self.request) }
    }

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
            "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\nx",
            "HTTP/1.1 200 OK\r\n no name\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/2 200\r\n\r\n",
        ] as [WireText])
    func `a response with doubtful framing is malformed`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(wire.text))
        defer { origin.stop() }
        #expect(throws: MalformedMessage.self) { try RawClient(port: origin.port).ask(Self.request) }
    }

    @Test func `a reset is told from an orderly end on both sides`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), .reset],
            [.expectRequest, .waitUntilPeerLeaves],
            [.expectRequest, .waitUntilPeerLeaves],
        ])
        defer { origin.stop() }
        #expect(throws: SocketError.reset) { try RawClient(port: origin.port).ask(Self.request) }

        let leaving = try RawClient(port: origin.port)
        try leaving.send(Self.request)
        _ = try origin.requests(2)
        leaving.close()
        #expect(try origin.end(ofConnection: 1) == .peerClosed)

        let resetting = try RawClient(port: origin.port)
        try resetting.send(Self.request)
        _ = try origin.requests(3)
        resetting.reset()
        #expect(try origin.end(ofConnection: 2) == .peerReset)
    }

    @Test func `an origin that never answers runs into the client's deadline`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let client = try RawClient(port: origin.port, limit: .milliseconds(50))
        #expect(throws: SocketError.timedOut("to receive")) { try client.ask(Self.request) }
    }

    @Test func `requests are recorded byte for byte with their bodies`() throws {
        let origin = try ScriptedOrigin.answering(201, fields: ["X: y"], body: "ok")
        defer { origin.stop() }
        let client = try RawClient(port: origin.port)
        let plain = "POST /b?c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        let chunked = "PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n"
        #expect(try client.ask(plain).status == 201)
        #expect(try client.ask(chunked).value("x") == "y")
        let requests = try origin.requests(2)
        #expect(requests.map(\.text) == [plain, chunked])
        #expect(requests.map { String(decoding: $0.body, as: UTF8.self) } == ["abc", "hi"])
        #expect(requests[0].target == "/b?c")
        #expect(requests[1].trailers.map(\.name) == ["T"])
        #expect(origin.connections.count == 1)
        #expect(String(decoding: origin.connections[0].received, as: UTF8.self) == plain + chunked)
    }

    @Test func `a script that waits for bytes in vain says so`() throws {
        let origin = try ScriptedOrigin(limit: .milliseconds(50), scripts: [[.expectBytes(3)]])
        defer { origin.stop() }
        let client = try RawClient(port: origin.port)
        try client.send("ab")
        #expect(try origin.end() == .failed("timed out to receive"))
        #expect(try client.readToEnd().isEmpty)
    }

    @Test func `waiting for what never comes ends at the deadline and says what it was`() {
        #expect(throws: TimedOut.self) {
            try eventually("nothing", within: .milliseconds(20), holds: { false })
        }
    }

    @Test func `a program's output and its end are known`() throws {
        let result = try ChildProcess.run("/bin/sh", ["-c", "echo out; echo err >&2; exit 3"])
        #expect(result.exit == .code(3))
        #expect(result.output == "out\n")
        #expect(result.errors == "err\n")
        #expect(throws: ChildProcess.CannotStart.self) { try ChildProcess("/does/not/exist", []) }
    }

    @Test func `a program that ignores the request to end is killed`() throws {
        let child = try ChildProcess("/bin/sh", ["-c", "trap '' TERM; echo ready; while :; do :; done"])
        try eventually("the trap to be set") { child.standardOutput == "ready\n" ? true : nil }
        #expect((child.residentBytes ?? 0) > 0)
        #expect(child.terminate(within: .milliseconds(100)) == .signal(SIGKILL))
        #expect(child.residentBytes == nil)
    }

    @Test func `a gateway is ready when its listener takes connections and gone when the test is`() throws {
        let script = """
            import socket, sys, re
            text = open(sys.argv[2]).read()
            listener = socket.create_server(("127.0.0.1", int(re.search(r"port: (\\d+)", text).group(1))))
            print(sys.argv[1], text, flush=True)
            while True: listener.accept()
            """
        var gateway: GatewayProcess? = try GatewayProcess(
            binary: "/usr/bin/python3", arguments: ["-c", script, "run"]
        ) { "port: \($0.gateway)" }
        let process = try #require(gateway?.process)
        let directory = try #require(gateway?.directory)
        try eventually("its output") { gateway?.standardOutput.hasPrefix("run port: ") == true ? true : nil }
        gateway = nil
        #expect(process.exit == .signal(SIGTERM))
        #expect(!FileManager.default.fileExists(atPath: directory.path))
    }

    @Test func `a gateway that ends before it is ready tells what it printed`() throws {
        do {
            _ = try GatewayProcess(binary: "/bin/ls") { _ in "" }
            Issue.record("a program that ends at once was taken for a gateway")
        } catch let error as GatewayProcess.NotReady {
            #expect(error.reason.contains("it ended with code(2)"))
            #expect(error.standardError.contains("run"))
        }
    }
}
