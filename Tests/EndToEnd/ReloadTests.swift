import Foundation
import Testing

/// SIGHUP puts a file in force as a whole or not at all, and disturbs nobody.
@Suite(.timeLimit(.minutes(20))) struct ReloadTests {
    private static func settings(
        _ ports: GatewayProcess.Ports, servers: [UInt16], listeners: [UInt16] = [],
        limit: String = "1000 per 1m",
        route: String = "path: /*, upstream: app, limits: [everyone], upgrade: [websocket]"
    ) -> String {
        let doors = ([ports.gateway] + listeners).map { "{ address: 127.0.0.1:\($0) }" }.joined(
            separator: ", ")
        return """
            workers: 2
            listeners: [\(doors)]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { path: off }
            drain: { announce: 0s, deadline: 1s }
            limits: { everyone: { rate: \(limit), by: ip } }
            upstreams: { app: { servers: [\(servers.map { "127.0.0.1:\($0)" }.joined(separator: ", "))] } }
            routes: [{ \(route) }]

            """
    }

    @Test func `a broken file changes nothing and says what is wrong where`() throws {
        let origin = try ScriptedOrigin.answering(body: "old")
        defer { origin.stop() }
        let gateway = try GatewayProcess { Self.settings($0, servers: [origin.port]) }
        let client = try gateway.client()
        #expect(try client.ask(get("/")).text == "old")
        for broken in [
            "routes: [", "listeners: [{ address: 127.0.0.1:1, backlok: 1 }]\n", "", "workers: 2\n",
        ] {
            try gateway.reloadInVain(broken)
            #expect(try client.ask(get("/")).text == "old")
        }
        #expect(gateway.standardError.contains("gateway.yaml:1:37: "))
        #expect(gateway.standardError.contains("did you mean \\\"backlog\\\"?"))
        #expect(gateway.said("has no routes") == 2)
        #expect(origin.connections.count == 1)
    }

    @Test func `a file that is gone changes nothing`() throws {
        let origin = try ScriptedOrigin.answering(body: "old")
        defer { origin.stop() }
        let gateway = try GatewayProcess { Self.settings($0, servers: [origin.port]) }
        try FileManager.default.removeItem(at: gateway.settingsFile)
        gateway.signal(SIGHUP)
        try gateway.waitUntilSaid("No such file or directory")
        #expect(try gateway.ask("/").text == "old")
    }

    @Test func `listeners come and go and connections stay`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(otherPorts: 1) { Self.settings($0, servers: [origin.port]) }
        let other = gateway.ports.other[0]
        let early = try gateway.client()
        #expect(try early.ask(get("/1")).status == 200)
        #expect(!GatewayProcess.takesConnections(other))

        try gateway.reload(Self.settings(gateway.ports, servers: [origin.port], listeners: [other]))
        try eventually("the new listener") { GatewayProcess.takesConnections(other) }
        let guest = try RawClient(port: other)
        #expect(try guest.ask(get("/2")).status == 200)
        #expect(try early.ask(get("/3")).status == 200)

        try gateway.reload(Self.settings(gateway.ports, servers: [origin.port]))
        try eventually("the listener's end") { !GatewayProcess.takesConnections(other) }
        // Whoever is inside stays inside.
        #expect(try guest.ask(get("/4")).status == 200)
        #expect(try early.ask(get("/5")).status == 200)
        #expect(try gateway.ask("/6").status == 200)
    }

    @Test func `a listener that has just gone can come back at once`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(otherPorts: 1) {
            Self.settings($0, servers: [origin.port], limit: "1000000 per 1m")
        }
        let other = gateway.ports.other[0]
        // Workers that are busy close late.
        let load = ClosedLoop(clients: 8, gateway: gateway)
        for _ in 0..<30 {
            try gateway.reload(
                Self.settings(
                    gateway.ports, servers: [origin.port], listeners: [other], limit: "1000000 per 1m"))
            try gateway.reload(Self.settings(gateway.ports, servers: [origin.port], limit: "1000000 per 1m"))
        }
        #expect(gateway.said("settings refused") == 0)
        #expect(load.end().failures.isEmpty)
    }

    @Test func `a raised cap lets those in who wait already`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .waitFor(gate), .respond(body: "held")],
            [.forever([.expectRequest, .respond(body: "ok")])],
        ])
        defer { origin.stop() }
        func settings(_ ports: GatewayProcess.Ports, _ connections: Int) -> String {
            let text = Self.settings(ports, servers: [origin.port])
            return text.replacingOccurrences(
                of: "servers:", with: "connections: \(connections), queue: { wait: 1m }, servers:"
            ).replacingOccurrences(of: "workers: 2", with: "workers: 1")
        }
        let gateway = try GatewayProcess { settings($0, 1) }
        let first = try gateway.client()
        try first.send(get("/held"))
        _ = try origin.requests(1)
        let second = try gateway.client()
        try second.send(get("/waits"))
        // Answered by the gateway itself, so the one before it has come to the queue.
        #expect(try gateway.ask("/healthz").status == 200)
        try gateway.reload(settings(gateway.ports, 2))
        #expect(try second.response().text == "ok")
        gate.open()
        #expect(try first.response().text == "held")
    }

    @Test func `a listener whose port is taken is refused and what was there goes on`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let (holder, taken) = try Loopback.listen()
        defer { close(holder) }
        let gateway = try GatewayProcess { Self.settings($0, servers: [origin.port]) }
        try gateway.reloadInVain(
            Self.settings(gateway.ports, servers: [origin.port], listeners: [taken], limit: "1 per 1h"))
        #expect(gateway.standardError.contains("127.0.0.1:\(taken)"))
        // The limit of the refused file holds no more than its listener.
        for _ in 0..<3 { #expect(try gateway.ask("/").status == 200) }
    }

    @Test func `new servers are used at once and tunnels and answers in work go on`() throws {
        let gate = Gate()
        let old = try ScriptedOrigin(scripts: [
            EchoTunnel.script,
            [
                .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold"), .waitFor(gate),
                .send("end"),
                .waitUntilPeerLeaves,
            ],
        ])
        defer { old.stop() }
        let new = try ScriptedOrigin.answering(body: "new")
        defer { new.stop() }
        let gateway = try GatewayProcess { Self.settings($0, servers: [old.port]) }
        let tunnel = try EchoTunnel(gateway)
        #expect(try tunnel.echo() == "again")
        let slow = try gateway.client()
        try slow.send(get("/slow"))
        #expect(try slow.read(through: "old").hasPrefix("HTTP/1.1 200 "))

        try gateway.reload(Self.settings(gateway.ports, servers: [new.port]))
        try eventually("the new server") { try gateway.ask("/").text == "new" }
        #expect(try tunnel.echo() == "again")
        gate.open()
        #expect(try slow.read(3) == Array("end".utf8))
        #expect(try slow.ask(get("/")).text == "new")
        #expect(try tunnel.echo() == "again")
    }

    @Test func `counters of limits survive a reload and a changed limit holds at once`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess { Self.settings($0, servers: [origin.port], limit: "3 per 1h") }
        for _ in 0..<3 { #expect(try gateway.ask("/").status == 200) }
        #expect(try gateway.ask("/").status == 429)
        try gateway.reload(
            Self.settings(gateway.ports, servers: [origin.port], limit: "3 per 1h") + "x-note: 1\n")
        for _ in 0..<4 { #expect(try gateway.ask("/").status == 429) }
        try gateway.reload(Self.settings(gateway.ports, servers: [origin.port], limit: "1000 per 1h"))
        try eventually("the new limit") { try gateway.ask("/").status == 200 }
    }

    @Test func `reloads in a row under load fail no request and drop no tunnel`() throws {
        let origin = try ScriptedOrigin(scripts: [
            EchoTunnel.script, [.forever([.expectRequest, .respond(body: "ok")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess {
            Self.settings($0, servers: [origin.port], limit: "1000000 per 1m")
        }
        let tunnel = try EchoTunnel(gateway)
        let load = ClosedLoop(clients: 8, gateway: gateway)
        for turn in 0..<10 {
            let text = Self.settings(
                gateway.ports, servers: [origin.port], limit: "\(1_000_000 + turn) per 1m")
            if turn % 2 == 0 { try gateway.reload(text) } else { try gateway.reloadInVain("routes: [") }
            #expect(try tunnel.echo() == "again")
        }
        let (answered, failures) = load.end()
        #expect(failures.isEmpty)
        #expect(answered > 100)
        #expect(try tunnel.echo() == "again")
    }
}
