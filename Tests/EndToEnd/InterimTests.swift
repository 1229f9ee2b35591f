import Foundation
import Testing

/// Interim answers, and clients that wait for leave to send a body (RFC 9110 §10.1.1).
@Suite(.timeLimit(.minutes(20))) struct InterimTests {
    private static func asking(_ path: String = "/e", length: Int = 3) -> String {
        request("POST \(path) HTTP/1.1", ["Expect: 100-continue", "Content-Length: \(length)"])
    }

    @Test func `the origin's 100 Continue lets the client send its body`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectHead, .send("HTTP/1.1 100 Continue\r\n\r\n"), .expectBytes(3),
                .respond(body: "thanks"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for number in 1...2 {
            try client.send(Self.asking())
            #expect(try client.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("abc")
            let response = try client.response()
            #expect(response.text == "thanks")
            #expect(response.value("Connection") == nil)
            #expect(
                try origin.requests(number)[number - 1].masked
                    == gateway.forwarded("POST /e", ["Expect: 100-continue"], closing: ["Content-Length: 3"]))
        }
        #expect(origin.connections.count == 1)
        #expect(String(decoding: origin.connections[0].received, as: UTF8.self).hasSuffix("\r\n\r\nabc"))
    }

    @Test func `a chunked body waits for leave as well`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .send("HTTP/1.1 100 Continue\r\n\r\n"), .expectBytes(13), .respond(body: "thanks"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /e HTTP/1.1", ["Expect: 100-continue", "Transfer-Encoding: chunked"]))
        _ = try client.read(through: "\r\n\r\n")
        try client.send("3\r\nabc\r\n0\r\n\r\n")
        #expect(try client.response().text == "thanks")
    }

    @Test(arguments: [417, 413, 401])
    func `an origin that refuses before it reads is heard, and the body is not sent to it`(status: Int) throws
    {
        let origin = try ScriptedOrigin(.expectHead, .respond(status, body: "no"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(Self.asking())
        let response = try client.response()
        #expect(response.status == status)
        #expect(response.interim.isEmpty)
        #expect(response.text == "no")
        // Whether the client sends the body now, nobody can know.
        #expect(response.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        #expect(try origin.end() == .peerClosed)
        #expect(origin.connections[0].received.suffix(4) == Array("\r\n\r\n".utf8))
    }

    @Test func `an origin that ignores the expectation gets the body when the client sends it`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(Self.asking())
        poll(nil, 0, 50)
        try client.send("abc")
        let response = try client.response()
        #expect(response.interim.isEmpty)
        #expect(response.text == "ok")
        #expect(try origin.requests(1)[0].body == Array("abc".utf8))
        #expect(try client.ask(get("/next")).text == "ok")
        #expect(origin.connections.count == 1)
    }

    @Test func `a late 100 Continue is not passed on to a client that sends already`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 100 Continue\r\n\r\n"), .respond(body: "ok"), .waitUntilPeerLeaves
        )
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(Self.asking() + "abc")
        #expect(response.interim.isEmpty)
        #expect(response.text == "ok")
    }

    @Test func `a 100 Continue that nobody asked for is not passed on`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 100 Continue\r\n\r\n"), .respond(body: "ok"), .waitUntilPeerLeaves
        )
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(get("/"))
        #expect(response.interim.isEmpty)
        #expect(response.text == "ok")
    }

    @Test func `a refusal of the gateway's own reaches a client that waits for leave`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "max_body: 2")
        let client = try gateway.client()
        try client.send(Self.asking())
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.connections.isEmpty)
    }

    @Test func `an expectation on a request without a body is dropped`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        #expect(try gateway.client().ask(get("/e", "Expect: 100-continue")).text == "ok")
        #expect(try origin.requests(1)[0].masked == gateway.forwarded("GET /e"))
    }

    @Test func `early hints are passed on at once, without what concerns one hop`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest,
            .send(
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nServer: x\r\nConnection: X-B\r\nX-B: 1\r\n\r\n"
            ),
            .waitFor(gate), .send("HTTP/1.1 102 Processing\r\n\r\n"), .respond(body: "ok"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/"))
        #expect(try client.read(through: "\r\n\r\n") == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        gate.open()
        let response = try client.response()
        #expect(response.interim == [102])
        #expect(response.text == "ok")
    }

    @Test func `an origin with no end of interim answers is given up`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .forever([.send("HTTP/1.1 103 Early Hints\r\n\r\n"), .wait(.milliseconds(1))]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(get("/"))
        #expect(response.status == 502)
        #expect(response.interim.count <= 16)
        #expect(try origin.end() != .running)
    }
}
