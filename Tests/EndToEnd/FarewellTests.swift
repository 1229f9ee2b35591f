import Foundation
import Testing

/// WebSockets and event streams have no end of their own: what the gateway says when it has to end them.
@Suite(.timeLimit(.minutes(20))) struct FarewellTests {
    private static let asking = get(
        "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    private static let agreed =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: x\r\n\r\n"

    private func gateway(_ origin: ScriptedOrigin, clients: String = "{}") throws -> GatewayProcess {
        try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { path: off }
            clients: \(clients)
            drain: { announce: 0s, deadline: 20s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app, upgrade: [websocket] }]

            """
        }
    }

    /// A frame as a client sends it, masked with zeros.
    private func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        return [0x80 | opcode] + length + [0, 0, 0, 0] + payload
    }

    /// The code of a Close frame that a client's side sent: its payload is masked.
    private func closeCode(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 8, bytes[0] == 0x88, bytes[1] == 0x82 else { return nil }
        return Int(bytes[6] ^ bytes[2]) << 8 | Int(bytes[7] ^ bytes[3])
    }

    @Test func `a drain tells both sides of a WebSocket that the gateway is going away`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .send(Self.agreed), .sendBytes([0x81, 2, 0x68, 0x69]), .expectBytes(8),
            .sendBytes([0x88, 2, 3, 0xE9]), .close)
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        #expect(try client.ask(Self.asking).status == 101)
        #expect(try client.read(4) == [0x81, 2, 0x68, 0x69])
        gateway.signal(SIGTERM)
        // 1001 (RFC 6455 §7.4.1).
        #expect(try client.read(4) == [0x88, 2, 3, 0xE9])
        #expect(try client.readToEnd().isEmpty)
        client.close()
        #expect(try gateway.process.waitUntilExit(within: .seconds(6)) == .code(0))
        #expect(closeCode(Array(origin.connections[0].received.suffix(8))) == 1001)
    }

    @Test func `a farewell waits for the end of the frame that is passing`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectHead, .send(Self.agreed), .sendBytes([0x82, 6, 1, 2, 3]), .waitFor(gate),
            .sendBytes([4, 5, 6]), .expectBytes(8), .close)
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        #expect(try client.ask(Self.asking).status == 101)
        #expect(try client.read(5) == [0x82, 6, 1, 2, 3])
        gateway.signal(SIGTERM)
        try eventually("the closed door") { !GatewayProcess.takesConnections(gateway.ports.gateway) }
        gate.open()
        #expect(try client.read(7) == [4, 5, 6, 0x88, 2, 3, 0xE9])
        client.close()
        #expect(try gateway.process.waitUntilExit(within: .seconds(6)) == .code(0))
    }

    @Test func `a message beyond the limit ends the WebSocket with 1009 and is not passed on`() throws {
        let origin = try ScriptedOrigin(.expectHead, .send(Self.agreed), .expectBytes(14), .close)
        defer { origin.stop() }
        let gateway = try gateway(origin, clients: "{ max_message: 1KiB }")
        let client = try gateway.client()
        #expect(try client.ask(Self.asking).status == 101)
        try client.send(frame(2, [7]) + frame(2, [UInt8](repeating: 1, count: 1025)))
        #expect(try client.read(4) == [0x88, 2, 3, 0xF1])
        client.close()
        try eventually("the origin's connection to end") { origin.connections[0].end != .running }
        let received = Array(origin.connections[0].received.suffix(15))
        #expect(received.prefix(7) == frame(2, [7])[...])
        #expect(closeCode(Array(received.dropFirst(7))) == 1009)
    }

    @Test func `more WebSockets than may be are refused, and a place that is free is given again`() throws {
        let origin = try ScriptedOrigin(.expectHead, .send(Self.agreed), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin, clients: "{ max_tunnels: 1 }")
        let first = try gateway.client()
        #expect(try first.ask(Self.asking).status == 101)
        let second = try gateway.client()
        let refused = try second.ask(Self.asking)
        #expect(refused.status == 503)
        #expect(refused.value("Retry-After") == "5")
        first.close()
        try eventually("a free place") { try gateway.client().ask(Self.asking).status == 101 }
    }

    @Test func `a drain ends an event stream between two events, as its backend would`() throws {
        let gate = Gate()
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        let origin = try ScriptedOrigin(
            .expectHead, .send(head + "data: 1\n\ndata:"), .waitFor(gate), .send(" 2\n\n"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        try client.send(get("/events"))
        _ = try client.read(through: "data: 1\n\ndata:")
        gateway.signal(SIGTERM)
        try eventually("the closed door") { !GatewayProcess.takesConnections(gateway.ports.gateway) }
        gate.open()
        // The last chunk, not a reset.
        let rest = String(decoding: try client.readToEnd(), as: UTF8.self)
        #expect(rest.contains(" 2\n\n"))
        #expect(rest.hasSuffix("0\r\n\r\n"))
        #expect(try gateway.process.waitUntilExit(within: .seconds(6)) == .code(0))
    }
}
