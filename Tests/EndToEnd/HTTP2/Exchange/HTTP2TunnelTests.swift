import Foundation
import Testing

/// WebSocket over HTTP/2 (RFC 8441) before an origin that speaks it over HTTP/1.1.
@Suite(.whereOurs, .timeLimit(.minutes(20))) struct HTTP2TunnelTests {
    private static let asking: [(String, String)] = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/socket"),
        (":authority", "here"), ("sec-websocket-version", "13"), ("origin", "http://here"),
    ]

    private func open(_ client: HTTP2Client, _ stream: UInt32 = 1) throws -> HTTP2Answer {
        try client.send(.headers(stream, .fields(Self.asking), .endHeaders))
        return try client.head(stream)
    }

    private func tunnel(_ body: (GatewayProcess, HTTP2Client, WebSocketOrigin) throws -> Void) throws {
        let origin = try WebSocketOrigin()
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(origin.port)"], route: "upgrade: [websocket]",
            listener: GatewayProcess.http2)
        let client = try gateway.http2()
        try client.settle()
        try body(gateway, client, origin)
        #expect(client.violations.isEmpty)
        #expect(gateway.process.exit == nil)
    }

    @Test func `settings say that it is possible`() throws {
        try tunnel { _, client, _ in
            #expect(client.settings?[HTTP2Setting.connectProtocol] == 1)
        }
    }

    @Test func `an extended CONNECT becomes an upgrade at the origin, and bytes pass both ways`() throws {
        try tunnel { _, client, origin in
            let answer = try open(client)
            #expect(answer.status == 200)
            #expect(answer.fields("sec-websocket-accept", "upgrade", "connection").isEmpty)
            let request = origin.requests[0]
            #expect(request.method == "GET")
            #expect(request.target == "/socket")
            #expect(request.value("upgrade")?.lowercased() == "websocket")
            #expect(request.value("connection")?.lowercased() == "upgrade")
            #expect(request.value("sec-websocket-version") == "13")
            #expect(request.value("host") == "here")
            let key = request.value("sec-websocket-key").flatMap { Data(base64Encoded: $0) }
            #expect(key?.count == 16)
            for message in ["hello", "\u{0}\u{FF}\r\n", "again"] {
                let before = client.answer(sofar: 1).body.count
                try client.send(.data(1, message.latin1))
                try client.wait(for: "the echo") {
                    client.answer(sofar: 1).body.count == before + message.latin1.count
                }
                #expect(client.answer(sofar: 1).text.hasSuffix(message))
            }
        }
    }

    @Test func `the end of the client's direction ends the tunnel`() throws {
        try tunnel { _, client, origin in
            _ = try open(client)
            try client.send(.data(1, Array("last".utf8), .endStream))
            let answer = try client.answer(1)
            #expect(answer.text == "last")
            try eventually("the end at the origin", holds: { origin.ends == 1 })
        }
    }

    @Test func `a reset of the stream ends the tunnel and no other`() throws {
        try tunnel { _, client, origin in
            _ = try open(client, 1)
            _ = try open(client, 3)
            try client.send(.reset(1))
            try eventually("the end at the origin", holds: { origin.ends == 1 })
            try client.send(.data(3, Array("still".utf8)))
            try client.wait(for: "the echo") { client.answer(sofar: 3).text == "still" }
            #expect(origin.ends == 1)
        }
    }

    @Test func `many bytes come back in order`() throws {
        try tunnel { _, client, _ in
            _ = try open(client)
            let size = 200_000
            for start in stride(from: 0, to: size, by: 10_000) {
                let bytes = Pattern.bytes(from: start, count: 10_000)
                try client.wait(for: "a grant") {
                    client.room(on: 1, sent: start, inAll: start) >= bytes.count
                }
                try client.send(.data(1, bytes))
                try client.wait(for: "the echo") {
                    client.answer(sofar: 1).body.count == start + bytes.count
                }
                try client.grant(1, bytes.count)
                try client.grant(0, bytes.count)
            }
            #expect(Pattern.matches(client.answer(sofar: 1).body[...], at: 0))
        }
    }

    @Test func `an origin that says no is heard`() throws {
        let origin = try ScriptedOrigin(.expectHead, .respond(403, body: "no"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin, route: "upgrade: [websocket]")
        let client = try gateway.http2()
        try client.settle()
        #expect(try open(client).status == 403)
        try client.wait(for: "the body") { client.answer(sofar: 1).text == "no" }
        #expect(client.violations.isEmpty)
    }

    @Test func `a route that does not allow it refuses`() throws {
        let origin = try ScriptedOrigin.answering(body: "plain")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.settle()
        try client.send(.headers(1, .fields(Self.asking), .endHeaders))
        try client.wait(for: "the refusal") {
            client.answers[1]?.head != nil || client.answers[1]?.reset != nil || client.isClosed
        }
        let answer = client.answer(sofar: 1)
        #expect(
            answer.reset != nil || (400...501).contains(answer.status ?? 0) || client.isClosed, "\(answer)")
        #expect(origin.requests.allSatisfy { $0.values("upgrade").isEmpty })
    }
}
