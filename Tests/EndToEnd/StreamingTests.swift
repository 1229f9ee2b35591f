import Foundation
import Testing

/// Bodies as they pass: at once, whole, and in bounded memory however large and however slow the other side.
@Suite(.serialized, .timeLimit(.minutes(20))) struct StreamingTests {
    private static let size = 64 << 20
    /// What one exchange may add to the gateway's memory.
    private static let allowance = 8 << 20

    /// The largest resident memory while `body` runs, less that before.
    private func growth(of gateway: GatewayProcess, during body: () throws -> Void) throws -> Int {
        _ = try gateway.client().ask(get("/healthz"))
        let before = try #require(gateway.process.residentBytes)
        let samples = Samples()
        // The process alone: the gateway ends with the test, and not when the sampler lets go of it.
        let process = gateway.process
        let sampler = Thread {
            while !samples.isOver {
                samples.note(process.residentBytes ?? 0)
                poll(nil, 0, 5)
            }
        }
        sampler.start()
        defer { samples.end() }
        try body()
        return samples.largest - before
    }

    private final class Samples: @unchecked Sendable {
        private let lock = NSLock()
        private var value = (largest: 0, isOver: false)
        var largest: Int { lock.withLock { value.largest } }
        var isOver: Bool { lock.withLock { value.isOver } }
        func note(_ bytes: Int) { lock.withLock { value.largest = max(value.largest, bytes) } }
        func end() { lock.withLock { value.isOver = true } }
    }

    /// Reads a body of the pattern, with a pause behind each piece.
    private func readPattern(_ client: RawClient, _ size: Int, pause: Int32 = 0) throws {
        var position = client.buffered.count
        #expect(Pattern.matches(client.buffered[...], at: 0))
        while position < size {
            let bytes = try client.socket.receive(atMost: Pattern.piece, Deadline(in: .seconds(10)))
            guard !bytes.isEmpty, Pattern.matches(bytes[...], at: position) else {
                Issue.record("the body is wrong behind byte \(position)")
                return
            }
            position += bytes.count
            if pause > 0 { poll(nil, 0, pause) }
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", false),
    ])
    func `each event arrives before the next is sent`(head: String, isChunked: Bool) throws {
        let gate = Gate()
        let event = "data: tick\n\n"
        let piece = isChunked ? "c\r\n\(event)\r\n" : event
        let steps: [ScriptedOrigin.Step] = (0..<20).flatMap { _ in [.waitFor(gate), .send(piece)] }
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .send(head)] + steps + (isChunked ? [.send("0\r\n\r\n")] : []) + [.close]
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/events"))
        // The head does not wait for the first event either.
        _ = try client.read(through: "\r\n\r\n")
        for _ in 0..<20 {
            gate.open()
            #expect(try client.read(through: "\r\n\(event)\r\n") == "c\r\n\(event)\r\n")
        }
        #expect(try client.read(through: "0\r\n\r\n") == "0\r\n\r\n")
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test func `pieces of a request's body reach the origin before the next is sent`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .expectBytes(30), .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("POST /s HTTP/1.1", ["Content-Length: 30"]))
        let head = try origin.requests(1)[0].bytes.count
        for number in 1...3 {
            try client.send("0123456789")
            try eventually("piece \(number)") {
                origin.connections[0].received.count == head + number * 10 ? true : nil
            }
        }
        #expect(try client.response().text == "ok")
    }

    @Test func `a large upload arrives whole`() throws {
        let origin = try ScriptedOrigin(
            .expectHead, .expectPattern(Self.size), .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let growth = try growth(of: gateway) {
            try client.send(request("POST /up HTTP/1.1", ["Content-Length: \(Self.size)"]))
            try client.socket.sendPattern(Self.size, within: .seconds(10))
            #expect(try client.response().text == "ok")
        }
        #expect(growth < Self.allowance)
        #expect(try gateway.logged("/up")[0]["bytes_in"] as? Int ?? 0 > Self.size)
    }

    @Test func `a large download arrives whole`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n"),
            .sendPattern(Self.size),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let growth = try growth(of: gateway) {
            try client.send(get("/down"))
            #expect(try client.read(through: "\r\n\r\n").contains("Content-Length: \(Self.size)\r\n"))
            try readPattern(client, Self.size)
        }
        #expect(growth < Self.allowance)
        #expect(try gateway.logged("/down")[0]["outcome"] as? String == "ok")
    }

    @Test func `a large answer without a length arrives whole in chunks`() throws {
        let size = 4 << 20
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\n\r\n"), .sendPattern(size), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(get("/down"))
        #expect(response.framing == .chunked)
        #expect(response.body.count == size)
        for start in stride(from: 0, to: size, by: Pattern.piece) {
            #expect(Pattern.matches(response.body[start..<start + Pattern.piece], at: start))
        }
    }

    @Test func `a large chunked upload arrives whole`() throws {
        let size = 2 << 20
        let origin = try ScriptedOrigin(.expectRequest, .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(request("PUT /up HTTP/1.1", ["Transfer-Encoding: chunked"]))
        // Chunks of all sizes, in pieces that have nothing to do with them.
        var wire: [UInt8] = []
        var position = 0
        var length = 1
        while position < size {
            let count = min(length, size - position)
            wire +=
                Array("\(String(count, radix: 16));x=y\r\n".utf8)
                + Pattern.bytes(from: position, count: count)
            wire += [0x0D, 0x0A]
            position += count
            length = length * 3 % 65_537
        }
        wire += Array("0\r\n\r\n".utf8)
        for start in stride(from: 0, to: wire.count, by: 70_001) {
            try client.send(Array(wire[start..<min(start + 70_001, wire.count)]))
        }
        #expect(try client.response().text == "ok")
        let body = origin.requests[0].body
        #expect(body.count == size)
        for start in stride(from: 0, to: size, by: Pattern.piece) {
            #expect(Pattern.matches(body[start..<start + Pattern.piece], at: start))
        }
    }

    @Test func `a slow reader costs the gateway no memory`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n"),
            .sendPattern(Self.size),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try RawClient(port: gateway.ports.gateway, receiveBuffer: 65536)
        let growth = try growth(of: gateway) {
            try client.send(get("/down"))
            _ = try client.read(through: "\r\n\r\n")
            poll(nil, 0, 300)
            try readPattern(client, Self.size, pause: 1)
        }
        #expect(growth < Self.allowance)
    }

    @Test func `a slow origin costs the gateway no memory`() throws {
        let size = 32 << 20
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectHead, .waitFor(gate), .expectPattern(size), .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let growth = try growth(of: gateway) {
            try client.send(request("POST /up HTTP/1.1", ["Content-Length: \(size)"]))
            let socket = client.socket
            Thread.detachNewThread { try? socket.sendPattern(size, within: .seconds(10)) }
            poll(nil, 0, 500)
            gate.open()
            #expect(try client.response().text == "ok")
        }
        #expect(growth < Self.allowance)
    }

    @Test func `many clients that read nothing hold little each`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n"),
            .sendPattern(32 << 20))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let growth = try growth(of: gateway) {
            let clients = try (0..<20).map { _ in
                let client = try RawClient(port: gateway.ports.gateway, receiveBuffer: 4096)
                try client.send(get("/down"))
                return client
            }
            poll(nil, 0, 700)
            withExtendedLifetime(clients) {}
        }
        #expect(growth < 20 * 640 << 10)
    }
}
