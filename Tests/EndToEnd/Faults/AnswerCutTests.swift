import Foundation
import Testing

/// Answers that end at each of their bytes, in order or by a reset, on fresh and on kept connections, for
/// clients of both versions: what is not whole never looks so.
@Suite(.serialized, .timeLimit(.minutes(20))) struct AnswerCutTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        let name: String
        let head: String
        let body: String
        /// The body with its frame taken off.
        var payload = "hello"
        /// The body lasts until the connection ends.
        var lastsUntilClose = false
        var testDescription: String { name }
        var wire: [UInt8] { Array((head + body).utf8) }

        static let all = [
            Shape(name: "a length", head: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", body: "hello"),
            Shape(
                name: "chunks and a trailer", head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                body: "2\r\nhe\r\n3;a\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"),
            Shape(name: "no length", head: "HTTP/1.1 200 OK\r\n\r\n", body: "hello", lastsUntilClose: true),
            Shape(
                name: "HTTP/1.0 and a length",
                head: "HTTP/1.0 200 OK\r\nConnection:keep-alive\r\nContent-Length: 5\r\n\r\n", body: "hello"),
            Shape(
                name: "HTTP/1.0 and no length", head: "HTTP/1.0 200 OK\r\n\r\n", body: "hello",
                lastsUntilClose: true),
            Shape(name: "no body", head: "HTTP/1.1 204 No Content\r\n\r\n", body: "", payload: ""),
            Shape(
                name: "an interim answer before it",
                head: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                body: "hello"),
        ]
    }

    struct Way: CustomTestStringConvertible, Sendable {
        let resets: Bool
        let onKept: Bool
        let version: String
        var testDescription: String {
            "\(resets ? "reset" : "closed"), \(onKept ? "kept" : "fresh"), \(version)"
        }

        static let all = [false, true].flatMap { resets in
            [false, true].flatMap { onKept in
                ["HTTP/1.1", "HTTP/1.0"].map { Way(resets: resets, onKept: onKept, version: $0) }
            }
        }
    }

    @Test(arguments: Shape.all, Way.all)
    func `an answer that is cut is whole only where its framing says so`(shape: Shape, way: Way) throws {
        let wire = shape.wire
        // One connection for each cut, in their order: none of them outlives its answer.
        let scripts: [[ScriptedOrigin.Step]] = (0...wire.count).map { length in
            let before: [ScriptedOrigin.Step] = way.onKept ? [.expectRequest, .respond(body: "before")] : []
            return before + [
                .expectRequest, .sendBytes(Array(wire[..<length])), way.resets ? .reset : .close,
            ]
        }
        let origin = try ScriptedOrigin(scripts: scripts)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        for length in 0...wire.count {
            if way.onKept { #expect(try gateway.client().ask(get("/before")).text == "before") }
            let client = try gateway.client()
            // No method that would be sent once more.
            try client.send(request("POST /cut \(way.version)", ["Content-Length: 0"]))
            let reading = try AnswerReading(from: client.socket, to: "POST")
            check(reading, length, shape, way)
        }
        #expect(origin.connections.count == scripts.count)
        #expect(origin.requests.filter { $0.target == "/cut" }.count == scripts.count)
    }

    private func check(_ reading: AnswerReading, _ length: Int, _ shape: Shape, _ way: Way) {
        let place = "cut behind byte \(length): \(reading.masked.debugDescription)"
        let headEnd = shape.head.utf8.count
        if length < headEnd {
            #expect(reading.response?.status == 502, "\(place)")
            return
        }
        let isWhole = shape.lastsUntilClose ? !way.resets : length == shape.wire.count
        guard isWhole else {
            #expect(reading.response == nil, "\(place)")
            #expect(reading.end == .reset, "\(place)")
            return
        }
        let payload = shape.lastsUntilClose ? String(shape.payload.prefix(length - headEnd)) : shape.payload
        #expect(reading.response?.text == payload, "\(place)")
        #expect(reading.response?.status == (shape.body.isEmpty ? 204 : 200), "\(place)")
        #expect(reading.end != .reset, "\(place)")
    }

    @Test func `an answer that nobody asked for is not given to who waits for the connection`() throws {
        let gate = Gate()
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        let origin = try ScriptedOrigin(scripts: [
            [
                .expectRequest, .waitFor(gate), .send(answer + "first" + answer + "wrong"),
                .waitUntilPeerLeaves,
            ],
            [.forever([.expectRequest, .respond(body: "right")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "connections: 1, queue: { wait: 10s }")
        let first = try gateway.client()
        try first.send(get("/first"))
        _ = try origin.requests(1)
        let others = try (0..<8).map { _ in
            let client = try gateway.client()
            try client.send(get("/other"))
            return client
        }
        gate.open()
        #expect(try first.response().text == "first")
        for client in others { #expect(try client.response().text == "right") }
        #expect(try origin.end() != .running)
    }

    @Test func `answers that come on connections at rest close them and reach nobody`() throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .send(answer + "right"), .waitFor(gate), .send(answer + "wrong"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        for turn in 0..<20 {
            #expect(try gateway.client().ask(turn % 2 == 0 ? get("/") : post("/", body: "x")).text == "right")
            gate.open()
            #expect(try origin.end(ofConnection: turn) != .running)
        }
        #expect(origin.connections.count == 20)
    }

    /// Where the gateway's reads end depends on their sizes and on what has come: many lengths are tried, on
    /// connections whose windows large answers have opened.
    @Test(arguments: [16, 32, 64, 128, 192, 384])
    func `what stands behind an answer that fills a read is nobody's answer`(kibibytes: Int) throws {
        let size = kibibytes << 10
        let head = "HTTP/1.1 200 OK\r\nContent-Length: "
        let length = size - head.utf8.count - String(size).utf8.count - 4
        let body = String(repeating: "b", count: length)
        let answer = "\(head)\(length)\r\n\r\n\(body)"
        let poison = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
        let large = String(repeating: "l", count: 1 << 20)
        let rounds = 8
        let bad: [ScriptedOrigin.Step] = [
            .expectRequest, .respond(body: large), .expectRequest, .send(answer + poison),
            .waitUntilPeerLeaves,
        ]
        let good: [ScriptedOrigin.Step] = [
            .expectRequest, .respond(fields: ["Connection: close"], body: "right"),
        ]
        let origin = try ScriptedOrigin(scripts: (0..<rounds).flatMap { _ in [bad, good] })
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        for _ in 0..<rounds {
            let client = try gateway.client()
            #expect(try client.ask(get("/large")).body.count == large.utf8.count)
            #expect(try client.ask(get("/filling")).body.count == length)
            #expect(try gateway.client().ask(post("/next", body: "x")).text == "right")
        }
        #expect(origin.connections.count == 2 * rounds)
    }
}
