import Foundation
import Testing

/// Clients that leave at every stage, and ones that stay and misbehave: what the log says, that the origin is
/// let go, that nothing stays open, and that others notice nothing.
@Suite(.timeLimit(.minutes(20))) struct ClientFaultTests {
    /// How far the exchange has come when the client leaves.
    enum Stage: String, CaseIterable, Sendable {
        case body, chunks, afterContinue, queue, connect, waiting, interim, answerHead, answerBody, drip,
            tunnel
    }

    enum Leaving: String, CaseIterable, Sendable { case close, reset, half }

    struct Departure: CustomTestStringConvertible, Sendable {
        let stage: Stage
        let leaving: Leaving
        var testDescription: String { "\(leaving.rawValue) in \(stage.rawValue)" }

        static let all = Stage.allCases.flatMap { stage in
            Leaving.allCases.map { Departure(stage: stage, leaving: $0) }
        }

        /// Who ended it, in which phase.
        var outcome: String {
            switch stage {
            case .body, .chunks, .afterContinue: "client.request"
            case .queue: "client.queue"
            case .connect: "client.connect"
            case .waiting, .interim, .answerHead: "client.response"
            case .answerBody, .drip: "client.body"
            // A tunnel whose client ends its side in order is over in order.
            case .tunnel: leaving == .reset ? "client.tunnel" : "ok"
            }
        }

        var status: Int {
            switch stage {
            case .answerBody, .drip: 200
            case .tunnel: 101
            case .body, .chunks, .afterContinue, .queue, .connect, .waiting, .interim, .answerHead: 0
            }
        }

        /// What the client sends, to be followed by nothing.
        var request: String {
            switch stage {
            case .body: EndToEnd.request("POST /left HTTP/1.1", ["Content-Length: 10"]) + "abc"
            case .chunks: EndToEnd.request("POST /left HTTP/1.1", ["Transfer-Encoding: chunked"]) + "5\r\nabc"
            case .afterContinue:
                EndToEnd.request("POST /left HTTP/1.1", ["Expect: 100-continue", "Content-Length: 10"])
            case .tunnel: EchoTunnel.upgrade.replacing("/socket", with: "/left")
            case .queue, .connect, .waiting, .interim, .answerHead, .answerBody, .drip: get("/left")
            }
        }

        /// What the origin does with it.
        var script: [ScriptedOrigin.Step] {
            switch stage {
            case .body, .chunks: [.expectHead, .waitUntilPeerLeaves]
            case .afterContinue:
                [.expectHead, .send("HTTP/1.1 100 Continue\r\n\r\n"), .waitUntilPeerLeaves]
            case .queue, .connect, .waiting: [.expectRequest, .waitUntilPeerLeaves]
            case .interim:
                [.expectRequest, .send("HTTP/1.1 103 Early Hints\r\n\r\n"), .waitUntilPeerLeaves]
            case .answerHead: [.expectRequest, .send("HTTP/1.1 200 OK\r\nConte"), .waitUntilPeerLeaves]
            case .answerBody:
                [
                    .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
                    .waitUntilPeerLeaves,
                ]
            case .drip:
                [
                    .expectRequest, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                    .forever([.send("1\r\nx\r\n"), .wait(.milliseconds(5))]),
                ]
            case .tunnel: EchoTunnel.script
            }
        }

        /// What tells the client that the stage is reached; nil where the origin's side does.
        var sign: String? {
            switch stage {
            case .afterContinue, .interim: "\r\n\r\n"
            case .answerBody: "abc"
            case .drip: "1\r\nx\r\n"
            case .tunnel: "\r\n\r\n"
            case .body, .chunks, .queue, .connect, .waiting, .answerHead: nil
            }
        }
    }

    @Test(arguments: Departure.all)
    func `a client that leaves takes with it what was done for it alone`(departure: Departure) throws {
        let hole = departure.stage == .connect ? try BlackHole() : nil
        let origin = try ScriptedOrigin(scripts: [
            departure.script, [.forever([.expectRequest, .respond(body: "other")])],
        ])
        defer { origin.stop() }
        let isQueue = departure.stage == .queue
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(hole?.port ?? origin.port)"],
            upstream: "connections: \(isQueue ? 1 : 0), queue: { wait: 10s }, idle_timeout: 100ms",
            route: "upgrade: [websocket]")
        let first = isQueue ? try gateway.client() : nil
        try first?.send(get("/first"))
        if isQueue { _ = try origin.requests(1) }
        let client = try gateway.client()
        try client.send(departure.request)
        try reach(departure, client, origin, gateway)
        switch departure.leaving {
        case .close: client.close()
        case .reset: client.reset()
        case .half: client.socket.finishSending()
        }
        let line = try gateway.logged("/left")[0]
        #expect(line["outcome"] as? String == departure.outcome)
        #expect(line["status"] as? Int == departure.status)
        if isQueue {
            first?.close()
            #expect(origin.requests.map(\.target) == ["/first"], "who left the queue was never sent")
        }
        if hole == nil {
            #expect(try origin.end() != .running, "the origin is let go")
            let other = try gateway.client()
            #expect(try other.ask(get("/other")).text == "other")
            other.close()
        }
        client.close()
        try gateway.waitUntilNothingIsOpen()
    }

    /// Waits until the exchange has come as far as its stage.
    private func reach(
        _ departure: Departure, _ client: RawClient, _ origin: ScriptedOrigin, _ gateway: GatewayProcess
    ) throws {
        if let sign = departure.sign {
            _ = try client.read(through: sign)
            return
        }
        switch departure.stage {
        case .body, .chunks:
            try eventually("the body") {
                origin.connections.last?.received.firstRange(of: Array("abc".utf8)) != nil
            }
        case .waiting: _ = try origin.requests(1)
        // Nothing tells from outside that half a head has been read, or who waits: the gateway answers others
        // afterwards.
        case .answerHead:
            _ = try origin.requests(1)
            for _ in 0..<3 { _ = try gateway.ask("/healthz") }
        case .queue, .connect: for _ in 0..<3 { _ = try gateway.ask("/healthz") }
        case .afterContinue, .interim, .answerBody, .drip, .tunnel: break
        }
    }

    @Test(arguments: ["", "G", "GET / HTTP/1.1\r\nHost: he", "\r\n"] as [WireText], Leaving.allCases)
    func `a client that leaves before its request is here leaves no trace`(wire: WireText, leaving: Leaving)
        throws
    {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(wire.text)
        #expect(try gateway.ask("/healthz").status == 200)
        switch leaving {
        case .close: client.close()
        case .reset: client.reset()
        case .half: client.socket.finishSending()
        }
        try gateway.waitUntilNothingIsOpen()
        #expect(origin.connections.isEmpty)
        #expect(gateway.logLines().allSatisfy { $0["path"] as? String == "/healthz" })
    }

    @Test func `a client that never reads its answer is cut off and its origin let go`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .send("HTTP/1.1 200 OK\r\n\r\n"), .forever([.sendPattern(1 << 20)])],
            [.forever([.expectRequest, .respond(body: "other")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, clients: "write_timeout: 500ms", upstream: "idle_timeout: 100ms")
        let client = try RawClient(port: gateway.ports.gateway, receiveBuffer: 4096)
        try client.send(get("/unread"))
        let line = try gateway.logged("/unread")[0]
        #expect(line["outcome"] as? String == "client.body")
        #expect(try origin.end() != .running)
        #expect(try gateway.ask("/other").text == "other")
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        try gateway.waitUntilNothingIsOpen()
    }

    @Test(arguments: [true, false])
    func `a flood of pipelined requests is served in order or goes with its client`(stays: Bool) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "idle_timeout: 100ms")
        let client = try gateway.client(limit: .seconds(30))
        let count = 2000
        try client.send((0..<count).map { get("/\($0)") }.joined())
        if stays {
            for _ in 0..<count { #expect(try client.response().text == "ok") }
            #expect(origin.requests.map(\.target) == (0..<count).map { "/\($0)" })
        } else {
            _ = try origin.requests(1)
            client.reset()
        }
        #expect(try gateway.ask("/other").text == "ok")
        client.close()
        try gateway.waitUntilNothingIsOpen()
        #expect(origin.connections.count <= 2)
    }

    @Test(arguments: ["\u{0}\u{1}\u{2}", "garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] as [WireText])
    func `garbage behind a request is refused behind its answer`(wire: WireText) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "idle_timeout: 100ms")
        let client = try gateway.client()
        try client.send(post("/good", body: "x") + wire.text)
        #expect(try client.response().text == "ok")
        let refusal = try client.response()
        #expect([400, 505].contains(refusal.status))
        #expect(refusal.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        client.close()
        #expect(try gateway.logged("/good")[0]["outcome"] as? String == "ok")
        #expect(origin.requests.count == 1)
        try gateway.waitUntilNothingIsOpen()
    }

    @Test(
        arguments: [
            request("POST /upload HTTP/1.1", ["Content-Length: 10"]) + "abc",
            request("POST /upload HTTP/1.1", ["Transfer-Encoding: chunked"]) + "5\r\nabc",
            request("POST /upload HTTP/1.1", ["Transfer-Encoding: chunked"]) + "3\r\nabc\r\n",
        ].map(WireText.init(text:)))
    func `an upload that is abandoned is ended on both sides`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.expectRequest, .respond(body: "never"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "body_timeout: 500ms")
        let client = try gateway.client()
        try client.send(wire.text)
        let response = try client.response()
        #expect(response.status == 408)
        #expect(response.value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        client.close()
        #expect(try origin.end() == .peerClosed)
        #expect(origin.requests.isEmpty)
        #expect(try gateway.logged("/upload")[0]["outcome"] as? String == "client.request")
        try gateway.waitUntilNothingIsOpen()
    }
}
