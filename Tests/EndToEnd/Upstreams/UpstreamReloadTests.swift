import Foundation
import Testing

/// Reloads while connections to servers of HTTP/2, or behind TLS, are open.
@Suite(.timeLimit(.minutes(20))) struct UpstreamReloadTests {
    /// Settings with the upstream `app`, and a route of their own beside it.
    private static func settings(_ ports: GatewayProcess.Ports, _ upstream: String?) -> String {
        let app = upstream.map { "app: { \($0) }, " } ?? ""
        let routes = upstream == nil ? "" : "{ path: /*, upstream: app }, "
        return """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2, http/1.1] }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { \(app)other: { servers: [127.0.0.1:9] } }
            routes: [\(routes){ path: /own, respond: { status: 200, text: own } }]
            """
    }

    private static func servers(_ origins: [HTTP2Origin], _ more: String = "") -> String {
        let list = origins.map { "127.0.0.1:\($0.port)" }.joined(separator: ", ")
        return "servers: [\(list)], protocol: h2, \(more)"
    }

    private func withOrigins(
        _ count: Int, _ more: String = "", _ body: (GatewayProcess, [HTTP2Origin]) throws -> Void
    ) throws {
        let origins = try (0..<count).map { _ in try HTTP2Origin() }
        defer { for origin in origins { origin.stop() } }
        let gateway = try GatewayProcess { Self.settings($0, Self.servers(origins, more)) }
        try body(gateway, origins)
        #expect(gateway.process.exit == nil, "\(gateway.standardError)")
        #expect(try gateway.ask("/own").text == "own")
    }

    @Test func `streams in flight end as they have begun`() throws {
        try withOrigins(1) { gateway, origins in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origins[0].accept()
            let stream = try server.request().stream
            try server.head(stream)
            try server.data(stream, "before ")
            try client.wait(for: "before") { client.answer(sofar: 1).text == "before " }
            try gateway.reload(Self.settings(gateway.ports, Self.servers(origins, "read_timeout: 50s")))
            try server.data(stream, "after", isLast: true)
            #expect(try client.answer(1).text == "before after")
            try client.request(3)
            try server.answer(try server.request().stream)
            #expect(try client.answer(3).text == "answered", "the same connection")
            client.close()
        }
    }

    @Test func `an upstream that goes lets its streams end and its connections close`() throws {
        try withOrigins(1, "idle_timeout: 300ms") { gateway, origins in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origins[0].accept()
            let stream = try server.request().stream
            try server.head(stream)
            try gateway.reload(Self.settings(gateway.ports, nil))
            try client.request(3)
            #expect(try client.answer(3).status == 404)
            try server.data(stream, "after", isLast: true)
            #expect(try client.answer(1).text == "after")
            client.close()
            try server.waitForEnd()
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test func `an upstream that goes takes an idle connection along`() throws {
        try withOrigins(1, "idle_timeout: 400ms") { gateway, origins in
            let client = try gateway.sending(get("/"))
            let server = try origins[0].accept()
            try server.answer(try server.request().stream)
            #expect(try client.response().status == 200)
            client.close()
            try gateway.reload(Self.settings(gateway.ports, nil))
            try server.waitForEnd()
            try gateway.waitUntilGaugesAreDown()
            // And comes back.
            try gateway.reload(Self.settings(gateway.ports, Self.servers(origins)))
            let again = try gateway.sending(get("/"))
            let next = try origins[0].accept()
            try next.answer(try next.request().stream)
            #expect(try again.response().status == 200)
        }
    }

    @Test func `a server that leaves the list gets no request that comes behind`() throws {
        try withOrigins(2) { gateway, origins in
            origins[0].serve { try $0.answer($1.stream, body: "first") }
            origins[1].serve { try $0.answer($1.stream, body: "second") }
            let before = try (0..<4).map { _ in try gateway.ask("/").text }
            #expect(Set(before) == ["first", "second"])
            try gateway.reload(Self.settings(gateway.ports, Self.servers([origins[1]])))
            for _ in 0..<4 { #expect(try gateway.ask("/").text == "second") }
            try gateway.reload(Self.settings(gateway.ports, Self.servers([origins[0]])))
            for _ in 0..<4 { #expect(try gateway.ask("/").text == "first") }
            try eventually("one connection") { try gateway.openThings().upstreams == 1 ? true : nil }
        }
    }

    @Test func `a request that waits for a server which leaves goes to another`() throws {
        try withOrigins(2) { gateway, origins in
            let clients = try (0..<2).map { try gateway.sending(get("/\($0)")) }
            let sockets = try origins.map { try $0.take() }
            try gateway.reload(Self.settings(gateway.ports, Self.servers([origins[0]])))
            let first = HTTP2OriginConnection(sockets[0], grants: true)
            try first.greet([])
            for _ in 0..<2 { try first.answer(try first.request().stream, body: "first") }
            for client in clients { #expect(try client.response().text == "first") }
            try sockets[1].waitUntilPeerLeaves(Deadline(in: .seconds(5)))
        }
    }

    @Test func `a cap that is raised lets who waits go on`() throws {
        try withOrigins(1, "connections: 1") { gateway, origins in
            let client = try gateway.http2()
            try client.request(1)
            try client.request(3)
            let server = try origins[0].accept()
            let first = try server.request().stream
            try server.settle()
            #expect(server.order.count == 1)
            try gateway.reload(Self.settings(gateway.ports, Self.servers(origins, "connections: 2")))
            try server.answer(try server.request().stream)
            try server.answer(first)
            #expect(try client.answer(1).status == 200)
            #expect(try client.answer(3).status == 200)
            client.close()
        }
    }

    // MARK: How servers are reached

    @Test func `with TLS from now on, nothing goes on a plain connection from before`() throws {
        let origin = try ScriptedOrigin.answering(body: "in plain")
        defer { origin.stop() }
        let plain = "servers: [127.0.0.1:\(origin.port)]"
        let gateway = try GatewayProcess { Self.settings($0, plain) }
        #expect(try gateway.ask("/").text == "in plain")
        try gateway.reload(Self.settings(gateway.ports, plain + ", tls: { verify: false }"))
        let client = try gateway.sending(get("/secret"))
        #expect(try origin.end() == .peerClosed, "the old connection is closed")
        #expect(origin.requests.count == 1, "nothing more was said in plain")
        client.close()
    }

    @Test func `an authority that is no longer trusted gets no request on a connection from before`() throws {
        let other = try TestCredentials()
        let server = try EncryptedOrigin()
        func upstream(_ authority: String) -> String {
            "servers: [\"https://127.0.0.1:\(server.relay.port)\"], tls: { authorities: \(authority) }"
        }
        let gateway = try GatewayProcess { Self.settings($0, upstream(server.credentials.authority)) }
        #expect(try gateway.ask("/").text == "answered")
        try gateway.reload(Self.settings(gateway.ports, upstream(server.credentials.authority)))
        #expect(try gateway.ask("/").text == "answered")
        #expect(server.relay.agreements.count == 1, "nothing has changed")
        try gateway.reload(Self.settings(gateway.ports, upstream(other.authority)))
        #expect(try gateway.ask("/").status == 502)
        #expect(server.origin.requests.count == 2)
        try gateway.reload(Self.settings(gateway.ports, upstream(server.credentials.authority)))
        #expect(try gateway.ask("/").text == "answered")
        #expect(server.relay.agreements.count == 2)
    }

    @Test func `a connection that is busy through such a change is not used again`() throws {
        let gate = Gate()
        let server = try EncryptedOrigin([
            [.expectRequest, .waitFor(gate), .respond(body: "first"), .waitUntilPeerLeaves],
            [.expectRequest, .respond(body: "second"), .waitUntilPeerLeaves],
        ])
        func upstream(_ verify: Bool) -> String {
            "servers: [\"https://127.0.0.1:\(server.relay.port)\"], tls: { verify: \(verify), "
                + "authorities: \(server.credentials.authority) }"
        }
        let gateway = try GatewayProcess { Self.settings($0, upstream(false)) }
        let client = try gateway.sending(get("/"))
        _ = try server.origin.requests(1)
        try gateway.reload(Self.settings(gateway.ports, upstream(true)))
        gate.open()
        #expect(try client.response().text == "first")
        #expect(try gateway.ask("/").text == "second")
    }

    @Test func `by HTTP/2 from now on, and back`() throws {
        try withOrigins(1) { gateway, origins in
            origins[0].serve { try $0.answer($1.stream, body: "by h2") }
            #expect(try gateway.ask("/").text == "by h2")
            let old = try ScriptedOrigin.answering(body: "by h1")
            defer { old.stop() }
            try gateway.reload(Self.settings(gateway.ports, "servers: [127.0.0.1:\(old.port)]"))
            #expect(try gateway.ask("/").text == "by h1")
            try gateway.reload(Self.settings(gateway.ports, Self.servers(origins)))
            #expect(try gateway.ask("/").text == "by h2")
            try eventually("one connection") { try gateway.openThings().upstreams == 1 ? true : nil }
        }
    }
}
