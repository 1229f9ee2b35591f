import Addressing
import Foundation
import Reactor
import Testing

@testable import Control

@Suite struct StatusCommandTests {
    private let source = StubSource()

    private func serve(token: String? = nil) throws -> AdminTestServer {
        let routes = AdminRoutes(source: source)
        return try AdminTestServer(token: token) { routes.answer($0) }
    }

    private func run(
        _ server: AdminTestServer, token: String? = nil, _ form: StatusCommand.Form = .table(.plain)
    ) -> CommandResult {
        StatusCommand(form, AdminCall(address: "\(server.address)", token: token)).run()
    }

    @Test func `a gateway that is ready is shown, with exit code 0`() throws {
        let server = try serve()
        let result = run(server)
        #expect(result.exitCode == 0 && result.complaint.isEmpty)
        #expect(result.output.hasPrefix("Floodgate 1.2.3: running, ready, pid 4242, up 3 d 4 h\n"))
        #expect(run(server, .quiet) == CommandResult(exitCode: 0))
    }

    @Test func `JSON is what the listener says, indented`() throws {
        source.state.withLock { $0.status.version = "1\u{9B}2" }
        let server = try serve()
        let result = run(server, .json)
        #expect(result.exitCode == 0)
        #expect(result.output.contains("1\\u009b2"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(object["pid"] as? Int == 4242)
    }

    @Test func `a gateway that drains is shown, with exit code 1`() throws {
        source.state.withLock {
            $0.isReady = false
            $0.status.isReady = false
            $0.status.state = .draining
        }
        let server = try serve()
        let result = run(server)
        #expect(result.exitCode == 1 && result.output.contains("draining"))
        let quiet = run(server, .quiet)
        #expect(quiet.exitCode == 1 && quiet.output.isEmpty)
        #expect(quiet.complaint == "floodgate: the gateway at \(server.address) is not ready for requests\n")
    }

    @Test func `the token is sent, and its lack is explained`() throws {
        let server = try serve(token: "correct-horse-battery")
        #expect(run(server, token: "correct-horse-battery").exitCode == 0)
        for token in [nil, "", "wrong"] {
            for form in [StatusCommand.Form.table(.plain), .json, .quiet] {
                let result = run(server, token: token, form)
                #expect(result.exitCode == 1 && result.output.isEmpty)
                #expect(result.complaint.contains("answers 401: A bearer token is required"))
            }
        }
        let injected = run(server, token: "x\r\nX-Evil: 1")
        #expect(injected.exitCode == 1 && injected.complaint.contains("a token holds no blanks"))
    }

    @Test func `nobody there is one clear line`() throws {
        let server = try serve()
        let address = server.address
        server.server.stop()
        #expect(eventually { server.server.isStopped })
        let result = StatusCommand(.quiet, AdminCall(address: "\(address)", token: nil)).run()
        #expect(result.exitCode == 1)
        #expect(result.complaint.contains("cannot be reached (connect: Connection refused)"))
        #expect(result.complaint.split(separator: "\n").count == 1)
        let nobody = AdminCall(address: "unix:/tmp/floodgate-nobody.sock", token: nil)
        let socket = StatusCommand(.quiet, nobody).run()
        #expect(socket.exitCode == 1 && socket.complaint.contains("No such file or directory"))
    }

    @Test func `who accepts and says nothing is not waited for`() throws {
        // Connections complete in the backlog; nobody accepts them.
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 4)
        defer { listener.socket.close() }
        let result = StatusCommand(
            .quiet, AdminCall(address: "\(listener.address)", token: nil, within: .milliseconds(100))
        ).run()
        #expect(result.exitCode == 1 && result.complaint.contains("did not answer within 0.1 seconds"))
    }

    @Test(arguments: [
        ("SSH-2.0-OpenSSH\r\n", "no admin listener"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "no admin listener"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", "before its answer was complete"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "no admin listener"),
        ("HTTP/1.1 404 \u{1B}[31m\r\n\r\n", "no admin listener"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n{\"detail\":\"\u{9B}31m\"}",
            "answers 404: \u{FFFD}31m"
        ),
        ("", "before its answer was complete"),
    ])
    func `somebody else at the address is recognised`(bytes: String, complaint: String) throws {
        let listener = try Listener(.ip(.loopback, port: 0), backlog: 4)
        defer { listener.socket.close() }
        try Thread.start(name: "stranger") {
            var entry = pollfd(fd: listener.socket.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 5000) == 1, let accepted = try? listener.accept() else { return }
            let peer = accepted.socket.descriptor
            _ = Array(bytes.utf8).withUnsafeBytes {
                Glibc.send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            accepted.socket.shutdownWrite()
            // The request is read, so that closing resets nothing.
            var chunk = [UInt8](repeating: 0, count: 4096)
            var ready = pollfd(fd: peer, events: Int16(POLLIN), revents: 0)
            while poll(&ready, 1, 5000) == 1, recv(peer, &chunk, chunk.count, 0) > 0 {}
            accepted.socket.close()
        }
        let result = StatusCommand(
            .table(.plain), AdminCall(address: "\(listener.address)", token: nil)
        ).run()
        #expect(result.exitCode == 1 && result.output.isEmpty)
        #expect(result.complaint.contains(complaint), "\(result.complaint)")
    }

    @Test func `a unix socket is asked too`() throws {
        let path = "/tmp/floodgate-status-\(UUID().uuidString).sock"
        defer { unlink(path) }
        let routes = AdminRoutes(source: source)
        let server = try AdminTestServer(address: .unix(path: path)) { routes.answer($0) }
        #expect(run(server).exitCode == 0)
    }

    @Test func `a large status is taken whole`() throws {
        source.state.withLock { state in
            state.status.routes = (0..<4096).map {
                GatewayStatus.Route(name: "route-\($0)", requests: [], p50: nil, p99: nil)
            }
        }
        let server = try serve()
        #expect(run(server).output.contains("route-4095"))
    }

    @Test(arguments: [
        ("127.0.0.1:9901", "127.0.0.1:9901"), ("localhost:9901", "127.0.0.1:9901"),
        (":9901", "127.0.0.1:9901"),
        ("[::1]:9901", "[::1]:9901"), ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("http://10.0.0.1:80/", "10.0.0.1:80"),
    ])
    func `addresses are read`(text: String, expected: String) {
        #expect(AdminAddress.parse(text).map { "\($0)" } == expected)
    }

    @Test(arguments: [
        "", "9901", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1", "::1:9901",
        "[127.0.0.1]:1",
        "gateway:9901", "unix:", "[::1]9901", "127.0.0.1:9901:",
    ])
    func `what is no address is said to be none`(text: String) {
        #expect(AdminAddress.parse(text) == nil)
        #expect(StatusCommand(.quiet, AdminCall(address: text, token: nil)).run().exitCode == 2)
    }
}
