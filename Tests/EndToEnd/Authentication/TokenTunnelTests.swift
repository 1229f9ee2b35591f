import Foundation
import Testing

/// Tokens of those who can send no field, and of calls of gRPC.
@Suite(.timeLimit(.minutes(20))) struct TokenTunnelTests {
    private static func upgrade(_ target: String, _ fields: String...) -> String {
        request(
            "GET \(target) HTTP/1.1",
            [
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + fields)
    }

    @Test func `a WebSocket may carry its token in the query, other requests may not`() throws {
        let house = try TokenGateway(source: "query: access_token, cookie: s", script: EchoTunnel.script)
        let token = Token.good()
        for (target, fields) in [
            ("/socket?a=b&access_token=\(token)", []), ("/perhaps/socket?access_token=\(token)", []),
            ("/socket", ["Authorization: Bearer \(token)"]), ("/socket", ["Cookie: s=\(token)"]),
        ] as [(String, [String])] {
            let client = try house.gateway.client()
            try client.send(
                request(
                    "GET \(target) HTTP/1.1",
                    [
                        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X-User-Id: admin",
                    ] + fields))
            #expect(try client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
            try client.send("hello")
            #expect(String(decoding: try client.read(5), as: UTF8.self) == "again")
            client.close()
        }
        #expect(house.origin.requests.map { $0.values("X-User-Id") } == Array(repeating: ["u1"], count: 4))
        for bad in ["/socket", "/socket?access_token=", "/socket?access_token=x", "/socket?token=\(token)"] {
            let client = try house.gateway.client()
            #expect(try client.ask(Self.upgrade(bad)).status == 401, "\(bad)")
            client.close()
        }
        #expect(try house.ask("/plain?access_token=\(token)").status == 401)
        #expect(try house.ask("/plain?access_token=\(token)", "Upgrade: websocket").status == 401)
        #expect(house.origin.requests.count == 4)
    }

    @Test(arguments: [
        ("", "16", "This path is for who is known: send a token."),
        ("x", "16", "The token is malformed."),
        ("poor", "7", "The credential is good, but lacks a scope that this path asks for."),
    ])
    func `a call of gRPC hears it in its own words`(token: String, code: String, message: String) throws {
        let house = try TokenGateway(route: "scopes: [read]", listener: GatewayProcess.http2)
        let client = try house.gateway.http2()
        let credentials =
            token.isEmpty ? [] : [("authorization", "Bearer \(token == "poor" ? Token.good() : token)")]
        try client.request(
            1, "POST", "/a.B/C",
            [("content-type", "application/grpc"), ("te", "trailers")] + credentials, .endHeaders)
        try client.send(.data(1, [0, 0, 0, 0, 0], .endStream))
        let answer = try client.answer(1)
        #expect(answer.status == 200)
        #expect(answer.value("grpc-status") == code)
        #expect(answer.value("grpc-message") == message)
        #expect(house.origin.requests.isEmpty)
    }
}
