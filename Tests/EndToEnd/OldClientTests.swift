import Foundation
import Testing

/// HTTP/1.0 clients: no chunks, no interim answers, connections that end unless both sides want otherwise.
@Suite(.timeLimit(.minutes(20))) struct OldClientTests {
    private static let old = "GET /old HTTP/1.0\r\nHost: here\r\n\r\n"
    private static let keeping = "GET /old HTTP/1.0\r\nHost: here\r\nConnection: keep-alive\r\n\r\n"

    @Test func `without keep-alive the connection ends behind the answer`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(Self.old)
        #expect(response.text == "ok")
        #expect(response.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(try origin.requests(1)[0].masked == gateway.forwarded("GET /old"))
        #expect(try gateway.logged("/old")[0]["protocol"] as? String == "HTTP/1.0")
    }

    @Test func `with keep-alive the connection goes on and says so`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for _ in 0..<3 {
            let response = try client.ask(Self.keeping)
            #expect(response.text == "ok")
            #expect(response.value("Connection") == "keep-alive")
        }
        #expect(try client.ask(Self.old).value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.connections.count == 1)
    }

    @Test func `a chunked answer becomes one that ends with the connection`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest,
                .send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
                ),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        for request in [Self.old, Self.keeping] {
            let response = try gateway.client().ask(request)
            #expect(response.framing == .untilClose)
            #expect(response.value("Connection") == "close")
            #expect(response.text == "abcde")
        }
        #expect(origin.connections.count == 1)
    }

    @Test func `an interim answer is not passed on`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest, .send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), .respond(body: "ok"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(Self.old)
        #expect(response.interim.isEmpty)
        #expect(response.text == "ok")
    }

    @Test func `a request without Host is served`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        #expect(try gateway.client().ask("GET /bare HTTP/1.0\r\n\r\n").text == "ok")
        #expect(try origin.requests(1)[0].values("Host").count == 1)
        #expect(try origin.requests(1)[0].values("X-Forwarded-Host").isEmpty)
    }

    @Test func `an expectation means nothing and the body is passed on`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(
            "POST /old HTTP/1.0\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        #expect(response.text == "ok")
        let received = try origin.requests(1)[0]
        #expect(received.values("Expect").isEmpty)
        #expect(received.body == Array("abc".utf8))
    }

    @Test func `an upgrade asked for in HTTP 1-0 is none`() throws {
        let origin = try ScriptedOrigin.answering(body: "plain")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "upgrade: [websocket]")
        let response = try gateway.client().ask(
            "GET /ws HTTP/1.0\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(response.text == "plain")
        #expect(try origin.requests(1)[0].values("Upgrade").isEmpty)
    }

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        ] as [WireText])
    func `an answer that breaks off ends with a reset, so that it cannot look whole`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(wire.text), .wait(.milliseconds(50)))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(Self.old)
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        #expect(try gateway.logged("/old")[0]["outcome"] as? String == "upstream.body")
    }
}
