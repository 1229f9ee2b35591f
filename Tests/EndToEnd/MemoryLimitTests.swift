import Foundation
import Testing

/// What the gateway gives up near its memory limit, and that it comes back.
@Suite(.timeLimit(.minutes(20))) struct MemoryLimitTests {
    private func settings(_ ports: GatewayProcess.Ports, _ origin: ScriptedOrigin, limit: String) -> String {
        """
        workers: 1
        memory_limit: \(limit)
        listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
        admin: { address: 127.0.0.1:\(ports.admin) }
        access_log: { flush: 10ms }
        drain: { announce: 0s, deadline: 1s }
        upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
        routes: [{ path: /*, upstream: app }]
        """
    }

    private func reach(_ level: Int, _ gateway: GatewayProcess) throws {
        try eventually("memory level \(level)") { try gateway.metric("floodgate_memory_level") == level }
    }

    @Test func `at the limit requests are refused readably, and served again when there is room`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        // Less than any process takes.
        let gateway = try GatewayProcess { self.settings($0, origin, limit: "16MiB") }
        try reach(2, gateway)
        #expect(try gateway.metric("floodgate_memory_limit_bytes") == 16 << 20)
        let client = try gateway.client()
        let response = try client.ask(get("/full"))
        #expect(response.status == 503)
        #expect(response.value("Retry-After") == "5")
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(try gateway.logged("/full")[0]["outcome"] as? String == "gateway.policy")
        #expect(try gateway.metric("floodgate_requests_shed_total") == 1)
        // Whoever asks whether the process lives is told so.
        #expect(try gateway.client().ask(get("/healthz")).status == 200)
        #expect(try gateway.client().ask(get("/nowhere", method: "DELETE")).status == 503)
        #expect(origin.connections.isEmpty)
        try gateway.waitUntilSaid("memory is at its limit, requests are refused")

        try gateway.reload(settings(gateway.ports, origin, limit: "auto"))
        try reach(0, gateway)
        try gateway.waitUntilSaid("memory is calm again")
        let again = try gateway.client()
        for _ in 0..<2 { #expect(try again.ask(get("/calm")).text == "ok") }
    }

    @Test func `near the limit connections end with their answers, and quiet ones are closed`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess { self.settings($0, origin, limit: "auto") }
        let quiet = try gateway.client()
        #expect(try quiet.ask(get("/quiet")).text == "ok")
        #expect(try gateway.metric("floodgate_memory_level") == 0)
        let resident = try #require(try gateway.metric("process_resident_memory_bytes"))
        try gateway.reload(settings(gateway.ports, origin, limit: "\(resident * 10 / 9)"))
        try reach(1, gateway)
        #expect(try quiet.readToEnd().isEmpty)
        try eventually("the closed connection counts") {
            try gateway.metric("floodgate_connections_shed_total") ?? 0 >= 1
        }
        let client = try gateway.client()
        let response = try client.ask(get("/tight"))
        #expect(response.status == 200)
        #expect(response.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        try gateway.waitUntilSaid("memory is tight, quiet connections are closed")
    }
}
