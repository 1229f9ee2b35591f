import Foundation
import Testing

/// What breaks around the gateway, and what it does until it is mended.
@Suite(.timeLimit(.minutes(1))) struct EnduranceTests {
    @Test func `a backend that dies gets readable answers and one that comes back is used again`() throws {
        let port = try Loopback.freePorts(1)[0]
        let first = try ScriptedOrigin(port: port, scripts: [[.forever([.expectRequest, .respond(body: "first")])]])
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(port)"])
        let client = try gateway.client()
        #expect(try client.ask(get("/")).text == "first")
        first.stop()
        try eventually("the backend's end") { !GatewayProcess.takesConnections(port) }
        let answer = try client.ask(get("/"))
        #expect(answer.status == 502)
        _ = answer.problem()
        #expect(try client.ask(get("/")).status == 502)

        let second = try ScriptedOrigin(port: port, scripts: [[.forever([.expectRequest, .respond(body: "second")])]])
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
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("floodgate-\(UUID().uuidString)")
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
            try FileManager.default.moveItem(at: log, to: directory.appendingPathComponent("access.log.\(turn)"))
            gateway.signal(SIGUSR1)
            try gateway.waitUntilSaid("access log opened again", times: turn)
            try eventually("the new file") { FileManager.default.fileExists(atPath: log.path) }
        }
        let (answered, failures) = load.end()
        #expect(failures.isEmpty)
        #expect(gateway.terminate() == .code(0))
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(files.count == 4)
        let lines = try files.flatMap { try String(contentsOf: $0, encoding: .utf8).split(separator: "\n") }
        #expect(lines.count == answered)
        for line in lines { #expect(line.hasPrefix("{") && line.hasSuffix("}")) }
        #expect(Set(lines).count == lines.count)
    }

    @Test func `out of descriptors it serves those that it has, says so, and takes others in later`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(binary: "/bin/sh", arguments: ["-c", Self.limitedStart, "sh"]) { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: off }
            access_log: { path: off }
            clients: { max_connections: 10000 }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)], idle_connections: 4, connections: 4 } }
            routes: [{ path: /*, upstream: app }]

            """
        }
        let inside = try gateway.client()
        #expect(try inside.ask(get("/")).status == 200)
        let crowd = try (0..<100).map { _ in try gateway.client() }
        try gateway.waitUntilSaid("connections at their limit")
        for _ in 0..<20 { #expect(try inside.ask(get("/")).status == 200) }
        for client in crowd.dropLast() { client.close() }
        #expect(try #require(crowd.last).ask(get("/")).status == 200)
        #expect(try gateway.ask("/").status == 200)
        #expect(try inside.ask(get("/")).status == 200)
    }

    /// The gateway with 64 descriptors and no way to more.
    private static let limitedStart = "ulimit -n 64; exec \"\(GatewayProcess.binary)\" run \"$1\""
}
