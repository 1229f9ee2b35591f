import Foundation
import Testing

/// Peers that leave, break off, answer early or had closed already.
@Suite(.timeLimit(.minutes(20))) struct BrokenExchangeTests {
    // MARK: Clients that leave

    @Test(arguments: ["close", "reset", "half"])
    func `a client that leaves while the origin works cancels its request`(how: String) throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/left"))
        _ = try origin.requests(1)
        switch how {
        case "close": client.close()
        case "reset": client.reset()
        default: client.socket.finishSending()
        }
        #expect(try origin.end() == .peerClosed)
        let line = try gateway.logged("/left")[0]
        #expect(line["outcome"] as? String == "client.response")
        #expect(line["status"] as? Int == 0)
    }

    @Test func `a client that leaves inside its body takes the origin's request with it`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .respond(body: "never"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        for text in [
            request("POST /left HTTP/1.1", ["Content-Length: 10"]) + "abc",
            request("POST /left HTTP/1.1", ["Transfer-Encoding: chunked"]) + "3\r\nabc\r\n",
        ] {
            let client = try gateway.client()
            try client.send(text)
            let count = origin.connections.count
            try eventually("the connection") {
                origin.connections.last?.received.contains(0x63) == true ? true : nil
            }
            client.close()
            #expect(try origin.end(ofConnection: max(0, count - 1)) == .peerClosed)
        }
        #expect(origin.requests.isEmpty)
        #expect(
            try gateway.logged("/left", count: 2).allSatisfy { $0["outcome"] as? String == "client.request" })
    }

    @Test func `a client that leaves inside its answer frees the origin`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/left"))
        _ = try client.read(through: "abc")
        client.close()
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/left")[0]["outcome"] as? String == "client.body")
    }

    // MARK: Origins that break off

    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        ] as [WireText], [false, true])
    func `an answer that breaks off is never taken for a whole one`(wire: WireText, resets: Bool) throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send(wire.text), .wait(.milliseconds(30)), resets ? .reset : .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/broken"))
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        #expect(try gateway.logged("/broken")[0]["outcome"] as? String == "upstream.body")
    }

    @Test func `a reset is not the end of an answer that ends with its connection`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\n\r\nabc"), .wait(.milliseconds(30)), .reset)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/broken"))
        #expect(throws: SocketError.reset) { try client.readToEnd() }
    }

    @Test(
        arguments: [
            "", "H", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 103 Early Hints\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/2 200\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\n folded: y\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
        ] as [WireText])
    func `an answer that is none is answered for with 502`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .send(wire.text), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(get("/bad"))
        #expect(response.status == 502)
        _ = response.problem()
        #expect(try client.ask(get("/healthz")).status == 200)
        #expect(try gateway.logged("/bad")[0]["outcome"] as? String == "upstream.response")
    }

    @Test func `an answer's head beyond its limit is answered for with 502`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 5000))\r\n\r\n"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "max_response_head: 4KiB")
        #expect(try gateway.client().ask(get("/")).status == 502)
        #expect(try origin.end() != .running)
    }

    // MARK: Early answers

    @Test func `after an early answer a small body is read away and the connection goes on`() throws {
        let origin = try ScriptedOrigin(.expectHead, .respond(body: "early"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let body = String(repeating: "x", count: 5000)
        try client.send(request("POST /early HTTP/1.1", ["Content-Length: 5000"]))
        #expect(try client.response().text == "early")
        // A dirty connection is not used again.
        #expect(try origin.end() == .peerClosed)
        try client.send(body + get("/healthz"))
        #expect(try client.response().status == 200)
        #expect(origin.requests.count == 1)
    }

    @Test func `after an early answer to a large body the answer is readable and the connection ends`() throws
    {
        let origin = try ScriptedOrigin(.expectHead, .respond(413, body: "too much"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /early HTTP/1.1", ["Content-Length: 1000000"]))
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.text == "too much")
        #expect(response.value("Connection") == "close")
        // Some of it may still be under way without destroying anything.
        for _ in 0..<2 {
            try client.send(Pattern.bytes(from: 0, count: 20_000))
            poll(nil, 0, 50)
        }
        #expect(try client.readToEnd().isEmpty)
    }

    @Test func `a client that reads only once it has sent all of its body still finds the early answer`()
        throws
    {
        let origin = try ScriptedOrigin(
            .expectHead, .respond(403, fields: ["Connection: close"], body: "no"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /early HTTP/1.1", ["Content-Length: \(8 << 20)"]))
        try? client.socket.sendPattern(8 << 20, within: .seconds(3))
        #expect(try client.response().text == "no")
    }

    @Test func `an origin may answer while it still reads`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"),
            .expectBytes(100_000),
            .send("3\r\ntwo\r\n0\r\n\r\n"), .expectRequest, .respond(body: "next"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /both HTTP/1.1", ["Content-Length: 100000"]))
        _ = try client.read(through: "3\r\none\r\n")
        try client.send(Pattern.bytes(from: 0, count: 100_000))
        let rest = try client.read(through: "0\r\n\r\n")
        #expect(rest == "3\r\ntwo\r\n0\r\n\r\n")
        #expect(try client.ask(get("/next")).text == "next")
        #expect(origin.connections.count == 1)
    }

    @Test func `an origin that closes while the body arrives is still heard`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .respond(401, fields: ["Connection: close"], body: "who?"), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /early HTTP/1.1", ["Content-Length: 3"]))
        let response = try client.response()
        #expect(response.status == 401)
        #expect(response.text == "who?")
        #expect(response.value("Connection") == nil)
        try client.send("abc" + get("/healthz"))
        #expect(try client.response().status == 200)
    }

    // MARK: Connections that were closed already

    @Test(arguments: [true, false])
    func `a GET on a connection that the origin has just closed is sent once more`(resets: Bool) throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .expectRequest, resets ? .reset : .close],
            [.forever([.expectRequest, .respond(body: "second")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        #expect(try client.ask(get("/1")).text == "first")
        #expect(try client.ask(get("/2")).text == "second")
        #expect(origin.requests.map(\.target) == ["/1", "/2", "/2"])
        #expect(origin.requests[1].bytes == origin.requests[2].bytes)
        #expect(try gateway.logged("/2")[0]["retries"] as? Int == 1)
    }

    @Test func `it is sent once more and no more than that`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .expectRequest, .close], [.expectRequest, .close],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        #expect(try client.ask(get("/1")).text == "first")
        let response = try client.ask(get("/2"))
        #expect(response.status == 502)
        _ = response.problem()
        #expect(origin.requests.map(\.target) == ["/1", "/2", "/2"])
    }

    @Test(
        arguments: [
            post("/2", body: "x"), request("POST /2 HTTP/1.1", ["Content-Length: 0"]),
            request("POST /2 HTTP/1.1", []),
            request("PATCH /2 HTTP/1.1", ["Transfer-Encoding: chunked"]) + "0\r\n\r\n",
            request("PUT /2 HTTP/1.1", ["Content-Length: 1"]) + "x",
        ].map(WireText.init(text:)))
    func `what may have had an effect, or has lost its body, is not repeated`(wire: WireText) throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .expectRequest, .close],
            [.forever([.expectRequest, .respond(body: "again")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        #expect(try client.ask(get("/1")).text == "first")
        let response = try client.ask(wire.text)
        #expect(response.status == 502)
        _ = response.problem()
        #expect(origin.requests.count == 2)
        #expect(try client.ask(get("/3")).text == "again")
    }

    @Test func `a request with an empty chunked body that is repeated is whole`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .expectRequest, .close],
            [.forever([.expectRequest, .respond(body: "again")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "response_timeout: 1s")
        let client = try gateway.client()
        #expect(try client.ask(get("/1")).text == "first")
        let response = try client.ask(
            request("DELETE /2 HTTP/1.1", ["Transfer-Encoding: chunked"]) + "0\r\n\r\n")
        // Either it is repeated with its last chunk, or it is not repeated.
        #expect(response.status == 502 || response.text == "again")
    }

    @Test func `an idle connection that the origin closed is not used`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .close],
            [.forever([.expectRequest, .respond(body: "second")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        #expect(try client.ask(get("/1")).text == "first")
        #expect(try origin.end(ofConnection: 0) == .finished)
        poll(nil, 0, 50)
        #expect(try client.ask(post("/2", body: "x")).text == "second")
        #expect(try gateway.logged("/2")[0]["retries"] as? Int == 0)
    }

    @Test func `a fresh connection that dies is not tried again`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        #expect(try gateway.client().ask(get("/1")).status == 502)
        #expect(origin.requests.count == 1)
    }
}
