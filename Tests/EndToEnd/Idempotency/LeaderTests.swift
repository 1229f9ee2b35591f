import Foundation
import Testing

/// What becomes of a key whose request does not come to a good end.
@Suite(.timeLimit(.minutes(20))) struct LeaderTests {
    @Test(arguments: [500, 503, 429, 401])
    func `an answer that is not the last word frees its key`(status: Int) throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest, .respond(status, body: "not now"), .expectRequest,
                .respond(201, body: "done"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        #expect(try client.ask(keyed("k")).status == status)
        #expect(try client.ask(keyed("k")).status == 201)
        #expect(try client.ask(keyed("k")).isReplayed)
        #expect(origin.requests.count == 2)
        #expect(try gateway.keyed("released") == 1)
    }

    @Test func `where they are kept, errors are answers like others`() throws {
        let origin = try ScriptedOrigin.answering(500, body: "broken")
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, "keep_errors: true")
        let client = try gateway.client()
        #expect(!(try client.ask(keyed("k")).isReplayed))
        #expect(try client.ask(keyed("k")).isReplayed)
        #expect(origin.requests.count == 1)
    }

    /// Ends of an origin before its answer is whole.
    private static let breaks: [[ScriptedOrigin.Step]] = [
        [.expectRequest, .reset], [.expectRequest, .close],
        [.expectRequest, .sendLast("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")],
        [.expectRequest, .send("nonsense\r\n\r\n")], [.expectRequest, .waitUntilPeerLeaves],
    ]

    @Test(arguments: breaks.indices)
    func `a broken exchange frees its key, and the next one in line is sent`(index: Int) throws {
        let gate = Gate()
        var broken = Self.breaks[index]
        broken.insert(.waitFor(gate), at: 1)
        let origin = try ScriptedOrigin(
            scripts: [broken, [.forever([.expectRequest, .respond(201, body: "done")])]])
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, upstream: "response_timeout: 500ms", workers: 2)
        let first = try gateway.client()
        try first.send(keyed("k"))
        _ = try origin.requests(1)
        let volley = try Volley(10, at: gateway) { _ in keyed("k") }
        try eventually("10 that wait") { try gateway.keyed("waiting") == 10 }
        gate.open()
        let answers = try volley.results()
        #expect(answers.allSatisfy { $0.status == 201 && $0.text == "done" })
        #expect(answers.filter(\.isReplayed).count == 9)
        #expect(origin.requests.count == 2)
    }

    @Test func `a lease that ends lets another be sent, and the late answer is kept by nobody`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            scripts: [
                [.expectRequest, .waitFor(gate), .respond(body: "late"), .waitUntilPeerLeaves],
                [.forever([.expectRequest, .respond(body: "second")])],
            ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, "lease: 1s, wait: 1s")
        let first = try gateway.client()
        try first.send(keyed("k"))
        _ = try origin.requests(1)
        let second = try eventually("the lease's end") { () -> RawResponse? in
            let answer = try gateway.client().ask(keyed("k"))
            return answer.status == 409 ? nil : answer
        }
        #expect(second.text == "second")
        gate.open()
        #expect(try first.response().text == "late")
        #expect(try gateway.client().ask(keyed("k")).text == "second")
        #expect(origin.requests.count == 2)
    }

    @Test(arguments: [false, true])
    func `a request that was sent goes on without its client`(isHTTP2: Bool) throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "done")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        if isHTTP2 {
            let client = try gateway.http2()
            try client.request(1, "POST", "/orders", [("idempotency-key", "k"), ("content-length", "0")])
            _ = try origin.requests(1)
            try client.send(.reset(1, HTTP2Code.cancel))
        } else {
            let client = try gateway.client()
            try client.send(
                request("POST /orders HTTP/1.1", ["Idempotency-Key: k", "Content-Length: 0"]))
            _ = try origin.requests(1)
            client.reset()
        }
        try eventually("the client's end") { try gateway.keyed("ran_on") == 1 }
        let waiting = try gateway.client()
        try waiting.send(request("POST /orders HTTP/1.1", ["Idempotency-Key: k", "Content-Length: 0"]))
        try eventually("one that waits") { try gateway.keyed("waiting") == 1 }
        gate.open()
        let answer = try waiting.response()
        #expect(answer.text == "done")
        #expect(answer.isReplayed)
        #expect(origin.requests.count == 1)
        let log = try gateway.logged("/orders", count: 2)
        #expect(log.contains { $0["outcome"] as? String == "client.response" })
        #expect(try gateway.metric("floodgate_connections_open").map { $0 <= 2 } == true)
    }

    @Test func `one whose client leaves in the middle of the answer is read to its end`() throws {
        let gate = Gate()
        let half = String(repeating: "a", count: 100_000)
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + half), .waitFor(gate),
            .send(half), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        try client.send(keyed("k"))
        _ = try client.read(50_000)
        client.reset()
        try eventually("the client's end") { try gateway.keyed("ran_on") == 1 }
        gate.open()
        let again = try gateway.client().ask(keyed("k"))
        #expect(again.isReplayed)
        #expect(again.text == half + half)
        #expect(try gateway.logged("/orders", count: 2).first?["outcome"] as? String == "client.body")
    }

    @Test func `one that was not sent yet gives its key up with its client`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, upstream: "connections: 1")
        let busy = try gateway.client()
        try busy.send(keyed("busy"))
        _ = try origin.requests(1)
        let queued = try gateway.client()
        try queued.send(keyed("k"))
        try eventually("two that have begun") { try gateway.keyed("begun") == 2 }
        queued.reset()
        try eventually("its end") { try gateway.keyed("released") == 1 }
        gate.open()
        gate.open()
        #expect(try busy.response().text == "ok")
        #expect(!(try gateway.client().ask(keyed("k")).isReplayed))
        #expect(origin.requests.count == 2)
    }

    @Test func `a drain waits for what runs on, and the end takes it along`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        try client.send(keyed("k"))
        _ = try origin.requests(1)
        client.reset()
        try eventually("the client's end") { try gateway.keyed("ran_on") == 1 }
        gateway.signal(SIGTERM)
        #expect(try gateway.process.waitUntilExit(within: .seconds(9)) == .code(0))
        #expect(try origin.end() == .peerClosed)
    }
}
