import Foundation
import Testing

/// Requests and answers over HTTP/2 before an origin that speaks HTTP/1.1.
@Suite(.whereOurs, .timeLimit(.minutes(20))) struct HTTP2ExchangeTests {
    private func expectClean(_ client: HTTP2Client, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(client.violations.isEmpty, sourceLocation: sourceLocation)
        #expect(client.goAways.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func `a request is answered, and the next ones on the same connection`() throws {
        let origin = try ScriptedOrigin.answering(fields: ["X-Origin: One"], body: "hello")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        for stream in stride(from: UInt32(1), to: 41, by: 2) {
            let answer = try client.ask(stream, "/\(stream)")
            #expect(answer.status == 200)
            #expect(answer.text == "hello")
            #expect(answer.value("x-origin") == "One")
            #expect(answer.value("content-length") == "5")
            #expect(answer.value("x-request-id") != nil)
        }
        expectClean(client)
        #expect(origin.requests.map(\.target) == stride(from: 1, to: 41, by: 2).map { "/\($0)" })
        #expect(origin.connections.count == 1)
    }

    @Test func `settings say what security asks for`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.settle()
        let settings = try #require(client.settings)
        #expect(settings[HTTP2Setting.streams] == 100)
        #expect([nil, 65_535, 65_536].contains(settings[HTTP2Setting.window]))
        #expect(Int(settings[HTTP2Setting.headerList] ?? 0) == 16 * 1024)
        #expect([nil, UInt32(HTTP2Frame.largest)].contains(settings[HTTP2Setting.frameSize]))
        let window = HTTP2Client.defaultWindow + (client.grants[0] ?? 0)
        #expect((1_048_575...1_048_576).contains(window), "the connection's window")
        #expect(client.settingsAcks == 1)
    }

    @Test func `HTTP/1.1 is spoken on the same listener, and no upgrade to h2c`() throws {
        let origin = try ScriptedOrigin.answering(body: "old")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        #expect(try gateway.ask("/").text == "old")
        let upgrade = get(
            "/up", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"
        )
        let answer = try gateway.client().ask(upgrade)
        #expect(answer.status == 200)
        #expect(answer.text == "old")
        #expect(answer.interim.isEmpty)
        #expect(origin.requests.last?.values("upgrade") == [])
        #expect(try gateway.http2().ask(1).text == "old")
    }

    @Test func `a listener that is not told to speak HTTP/2 does not`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try HTTP2Client(port: gateway.ports.gateway, isText: true)
        try client.greet()
        try client.waitForEnd()
        #expect(String(latin1: client.text).hasPrefix("HTTP/1.1 ") || client.text.isEmpty)
        #expect(origin.connections.isEmpty)
    }

    @Test func `bodies of many streams, a piece of each in turn, arrive whole`() throws {
        let origin = try ScriptedOrigin.answering(body: "thanks")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        let streams = (0..<50).map { UInt32($0 * 2 + 1) }
        for stream in streams { try client.request(stream, "POST", "/\(stream)", [], .endHeaders) }
        for round in 0..<10 {
            try client.send(
                streams.map {
                    .data($0, Array("\($0)-\(round).".utf8), round == 9 ? .endStream : [])
                })
        }
        for stream in streams { #expect(try client.answer(stream).text == "thanks") }
        expectClean(client)
        let bodies = Dictionary(
            uniqueKeysWithValues: try origin.requests(50).map { ($0.target, String(latin1: $0.body)) })
        for stream in streams {
            #expect(bodies["/\(stream)"] == (0..<10).map { "\(stream)-\($0)." }.joined())
        }
    }

    @Test func `large answers on many streams arrive whole`() throws {
        let size = 300_000
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"
        let origin = try ScriptedOrigin(.forever([.expectRequest, .send(head), .sendPattern(size)]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2([(HTTP2Setting.window, 1 << 20)])
        try client.grant(0, 16 << 20)
        let streams = (0..<20).map { UInt32($0 * 2 + 1) }
        for stream in streams { try client.request(stream, "GET", "/\(stream)") }
        for stream in streams {
            let answer = try client.answer(stream)
            #expect(answer.body.count == size)
            #expect(answer.reset == nil)
            var position = 0
            for piece in stride(from: 0, to: answer.body.count, by: Pattern.piece) {
                let bytes = answer.body[piece..<min(piece + Pattern.piece, answer.body.count)]
                if !Pattern.matches(bytes, at: position) { Issue.record("stream \(stream) differs") }
                position += bytes.count
            }
        }
        expectClean(client)
    }

    @Test func `answers without an order come as they are ready`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .waitFor(gate), .respond(body: "late"), .waitUntilPeerLeaves],
            [.forever([.expectRequest, .respond(body: "soon")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.request(1)
        _ = try origin.requests(1)
        #expect(try client.ask(3).text == "soon")
        #expect(client.answers[1]?.head == nil)
        gate.open()
        #expect(try client.answer(1).text == "late")
        expectClean(client)
    }

    @Test func `an answer whose length nobody knows streams as it comes`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"),
            .waitFor(gate), .send("3\r\ntwo\r\n0\r\n\r\n"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.request(1)
        try client.wait(for: "the first piece") { client.answers[1]?.text == "one" }
        #expect(client.answers[1]?.isOver == false)
        gate.open()
        let answer = try client.answer(1)
        #expect(answer.text == "onetwo")
        #expect(answer.value("content-length") == nil)
        expectClean(client)
    }

    @Test func `large fields come over CONTINUATION and go on whole`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        let value = String(repeating: "0123456789", count: 800)
        let block = HPACKBlock.fields(HTTP2Case.get("/large") + [("x-large", value)])
        let middle = block.bytes.count / 2
        try client.send(
            .headers(1, .raw(Array(block.bytes[..<middle])), .endStream),
            .continuation(1, .raw(Array(block.bytes[middle...])), .endHeaders))
        #expect(try client.answer(1).text == "ok")
        #expect(origin.requests[0].value("x-large") == value)
        expectClean(client)
    }

    @Test func `large fields of an answer arrive whole`() throws {
        let value = String(repeating: "abcdefghij", count: 700)
        let origin = try ScriptedOrigin.answering(fields: [
            "X-One: \(value)", "Set-Cookie: a=1", "Set-Cookie: b=2",
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        let answer = try client.ask(1)
        #expect(answer.value("x-one") == value)
        #expect(answer.fields("set-cookie") == ["set-cookie: a=1", "set-cookie: b=2"])
        expectClean(client)
    }

    @Test func `a head beyond the limit is refused, and the connection goes on`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        let half = String(repeating: "a", count: 9000)
        let blocks = [HPACKBlock.fields(HTTP2Case.get("/big") + [("x-a", half)]), .literal("x-b", half)]
        try client.send(.headers(1, blocks[0], .endStream), .continuation(1, blocks[1], .endHeaders))
        let answer = try client.answer(1)
        let isReset = answer.reset.map {
            [HTTP2Code.protocolError, HTTP2Code.calm, HTTP2Code.refused].contains($0)
        }
        #expect(answer.status == 431 || isReset == true, "\(answer)")
        #expect(try client.ask(3, "/next").text == "ok")
        #expect(origin.requests.map(\.target) == ["/next"])
        expectClean(client)
    }

    @Test(arguments: ["many fields", "a long name"])
    func `what HTTP/1.1 refuses in a head is refused here too`(what: String) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        let many = (0..<101).map { ("x-\($0)", "1") }
        let long = [("x-" + String(repeating: "a", count: 254), "1")]
        let answer = try client.ask(1, "/refused", what == "many fields" ? many : long)
        let isReset = answer.reset.map { [HTTP2Code.protocolError, HTTP2Code.calm].contains($0) } == true
        #expect(answer.status == 431 || isReset, "\(answer)")
        #expect(try client.ask(3, "/next").text == "ok")
        #expect(origin.requests.map(\.target) == ["/next"])
        expectClean(client)
    }

    @Test func `no table is used for an answer where the client has none`() throws {
        let origin = try ScriptedOrigin.answering(fields: ["X-Same: again"], body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2([(HTTP2Setting.tableSize, 0)])
        try client.wait(for: "the acknowledgement") { client.settingsAcks == 1 }
        client.limitTable(to: 0)
        for stream: UInt32 in [1, 3, 5] { #expect(try client.ask(stream).value("x-same") == "again") }
        expectClean(client)
    }

    @Test func `stream 101 at once is refused`() throws {
        let gates = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .waitFor(gates), .respond(body: "ok"),
            .forever([.expectRequest, .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(http2: origin)
        let client = try gateway.http2()
        try client.settle()
        let streams = (0..<100).map { UInt32($0 * 2 + 1) }
        for stream in streams { try client.request(stream, "GET", "/\(stream)") }
        try client.settle()
        try client.request(201)
        try? client.wait(for: "the refusal") { client.answers[201]?.isOver == true }
        let codes = [HTTP2Code.refused, HTTP2Code.protocolError]
        // A stream error, which may be treated as one of the connection (RFC 9113 §5.4.1).
        if let goAway = client.goAways.last {
            #expect(codes.contains(goAway.code))
            return try client.waitForEnd()
        }
        let refused = try #require(client.answers[201]?.reset)
        #expect(codes.contains(refused))
        for _ in streams { gates.open() }
        for stream in streams { #expect(try client.answer(stream).text == "ok") }
        #expect(try client.ask(203).status == 200)
        expectClean(client)
    }
}
