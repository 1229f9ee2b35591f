import Foundation
import Testing

/// How streams to a server begin and end: how many there are, refusals, resets, and ends of connections.
@Suite(.timeLimit(.minutes(20))) struct UpstreamStreamTests {
    private static let upload = "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"

    // MARK: How many

    @Test func `many exchanges share one connection`() throws {
        try withHTTP2Origin { gateway, origin in
            origin.serve { connection, request in
                try connection.answer(request.stream, body: request.path)
            }
            for number in 0..<20 { #expect(try gateway.ask("/\(number)").text == "/\(number)") }
            let client = try gateway.http2()
            let streams = (0..<80).map { UInt32($0 * 2 + 1) }
            for stream in streams { try client.request(stream, "GET", "/\(stream)") }
            for stream in streams { #expect(try client.answer(stream).text == "/\(stream)") }
            #expect(origin.connections == 1)
            #expect(try gateway.openThings().upstreams == 1)
            client.close()
            let page = try gateway.adminPage("/metrics")
            #expect(page.contains("floodgate_upstream_connections_opened_total{upstream=\"app\"} 1\n"))
            #expect(page.contains("floodgate_upstream_connections_reused_total{upstream=\"app\"} 99\n"))
        }
    }

    @Test(arguments: [1, 2, 3])
    func `a server that takes few requests at once gets more connections`(limit: Int) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            let streams = (0..<7).map { UInt32($0 * 2 + 1) }
            for stream in streams { try client.request(stream, "GET", "/\(stream)") }
            var asked = 0
            var servers: [HTTP2OriginConnection] = []
            while asked < streams.count {
                let server = try origin.accept([(HTTP2Setting.streams, UInt32(limit))])
                for _ in 0..<min(limit, streams.count - asked) {
                    _ = try server.request()
                    asked += 1
                }
                servers.append(server)
            }
            for server in servers {
                try server.settle()
                #expect(server.mostOpen <= limit)
                for stream in server.order {
                    try server.answer(stream, body: server.requests[stream]?.path ?? "")
                }
            }
            for stream in streams { #expect(try client.answer(stream).text == "/\(stream)") }
            #expect(servers.flatMap(\.violations).isEmpty)
            #expect(try gateway.logged("/1")[0]["retries"] as? Int == 0)
        }
    }

    @Test func `a server that takes none is a readable 502`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let socket = try origin.take()
            try socket.send(
                HTTP2Frame.settings([(HTTP2Setting.streams, 0)]).bytes, Deadline(in: .seconds(5)))
            let response = try client.response()
            #expect(response.status == 502)
            _ = response.problem()
            try socket.waitUntilPeerLeaves(Deadline(in: .seconds(5)))
        }
    }

    @Test func `a server that takes fewer from now on is asked for fewer`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept([(HTTP2Setting.streams, 10)])
            let first = try server.request().stream
            try server.send(.settings([(HTTP2Setting.streams, UInt32(1))]))
            try server.settle()
            try client.request(3)
            let other = try origin.accept([(HTTP2Setting.streams, 1)])
            try other.answer(try other.request().stream, body: "other")
            #expect(try client.answer(3).text == "other")
            try server.answer(first, body: "first")
            #expect(try client.answer(1).text == "first")
            #expect(server.order.count == 1)
        }
    }

    @Test func `at the cap requests wait, and what does not fit the queue is refused`() throws {
        let cap = "connections: 2, queue: { size: 2, wait: 10s }"
        try withHTTP2Origin(upstream: cap) { gateway, origin in
            let client = try gateway.http2()
            for stream in [1, 3, 5, 7] as [UInt32] { try client.request(stream, "GET", "/\(stream)") }
            let server = try origin.accept()
            let running = [try server.request().stream, try server.request().stream]
            try server.settle()
            #expect(server.order.count == 2)
            try client.request(9)
            #expect(try client.answer(9).status == 503)
            for stream in running {
                try server.answer(stream)
                let next = try server.request()
                try server.answer(next.stream)
            }
            for stream in [1, 3, 5, 7] as [UInt32] { #expect(try client.answer(stream).status == 200) }
            client.close()
        }
    }

    @Test func `a request that waits too long is refused, and who waits behind it is served`() throws {
        let cap = "connections: 1, queue: { size: 10, wait: 300ms }"
        try withHTTP2Origin(upstream: cap) { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            let first = try server.request().stream
            try client.request(3)
            #expect(try client.answer(3).status == 503)
            try client.request(5)
            try server.answer(first)
            #expect(try client.answer(1).status == 200)
            try server.answer(try server.request().stream)
            #expect(try client.answer(5).status == 200)
        }
    }

    // MARK: Refusals

    @Test(arguments: ["GET", "DELETE", "POST"])
    func `a request that the server refuses is asked once more`(method: String) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/again", method: method))
            let server = try origin.accept()
            try server.send(.reset(try server.request().stream, HTTP2Code.refused))
            let again = try server.request()
            #expect(again.value(":method") == method)
            try server.answer(again.stream)
            #expect(try client.response(to: method).status == 200)
            #expect(try gateway.logged("/again")[0]["retries"] as? Int == 1)
        }
    }

    @Test func `an upload that the server refuses before its body is asked once more`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(Self.upload)
            let server = try origin.accept()
            try server.send(.reset(try server.request().stream, HTTP2Code.refused))
            let again = try server.request().stream
            try client.send("body")
            #expect(try server.whole(again).text == "body")
            try server.answer(again)
            #expect(try client.response().status == 200)
        }
    }

    @Test func `an upload whose body has gone is not asked again`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(Self.upload + "bo")
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.wait(for: "the body") { server.requests[stream]?.text == "bo" }
            try server.send(.reset(stream, HTTP2Code.refused))
            #expect(try client.response().status == 502)
            try server.settle()
            #expect(server.order.count == 1)
        }
    }

    @Test func `a server that refuses twice is a readable 502`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            for _ in 0..<2 { try server.send(.reset(try server.request().stream, HTTP2Code.refused)) }
            let response = try client.response()
            #expect(response.status == 502)
            _ = response.problem()
        }
    }

    // MARK: Resets

    @Test(arguments: [HTTP2Code.internalError, HTTP2Code.cancel, HTTP2Code.none, HTTP2Code.calm])
    func `a reset before the head is a readable 502 and asks nobody again`(code: UInt32) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(get("/"))
            let server = try origin.accept()
            try server.send(.reset(try server.request().stream, code))
            let response = try client.response()
            #expect(response.status == 502)
            _ = response.problem()
            try server.settle()
            #expect(server.order.count == 1)
        }
    }

    @Test(arguments: [[], [("content-length", "100")]])
    func `a reset inside the body never looks like the end`(fields: [(String, String)]) throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(get("/old"))
            let server = try origin.accept()
            let first = try server.request().stream
            try server.head(first, 200, fields)
            try server.data(first, "half")
            _ = try old.read(through: "half")
            try server.send(.reset(first, HTTP2Code.internalError))
            #expect(throws: SocketError.reset) { try old.readToEnd() }

            let new = try gateway.http2()
            try new.request(1)
            let second = try server.request().stream
            try server.head(second, 200, fields)
            try server.data(second, "half")
            try new.wait(for: "half") { new.answer(sofar: 1).text == "half" }
            try server.send(.reset(second, HTTP2Code.none))
            let answer = try new.answer(1)
            #expect(!answer.hasEnded)
            #expect(answer.reset == HTTP2Code.internalError)
            #expect(try gateway.logged("/old")[0]["outcome"] as? String == "upstream.body")
        }
    }

    @Test func `a client that leaves has its request cancelled`() throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(get("/"))
            let server = try origin.accept()
            let first = try server.request().stream
            old.close()
            #expect(try server.resetCode(first) == HTTP2Code.cancel)
            let new = try gateway.http2()
            try new.request(1, "POST", "/", [], .endHeaders)
            let second = try server.request().stream
            try new.send(.reset(1))
            #expect(try server.resetCode(second) == HTTP2Code.cancel)
            new.close()
            try gateway.waitUntilSaid("serving")
        }
    }

    @Test func `requests that are taken back at once leave nothing behind`() throws {
        try withHTTP2Origin(upstream: "idle_timeout: 100ms") { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            try server.answer(try server.request().stream)
            _ = try client.answer(1)
            for index in 1..<60 {
                let stream = UInt32(index * 2 + 1)
                let head = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "here")]
                try client.send(.headers(stream, .fields(head)), .reset(stream))
            }
            try client.settle()
            client.close()
            try server.waitForEnd()
            #expect(server.violations.isEmpty)
            try gateway.waitUntilGaugesAreDown()
        }
    }
}
