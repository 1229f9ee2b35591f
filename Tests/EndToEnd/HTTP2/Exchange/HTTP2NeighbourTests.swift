import Foundation
import Testing

/// What one stream of a shared connection does must not cost its neighbours anything, on either side.
@Suite(.whereOurs) struct HTTP2NeighbourTests {
    @Test func `a head that is refused does not end the connection later on`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"),
            .wait(.milliseconds(900)), .send("4\r\nlast\r\n0\r\n\r\n"))
        let gateway = try GatewayProcess(http2: origin, clients: "head_timeout: 200ms")
        let client = try gateway.http2()
        try client.request(1)
        try client.wait(for: "the first part") { client.answer(sofar: 1).text == "first" }
        // A name in capitals, and a request without its path.
        try client.request(3, "GET", "/", [("Upper", "x")])
        try client.send(.headers(5, .fields([(":method", "GET"), (":scheme", "http")]), .whole))
        #expect(try client.answer(3).reset != nil)
        #expect(try client.answer(5).reset != nil)
        #expect(try client.answer(1).text == "firstlast")
        #expect(client.goAways.isEmpty)
    }

    /// A server of HTTP/2 that grants everything and reads nothing until the gate opens; then it reads until
    /// the end of the second request's body has come, and answers that.
    private func stuckOrigin(_ gate: Gate) throws -> UInt16 {
        let (listener, port) = try Loopback.listen()
        let settings = HTTP2Frame.settings([(HTTP2Setting.window, 0x7FFF_FFFF)]).bytes
        let grant = HTTP2Frame.window(0, 0x7FFF_0000).bytes
        let answer = HTTP2Frame.headers(13, .fields([(":status", "200"), ("content-length", "0")]), .whole)
        let last = HTTP2Frame.data(13, Array("once".utf8), .endStream).bytes
        Thread.detachNewThread {
            Loopback.acceptAll(listener) { socket in
                let deadline = Deadline(in: .seconds(20))
                do {
                    try socket.send(settings + HTTP2Frame.settingsAck.bytes + grant, deadline)
                    try gate.wait(deadline)
                    var tail: [UInt8] = []
                    while !tail.contains(last) {
                        let bytes = try socket.receive(deadline)
                        guard !bytes.isEmpty else { return false }
                        tail = tail.suffix(last.count) + bytes
                    }
                    try socket.send(answer.bytes, deadline)
                    while try !socket.receive(deadline).isEmpty {}
                } catch {}
                // One connection is all that there is to be.
                return false
            }
        }
        return port
    }

    private static let uploads: [UInt32] = [1, 3, 5, 7, 9, 11]

    /// Sends bodies on all of the streams until nothing is granted any more.
    private func sendUntilStuck(_ client: HTTP2Client) throws {
        var sent = Dictionary(uniqueKeysWithValues: Self.uploads.map { ($0, 0) })
        func room(_ stream: UInt32) -> Int {
            client.room(on: stream, sent: sent[stream] ?? 0, inAll: sent.values.reduce(0, +))
        }
        while true {
            client.takeWhatCame()
            for stream in Self.uploads {
                let count = min(room(stream), HTTP2Frame.largest)
                guard count > 0 else { continue }
                try client.send(.data(stream, Pattern.bytes(from: 0, count: count)))
                sent[stream, default: 0] += count
            }
            guard !Self.uploads.contains(where: { room($0) > 0 }) else { continue }
            do {
                try client.wait(for: "a grant", within: .seconds(1)) {
                    Self.uploads.contains { room($0) > 0 }
                }
            } catch is TimedOut {
                return
            }
        }
    }

    @Test func `uploads that are given up half way leave the others on their connection alone`() throws {
        let gate = Gate()
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(stuckOrigin(gate))"], upstream: "protocol: h2, connections: 0",
            listener: GatewayProcess.http2)
        let first = try gateway.http2()
        // Several, so that there is more to send than one write takes.
        for stream in Self.uploads {
            try first.request(stream, "POST", "/first", [("content-length", "1000000000")], .endHeaders)
        }
        try sendUntilStuck(first)
        let second = try gateway.client()
        try second.send(post("/second", body: "once"))
        try eventually("the second client", holds: { try gateway.openThings().clients == 2 })
        try first.send(Self.uploads.map { .reset($0) })
        try first.settle()
        gate.open()
        let response = try second.response(to: "POST")
        #expect(response.status == 200, "\(response.text) \(gateway.standardOutput)")
    }

    /// A gateway that speaks HTTP/2 in plain, as an origin for another one.
    private func http2Origin(_ body: String) throws -> GatewayProcess {
        try GatewayProcess(http2: ScriptedOrigin.answering(body: body))
    }

    private func settings(_ ports: GatewayProcess.Ports, _ upstreams: String, route: String) -> String {
        """
        workers: 1
        listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }]
        admin: { address: 127.0.0.1:\(ports.admin) }
        drain: { announce: 0s, deadline: 1s }
        upstreams: { \(upstreams) }
        routes: [{ path: /*, \(route) }]
        """
    }

    @Test func `an upstream of HTTP_2 that the settings no longer name takes nobody along`() throws {
        let origin = try http2Origin("one")
        let gateway = try GatewayProcess { ports in
            settings(
                ports,
                "app: { protocol: h2, idle_timeout: 1s, servers: [127.0.0.1:\(origin.ports.gateway)] }",
                route: "upstream: app")
        }
        #expect(try gateway.ask("/").text == "one")
        try gateway.reload(settings(gateway.ports, "", route: "respond: { status: 204 }"))
        #expect(try gateway.ask("/").status == 204)
        // Its connection closes, and the one behind it may.
        try eventually("no connection at the origin", within: .seconds(10)) {
            try origin.openThings().clients == 0 ? true : nil
        }
        origin.terminate()
        #expect(try gateway.ask("/").status == 204)
        #expect(gateway.process.exit == nil)
    }

    @Test func `requests go where the settings say now, not where a connection happens to be`() throws {
        let (one, two) = (try http2Origin("one"), try http2Origin("two"))
        func servers(_ origin: GatewayProcess) -> String {
            "app: { protocol: h2, servers: [127.0.0.1:\(origin.ports.gateway)] }"
        }
        let gateway = try GatewayProcess { settings($0, servers(one), route: "upstream: app") }
        #expect(try gateway.ask("/").text == "one")
        try gateway.reload(settings(gateway.ports, servers(two), route: "upstream: app"))
        for _ in 0..<3 { #expect(try gateway.ask("/").text == "two") }
        try eventually("no connection at the old server") {
            try one.openThings().clients == 0 ? true : nil
        }
        let both =
            "app: { protocol: h2, servers: [127.0.0.1:\(one.ports.gateway), "
            + "127.0.0.1:\(two.ports.gateway)] }"
        try gateway.reload(settings(gateway.ports, both, route: "upstream: app"))
        var answers: [String] = []
        for _ in 0..<4 { answers.append(try gateway.ask("/").text) }
        #expect(Set(answers) == ["one", "two"])
    }

    @Test func `connections to servers of HTTP_2 are counted, not their streams`() throws {
        let origin = try http2Origin("one")
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(origin.ports.gateway)"], upstream: "protocol: h2")
        for _ in 0..<5 { #expect(try gateway.ask("/").text == "one") }
        let page = try gateway.adminPage("/metrics")
        let opened = page.split(separator: "\n").first {
            $0.hasPrefix("floodgate_upstream_connections_opened_total{")
        }
        #expect(opened?.hasSuffix(" 1") == true, "\(opened ?? "no such number")")
    }

    @Test func `a reader of great hunger leaves others their turn`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectHead, .send("HTTP/1.1 200 OK\r\n\r\n"), .forever([.sendPattern(1 << 20)])],
            [.forever([.expectRequest, .respond(body: "answered")])],
        ])
        let gateway = try GatewayProcess(http2: origin)
        let hungry = try gateway.http2([(HTTP2Setting.window, 0x7FFF_FFFF)])
        try hungry.send(.window(0, 0x7FFF_0000))
        try hungry.request(1)
        _ = try hungry.head(1)
        let end = Gate()
        let socket = hungry.socket
        Thread.detachNewThread {
            while let bytes = try? socket.receive(Deadline(in: .seconds(10))), !bytes.isEmpty {}
            end.open()
        }
        let client = try gateway.client()
        for _ in 0..<20 { #expect(try client.ask(get("/")).text == "answered") }
        socket.shutdownBoth()
        try end.wait(Deadline(in: .seconds(10)))
    }
}
