import Foundation
import Testing

/// Exchanges with servers that speak HTTP/2: heads, bodies, trailers and what comes before an answer.
@Suite(.timeLimit(.minutes(20))) struct UpstreamHTTP2Tests {
    // MARK: Heads

    @Test func `a request of HTTP/1.1 crosses and its answer comes back`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(
                request(
                    "GET /a?b=c HTTP/1.1",
                    [
                        "Cookie: x=1", "Connection: keep-alive, X-Hop", "X-Hop: 1", "X-Kept: Yes",
                        "TE: trailers",
                    ]))
            let server = try origin.accept()
            let asked = try server.request()
            #expect(asked.hasEnded)
            #expect(
                asked.fields.prefix(4).map(\.name).sorted() == [":authority", ":method", ":path", ":scheme"])
            #expect(asked.value(":method") == "GET")
            #expect(asked.value(":scheme") == "http")
            #expect(asked.path == "/a?b=c")
            #expect(asked.value(":authority") == "here")
            #expect(asked.value("cookie") == "x=1")
            #expect(asked.value("x-kept") == "Yes")
            #expect(asked.value("te") == "trailers")
            #expect(asked.value("x-forwarded-for") == "127.0.0.1")
            #expect(asked.value("x-request-id") != nil)
            let banned: Set = ["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "x-hop"]
            #expect(!asked.fields.contains { banned.contains($0.name) })
            try server.answer(asked.stream, 201, [("x-answer", "1"), ("set-cookie", "a=b")], body: "made")
            let response = try client.response()
            #expect(response.status == 201)
            #expect(response.value("X-Answer") == "1")
            #expect(response.value("Set-Cookie") == "a=b")
            #expect(response.text == "made")
            #expect(server.violations.isEmpty)
        }
    }

    @Test func `a request of HTTP/2 crosses and its answer comes back`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/up", [("x-kept", "yes")], .endHeaders)
            try client.send(.data(1, "body".latin1, .endStream))
            let server = try origin.accept()
            let asked = try server.whole(try server.request().stream)
            #expect(asked.value(":method") == "POST")
            #expect(asked.path == "/up")
            #expect(asked.text == "body")
            #expect(asked.trailers == nil)
            try server.answer(asked.stream, 200, [("content-length", "4")], body: "done")
            let answer = try client.answer(1)
            #expect(answer.status == 200)
            #expect(answer.value("content-length") == "4")
            #expect(answer.text == "done")
            #expect(answer.hasEnded)
            #expect(client.violations.isEmpty && server.violations.isEmpty)
        }
    }

    @Test(arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)], [true, false])
    func `answers without a body end with their head`(asking: (method: String, status: Int), isH2: Bool)
        throws
    {
        try withHTTP2Origin { gateway, origin in
            let old = try isH2 ? nil : gateway.sending(get("/", method: asking.method))
            let new = try isH2 ? gateway.http2() : nil
            try new?.request(1, asking.method)
            let server = try origin.accept()
            let stream = try server.request().stream
            let fields = asking.status == 204 ? [] : [("content-length", "42")]
            try server.head(stream, asking.status, fields, isLast: true)
            if let old {
                let response = try old.response(to: asking.method)
                #expect(response.status == asking.status)
                #expect(response.body.isEmpty)
                #expect(response.value("Content-Length") == (asking.status == 204 ? nil : "42"))
            }
            if let new {
                let answer = try new.answer(1)
                #expect(answer.status == asking.status)
                #expect(answer.body.isEmpty && answer.reset == nil)
                #expect(new.violations.isEmpty)
            }
            try server.settle()
            #expect(server.requests[stream]?.reset == nil)
        }
    }

    @Test func `an answer whose head ends its stream ends the client's with its head`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            try server.head(try server.request().stream, 200, [("grpc-status", "5")], isLast: true)
            let answer = try client.answer(1)
            #expect(answer.status == 200)
            #expect(answer.value("grpc-status") == "5")
            #expect(client.dataFrames == 0, "the head is all")
            let old = try gateway.sending(get("/"))
            try server.head(try server.request().stream, 200, [], isLast: true)
            #expect(try old.response().body.isEmpty)
        }
    }

    // MARK: Bodies and trailers

    @Test func `trailers cross from HTTP/2 to HTTP/2 in both directions`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/", [], .endHeaders)
            try client.send(
                .data(1, "body".latin1), .headers(1, .fields([("x-sum", "1"), ("x-more", "2")]), .whole))
            let server = try origin.accept()
            let asked = try server.whole(try server.request().stream)
            #expect(asked.text == "body")
            #expect(asked.trailerLines == ["x-sum: 1", "x-more: 2"])
            try server.head(asked.stream)
            try server.data(asked.stream, "answer")
            try server.trailers(asked.stream, [("x-sum", "3"), ("authorization", "9")])
            let answer = try client.answer(1)
            #expect(answer.text == "answer")
            #expect(answer.trailers?.map(\.name) == ["x-sum"], "credentials are no trailer")
            #expect(client.violations.isEmpty && server.violations.isEmpty)
        }
    }

    @Test func `trailers cross from HTTP/1.1 to HTTP/2 and back`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(
                "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
                    + "Connection: TE\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n")
            let server = try origin.accept()
            let asked = try server.whole(try server.request().stream)
            #expect(asked.text == "body")
            #expect(asked.trailerLines == ["x-sum: 1"])
            try server.head(asked.stream)
            try server.data(asked.stream, "answer")
            try server.trailers(asked.stream, [("x-sum", "3")])
            let response = try client.response()
            #expect(response.text == "answer")
            #expect(response.trailers.map { "\($0.name): \($0.value)" } == ["x-sum: 3"])
        }
    }

    @Test func `trailers follow a body that has told its length`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.head(stream, 200, [("content-length", "6")])
            try server.data(stream, "answer")
            try server.settle()
            try server.trailers(stream, [("x-sum", "3")])
            let answer = try client.answer(1)
            #expect(answer.text == "answer")
            #expect(answer.trailers?.map(\.value) == ["3"])
        }
    }

    @Test func `a body is passed on piece by piece in both directions`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/", [], .endHeaders)
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.head(stream)
            _ = try client.head(1)
            for number in 0..<5 {
                try client.send(.data(1, "ask \(number)".latin1))
                try server.wait(for: "message \(number)") {
                    server.requests[stream]?.text.hasSuffix("ask \(number)") == true
                }
                try server.data(stream, "say \(number)")
                try client.wait(for: "answer \(number)") {
                    client.answer(sofar: 1).text.hasSuffix("say \(number)")
                }
            }
            try client.send(.data(1, [], .endStream))
            #expect(try server.whole(stream).hasEnded)
            try server.send(.data(stream, [], .endStream))
            #expect(try client.answer(1).hasEnded)
        }
    }

    @Test(arguments: ["Content-Length: 3", "Transfer-Encoding: chunked"])
    func `an answer over HTTP/1.0 ends with its connection`(framing: String) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending("GET / HTTP/1.0\r\nHost: here\r\n\r\n")
            let server = try origin.accept()
            let fields = framing.hasPrefix("Content") ? [("content-length", "3")] : []
            try server.answer(try server.request().stream, 200, fields, body: "old")
            let response = try client.response()
            #expect(response.text == "old")
            #expect(response.trailers.isEmpty)
        }
    }

    // MARK: Before the answer

    @Test func `interim answers pass`() throws {
        try withHTTP2Origin { gateway, origin in
            let old = try gateway.sending(get("/"))
            let server = try origin.accept()
            let first = try server.request().stream
            try server.head(first, 103, [("link", "</style.css>")])
            try server.answer(first)
            let response = try old.response()
            #expect(response.interim == [103])
            #expect(response.text == "answered")

            let new = try gateway.http2()
            try new.request(1)
            let second = try server.request().stream
            try server.head(second, 103, [("link", "</style.css>")])
            try new.wait(for: "103") { new.answer(sofar: 1).interim.count == 1 }
            try server.answer(second)
            #expect(try new.answer(1).text == "answered")
            #expect(new.violations.isEmpty)
        }
    }

    @Test func `a client that waits for 100 is told by the server`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(
                "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            let server = try origin.accept()
            let stream = try server.request().stream
            #expect(server.requests[stream]?.value("expect") == "100-continue")
            try server.head(stream, 100)
            #expect(try client.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
            try client.send("body")
            #expect(try server.whole(stream).text == "body")
            try server.answer(stream)
            #expect(try client.response().text == "answered")
        }
    }

    @Test func `too many interim answers are no answer`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1)
            let server = try origin.accept()
            let stream = try server.request().stream
            for _ in 0..<30 { try server.head(stream, 103) }
            #expect(try client.answer(1).status == 502)
            #expect(try server.resetCode(stream) == HTTP2Code.cancel)
        }
    }

    @Test func `an answer before the body's end reaches the client`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.sending(
                "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\nbeginning")
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.answer(stream, 413, [("content-length", "3")], body: "no.")
            try server.send(.reset(stream, HTTP2Code.none))
            let response = try client.response()
            #expect(response.status == 413)
            #expect(response.text == "no.")
            let next = try gateway.sending(get("/"))
            try server.answer(try server.request().stream)
            #expect(try next.response().text == "answered", "the connection goes on")
        }
    }
}
