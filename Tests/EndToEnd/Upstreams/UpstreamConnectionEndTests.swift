import Foundation
import Testing

/// How connections to servers of HTTP/2 begin and end.
@Suite(.timeLimit(.minutes(20))) struct UpstreamConnectionEndTests {
    // MARK: Beginnings

    @Test func `a server that is not there is a readable 502`() throws {
        let port = try Loopback.freePorts(1)[0]
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(port)"], upstream: "protocol: h2")
        let response = try gateway.ask("/")
        #expect(response.status == 502)
        _ = response.problem()
        try gateway.waitUntilGaugesAreDown()
    }

    @Test func `of two servers the one that is there answers`() throws {
        let origin = try HTTP2Origin()
        defer { origin.stop() }
        origin.serve { try $0.answer($1.stream) }
        let port = try Loopback.freePorts(1)[0]
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(port)", "127.0.0.1:\(origin.port)"], upstream: "protocol: h2")
        for _ in 0..<4 { #expect(try gateway.ask("/").status == 200) }
        #expect(origin.connections == 1)
    }

    @Test func `a server that speaks HTTP/1.1 is told of`() throws {
        let origin = try ScriptedOrigin(.expectBytes(24), .respond(400), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(origin.port)"], upstream: "protocol: h2")
        let response = try gateway.ask("/")
        #expect(response.status == 502)
        _ = response.problem()
        try gateway.waitUntilSaid("a server does not speak HTTP/2")
        try gateway.waitUntilGaugesAreDown()
    }

    @Test func `a server that says nothing runs out of time`() throws {
        try withHTTP2Origin(upstream: "connect_timeout: 100ms") { gateway, origin in
            let client = try gateway.sending(get("/"))
            let socket = try origin.take()
            #expect(try client.response().status == 504)
            client.close()
            try socket.waitUntilPeerLeaves(Deadline(in: .seconds(5)))
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test func `a server that leaves before it has said anything is a readable 502`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            try origin.take().close()
            #expect(try client.response().status == 502)
            client.close()
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test func `a client that leaves before the server has said anything is forgotten`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/gone"))
            let socket = try origin.take()
            client.close()
            _ = try gateway.logged("/gone")
            let server = HTTP2OriginConnection(socket, grants: true)
            try server.greet([])
            let next = try gateway.sending(get("/here"))
            let asked = try server.request()
            #expect(asked.path == "/here")
            try server.answer(asked.stream)
            #expect(try next.response().status == 200)
        }
    }

    // MARK: GOAWAY

    @Test func `what a server has not begun goes to another connection, what it has is answered`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            for stream in [1, 3, 5] as [UInt32] { try client.request(stream, "GET", "/\(stream)") }
            let server = try origin.accept()
            let streams = try (0..<3).map { _ in try server.request().stream }
            try server.send(.goAway(last: streams[0]))
            let other = try origin.accept()
            let again = [try other.request(), try other.request()]
            #expect(Set(again.map(\.path)) == ["/3", "/5"])
            for request in again { try other.answer(request.stream, body: "other") }
            try server.answer(streams[0], body: "first")
            #expect(try client.answer(1).text == "first")
            #expect(try client.answer(3).text == "other")
            #expect(try client.answer(5).text == "other")
            try server.waitForEnd()
            #expect(other.violations.isEmpty && server.violations.isEmpty)
        }
    }

    @Test func `a server that winds down answers what it has and is asked nothing more`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            let first = try server.request().stream
            try server.send(.goAway(last: 0x7FFF_FFFF))
            try server.settle()
            try client.request(3)
            let other = try origin.accept()
            try other.answer(try other.request().stream, body: "other")
            #expect(try client.answer(3).text == "other")
            try server.send(.goAway(last: first))
            try server.answer(first, body: "first")
            #expect(try client.answer(1).text == "first")
            try server.waitForEnd()
            #expect(server.order.count == 1)
        }
    }

    @Test func `an idle connection that is told to go is closed`() throws {
        try withHTTP2Origin { gateway, origin in
            origin.serve { connection, request in
                try connection.answer(request.stream)
                try connection.send(.goAway(last: request.stream))
            }
            for _ in 0..<3 {
                #expect(try gateway.ask("/").status == 200)
                try eventually("no connection") { try gateway.openThings().upstreams == 0 ? true : nil }
            }
            #expect(origin.connections == 3)
        }
    }

    @Test func `an upload that a leaving server has not begun is not cut short`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n")
            let server = try origin.accept()
            _ = try server.request()
            try server.send(.goAway(last: 0))
            let other = try origin.accept()
            let stream = try other.request().stream
            try client.send("body")
            #expect(try other.whole(stream).text == "body")
            try other.answer(stream)
            #expect(try client.response().status == 200)
        }
    }

    // MARK: Ends

    @Test func `a first request whose connection breaks is a readable 502`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            _ = try server.request()
            server.close()
            let response = try client.response()
            #expect(response.status == 502)
            _ = response.problem()
            #expect(origin.isLeftAlone)
            client.close()
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test(arguments: [true, false])
    func `a request that can be repeated is, when its connection breaks under it`(withReset: Bool) throws {
        try withHTTP2Origin { gateway, origin in
            let first = try gateway.sending(get("/"))
            let server = try origin.accept()
            try server.answer(try server.request().stream)
            #expect(try first.response().status == 200)
            let idempotent = try gateway.sending(get("/again"))
            _ = try server.request()
            let other = try gateway.sending(post("/never", body: "body"))
            _ = try server.request()
            if withReset { server.reset() } else { server.close() }
            let next = try origin.accept()
            let asked = try next.request()
            #expect(asked.path == "/again")
            try next.answer(asked.stream, body: "again")
            #expect(try idempotent.response().text == "again")
            #expect(try other.response().status == 502)
            try next.settle()
            #expect(next.order.count == 1)
        }
    }

    @Test func `answers whose connection breaks never look whole`() throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(get("/"))
            let server = try origin.accept()
            let new = try gateway.http2()
            try new.request(1)
            for _ in 0..<2 {
                let stream = try server.request().stream
                try server.head(stream)
                try server.data(stream, "half")
            }
            _ = try old.read(through: "half")
            try new.wait(for: "half") { new.answer(sofar: 1).text == "half" }
            server.close()
            #expect(throws: SocketError.reset) { try old.readToEnd() }
            #expect(try new.answer(1).reset == HTTP2Code.internalError)
            new.close()
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test func `answers that have ended are whole, whatever becomes of their connection`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.answer(stream, body: String(repeating: "x", count: 16_000))
            server.socket.finishSending()
            #expect(try client.response().body.count == 16_000)
        }
    }

    @Test func `an idle connection is closed after its time, with a word`() throws {
        try withHTTP2Origin(upstream: "idle_timeout: 100ms") { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            try server.answer(try server.request().stream)
            #expect(try client.response().status == 200)
            client.close()
            try server.waitForEnd()
            #expect(server.goAways.map(\.code) == [HTTP2Code.none])
            #expect(!server.wasReset)
            try gateway.waitUntilGaugesAreDown()
        }
    }

    @Test func `a server that does not answer in time is given up without the others`() throws {
        try withHTTP2Origin(upstream: "response_timeout: 200ms, read_timeout: 200ms") { gateway, origin in
            let silent = try gateway.http2()
            try silent.request(1, "GET", "/silent")
            let server = try origin.accept()
            let first = try server.request().stream
            #expect(try silent.answer(1).status == 504)
            #expect(try server.resetCode(first) == HTTP2Code.cancel)
            try silent.request(3)
            let second = try server.request().stream
            try server.head(second)
            try server.data(second, "half")
            #expect(try silent.answer(3).reset == HTTP2Code.internalError)
            try silent.request(5)
            try server.answer(try server.request().stream)
            #expect(try silent.answer(5).text == "answered")
        }
    }
}
