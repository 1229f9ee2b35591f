import Foundation
import Testing

/// What the gateway itself says to calls of gRPC, and how long it waits for them, frame by frame.
@Suite(.timeLimit(.minutes(20))) struct GRPCAnswerTests {
    private static let call = [("content-type", "application/grpc"), ("te", "trailers")]

    private func call(
        _ client: HTTP2Client, _ stream: UInt32, _ path: String, _ more: [(String, String)] = []
    )
        throws -> HTTP2Answer
    {
        try client.request(stream, "POST", path, Self.call + more, .endHeaders)
        try client.send(.data(stream, [0, 0, 0, 0, 0], .endStream))
        return try client.answer(stream)
    }

    private func expectTrailersOnly(
        _ answer: HTTP2Answer, _ code: String, _ client: HTTP2Client,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == 200, sourceLocation: sourceLocation)
        #expect(answer.value("grpc-status") == code, sourceLocation: sourceLocation)
        #expect(answer.value("content-type") == "application/grpc", sourceLocation: sourceLocation)
        #expect(answer.value("x-request-id") != nil, sourceLocation: sourceLocation)
        #expect(answer.value("content-length") == nil, sourceLocation: sourceLocation)
        #expect(answer.body.isEmpty && answer.trailers == nil, sourceLocation: sourceLocation)
        #expect(answer.hasEnded && answer.reset == nil, sourceLocation: sourceLocation)
        #expect(client.dataFrames == 0, "the head is all", sourceLocation: sourceLocation)
        #expect(client.violations.isEmpty, sourceLocation: sourceLocation)
    }

    @Test(arguments: [
        (400, "13"), (401, "16"), (403, "7"), (404, "12"), (413, "8"), (429, "8"), (409, "2"), (500, "2"),
        (502, "14"), (503, "14"), (504, "4"),
    ])
    func `statuses are said in gRPC's codes`(status: Int, code: String) throws {
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2] }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            upstreams: { app: { servers: [127.0.0.1:9] } }
            routes: [{ path: /*, respond: { status: \(status), text: no } }]
            """
        }
        let client = try gateway.http2()
        expectTrailersOnly(try call(client, 1, "/a.B/C"), code, client)
        let line = try gateway.logged("/a.B/C")[0]
        #expect(line["grpc_status"] as? Int == Int(code))
    }

    @Test(arguments: [
        ("application/grpc", true), ("application/grpc+proto", true), ("Application/GRPC;v=1", true),
        ("application/grpc-web", false), ("application/grpcx", false), ("application/json", false),
    ])
    func `only calls of gRPC are answered so`(contentType: String, isCall: Bool) throws {
        let port = try Loopback.freePorts(1)[0]
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(port)"], upstream: "protocol: h2", listener: GatewayProcess.http2)
        let client = try gateway.http2()
        try client.request(1, "POST", "/a.B/C", [("content-type", contentType)])
        let answer = try client.answer(1)
        #expect(answer.status == (isCall ? 200 : 502))
        #expect(answer.value("grpc-status") == (isCall ? "14" : nil))
        #expect(answer.value("grpc-message") == (isCall ? "The service could not be reached." : nil))
        // HTTP/1.1 carries no gRPC.
        let old = try gateway.client().ask(
            request("POST /a.B/C HTTP/1.1", ["Content-Type: \(contentType)", "Content-Length: 0"]))
        #expect(old.status == 502)
        #expect(try gateway.logged("/a.B/C", count: 2)[1]["grpc_status"] == nil)
    }

    @Test func `refusals of limits, lengths and routes are said so`() throws {
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway), protocols: [h2] }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            upstreams: { app: { servers: [127.0.0.1:9], protocol: h2 } }
            limits: { few: { rate: 1 per 1h, burst: 1 } }
            routes:
              - { path: /a.Limited/*, limits: [few], respond: { status: 200, text: fine } }
              - { path: /a.Short/*, max_body: 3B, upstream: app }
            """
        }
        let client = try gateway.http2()
        expectTrailersOnly(try call(client, 1, "/a.Nothing/C"), "12", client)
        expectTrailersOnly(try call(client, 3, "/a.Short/C", [("content-length", "5")]), "8", client)
        let other = try gateway.http2()
        #expect(try call(other, 1, "/a.Limited/C").text == "fine")
        let answer = try call(other, 3, "/a.Limited/C")
        #expect(answer.value("grpc-status") == "8")
        #expect(answer.value("retry-after") != nil)
    }

    // MARK: Deadlines

    @Test(arguments: ["100m", "100000u", "99999999n"])
    func `a call that has run out of time is told so, and its server too`(timeout: String) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/a.B/C", Self.call + [("grpc-timeout", timeout)])
            let server = try origin.accept()
            let asked = try server.request()
            #expect(asked.value("grpc-timeout") == timeout)
            expectTrailersOnly(try client.answer(1), "4", client)
            #expect(try server.resetCode(asked.stream) == HTTP2Code.cancel)
            let line = try gateway.logged("/a.B/C")[0]
            #expect(line["grpc_status"] as? Int == 4)
            #expect(line["outcome"] as? String == "upstream.response")
        }
    }

    @Test func `a call that runs out of time while its body is awaited is told so`() throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/a.B/C", Self.call + [("grpc-timeout", "100m")], .endHeaders)
            let server = try origin.accept()
            let stream = try server.request().stream
            try client.wait(for: "the answer") { client.answer(sofar: 1).head != nil }
            #expect(client.answer(sofar: 1).value("grpc-status") == "4")
            #expect(try server.resetCode(stream) == HTTP2Code.cancel)
        }
    }

    @Test func `a call that runs out of time in the queue or at the connect is told so`() throws {
        try withHTTP2Origin(upstream: "connections: 1") { gateway, origin in
            let client = try gateway.http2()
            // Nobody greets the gateway yet.
            try client.request(1, "POST", "/a.B/C", Self.call + [("grpc-timeout", "100m")])
            #expect(try client.answer(1).value("grpc-status") == "4")
            try client.request(3, "POST", "/a.B/C", Self.call)
            try client.request(5, "POST", "/a.B/C", Self.call + [("grpc-timeout", "100m")])
            #expect(try client.answer(5).value("grpc-status") == "4")
            let server = try origin.accept()
            try server.answer(try server.request().stream, 200, Self.call, body: "late")
            #expect(try client.answer(3).text == "late")
        }
    }

    @Test(arguments: ["100m", nil])
    func `a call that is answered in time may last`(timeout: String?) throws {
        // The limits for bodies of other requests are shorter than the call.
        try withHTTP2Origin(clients: "body_timeout: 100ms") { gateway, origin in
            let client = try gateway.http2()
            let limit = timeout.map { [("grpc-timeout", $0)] } ?? []
            try client.request(1, "POST", "/a.B/C", Self.call + limit, .endHeaders)
            let server = try origin.accept()
            let stream = try server.request().stream
            try server.head(stream, 200, [("content-type", "application/grpc")])
            _ = try client.head(1)
            // Longer than all of them: another request runs out of its time meanwhile.
            try client.request(3, "POST", "/slow", [], .endHeaders)
            #expect(try client.answer(3).status == 408)
            try client.send(.data(1, "message".latin1))
            try server.wait(for: "the message") { server.requests[stream]?.text == "message" }
            try server.data(stream, "answer")
            try server.trailers(stream, [("grpc-status", "0")])
            let answer = try client.answer(1)
            #expect(answer.text == "answer")
            #expect(answer.trailers?.map(\.value) == ["0"])
            #expect(client.violations.isEmpty)
        }
    }

    @Test(arguments: ["", "m", "100", "1x", "-1m", "123456789m", "1 m"])
    func `a limit that is none is passed on and bounds nothing`(timeout: String) throws {
        try withHTTP2Origin { gateway, origin in
            let client = try gateway.http2()
            try client.request(1, "POST", "/a.B/C", Self.call + [("grpc-timeout", timeout)])
            let server = try origin.accept()
            let asked = try server.request()
            #expect(asked.value("grpc-timeout") == timeout)
            try server.head(asked.stream, 200, [("grpc-status", "0")], isLast: true)
            #expect(try client.answer(1).value("grpc-status") == "0")
            #expect(try gateway.logged("/a.B/C")[0]["grpc_status"] as? Int == 0)
        }
    }
}
