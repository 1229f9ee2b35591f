import Foundation
import Testing

/// Exchanges with servers behind TLS: bodies, reuse, ends.
@Suite(.timeLimit(.minutes(20))) struct UpstreamTLSExchangeTests {
    private static let size = 8 << 20

    @Test(arguments: [TLSVersions.old, TLSVersions.new])
    func `large answers arrive whole`(version: Int32) throws {
        let server = try EncryptedOrigin(
            [
                [
                    .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n"),
                    .sendPattern(Self.size), .waitUntilPeerLeaves,
                ]
            ], change: { options, _ in options.maximum = version })
        let gateway = try server.gateway()
        let response = try gateway.ask("/")
        #expect(response.body.count == Self.size)
        #expect(Pattern.holds(response.body))
    }

    @Test(arguments: [TLSVersions.old, TLSVersions.new])
    func `large requests arrive whole`(version: Int32) throws {
        let server = try EncryptedOrigin(
            [[.expectHead, .expectPattern(Self.size), .respond(body: "got it"), .waitUntilPeerLeaves]],
            change: { options, _ in options.maximum = version })
        let gateway = try server.gateway()
        let client = try gateway.client()
        try client.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: \(Self.size)\r\n\r\n")
        try client.socket.sendPattern(Self.size, within: .seconds(10))
        #expect(try client.response().text == "got it")
    }

    @Test func `a slow reader gets all of a large answer`() throws {
        let server = try EncryptedOrigin([
            [
                .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n"),
                .sendPattern(Self.size), .waitUntilPeerLeaves,
            ]
        ])
        let gateway = try server.gateway()
        let client = try RawClient(port: gateway.ports.gateway, receiveBuffer: 4096)
        try client.send(get("/"))
        let response = try client.response()
        #expect(Pattern.holds(response.body))
        #expect(response.body.count == Self.size)
    }

    // MARK: Reuse

    @Test func `requests follow each other on one connection`() throws {
        let server = try EncryptedOrigin()
        let gateway = try server.gateway()
        for number in 0..<5 {
            #expect(try gateway.ask("/\(number)").text == "answered")
            #expect(try gateway.client().ask(post("/\(number)", body: "body")).text == "answered")
        }
        #expect(server.relay.agreements.count == 1)
        #expect(server.origin.requests.count == 10)
        let reused = try gateway.logged("/4", count: 2).compactMap { $0["reused"] as? Bool }
        #expect(reused == [true, true])
    }

    @Test func `a ticket that comes late does not cost the connection`() throws {
        let server = try EncryptedOrigin()
        let gateway = try server.gateway()
        for number in 0..<4 {
            #expect(try gateway.client().ask(post("/\(number)", body: "body")).text == "answered")
            server.relay.sendTicket()
            try eventually("the ticket") { server.relay.hasSentTickets ? true : nil }
        }
        #expect(server.relay.agreements.count == 1)
    }

    @Test func `a server that closes an idle connection is told goodbye and asked anew`() throws {
        let server = try EncryptedOrigin([[.expectRequest, .respond(body: "once"), .close]])
        let gateway = try server.gateway()
        for _ in 0..<3 {
            #expect(try gateway.client().ask(post("/", body: "body")).text == "once")
            try eventually("the end of the idle connection") {
                try gateway.openThings().upstreams == 0 ? true : nil
            }
        }
        #expect(server.relay.agreements.count == 3)
        try eventually("close_notify") { server.relay.notices == 3 ? true : nil }
    }

    @Test func `an idle connection that has outlived its time is closed in order`() throws {
        let server = try EncryptedOrigin()
        let gateway = try server.gateway(upstream: "idle_timeout: 100ms")
        #expect(try gateway.ask("/").text == "answered")
        #expect(try server.origin.end() == .peerClosed)
        #expect(server.relay.notices == 1)
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `a request that can be repeated is, when its connection dies under it`() throws {
        let dying: [ScriptedOrigin.Step] = [
            .expectRequest, .respond(body: "first"), .expectRequest, .close,
        ]
        let server = try EncryptedOrigin([dying, [.forever([.expectRequest, .respond(body: "second")])]])
        let gateway = try server.gateway()
        #expect(try gateway.ask("/").text == "first")
        #expect(try gateway.ask("/again").text == "second")
        #expect(try gateway.logged("/again")[0]["retries"] as? Int == 1)
    }

    @Test func `a request that cannot be repeated is not`() throws {
        let dying: [ScriptedOrigin.Step] = [
            .expectRequest, .respond(body: "first"), .expectRequest, .close,
        ]
        let server = try EncryptedOrigin([dying, [.forever([.expectRequest, .respond(body: "second")])]])
        let gateway = try server.gateway()
        #expect(try gateway.ask("/").text == "first")
        #expect(try gateway.client().ask(post("/", body: "body")).status == 502)
        #expect(server.origin.requests.count == 2)
    }

    // MARK: Ends

    @Test func `a body that lasts until close_notify is whole`() throws {
        let server = try EncryptedOrigin([
            [.expectRequest, .send("HTTP/1.1 200 OK\r\n\r\nall of it"), .close]
        ])
        let gateway = try server.gateway()
        let response = try gateway.ask("/")
        #expect(response.framing == .chunked)
        #expect(response.text == "all of it")
    }

    @Test func `a body that lasts until the end and is cut does not look whole`() throws {
        // RFC 9112 §9.8: without a length, only close_notify says that it is complete.
        let server = try EncryptedOrigin(
            [[.expectRequest, .send("HTTP/1.1 200 OK\r\n\r\nhalf of"), .close]],
            change: { options, _ in options.ending = .cut })
        let gateway = try server.gateway()
        let client = try gateway.client()
        try client.send(get("/cut"))
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        #expect(try gateway.logged("/cut")[0]["outcome"] as? String == "upstream.body")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n",
    ])
    func `a body that says where it ends may be cut behind it`(answer: String) throws {
        let server = try EncryptedOrigin(
            [[.expectRequest, .send(answer), .close]], change: { options, _ in options.ending = .cut })
        let gateway = try server.gateway()
        for _ in 0..<2 { #expect(try gateway.ask("/").text == "all of it") }
        try eventually("no connection") { try gateway.openThings().upstreams == 0 ? true : nil }
    }

    @Test(arguments: [TLSRelay.Ending.inOrder, .cut])
    func `a body that ends before its length does not look whole`(ending: TLSRelay.Ending) throws {
        let server = try EncryptedOrigin(
            [[.expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), .close]],
            change: { options, _ in options.ending = ending })
        let gateway = try server.gateway()
        let client = try gateway.client()
        try client.send(get("/"))
        #expect(throws: SocketError.reset) { try client.readToEnd() }
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `a connection that is reset before its answer is a readable 502`() throws {
        let server = try EncryptedOrigin([[.expectRequest, .reset]])
        let gateway = try server.gateway()
        let response = try gateway.ask("/")
        #expect(response.status == 502)
        _ = response.problem()
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `a client that leaves ends the request at the server`() throws {
        let server = try EncryptedOrigin([[.expectRequest, .waitUntilPeerLeaves]])
        let gateway = try server.gateway()
        let client = try gateway.client()
        try client.send(get("/"))
        _ = try server.origin.requests(1)
        client.close()
        #expect([.peerClosed, .peerReset].contains(try server.origin.end()))
        try gateway.waitUntilNothingIsOpen()
    }

    @Test func `an early answer ends an upload`() throws {
        let server = try EncryptedOrigin([
            [
                .expectHead,
                .send("HTTP/1.1 413 Too much\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno."), .close,
            ]
        ])
        let gateway = try server.gateway()
        let client = try gateway.client()
        try client.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: \(Self.size)\r\n\r\n")
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.text == "no.")
    }
}

extension Pattern {
    /// Whether bytes of any number are those from the beginning on.
    static func holds(_ bytes: [UInt8]) -> Bool {
        stride(from: 0, to: bytes.count, by: piece).allSatisfy { start in
            matches(bytes[start..<min(start + piece, bytes.count)], at: start)
        }
    }
}
