import Foundation
import Testing

/// Connections that change to another protocol, and those that must not (security.md 4).
@Suite(.timeLimit(.minutes(20))) struct UpgradeTests {
    private static let asking = get(
        "/ws", "Connection: keep-alive, Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    private static let agreed =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: x\r\n\r\n"

    private func tunnel(
        _ script: ScriptedOrigin.Step..., body: (GatewayProcess, RawClient, ScriptedOrigin) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin(scripts: [[.expectHead, .send(Self.agreed)] + script])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        try body(gateway, try gateway.client(), origin)
    }

    @Test func `an upgrade that route and origin allow becomes a tunnel for bytes of any kind`() throws {
        try tunnel(.sendBytes([0, 255, 10, 13]), .expectBytes(6), .send("bye"), .expectBytes(3), .close) {
            gateway, client, origin in
            let response = try client.ask(Self.asking)
            #expect(response.status == 101)
            #expect(response.value("Upgrade") == "websocket")
            #expect(response.value("Connection") == "Upgrade")
            #expect(response.value("Sec-WebSocket-Accept") == "x")
            #expect(try client.read(4) == [0, 255, 10, 13])
            try client.send([1, 0, 254, 13, 10, 0])
            #expect(try client.read(through: "bye") == "bye")
            try client.send("end")
            #expect(try client.readToEnd().isEmpty)
            client.close()
            #expect(
                origin.requests[0].masked
                    == gateway.forwarded(
                        "GET /ws", ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
                        closing: ["Connection: Upgrade", "Upgrade: websocket"]))
            #expect(origin.connections[0].received.suffix(9) == [1, 0, 254, 13, 10, 0] + Array("end".utf8))
            let line = try gateway.logged("/ws")[0]
            #expect(line["status"] as? Int == 101)
            #expect(line["outcome"] as? String == "ok")
        }
    }

    @Test func `what comes with the 101 reaches the client behind it`() throws {
        let origin = try ScriptedOrigin(.expectHead, .send(Self.agreed + "first frame"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let client = try gateway.client()
        #expect(try client.ask(Self.asking).status == 101)
        #expect(try client.read(through: "frame") == "first frame")
    }

    @Test func `bytes that the client sends early wait for the 101`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectHead, .waitFor(gate), .send(Self.agreed), .expectBytes(5), .send("got it"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let client = try gateway.client()
        try client.send(Self.asking + "early")
        _ = try origin.requests(1)
        poll(nil, 0, 50)
        #expect(origin.connections[0].received.suffix(4) == Array("\r\n\r\n".utf8))
        gate.open()
        #expect(try client.response().status == 101)
        #expect(try client.read(through: "it") == "got it")
    }

    @Test(arguments: [200, 400, 426])
    func `a refused upgrade is an ordinary answer, and early bytes are no request that is passed on`(
        status: Int
    ) throws {
        let origin = try ScriptedOrigin(
            .forever([.expectHead, .respond(status, fields: ["Upgrade: websocket"], body: "no")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let client = try gateway.client()
        try client.send(Self.asking + "\u{1}\u{2} GET /smuggled HTTP/1.1\r\nHost: here\r\n\r\n")
        let response = try client.response()
        #expect(response.status == status)
        #expect(response.text == "no")
        #expect(response.values("Upgrade").isEmpty)
        #expect(try client.response().status == 400)
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.requests.map(\.target) == ["/ws"])
        // Without early bytes the connection goes on.
        let other = try gateway.client()
        #expect(try other.ask(Self.asking).status == status)
        #expect(try other.ask(get("/next")).status == status)
    }

    @Test(arguments: [
        (["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"], true),
        (["Connection: Upgrade", "Upgrade: websocket, h2c"], true),
        (["Connection: Upgrade", "Upgrade: TLS/1.0"], true),
        (["Upgrade: websocket"], true), (["Connection: Upgrade", "Upgrade: websocket"], false),
        (["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"], false), (["Connection: Upgrade"], true),
    ])
    func `an upgrade that is not allowed is not asked for`(fields: [String], isRouteOpen: Bool) throws {
        let origin = try ScriptedOrigin.answering(body: "plain")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: isRouteOpen ? "upgrade: [websocket]" : "")
        let client = try gateway.client()
        #expect(try client.ask(request("GET /ws HTTP/1.1", fields)).text == "plain")
        #expect(try client.ask(get("/ws")).text == "plain")
        #expect(origin.requests.map(\.masked) == Array(repeating: gateway.forwarded("GET /ws"), count: 2))
    }

    @Test func `a 101 that nobody asked for is no answer`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(Self.agreed), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(get("/"))
        #expect(response.status == 502)
        _ = response.problem()
        #expect(try origin.end() != .running)
    }

    @Test func `a 101 that comes before the request's body has ended opens no tunnel`() throws {
        let origin = try ScriptedOrigin(.expectHead, .send(Self.agreed), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let client = try gateway.client()
        try client.send(
            request("POST /ws HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 50"]))
        #expect(try client.response().status == 502)
        #expect(try origin.requests(1)[0].values("Upgrade").isEmpty)
    }

    @Test func `a client that ends its side still hears the origin`() throws {
        try tunnel(.expectBytes(3), .waitUntilHalfClosed, .send("last words"), .close) {
            gateway, client, origin in
            #expect(try client.ask(Self.asking).status == 101)
            try client.send("bye")
            client.socket.finishSending()
            #expect(try client.readToEnd() == Array("last words".utf8))
            #expect(try gateway.logged("/ws")[0]["outcome"] as? String == "ok")
        }
    }

    @Test func `an origin that ends its side still hears the client`() throws {
        try tunnel(.send("enough"), .finishSending, .expectBytes(10), .close) { gateway, client, origin in
            #expect(try client.ask(Self.asking).status == 101)
            #expect(try client.readToEnd() == Array("enough".utf8))
            try client.send("last words")
            client.socket.finishSending()
            #expect(try origin.end() == .finished)
            #expect(origin.connections[0].received.suffix(10) == Array("last words".utf8))
            #expect(try gateway.logged("/ws")[0]["outcome"] as? String == "ok")
        }
    }

    @Test func `a tunnel that breaks on one side ends on the other`() throws {
        try tunnel(.waitUntilPeerLeaves) { _, client, origin in
            #expect(try client.ask(Self.asking).status == 101)
            client.reset()
            let end = try origin.end()
            #expect(end == .peerClosed || end == .peerReset)
        }
        try tunnel(.expectBytes(1), .reset) { gateway, client, _ in
            #expect(try client.ask(Self.asking).status == 101)
            try client.send("x")
            _ = try? client.readToEnd()
            #expect(try gateway.logged("/ws")[0]["outcome"] as? String == "upstream.tunnel")
        }
    }

    @Test func `a tunnel carries a lot both ways at once, whole`() throws {
        let size = 4 << 20
        let origin = try ScriptedOrigin(
            .expectHead, .send(Self.agreed), .sendPattern(size), .expectPattern(size), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let client = try gateway.client()
        #expect(try client.ask(Self.asking).status == 101)
        let socket = client.socket
        Thread.detachNewThread { try? socket.sendPattern(size, within: .seconds(10)) }
        var position = 0
        while position < size {
            let bytes = try client.read(min(64 * 1024, size - position))
            #expect(Pattern.matches(bytes[...], at: position))
            position += bytes.count
        }
        #expect(try origin.end() == .finished)
    }
}
