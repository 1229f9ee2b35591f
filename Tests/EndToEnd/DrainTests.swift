import Foundation
import Testing

/// SIGTERM and SIGINT: who is inside is served to the end, and the end comes in time.
@Suite(.timeLimit(.minutes(20))) struct DrainTests {
    private func gateway(
        _ origin: ScriptedOrigin, announce: String = "0s", deadline: String = "5s",
        limit: Duration = .seconds(10)
    ) throws -> GatewayProcess {
        try GatewayProcess { ports in
            """
            workers: 2
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { path: off }
            drain: { announce: \(announce), deadline: \(deadline) }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app, upgrade: [websocket] }]

            """
        }
    }

    @Test func `under load no request fails and the end comes with status 0`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, announce: "200ms")
        let load = ClosedLoop(clients: 8, gateway: gateway)
        try eventually("some answers") { load.answers > 50 }
        gateway.signal(SIGTERM)
        #expect(try gateway.process.waitUntilExit(within: .seconds(6)) == .code(0))
        #expect(load.end().failures.isEmpty)
        #expect(gateway.said("connections cut") == 0)
    }

    @Test func `readiness is off and the door open while the drain is announced`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, announce: "1500ms")
        #expect(try gateway.ask("/readyz").status == 200)
        gateway.signal(SIGTERM)
        try gateway.waitUntilSaid("draining")
        try eventually("readiness to be off") { try gateway.ask("/readyz").status == 503 }
        #expect(try gateway.ask("/healthz").status == 200)
        let answer = try gateway.ask("/")
        #expect(answer.text == "ok")
        #expect(answer.value("Connection") == "close")
        #expect(try gateway.process.waitUntilExit(within: .seconds(6)) == .code(0))
    }

    @Test func `an operator at the keyboard does not wait for balancers`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, announce: "1m", deadline: "2m")
        #expect(try gateway.ask("/").status == 200)
        gateway.signal(SIGINT)
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
    }

    @Test func `an answer in work is finished and says that its connection ends`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .waitFor(gate), .respond(body: "whole"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        try client.send(get("/"))
        _ = try origin.requests(1)
        gateway.signal(SIGTERM)
        try eventually("the closed door") { !GatewayProcess.takesConnections(gateway.ports.gateway) }
        gate.open()
        let answer = try client.response()
        #expect(answer.text == "whole")
        #expect(answer.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
    }

    @Test func `at the deadline what still runs is cut and counted`() throws {
        let origin = try ScriptedOrigin(scripts: [EchoTunnel.script])
        defer { origin.stop() }
        let gateway = try gateway(origin, deadline: "300ms")
        let tunnel = try EchoTunnel(gateway)
        #expect(try tunnel.echo() == "again")
        gateway.signal(SIGTERM)
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
        #expect(gateway.standardError.contains("connections cut count=1"))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `asked twice it ends at once`(signal: Int32) throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin, deadline: "1m")
        let client = try gateway.client()
        try client.send(get("/"))
        _ = try origin.requests(1)
        gateway.signal(signal)
        try gateway.waitUntilSaid("draining")
        gateway.signal(signal)
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
        #expect(gateway.standardError.contains("asked to stop again"))
        #expect(try origin.end() != .running)
    }

    @Test func `a client that still reads a long answer may ask again`() throws {
        let size = 1_500_000
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"), .sendPattern(size),
            .forever([.expectRequest, .respond(body: "again")]))
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        try client.send(get("/long"))
        try eventually("the whole answer in the kernel's buffers") {
            origin.connections.first?.requests.count == 1
        }
        gateway.signal(SIGTERM)
        try eventually("the closed door") { !GatewayProcess.takesConnections(gateway.ports.gateway) }
        // Longer than a connection without a request is usually left open.
        poll(nil, 0, 800)
        #expect(try client.response().body.count == size)
        #expect(try client.ask(get("/again")).text == "again")
        #expect(try gateway.process.waitUntilExit(within: .seconds(3)) == .code(0))
    }

    @Test func `a reload during the drain is refused`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .waitFor(gate), .respond(body: "still here"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        try client.send(get("/"))
        _ = try origin.requests(1)
        gateway.signal(SIGTERM)
        try gateway.waitUntilSaid("draining")
        gateway.signal(SIGHUP)
        try gateway.waitUntilSaid("shutting down")
        gate.open()
        #expect(try client.response().text == "still here")
        #expect(try gateway.process.waitUntilExit(within: .seconds(4)) == .code(0))
    }
}
