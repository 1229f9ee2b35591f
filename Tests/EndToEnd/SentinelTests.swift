import Foundation
import Testing

/// What the gateway finds wrong with its settings by the traffic that they serve.
@Suite(.timeLimit(.minutes(20))) struct SentinelTests {
    @Test func `traffic shows a balancer, a write without a limit and an open backend`() throws {
        let origin = try ScriptedOrigin.answering(fields: ["Access-Control-Allow-Origin: *"], body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess { ports in
            """
            workers: 2
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            limits: { many: { rate: 100000 per 1m } }
            routes:
              - { name: limited, path: /limited, upstream: app, limits: [many] }
              - { name: free, path: /free, upstream: app }
            """
        }
        let client = try gateway.client()
        for number in 0..<120 {
            #expect(try client.ask(get("/limited", "X-Forwarded-For: 198.51.100.\(number)")).text == "ok")
        }
        for _ in 0..<12 { #expect(try client.ask(post("/free", body: "x")).text == "ok") }
        _ = try client.ask(get("/free", "Origin: https://a.example", "Cookie: session=1"))
        // Anybody may read what is anybody's.
        _ = try client.ask(get("/limited", "Origin: https://a.example"))

        let findings = [
            ("many clients share an address that limits count as one", "127.0.0.1"),
            ("a route that changes things has no limit", "free"),
            ("every origin may read answers to credentials", "free"),
        ]
        for (message, subject) in findings {
            try gateway.waitUntilSaid("\(message) ", within: .seconds(10))
            #expect(gateway.standardError.contains("about=\(subject)"))
            // Once, whatever comes later.
            #expect(gateway.said("\(message) ") == 1)
        }
        #expect(try gateway.metric("floodgate_findings{kind=\"shared_address\"}") == 1)
        #expect(try gateway.metric("floodgate_findings{kind=\"untrusted_forwarding\"}") == 0)
        #expect(try gateway.metric("floodgate_findings{kind=\"unlimited_writes\"}") == 1)
        #expect(try gateway.metric("floodgate_findings{kind=\"open_origin\"}") == 1)
        let status = try ChildProcess.run(
            GatewayProcess.binary, ["status", "--address", "127.0.0.1:\(gateway.ports.admin)"])
        #expect(status.output.contains("FINDINGS"))
        #expect(status.output.contains("name it in trusted_proxies"))
    }

    @Test func `a route whose own policy lets every origin in is found as well`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess { ports in
            """
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ name: public, path: /*, upstream: app, cors: { origins: "*" } }]
            """
        }
        let client = try gateway.client()
        _ = try client.ask(get("/a", "Origin: https://a.example"))
        _ = try client.ask(get("/a", "Origin: https://a.example", "Authorization: Bearer x"))
        try gateway.waitUntilSaid("every origin may read answers to credentials ", within: .seconds(10))
        #expect(gateway.standardError.contains("about=public"))
    }
}
