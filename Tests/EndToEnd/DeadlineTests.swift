import Foundation
import Testing

/// Every wait has a deadline of its own, and none of them ends what it is not about.
@Suite(.timeLimit(.minutes(20))) struct DeadlineTests {
    @Test func `an answer may take longer than a head, an idle connection or a body`() throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .wait(.milliseconds(1300)), .respond(body: "late")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "head_timeout: 100ms, idle_timeout: 1s, body_timeout: 100ms")
        let client = try gateway.client()
        #expect(try client.ask(get("/first")).text == "late")
        #expect(try client.ask(post("/second", body: "x")).text == "late")
        #expect(try gateway.logged("/second")[0]["outcome"] as? String == "ok")
    }

    @Test func `a request that waited in the queue may take its time afterwards`() throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .wait(.milliseconds(200)), .respond(body: "late")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "connections: 1, queue: { wait: 300ms }")
        let first = try gateway.client()
        let second = try gateway.client()
        try first.send(get("/1"))
        _ = try origin.requests(1)
        try second.send(get("/2"))
        #expect(try first.response().text == "late")
        #expect(try second.response().text == "late")
    }

    @Test(
        arguments: ["GET / HTTP/1.1\r\nHost: he", "G", "GET / HTTP/1.1\r\nHost: here\r\n\r", "\r\n"]
            as [WireText])
    func `a head that does not arrive in time is answered with 408`(wire: WireText) throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "head_timeout: 150ms")
        let client = try gateway.client()
        try client.send(wire.text)
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.connections.isEmpty)
    }

    @Test func `a head that drips runs into its deadline however alive it looks`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "head_timeout: 200ms")
        let client = try gateway.client()
        try client.send("GET / HTTP/1.1\r\nHost: here\r\nX: ")
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(300) {
            try? client.send("x")
            poll(nil, 0, 20)
        }
        #expect(try client.response().status == 408)
    }

    @Test func `a connection that asks for nothing is closed without a word`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "head_timeout: 200ms, idle_timeout: 1s")
        let silent = try gateway.client()
        #expect(try silent.readToEnd().isEmpty)
        let idle = try gateway.client()
        #expect(try idle.ask(get("/")).text == "ok")
        let start = ContinuousClock.now
        #expect(try idle.readToEnd().isEmpty)
        #expect(ContinuousClock.now - start > .milliseconds(900))
    }

    @Test(
        arguments: [
            request("POST /b HTTP/1.1", ["Content-Length: 10"]) + "abc",
            request("POST /b HTTP/1.1", ["Transfer-Encoding: chunked"]) + "5\r\nabc",
            request("POST /b HTTP/1.1", ["Content-Length: 10", "Expect: 100-continue"]),
        ].map(WireText.init(text:)))
    func `a body that stops arriving is answered with 408 and ends both connections`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "body_timeout: 150ms")
        let client = try gateway.client()
        try client.send(wire.text)
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/b")[0]["outcome"] as? String == "client.request")
    }

    @Test func `an origin that does not answer in time is answered for with 504 and left`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "response_timeout: 150ms")
        let client = try gateway.client()
        let response = try client.ask(get("/slow"))
        #expect(response.status == 504)
        _ = response.problem()
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/slow")[0]["outcome"] as? String == "upstream.response")
        // The client's connection is as good as before.
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test func `a route's own time to the answer stands before the upstream's`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "response_timeout: 100ms")
        #expect(try gateway.client().ask(get("/")).status == 504)
    }

    @Test func `an answer's head that stops half way is answered for with 504`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .send("HTTP/1.1 200 OK\r\nX: "), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "response_timeout: 150ms")
        #expect(try gateway.client().ask(get("/")).status == 504)
        #expect(try origin.end() == .peerClosed)
    }

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\nabc",
        ] as [WireText])
    func `an origin that falls silent inside a body costs the client its connection`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(wire.text), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "read_timeout: 150ms")
        let client = try gateway.client()
        try client.send(get("/silent"))
        #expect(try client.read(through: "abc").hasPrefix("HTTP/1.1 200"))
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/silent")[0]["outcome"] as? String == "upstream.body")
    }

    @Test func `an origin that takes nothing is answered for with 504`() throws {
        let origin = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "write_timeout: 200ms")
        let client = try gateway.client()
        let size = 32 << 20
        try client.send(request("POST /big HTTP/1.1", ["Content-Length: \(size)"]))
        // It stops taking bytes: neither side of the gateway may grow.
        try? client.socket.send(Pattern.bytes(from: 0, count: Pattern.piece), Deadline(in: .seconds(1)))
        for _ in 0..<64 {
            do {
                try client.socket.send(
                    Pattern.bytes(from: 0, count: Pattern.piece), Deadline(in: .milliseconds(100)))
            } catch { break }
        }
        let response = try client.response()
        #expect(response.status == 504)
        #expect(response.value("Connection") == "close")
    }

    @Test func `a client that takes nothing loses its connection, and the origin its reader`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"),
            .sendPattern(64 << 20))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "write_timeout: 200ms")
        let client = try gateway.client()
        try client.send(get("/big"))
        #expect(try origin.end(within: .seconds(10)) == .peerReset)
        #expect(try gateway.logged("/big")[0]["outcome"] as? String == "client.body")
        #expect(throws: SocketError.reset) {
            while try !client.socket.receive(Deadline(in: .seconds(5))).isEmpty {}
        }
    }

    @Test func `a connect that is never answered ends with 504`() throws {
        let hole = try BlackHole()
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(hole.port)"], upstream: "connect_timeout: 150ms")
        let response = try gateway.client().ask(get("/hole"))
        #expect(response.status == 504)
        _ = response.problem()
        #expect(try gateway.logged("/hole")[0]["outcome"] as? String == "upstream.connect")
        withExtendedLifetime(hole) {}
    }

    @Test func `a connect that is never answered goes to another server`() throws {
        let hole = try BlackHole()
        let origin = try ScriptedOrigin.answering(body: "other")
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(hole.port)", "127.0.0.1:\(origin.port)"],
            upstream: "connect_timeout: 150ms")
        for _ in 0..<2 { #expect(try gateway.client().ask(post("/hole", body: "x")).text == "other") }
        #expect(origin.requests.map(\.body) == [[0x78], [0x78]])
        withExtendedLifetime(hole) {}
    }

    @Test func `an upgraded connection that is silent is closed on both sides`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .send("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "tunnel_idle_timeout: 1s", route: "upgrade: [websocket]")
        let client = try gateway.client()
        let answer = try client.ask(get("/ws", "Connection: Upgrade", "Upgrade: websocket"))
        #expect(answer.status == 101)
        #expect(try client.readToEnd().isEmpty)
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/ws")[0]["outcome"] as? String == "gateway.tunnel")
    }
}
