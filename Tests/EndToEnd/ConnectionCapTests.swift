import Foundation
import Testing

/// How many connections one address may have, and what becomes of more.
@Suite(.timeLimit(.minutes(20))) struct ConnectionCapTests {
    private func withGateway(
        workers: Int = 1, _ clients: String, top: String = "", listener: String = "",
        body: (GatewayProcess) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        try body(
            GatewayProcess(otherPorts: 1) { ports in
                """
                workers: \(workers)
                listeners:
                  - { address: "[::1]:\(ports.other[0])" }
                  - { address: 127.0.0.1:\(ports.gateway), \(listener) }
                admin: { address: 127.0.0.1:\(ports.admin) }
                access_log: { flush: 10ms }
                drain: { announce: 0s, deadline: 1s }
                clients: { \(clients) }
                upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
                routes: [{ path: /*, upstream: app }]
                \(top)
                """
            })
    }

    @Test(arguments: [1, 2])
    func `an address beyond its connections gets a readable 429, and others are served`(workers: Int) throws {
        try withGateway(workers: workers, "max_connections_per_address: 4") { gateway in
            // The probe of the start may still be counted.
            try eventually("nobody is connected") { try gateway.metric("floodgate_connections_open") == 0 }
            let held = try (0..<4).map { _ in try gateway.client() }
            for client in held { #expect(try client.ask(get("/held")).text == "ok") }
            let fifth = try gateway.client()
            let response = try fifth.response()
            #expect(response.status == 429)
            #expect(response.value("Retry-After") == "1")
            #expect(response.value("Connection") == "close")
            _ = response.problem()
            #expect(try fifth.readToEnd().isEmpty)
            #expect(try gateway.metric("floodgate_connections_refused_total{reason=\"address_limit\"}") == 1)
            try gateway.waitUntilSaid("an address has as many connections as it may")
            #expect(gateway.standardError.contains("address=127.0.0.1"))

            let neighbour = RawClient(socket: try .connect(port: gateway.ports.gateway, from: 2))
            #expect(try neighbour.ask(get("/neighbour")).text == "ok")
            let six = RawClient(socket: try .connect(ipv6Port: gateway.ports.other[0]))
            #expect(try six.ask(get("/six")).text == "ok")
            // Who had been let in notices nothing, and whoever leaves makes room.
            for client in held { #expect(try client.ask(get("/held")).text == "ok") }
            held[0].close()
            try eventually("room for another") { try gateway.client().ask(get("/again")).status == 200 }
        }
    }

    @Test func `a flood of refusals is cut short rather than answered`() throws {
        try withGateway("max_connections_per_address: 1, head_timeout: 20s") { gateway in
            try eventually("nobody is connected") { try gateway.metric("floodgate_connections_open") == 0 }
            let held = try gateway.client()
            #expect(try held.ask(get("/held")).text == "ok")
            // Some are reset before they know that they were connected.
            let crowd = (0..<300).compactMap { _ in try? gateway.client() }
            let refused = "floodgate_connections_refused_total{reason=\"address_limit\"}"
            try eventually("all are refused") { try gateway.metric(refused) == 300 }
            // Each answer leaves a line in the log; most got none.
            let told = gateway.logLines().filter { $0["status"] as? Int == 429 }
            #expect(told.count < 200)
            try eventually("all are gone", within: .seconds(10)) {
                try gateway.metric("floodgate_connections_open") == 1
            }
            #expect(try held.ask(get("/held")).text == "ok")
            for client in crowd { client.close() }
        }
    }

    @Test func `trusted proxies have as many connections as they like`() throws {
        try withGateway("max_connections_per_address: 2", top: "trusted_proxies: [127.0.0.1]") { gateway in
            let crowd = try (0..<10).map { _ in try gateway.client() }
            for client in crowd { #expect(try client.ask(get("/many")).text == "ok") }
        }
    }

    @Test func `behind the PROXY protocol it is the client's address that counts`() throws {
        try withGateway(
            "max_connections_per_address: 2", top: "trusted_proxies: [127.0.0.1]",
            listener: "proxy_protocol: v1"
        ) { gateway in
            func ask(_ address: String) throws -> (RawClient, RawResponse) {
                let client = try gateway.client()
                try client.send("PROXY TCP4 \(address) 127.0.0.1 4660 8080\r\n" + get("/p"))
                return (client, try client.response())
            }
            let first = try (0..<2).map { _ in try ask("203.0.113.7") }
            #expect(first.allSatisfy { $0.1.status == 200 })
            #expect(try ask("203.0.113.7").1.status == 429)
            #expect(try ask("203.0.113.8").1.status == 200)
            first[0].0.close()
            try eventually("room for another") { try ask("203.0.113.7").1.status == 200 }
        }
    }
}
