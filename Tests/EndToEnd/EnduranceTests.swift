import Foundation
import Testing

/// What breaks around the gateway, and what it does until it is mended.
@Suite(.timeLimit(.minutes(20))) struct EnduranceTests {
    @Test func `a backend that dies gets readable answers and one that comes back is used again`() throws {
        let port = try Loopback.freePorts(1)[0]
        let first = try ScriptedOrigin(
            port: port, scripts: [[.forever([.expectRequest, .respond(body: "first")])]])
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(port)"])
        let client = try gateway.client()
        #expect(try client.ask(get("/")).text == "first")
        first.stop()
        try eventually("the backend's end") { !GatewayProcess.takesConnections(port) }
        let answer = try client.ask(get("/"))
        #expect(answer.status == 502)
        _ = answer.problem()
        #expect(try client.ask(get("/")).status == 502)

        let second = try ScriptedOrigin(
            port: port, scripts: [[.forever([.expectRequest, .respond(body: "second")])]])
        defer { second.stop() }
        #expect(try client.ask(get("/")).text == "second")
    }

    @Test func `one server of two may die unnoticed`() throws {
        let ports = try Loopback.freePorts(2)
        let script: [[ScriptedOrigin.Step]] = [[.forever([.expectRequest, .respond(body: "ok")])]]
        let mortal = try ScriptedOrigin(port: ports[0], scripts: script)
        let other = try ScriptedOrigin(port: ports[1], scripts: script)
        defer { other.stop() }
        let gateway = try GatewayProcess(servers: ports.map { "127.0.0.1:\($0)" })
        let client = try gateway.client()
        for _ in 0..<4 { #expect(try client.ask(get("/")).status == 200) }
        #expect(!mortal.connections.isEmpty)
        mortal.stop()
        try eventually("the server's end") { !GatewayProcess.takesConnections(ports[0]) }
        for _ in 0..<8 { #expect(try client.ask(get("/")).status == 200) }
    }

    @Test func `the access log is opened again after a rename and no line is lost`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "floodgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let log = directory.appendingPathComponent("access.log")
        let gateway = try GatewayProcess { ports in
            """
            workers: 2
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: off }
            access_log: { path: \(log.path), flush: 10ms }
            drain: { announce: 0s, deadline: 2s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]

            """
        }
        let load = ClosedLoop(clients: 4, gateway: gateway)
        for turn in 1...3 {
            let answered = load.answers
            try eventually("some answers") { load.answers > answered + 20 }
            try FileManager.default.moveItem(
                at: log, to: directory.appendingPathComponent("access.log.\(turn)"))
            gateway.signal(SIGUSR1)
            try gateway.waitUntilSaid("access log reopened", times: turn)
            try eventually("the new file") { FileManager.default.fileExists(atPath: log.path) }
        }
        let (answered, failures) = load.end()
        #expect(failures.isEmpty)
        #expect(gateway.terminate() == .code(0))
        let files = try FileManager.default.contentsOfDirectory(
            at: directory, includingPropertiesForKeys: nil)
        #expect(files.count == 4)
        let lines = try files.flatMap { try String(contentsOf: $0, encoding: .utf8).split(separator: "\n") }
        #expect(lines.count == answered)
        for line in lines { #expect(line.hasPrefix("{") && line.hasSuffix("}")) }
        #expect(Set(lines).count == lines.count)
    }

    @Test func `out of descriptors it serves those that it has, says so, and takes others in later`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let inside = try gateway.client()
        #expect(try inside.ask(get("/")).status == 200)
        // Below what it found at its start: the connections that it lets in are more than there are
        // descriptors.
        try limitDescriptors(of: gateway, to: 40)
        let crowd = try (0..<100).map { _ in try gateway.client() }
        try gateway.waitUntilSaid("accept failed, pausing")
        for _ in 0..<20 { #expect(try inside.ask(get("/")).status == 200) }
        // One that is inside too, without a connection to the backend: the kept one serves it.
        #expect(try crowd[0].ask(get("/")).status == 200)
        for client in crowd.dropLast() { client.close() }
        #expect(try #require(crowd.last).ask(get("/")).status == 200)
        #expect(try gateway.ask("/").status == 200)
        #expect(try inside.ask(get("/")).status == 200)
    }

    @Test func `a request for which no descriptor is left gets 503 and its server is not avoided for it`()
        throws
    {
        let gate = Gate()
        let origin = try ScriptedOrigin(scripts: [
            [
                .expectRequest, .waitFor(gate), .respond(body: "first"),
                .forever([.expectRequest, .respond(body: "ok")]),
            ]
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let busy = try gateway.client()
        try busy.send(get("/"))
        _ = try origin.requests(1)
        let other = try gateway.client()
        // Descriptors of the gateway's own, of the two clients and of the one connection to the origin.
        let open = try FileManager.default.contentsOfDirectory(
            atPath: "/proc/\(gateway.process.processID)/fd")
        try limitDescriptors(of: gateway, to: 1 + (open.compactMap { Int($0) }.max() ?? 0))
        let refused = try other.ask(get("/"))
        #expect(refused.status == 503)
        #expect(refused.value("Retry-After") == "1")
        _ = refused.problem()
        try gateway.waitUntilSaid("no descriptor left to connect with")
        gate.open()
        #expect(try busy.response().text == "first")
        #expect(try other.ask(get("/")).text == "ok")
    }

    @Test func `more connections than the limit of open files bears are not let in`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let start = "ulimit -n 64; exec \"\(GatewayProcess.binary)\" run \"$1\""
        let gateway = try GatewayProcess(binary: "/bin/sh", arguments: ["-c", start, "sh"]) { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: off }
            access_log: { path: off }
            clients: { max_connections: 10000 }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]

            """
        }
        try gateway.waitUntilSaid("clients.max_connections is more than the limit of open files bears")
        let crowd = try (0..<40).map { _ in try gateway.client() }
        for client in crowd { try client.send(get("/")) }
        for client in crowd {
            #expect(try client.response().status == 200)
            client.close()
        }
    }

    private func limitDescriptors(of gateway: GatewayProcess, to count: Int) throws {
        let result = try ChildProcess.run(
            "/usr/bin/prlimit", ["--pid", "\(gateway.process.processID)", "--nofile=\(count):\(count)"])
        #expect(result.exit == .code(0), "\(result.errors)")
    }
}
