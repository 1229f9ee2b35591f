import Foundation
import Testing

/// Ordinary requests and answers through the gateway: what the origin receives and what the client gets.
@Suite(.timeLimit(.minutes(20))) struct ExchangeTests {
    @Test func `a request and its answer pass with nothing changed but what a gateway must change`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest,
            .send(
                "HTTP/1.1 201 Made it\r\nDate: Fri, 01 Jan 2021 00:00:00 GMT\r\nX-A: 1\r\nSet-Cookie: a=1\r\n"
                    + "Set-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello"),
            .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, top: "security_headers: { preset: off }")
        let client = try gateway.client()
        let response = try client.ask(
            "POST /a?b=c HTTP/1.1\r\nHost: here\r\nAccept:  x/y \r\naCCept: z\r\nContent-Length: 3\r\n\r\nabc"
        )
        #expect(
            try origin.requests(1)[0].masked
                == gateway.forwarded(
                    "POST /a?b=c", ["Accept:  x/y ", "aCCept: z"], closing: ["Content-Length: 3"], body: "abc"
                ))
        #expect(response.version == "HTTP/1.1")
        #expect(response.status == 201)
        #expect(response.reason == "Made it")
        #expect(
            response.fields.dropLast().map { "\($0.name): \($0.value)" } == [
                "Date: Fri, 01 Jan 2021 00:00:00 GMT", "X-A: 1", "Set-Cookie: a=1", "Set-Cookie: b=2",
                "Content-Length: 5",
            ])
        #expect(response.fields.last?.name == "X-Request-Id")
        #expect(try response.value("X-Request-Id") == origin.requests(1)[0].value("X-Request-Id"))
        #expect(response.text == "hello")
        #expect(client.buffered.isEmpty)
    }

    @Test func `requests of one connection are served one after another over one connection to the origin`()
        throws
    {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for number in 1...20 { #expect(try client.ask(get("/\(number)")).text == "ok") }
        #expect(origin.connections.count == 1)
        #expect(origin.requests.map(\.target) == (1...20).map { "/\($0)" })
        #expect(try gateway.logged("/20")[0]["sequence"] as? Int == 20)
    }

    @Test func `pipelined requests are answered in their order and reach the origin one at a time`() throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .wait(.milliseconds(2)), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let count = 50
        var text = ""
        for number in 0..<count {
            text += number % 3 == 1 ? post("/\(number)", body: "body \(number)") : get("/\(number)")
        }
        try client.send(text)
        var identities: [String] = []
        for _ in 0..<count {
            let response = try client.response()
            #expect(response.text == "ok")
            identities.append(try #require(response.value("X-Request-Id")))
        }
        let requests = try origin.requests(count)
        #expect(requests.map(\.target) == (0..<count).map { "/\($0)" })
        #expect(requests.map { $0.value("X-Request-Id") } == identities)
        #expect(requests[4].body == Array("body 4".utf8))
        #expect(origin.connections.count == 1)
    }

    @Test func `pipelined requests are answered in order whoever answers them`() throws {
        let origin = try ScriptedOrigin.answering(body: "origin")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(
            get("/healthz") + get("/a") + get("/%2f") + post("/b", body: "x") + get("/healthz")
                + get("/c", "Connection: close") + get("/never"))
        #expect(try (1...6).map { _ in try client.response().status } == [200, 200, 400, 200, 200, 200])
        #expect(try client.readToEnd().isEmpty)
        #expect(origin.requests.map(\.target) == ["/a", "/b", "/c"])
    }

    @Test func `a request that arrives byte by byte is served like any other`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let chunked =
            request("PUT /d HTTP/1.1", ["Transfer-Encoding: chunked"]) + "2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n"
        for byte in Array((post("/a", body: "abc") + chunked + get("/e")).utf8) { try client.send([byte]) }
        for _ in 0..<3 { #expect(try client.response().text == "ok") }
        let requests = origin.requests
        #expect(requests.map(\.target) == ["/a", "/d", "/e"])
        #expect(requests.map { String(decoding: $0.body, as: UTF8.self) } == ["abc", "hi!", ""])
    }

    @Test func `an answer that arrives byte by byte is passed on like any other`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest,
                .drip(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nETag: \"1\"\r\n\r\n",
                    every: .microseconds(50)),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for _ in 0..<2 {
            let response = try client.ask(get("/"))
            #expect(response.text == "abcde")
            #expect(response.trailers == [WireFormat.Field(name: "ETag", value: "\"1\"")])
        }
        #expect(origin.connections.count == 1)
    }

    @Test func `chunks pass both ways without their extensions and with the trailers that may pass`() throws {
        let origin = try ScriptedOrigin(
            .forever([
                .expectRequest,
                .send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                        + "4;e=1\r\nwxyz\r\n0;last\r\n"
                        + "X-Sum: 9\r\nContent-Length: 3\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"),
            ]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let head = request(
            "POST /t HTTP/1.1", ["Transfer-Encoding: chunked", "TE: trailers", "Trailer: X-Sum"])
        let trailers =
            "X-Sum: 7\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nAuthorization: x\r\nx_sum: 8\r\n"
        let response = try client.ask(
            head + "3;a=\"b\"\r\nabc\r\n00a\r\n0123456789\r\n0\r\n" + trailers + "\r\n")
        let received = try origin.requests(1)[0]
        #expect(
            received.masked
                == gateway.forwarded(
                    "POST /t", closing: ["Connection: TE", "TE: trailers", "Transfer-Encoding: chunked"],
                    body: "d\r\nabc0123456789\r\n0\r\nX-Sum: 7\r\n\r\n"))
        #expect(response.framing == .chunked)
        #expect(response.values("Trailer").isEmpty)
        #expect(response.text == "wxyz")
        #expect(response.trailers == [WireFormat.Field(name: "X-Sum", value: "9")])
        #expect(try client.ask(get("/next")).text == "wxyz")
        #expect(origin.connections.count == 1)
    }

    @Test(
        arguments: [
            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ] as [WireText])
    func `an answer without a body ends with its head and keeps both connections`(wire: WireText) throws {
        let origin = try ScriptedOrigin(.forever([.expectRequest, .send(wire.text)]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for number in 1...3 {
            let response = try client.ask(get("/\(number)"))
            #expect(response.body.isEmpty)
            #expect(response.values("Transfer-Encoding").isEmpty)
            #expect(response.value("Connection") == nil)
        }
        #expect(client.buffered.isEmpty)
        #expect(origin.connections.count == 1)
    }

    @Test func `a 204 that declares a length reaches the client without it`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\nhello"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(get("/"))
        #expect(response.status == 204)
        // RFC 9110 §8.6: a server must not send Content-Length in a 204.
        #expect(response.values("Content-Length").isEmpty)
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test(arguments: ["Content-Length: 12345", "Transfer-Encoding: chunked", "X: y"])
    func `the answer to HEAD tells about a body and brings none`(field: String) throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .send("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for _ in 0..<2 {
            let response = try client.ask(get("/h", method: "HEAD"))
            #expect(response.status == 200)
            #expect(response.value("Content-Length") == (field.hasPrefix("C") ? "12345" : nil))
        }
        #expect(client.buffered.isEmpty)
        #expect(origin.connections.count == 1)
        #expect(origin.requests.map(\.method) == ["HEAD", "HEAD"])
    }

    @Test func `an answer that ends with its connection becomes chunked`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .send("HTTP/1.1 200 OK\r\n\r\nuntil "), .send("the end"))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(get("/"))
        #expect(response.framing == .chunked)
        #expect(response.text == "until the end")
        #expect(response.value("Connection") == nil)
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test func `an HTTP 1-0 origin's answer reaches an HTTP 1-1 client as HTTP 1-1`() throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), .close]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for number in 1...3 {
            let response = try client.ask(get("/"))
            #expect(response.version == "HTTP/1.1")
            #expect(response.text == "ok")
            #expect(try origin.end(ofConnection: number - 1) == .finished)
        }
    }

    @Test func `bytes behind an answer are never taken for the next answer`() throws {
        let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        let origin = try ScriptedOrigin(scripts: [
            [
                .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue" + forged),
                .waitUntilPeerLeaves,
            ],
            [.expectRequest, .respond(body: "second")],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        #expect(try client.ask(get("/")).text == "true")
        #expect(try origin.end(ofConnection: 0) == .peerClosed)
        #expect(try client.ask(get("/")).text == "second")
    }

    @Test func `an absolute target's authority wins over Host`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask(
            "GET http://There.example:81/p?q HTTP/1.1\r\nHost: here\r\nAccept: a\r\n\r\n")
        #expect(response.status == 200)
        #expect(
            try origin.requests(1)[0].masked
                == gateway.forwarded("GET /p?q", ["Accept: a"], host: "there.example:81"))
        #expect(try gateway.client().ask("GET http://there HTTP/1.1\r\nHost: here\r\n\r\n").status == 200)
        #expect(try origin.requests(2)[1].target == "/")
    }

    @Test func `OPTIONS of the whole server is answered by the gateway`() throws {
        let origin = try ScriptedOrigin.answering()
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask("OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n")
        #expect(response.status == 204)
        #expect(response.value("Allow")?.contains("GET") == true)
        #expect(response.value("X-Request-Id") != nil)
        #expect(try client.ask(get("/x", method: "OPTIONS")).status == 200)
        #expect(origin.requests.map(\.target) == ["/x"])
    }

    @Test func `a connection ends after as many requests as it may carry, and says so`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, clients: "max_requests_per_connection: 2")
        let client = try gateway.client()
        #expect(try client.ask(get("/")).value("Connection") == nil)
        #expect(try client.ask(get("/")).value("Connection") == "close")
        #expect(try client.readToEnd().isEmpty)
        // Also where the gateway answers itself.
        let other = try gateway.client()
        #expect(try other.ask(get("/healthz")).value("Connection") == nil)
        #expect(try other.ask(get("/healthz")).value("Connection") == "close")
        #expect(try other.readToEnd().isEmpty)
    }
}
