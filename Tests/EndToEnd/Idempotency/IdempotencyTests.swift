import Foundation
import Testing

/// Requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) are done once.
@Suite(.timeLimit(.minutes(20))) struct IdempotencyTests {
    @Test(arguments: [1, 2])
    func `fifty requests at once with one key are one at the origin`(workers: Int) throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest, .waitFor(gate),
                .respond(201, fields: ["Set-Cookie: a=1", "X-Order: 7"], body: "{\"order\":7}"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, workers: workers)
        let volley = try Volley(50, at: gateway) { _ in keyed("\"k\"", body: "{\"item\":1}") }
        try eventually("49 that wait") { try gateway.keyed("waiting") == 49 }
        #expect(origin.requests.count == 1)
        gate.open()
        let answers = try volley.results()
        #expect(answers.count == 50)
        #expect(origin.requests.count == 1)
        #expect(answers.filter(\.isReplayed).count == 49)
        for answer in answers {
            #expect(answer.status == 201)
            #expect(answer.text == "{\"order\":7}")
            #expect(answer.value("X-Order") == "7")
            #expect(answer.value("Set-Cookie") == "a=1")
            #expect(answer.value("Content-Length") == "11")
        }
        // Each has the fields that the gateway gives to its own request.
        #expect(Set(answers.compactMap { $0.value("X-Request-Id") }).count == 50)
        #expect(try origin.requests(1)[0].value("Idempotency-Key") == "\"k\"")
        #expect(try gateway.keyed("begun") == 1)
        #expect(try gateway.keyed("kept") == 1)
        #expect(try gateway.keyed("replayed") == 49)
    }

    @Test func `what comes later gets the answer again, byte by byte, and the origin hears nothing`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest,
                .respond(
                    200,
                    fields: [
                        "Date: Thu, 01 Jan 2026 00:00:00 GMT", "Server: app", "ETag: \"1\"",
                        "Connection: X-Hop", "X-Hop: 1", "Content-Type: text/html",
                    ], body: "<p>done"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        let first = try client.ask(keyed("k"))
        #expect(!first.isReplayed)
        for _ in 0..<3 {
            let again = try client.ask(keyed("k"))
            #expect(again.isReplayed)
            #expect(again.body == first.body)
            let changing = ["date", "x-request-id", "idempotency-replayed"]
            let kept = { (answer: RawResponse) in
                answer.fields.filter { !changing.contains($0.name.lowercased()) }
                    .map { "\($0.name): \($0.value)" }.sorted()
            }
            #expect(kept(again) == kept(first))
            #expect(again.value("Date") != "Thu, 01 Jan 2026 00:00:00 GMT")
            #expect(again.value("X-Hop") == nil)
        }
        #expect(origin.requests.count == 1)
        let log = try gateway.logged("/orders", count: 4)
        #expect(
            log.map { $0["outcome"] as? String } == ["ok", "gateway.done", "gateway.done", "gateway.done"])
        #expect(try client.ask(keyed("other")).isReplayed == false)
        #expect(try client.ask(post("/orders", body: "{}")).isReplayed == false)
        #expect(origin.requests.count == 3)
    }

    @Test func `another request under the same key is 422`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let first = try gateway.client()
        try first.send(keyed("k", body: "1"))
        _ = try origin.requests(1)
        let others = [
            keyed("k", body: "2"), keyed("k", "/other", body: "1"), keyed("k", "/orders?x", body: "1"),
            keyed("k", body: "1").replacing("POST", with: "PATCH"),
            keyed("k", "/orders", "Authorization: Bearer x", body: "1"),
        ]
        let client = try gateway.client()
        for other in others {
            let answer = try client.ask(other)
            #expect(answer.status == 422, "while it is under way")
            #expect(answer.problem()["error"] as? String == "Idempotency-Key reused")
        }
        gate.open()
        #expect(try first.response().text == "ok")
        for other in others { #expect(try client.ask(other).status == 422) }
        #expect(try client.ask(keyed("k", body: "1")).isReplayed)
        #expect(origin.requests.count == 1)
    }

    @Test func `who has waited for long enough is told to come again`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, "wait: 200ms")
        let first = try gateway.client()
        try first.send(keyed("k"))
        _ = try origin.requests(1)
        let answer = try gateway.client().ask(keyed("k"))
        #expect(answer.status == 409)
        #expect(answer.value("Retry-After") == "1")
        #expect(answer.problem()["error"] as? String == "Request in progress")
        gate.open()
        #expect(try first.response().text == "ok")
        #expect(try gateway.client().ask(keyed("k")).isReplayed)
    }

    @Test func `keys that are missing or malformed are 400, and long bodies 413`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, "required: true, max_body: 10")
        let client = try gateway.client()
        #expect(
            try client.ask(post("/", body: "x")).problem()["error"] as? String == "Idempotency-Key missing")
        for key in ["", "\"", "a b", String(repeating: "k", count: 256)] {
            let answer = try client.ask(keyed(key))
            #expect(answer.status == 400)
            #expect(answer.problem()["error"] as? String == "Idempotency-Key malformed")
        }
        #expect(try client.ask(keyed("k", body: "0123456789A")).status == 413)
        #expect(try client.ask(get("/")).status == 200)
        #expect(try client.ask(keyed("k", body: "0123456789")).status == 200)
        let chunked = request(
            "POST / HTTP/1.1", ["Idempotency-Key: long", "Transfer-Encoding: chunked"])
        #expect(try client.ask(chunked + "b\r\n0123456789A\r\n0\r\n\r\n").status == 413)
        #expect(origin.requests.count == 2)
    }

    @Test func `a body in chunks is held, and the same as one with a length`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        let head = request("POST /orders HTTP/1.1", ["Idempotency-Key: k", "Transfer-Encoding: chunked"])
        try client.send(head + "1\r\n{\r\n")
        try client.send("1\r\n}\r\n0\r\n\r\n")
        #expect(try client.response().text == "ok")
        #expect(try origin.requests(1)[0].body == Array("{}".utf8))
        #expect(try client.ask(keyed("k")).isReplayed)
        #expect(try client.ask(head + "2\r\n{}\r\n0\r\n\r\n").isReplayed)
        #expect(try client.ask(head + "2\r\n[]\r\n0\r\n\r\n").status == 422)
        #expect(origin.requests.count == 1)
    }

    @Test(arguments: [(204, 0), (304, 0), (200, 0), (201, 1), (200, 65_500), (200, 262_144)])
    func `answers of any length come back whole`(status: Int, length: Int) throws {
        let body = String(decoding: (0..<length).map { UInt8(97 + $0 % 23) }, as: UTF8.self)
        let hasLength = status != 204 && status != 304
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest,
                hasLength ? .respond(status, body: body) : .send("HTTP/1.1 \(status) X\r\n\r\n"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.client()
        let first = try client.ask(keyed("k"))
        #expect(first.text == body)
        // Slow readers too: the rest waits for them.
        let slow = try RawClient(port: gateway.ports.gateway, receiveBuffer: 4096)
        for client in [client, slow, client] {
            let again = try client.ask(keyed("k"))
            #expect(again.isReplayed)
            #expect(again.status == status)
            #expect(again.text == body)
        }
        #expect(origin.requests.count == 1)
    }

    @Test func `of an answer that is too long, or a stream, it is known that it was given`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest, .respond(body: String(repeating: "x", count: 2000)), .expectRequest,
                .send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "9\r\ndata: 1\n\n\r\n0\r\n\r\n"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, "max_answer: 1999")
        let client = try gateway.client()
        for key in ["long", "stream"] {
            #expect(try client.ask(keyed(key)).status == 200)
            let answer = try client.ask(keyed(key))
            #expect(answer.status == 409)
            #expect(answer.problem()["error"] as? String == "Answer not kept")
            #expect(answer.value("Retry-After") == nil)
        }
        #expect(origin.requests.count == 2)
    }

    @Test func `over HTTP/2 too, on both sides of a key`() throws {
        let body = String(repeating: "h", count: 200_000)
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .waitFor(gate), .respond(201, body: body)]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin)
        let client = try gateway.http2()
        let streams: [UInt32] = [1, 3, 5]
        for stream in streams {
            try client.request(stream, "POST", "/orders", [("idempotency-key", "k")])
        }
        try eventually("2 that wait") { try gateway.keyed("waiting") == 2 }
        gate.open()
        try client.grant(0, 1_000_000)
        for stream in streams { try client.grant(stream, 300_000) }
        let answers = try streams.map { try client.answer($0) }
        #expect(answers.allSatisfy { $0.status == 201 && $0.text == body })
        #expect(answers.filter { $0.value("idempotency-replayed") == "true" }.count == 2)
        let plain = try gateway.client().ask(
            request("POST /orders HTTP/1.1", ["Idempotency-Key: k", "Content-Length: 0"]))
        #expect(plain.isReplayed)
        #expect(plain.text == body)
        #expect(origin.requests.count == 1)
        #expect(client.violations.isEmpty)
    }

    /// HS256 with `secret`, valid until the year 2286.
    private static let tokens = [
        "ann": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOiJhcHAiLCJz"
            + "dWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9._dfeM8-L15juMZhwHpveDjszi3IONnWsdTEBVPrNYM8",
        "ben": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOiJhcHAiLCJz"
            + "dWIiOiJiZW4iLCJleHAiOjk5OTk5OTk5OTl9.NMzZ11Dp-93Ev3_5FQnKqN3g0c7qkL_ikztwKvEc1kA",
    ]
    private static let secret = "a-secret-of-tests-that-is-long-enough-for-hs256"

    @Test func `users with the same key get each their own answer`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest, .respond(body: "first"), .expectRequest, .respond(body: "second"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            keyed: origin, route: "auth: required",
            top: """
                identity:
                  tokens: { users: { issuers: [https://id.test], audiences: [app], secret: \(Self.secret) } }
                """)
        let client = try gateway.client()
        for (user, text) in [("ann", "first"), ("ben", "second"), ("ann", "first"), ("ben", "second")] {
            let token = try #require(Self.tokens[user])
            let answer = try client.ask(keyed("k", "/orders", "Authorization: Bearer \(token)"))
            #expect(answer.text == text, "\(user): \(answer.status) \(answer.text)")
        }
        #expect(origin.requests.count == 2)
        #expect(try client.ask(keyed("k")).status == 401, "keys are behind who asks")
    }

    @Test func `a reload keeps what is known of keys, and who waits`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(keyed: origin, workers: 2)
        let volley = try Volley(4, at: gateway) { _ in keyed("k") }
        try eventually("3 that wait") { try gateway.keyed("waiting") == 3 }
        let text = try String(contentsOf: gateway.settingsFile, encoding: .utf8)
        try gateway.rewriteSettings(text.replacing("idempotency: {", with: "idempotency: { ttl: 1h,"))
        gateway.signal(SIGHUP)
        try eventually("the reload") { gateway.standardError.contains("reloaded") }
        let late = try gateway.client()
        try late.send(keyed("k"))
        try eventually("4 that wait") { try gateway.keyed("waiting") == 4 }
        gate.open()
        #expect(try volley.results().allSatisfy { $0.text == "ok" })
        #expect(try late.response().isReplayed)
        #expect(try gateway.client().ask(keyed("k")).isReplayed)
        #expect(origin.requests.count == 1)
    }
}
