import Foundation
import Testing

/// The parts of a message that HTTP/1.1 writes otherwise: trailers, interim answers, answers without a body,
/// and what becomes of exchanges that break.
@Suite(.whereOurs, .timeLimit(.minutes(20))) struct HTTP2MessageTests {
    private func exchange(
        _ script: ScriptedOrigin.Step..., upstream: String = "", route: String = "",
        body: (HTTP2Client, ScriptedOrigin) throws -> Void
    ) throws {
        let origin = try ScriptedOrigin(scripts: [script])
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin, upstream: upstream, route: route)
        let client = try gateway.http2()
        try body(client, origin)
        #expect(client.violations.isEmpty)
        #expect(gateway.process.exit == nil)
    }

    @Test func `trailers of a chunked answer come behind its body`() throws {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        try exchange(
            .expectRequest, .send(answer + "3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n"), .waitUntilPeerLeaves
        ) { client, _ in
            let answer = try client.ask(1, "/", [("te", "trailers")])
            #expect(answer.text == "abc")
            #expect(answer.trailers?.map { "\($0.name): \($0.value)" } == ["x-sum: 9"])
            #expect(answer.hasEnded)
        }
    }

    @Test func `trailers of a request go on behind the last chunk`() throws {
        try exchange(.expectRequest, .respond(body: "ok"), .waitUntilPeerLeaves) { client, origin in
            try client.request(1, "POST", "/t", [], .endHeaders)
            try client.send(.data(1, Array("abc".utf8)), .headers(1, .literal("x-sum", "7"), .whole))
            #expect(try client.answer(1).text == "ok")
            let request = origin.requests[0]
            #expect(String(latin1: request.body) == "abc")
            #expect(request.value("transfer-encoding") == "chunked")
            #expect(request.trailers.map { "\($0.name.lowercased()): \($0.value)" } == ["x-sum: 7"])
        }
    }

    @Test func `early hints come before the answer`() throws {
        try exchange(
            .expectRequest, .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"),
            .respond(body: "ok"), .waitUntilPeerLeaves
        ) { client, _ in
            let answer = try client.ask(1)
            #expect(answer.interim.count == 1)
            let hints = answer.interim.first?.map { "\($0.name): \($0.value)" } ?? []
            #expect(hints.contains(":status: 103"))
            #expect(hints.contains("link: </a.css>; rel=preload"))
            #expect(answer.status == 200)
            #expect(answer.text == "ok")
        }
    }

    @Test func `leave to send a body comes from the origin`() throws {
        try exchange(
            .expectHead, .send("HTTP/1.1 100 Continue\r\n\r\n"), .expectBytes(3), .respond(body: "thanks"),
            .waitUntilPeerLeaves
        ) { client, origin in
            try client.request(
                1, "POST", "/e", [("expect", "100-continue"), ("content-length", "3")], .endHeaders)
            try client.wait(for: "100 Continue") { client.answers[1]?.interim.count == 1 }
            #expect(client.answers[1]?.interim[0].first?.value == "100")
            try client.send(.data(1, Array("abc".utf8), .endStream))
            #expect(try client.answer(1).text == "thanks")
            #expect(origin.requests[0].value("expect") == "100-continue")
        }
    }

    @Test func `an answer to HEAD has a length and no body`() throws {
        try exchange(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), .waitUntilPeerLeaves
        ) { client, origin in
            try client.request(1, "HEAD", "/h")
            let answer = try client.answer(1)
            #expect(answer.status == 200)
            #expect(answer.value("content-length") == "500")
            #expect(answer.body.isEmpty)
            #expect(answer.hasEnded)
            #expect(origin.requests[0].method == "HEAD")
        }
    }

    @Test(arguments: [204, 304])
    func `an answer that has no body ends with its head`(status: Int) throws {
        try exchange(
            .expectRequest, .send("HTTP/1.1 \(status) Empty\r\nETag: \"a\"\r\n\r\n"), .waitUntilPeerLeaves
        ) { client, _ in
            let answer = try client.ask(1)
            #expect(answer.status == status)
            #expect(answer.value("etag") == "\"a\"")
            #expect(answer.body.isEmpty)
            #expect(answer.hasEnded)
            #expect(answer.reset == nil)
        }
    }

    @Test func `fields of the origin's connection stay there`() throws {
        let head =
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
            + "Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok"
        try exchange(.expectRequest, .send(head), .waitUntilPeerLeaves) { client, _ in
            let answer = try client.ask(1)
            #expect(answer.value("x-kept") == "1")
            #expect(
                answer.fields("connection", "keep-alive", "x-hop", "proxy-connection", "upgrade").isEmpty)
        }
    }

    @Test func `a client that resets its stream cancels the request`() throws {
        try exchange(.expectHead, .waitUntilPeerLeaves) { client, origin in
            try client.request(1, "GET", "/gone")
            _ = try origin.requests(1)
            try client.send(.reset(1))
            #expect([.peerClosed, .peerReset].contains(try origin.end()))
            try client.settle()
            #expect(client.answers[1] == nil || client.answers[1]?.reset != nil)
            #expect(client.goAways.isEmpty)
        }
    }

    @Test func `a client that resets its stream in the middle of an answer cancels the request`() throws {
        try exchange(
            .expectHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            .waitUntilPeerLeaves
        ) { client, origin in
            try client.request(1)
            try client.wait(for: "the first piece") { client.answers[1]?.text == "abc" }
            try client.send(.reset(1))
            #expect([.peerClosed, .peerReset].contains(try origin.end()))
        }
    }

    @Test func `a client that goes cancels all its requests`() throws {
        let origin = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        for stream: UInt32 in [1, 3, 5, 7] { try client.request(stream) }
        _ = try origin.requests(4)
        client.reset()
        for index in 0..<4 {
            #expect([.peerClosed, .peerReset].contains(try origin.end(ofConnection: index)))
        }
    }

    @Test func `an answer that breaks off ends its stream with an error`() throws {
        let gate = Gate()
        try exchange(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
            .waitFor(gate),
            .close
        ) { client, _ in
            try client.request(1)
            try client.wait(for: "the beginning") { client.answers[1]?.text == "only this" }
            gate.open()
            let answer = try client.answer(1)
            #expect(!answer.hasEnded)
            #expect(answer.reset != nil && answer.reset != HTTP2Code.none)
            try client.settle()
            #expect(client.goAways.isEmpty)
        }
    }

    @Test func `an origin that is not there is an answer on its stream alone`() throws {
        let free = try Loopback.freePorts(1)[0]
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(free)"], listener: GatewayProcess.http2)
        let client = try gateway.http2()
        for stream: UInt32 in [1, 3] {
            let answer = try client.ask(stream)
            #expect([502, 503].contains(answer.status))
            #expect(answer.value("content-type") == "application/problem+json")
        }
        #expect(client.violations.isEmpty)
        #expect(client.goAways.isEmpty)
    }

    @Test func `an answer before the body is whole reaches the client`() throws {
        try exchange(
            .expectHead, .send("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
            .close
        ) { client, _ in
            try client.request(1, "POST", "/early", [("content-length", "100000")], .endHeaders)
            try client.send(.data(1, [UInt8](repeating: 1, count: 1000)))
            try client.wait(for: "the answer") {
                client.answers[1]?.text == "no" && client.answers[1]?.isOver == true
            }
            #expect(client.answers[1]?.status == 403)
            #expect([nil, HTTP2Code.none, HTTP2Code.cancel].contains(client.answers[1]?.reset))
            try client.settle()
            #expect(client.goAways.isEmpty)
        }
    }

    @Test func `the field priority goes on`() throws {
        try exchange(.expectRequest, .respond(body: "ok"), .waitUntilPeerLeaves) { client, origin in
            let answer = try client.ask(1, "/", [("priority", "u=1, i")])
            #expect(answer.status == 200)
            #expect(origin.requests[0].value("priority") == "u=1, i")
        }
    }

    @Test(arguments: [true, false])
    func `trailers that are too large are refused, and cost no other stream anything`(isAnswered: Bool) throws
    {
        let origin = try ScriptedOrigin(scripts: [
            (isAnswered ? [.expectHead, .send("HTTP/1.1 200 OK\r\n\r\nhalf")] : [.expectHead])
                + [.waitUntilPeerLeaves],
            [.forever([.expectRequest, .respond(body: "other")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.request(1, "POST", "/", [], .endHeaders)
        try client.send(.data(1, Array("body".utf8)))
        if isAnswered { _ = try client.head(1) } else { _ = try origin.requests(1) }
        try client.request(3)
        #expect(try client.answer(3).text == "other")
        let fields = (0..<25).map { ("x-\($0)", String(repeating: "x", count: 1500)) }
        let block = HPACKBlock.fields(fields).bytes
        try client.send([
            HTTP2Frame(
                kind: HTTP2Frame.Kind.headers, flags: .endStream, stream: 1,
                payload: Array(block.prefix(16_000))),
            .continuation(1, .raw(Array(block[16_000..<32_000])), []),
            .continuation(1, .raw(Array(block[32_000...]))),
        ])
        let answer = try client.answer(1)
        if isAnswered { #expect(answer.reset != nil) } else { #expect(answer.status == 431) }
        try client.request(5)
        #expect(try client.answer(5).text == "other")
        #expect(gateway.process.exit == nil)
        #expect(client.violations.isEmpty)
    }
}
