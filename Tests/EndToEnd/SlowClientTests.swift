import Foundation
import Testing

/// Clients that send or read too slowly are given up, however alive they look; those that others hold up are
/// not.
@Suite(.timeLimit(.minutes(20))) struct SlowClientTests {
    /// Sends a byte every few milliseconds until the gateway ends the connection or the time is over.
    private func drip(_ client: RawClient, for duration: Duration, _ piece: String = "x") {
        let deadline = Deadline(in: duration)
        while !deadline.isOver {
            guard (try? client.send(piece)) != nil else { return }
            guard (try? client.socket.waitUntilPeerLeaves(Deadline(in: .milliseconds(20)))) == nil else {
                return
            }
        }
    }

    @Test(arguments: [
        WireText(text: request("POST /b HTTP/1.1", ["Content-Length: 100000"])),
        WireText(text: request("POST /b HTTP/1.1", ["Transfer-Encoding: chunked"]) + "fffff\r\n"),
    ])
    func `a body that drips is answered with 408, though it never stops`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectHead, .waitUntilPeerLeaves)
        defer { origin.stop() }
        // Fifty bytes a second come, and each of the pauses is far shorter than the time-out.
        let gateway = try GatewayProcess(before: origin, clients: "body_timeout: 400ms, minimum_rate: 1KiB/s")
        let client = try gateway.client()
        try client.send(wire.text)
        drip(client, for: .seconds(10))
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.value("Connection") == "close")
        _ = response.problem()
        #expect(try origin.end() == .peerClosed)
        #expect(try gateway.logged("/b")[0]["outcome"] as? String == "client.request")
        #expect(try gateway.metric("floodgate_slow_clients_total{part=\"body\"}") == 1)
    }

    @Test func `without a minimum rate a dripping body only has to go on`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .respond(body: "done"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "body_timeout: 400ms, minimum_rate: off")
        let client = try gateway.client()
        try client.send(request("POST /b HTTP/1.1", ["Content-Length: 40"]))
        for _ in 0..<40 { drip(client, for: .milliseconds(20)) }
        #expect(try client.response().text == "done")
    }

    @Test func `a body that keeps the rate may take longer than any time-out`() throws {
        let origin = try ScriptedOrigin(.expectRequest, .respond(body: "done"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "body_timeout: 300ms, minimum_rate: 1KiB/s")
        let client = try gateway.client()
        try client.send(request("POST /b HTTP/1.1", ["Content-Length: 10000"]))
        for _ in 0..<50 { drip(client, for: .milliseconds(20), String(repeating: "x", count: 200)) }
        #expect(try client.response().text == "done")
    }

    @Test func `a body that the origin does not take is not the client's fault`() throws {
        let gate = Gate()
        let size = 24 << 20
        let origin = try ScriptedOrigin(
            .expectHead, .waitFor(gate), .expectPattern(size), .respond(body: "done"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "body_timeout: 300ms, minimum_rate: 1MiB/s",
            upstream: "write_timeout: 20s")
        let client = try gateway.client()
        try client.send(request("POST /up HTTP/1.1", ["Content-Length: \(size)"]))
        let socket = client.socket
        let sender = Thread { try? socket.sendPattern(size, within: .seconds(20)) }
        sender.start()
        // Several times what a client is waited for.
        try client.socket.holdsFor(.milliseconds(1200))
        gate.open()
        #expect(try client.response().text == "done")
        #expect(try gateway.logged("/up")[0]["outcome"] as? String == "ok")
    }

    @Test func `an answer that has nothing to send makes nobody a slow reader`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
            .drip(String(repeating: ":", count: 30), every: .milliseconds(50)), .close)
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "write_timeout: 200ms, minimum_rate: 1MiB/s")
        let client = try gateway.client()
        #expect(try client.ask(get("/events")).body.count == 30)
        #expect(try gateway.logged("/events")[0]["outcome"] as? String == "ok")
    }

    @Test func `an answer that is read a byte at a time is cut`() throws {
        let size = 64 << 20
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"), .sendPattern(size))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "write_timeout: 400ms, minimum_rate: 100KiB/s")
        let client = RawClient(socket: try .connect(port: gateway.ports.gateway, receiveBuffer: 4096))
        try client.send(get("/big"))
        let reader = try slowly(client, 512, until: .seconds(20)) { _ in false }
        #expect(reader.end == .reset)
        #expect(reader.bytes < 10 << 20)
        #expect(try origin.end(within: .seconds(10)) == .peerReset)
        #expect(try gateway.logged("/big")[0]["outcome"] as? String == "client.body")
        #expect(try gateway.metric("floodgate_slow_clients_total{part=\"reader\"}") == 1)
    }

    @Test func `an answer whose end nobody reads is no success`() throws {
        func leaveUnread(_ size: Int) throws -> [String: Any] {
            let origin = try ScriptedOrigin(
                .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"),
                .sendPattern(size), .waitUntilPeerLeaves)
            defer { origin.stop() }
            let gateway = try GatewayProcess(before: origin, clients: "write_timeout: 300ms")
            let client = RawClient(socket: try .connect(port: gateway.ports.gateway, receiveBuffer: 4096))
            try client.send(get("/unread"))
            return try gateway.logged("/unread")[0]
        }
        // What the kernel and the gateway hold together, and then an answer that is a little shorter: all of
        // it has come from the origin, and its end waits in the gateway.
        let most = try #require(try leaveUnread(64 << 20)["bytes_out"] as? Int)
        #expect(try leaveUnread(most - 2000)["outcome"] as? String == "client.body")
    }

    /// The kernel holds megabytes for a reader, and asks for more only when a third of them has gone: judged
    /// by that, an honest reader at a modest speed would seem to have stopped.
    @Test func `a reader is judged by what it reads, though the kernel asks for no more`() throws {
        let size = 16 << 20
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"), .sendPattern(size))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "write_timeout: 300ms, minimum_rate: 10KiB/s")
        let client = RawClient(socket: try .connect(port: gateway.ports.gateway, receiveBuffer: 4096))
        try client.send(get("/modest"))
        // A hundred times what it must read, for many times as long as it is waited for.
        let reader = try slowly(client, 20_000, until: .seconds(3)) { _ in false }
        #expect(reader.end == nil)
        #expect(try gateway.metric("floodgate_slow_clients_total{part=\"reader\"}") == 0)
    }

    /// Reads so many bytes every twenty milliseconds.
    private func slowly(
        _ client: RawClient, _ count: Int, until limit: Duration, _ isEnough: (Int) -> Bool
    ) throws -> (bytes: Int, end: SocketError?) {
        let deadline = Deadline(in: limit)
        var bytes = 0
        while !deadline.isOver, !isEnough(bytes) {
            poll(nil, 0, 20)
            do {
                bytes += try client.socket.receive(atMost: count, Deadline(in: .seconds(5))).count
            } catch {
                return (bytes, error)
            }
        }
        return (bytes, nil)
    }

    @Test func `an answer that stands unread in the kernel is taken back when the connection times out`()
        throws
    {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"),
            .sendPattern(60_000), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "idle_timeout: 1s, minimum_rate: 1MiB/s")
        let client = RawClient(socket: try .connect(port: gateway.ports.gateway, receiveBuffer: 4096))
        try client.send(get("/unread"))
        #expect(try gateway.logged("/unread")[0]["outcome"] as? String == "ok")
        #expect(throws: SocketError.reset) {
            try client.socket.waitUntilPeerLeaves(Deadline(in: .seconds(10)))
            while try !client.socket.receive(Deadline(in: .seconds(5))).isEmpty {}
        }
        #expect(try gateway.metric("floodgate_slow_clients_total{part=\"reader\"}") == 1)
    }
}

extension TestSocket {
    /// The peer neither closes nor resets for so long.
    fileprivate func holdsFor(_ duration: Duration) throws {
        #expect(throws: SocketError.timedOut("for the peer to leave")) {
            try waitUntilPeerLeaves(Deadline(in: duration))
        }
    }
}
