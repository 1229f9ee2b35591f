import COpenSSL
import Foundation
import TestIssuer
import Testing

/// Signed requests over every way that a body can come and go (R12): bodies are held until they were checked,
/// and reach the backend byte by byte.
@Suite(.timeLimit(.minutes(20))) struct SignedRequestTests {
    private static let secret = "a secret of tests that is long enough"
    private static let identity =
        "identity: { signing_keys: { partner: { secret: \"\(SignedRequestTests.secret)\" } } }"

    private func gateway(
        _ origin: ScriptedOrigin, signed: String = "", clients: String = "", upstream: String = ""
    ) throws -> GatewayProcess {
        try GatewayProcess(
            before: origin, clients: clients, upstream: upstream, route: "signed: { \(signed) }",
            listener: GatewayProcess.http2, top: Self.identity)
    }

    /// The value of X-Signature.
    private func signature(
        _ method: String, _ target: String, _ body: [UInt8], nonce: String = "",
        time: Int = Int(Date().timeIntervalSince1970)
    ) -> String {
        let nonce = nonce.isEmpty ? UUID().uuidString.replacingOccurrences(of: "-", with: "") : nonce
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256(body, body.count, &digest)
        let hex = digest.map { String(format: "%02x", $0) }.joined()
        let message = "floodgate-1\n\(method)\n\(target)\n\(hex)\n\(time)\n\(nonce)\n"
        let code = TokenText.encode(IssuerSecret(Self.secret.utf8).code(message))
        return "keyId=partner,ts=\(time),nonce=\(nonce),sig=\(code)"
    }

    private func head(_ method: String, _ target: String, _ body: [UInt8], _ framing: String...) -> String {
        request(
            "\(method) \(target) HTTP/1.1", ["X-Signature: \(signature(method, target, body))"] + framing)
    }

    private func chunked(_ body: [UInt8], by size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: size) {
            let piece = body[start..<min(start + size, body.count)]
            bytes += Array(String(piece.count, radix: 16).utf8) + Array("\r\n".utf8) + piece
            bytes += Array("\r\n".utf8)
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }

    static let sizes = [0, 1, 65_535, 65_536, 65_537, 300_000, 1 << 20]

    @Test(arguments: sizes)
    func `a body with a length arrives as it was signed`(_ size: Int) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        let body = Pattern.bytes(from: 0, count: size)
        for _ in 0..<2 {
            try client.send(head("POST", "/pay?to=ann", body, "Content-Length: \(size)"))
            try client.send(body)
            #expect(try client.response(to: "POST").text == "ok")
        }
        for request in try origin.requests(2) {
            #expect(request.body == body)
            #expect(request.value("Content-Length") == "\(size)")
        }
    }

    @Test(arguments: sizes)
    func `a chunked body arrives as it was signed`(_ size: Int) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        let body = Pattern.bytes(from: 0, count: size)
        for step in [40_000, 4_000] {
            try client.send(head("POST", "/pay", body, "Transfer-Encoding: chunked"))
            try client.send(chunked(body, by: step))
            #expect(try client.response(to: "POST").text == "ok")
        }
        for request in try origin.requests(2) { #expect(request.body == body) }
    }

    @Test func `a client that asks is told to send its body, and the backend is not asked`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        let body = Array("hello".utf8)
        try client.send(head("POST", "/pay", body, "Content-Length: 5", "Expect: 100-continue"))
        #expect(try client.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(origin.requests.isEmpty)
        try client.send(body)
        #expect(try client.response(to: "POST").text == "ok")
        let received = try origin.requests(1)[0]
        #expect(received.values("Expect").isEmpty)
        #expect(received.body == body)
        // A signature that is out of time is refused before anything is asked for.
        let late = signature("POST", "/pay", body, time: 1)
        let refused = try gateway.client().ask(
            request(
                "POST /pay HTTP/1.1", ["X-Signature: \(late)", "Content-Length: 5", "Expect: 100-continue"]))
        #expect(refused.status == 401)
        #expect(refused.interim.isEmpty)
    }

    @Test func `bodies come over HTTP/2, and go on by HTTP/1.1 and by HTTP/2`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let inner = try GatewayProcess(http2: origin)
        let outer = try GatewayProcess(
            servers: ["127.0.0.1:\(inner.ports.gateway)"], upstream: "protocol: h2",
            route: "signed: {}", listener: GatewayProcess.http2, top: Self.identity)
        let direct = try gateway(origin)
        var count = 0
        for gateway in [direct, outer] {
            let client = try gateway.http2()
            var stream: UInt32 = 1
            var sent = 0
            for size in [0, 1, 70_000, 300_000] {
                for hasLength in [true, false] {
                    let body = Pattern.bytes(from: sent, count: size)
                    var fields = [("x-signature", signature("PUT", "/pay", body))]
                    if hasLength { fields.append(("content-length", "\(size)")) }
                    try client.request(stream, "PUT", "/pay", fields, size == 0 ? .whole : .endHeaders)
                    if size > 0 { try send(body, on: stream, by: client, inAll: &sent) }
                    #expect(try client.answer(stream).text == "ok")
                    count += 1
                    #expect(try origin.requests(count)[count - 1].body == body)
                    stream += 2
                }
            }
            #expect(client.violations.isEmpty)
        }
        // The same from HTTP/1.1 to HTTP/2.
        let client = try outer.client()
        let body = Pattern.bytes(from: 0, count: 200_000)
        try client.send(head("PUT", "/pay", body, "Transfer-Encoding: chunked"))
        try client.send(chunked(body, by: 10_000))
        #expect(try client.response(to: "PUT").text == "ok")
        #expect(try origin.requests(count + 1)[count].body == body)
    }

    private func send(_ body: [UInt8], on stream: UInt32, by client: HTTP2Client, inAll: inout Int) throws {
        var position = 0
        while position < body.count {
            try client.wait(for: "a grant") {
                client.room(on: stream, sent: position, inAll: inAll) > 0
            }
            let room = client.room(on: stream, sent: position, inAll: inAll)
            let piece = min(room, HTTP2Frame.largest, body.count - position)
            let isLast = position + piece == body.count
            try client.send(.data(stream, Array(body[position..<position + piece]), isLast ? .endStream : []))
            position += piece
            inAll += piece
        }
    }

    @Test func `a request whose kept connection dies is sent again with its body`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .respond(body: "first"), .expectRequest, .close],
            [.forever([.expectRequest, .respond(body: "again")])],
        ])
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let client = try gateway.client()
        let body = Pattern.bytes(from: 0, count: 200_000)
        for answer in ["first", "again"] {
            try client.send(head("PUT", "/pay", body, "Transfer-Encoding: chunked"))
            try client.send(chunked(body, by: 50_000))
            #expect(try client.response(to: "PUT").text == answer)
        }
        #expect(origin.requests.map { $0.body == body } == [true, true, true])
    }

    @Test func `a request is taken once`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin)
        let text = request(
            "POST /pay HTTP/1.1",
            ["X-Signature: \(signature("POST", "/pay", Array("hello".utf8)))", "Content-Length: 5"])
        #expect(try gateway.client().ask(text + "hello").status == 200)
        for body in ["hello", "hullo"] {
            let refused = try gateway.client().ask(text + body)
            #expect(refused.status == 401)
            #expect(refused.problem()["error"] as? String == "Authentication failed")
            #expect(refused.value("WWW-Authenticate") == "Signature realm=\"api\"")
        }
        #expect(origin.requests.count == 1)
        #expect(try gateway.metric("floodgate_authentications_total{result=\"replayed\"}") == 1)
    }

    @Test func `a body of exactly the limit passes, one byte more does not`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, signed: "max_body: 1000")
        for (size, status) in [(1000, 200), (1001, 413), (60_000, 413)] {
            let body = Pattern.bytes(from: 0, count: size)
            let whole = try gateway.client()
            try whole.send(head("POST", "/pay", body, "Content-Length: \(size)"))
            if status == 200 { try whole.send(body) }
            #expect(try whole.response(to: "POST").status == status)
            // All of it in one piece, its end included.
            let chunks = try gateway.client()
            try chunks.send(
                Array(head("POST", "/pay", body, "Transfer-Encoding: chunked").utf8) + chunked(body, by: size)
            )
            #expect(try chunks.response(to: "POST").status == status)
        }
        #expect(origin.requests.count == 2)
    }

    @Test func `a client that falls silent gets 408, one that leaves leaves nothing`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, clients: "body_timeout: 300ms")
        let body = Array("hello".utf8)
        let slow = try gateway.client()
        try slow.send(head("POST", "/pay", body, "Content-Length: 5") + "he")
        #expect(try slow.response(to: "POST").status == 408)
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let leaving = try gateway.client()
            try leaving.send(head("POST", "/pay", body, framing) + "2\r\nhe")
            leaving.reset()
        }
        let broken = try gateway.client()
        try broken.send(head("POST", "/pay", body, "Transfer-Encoding: chunked") + "zz\r\n")
        #expect(try broken.response(to: "POST").status == 400)
        #expect(try gateway.client().ask(get("/none")).status == 401)
        #expect(origin.requests.isEmpty)
    }

    /// An answer that its client does not take still ends the request: what comes of the body later lets
    /// nothing through.
    @Test func `a body that ends behind its refusal is not passed on`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try gateway(origin, clients: "body_timeout: 300ms, write_timeout: 20s")
        // A client that grants nothing for answers' bodies: the refusal stays where it is.
        let client = try gateway.http2([(HTTP2Setting.window, 0)])
        let body = Array("hello".utf8)
        try client.request(
            1, "POST", "/pay", [("x-signature", signature("POST", "/pay", body)), ("content-length", "5")],
            .endHeaders)
        try client.send(.data(1, Array("he".utf8), []))
        #expect(try client.head(1).status == 408)
        try client.send(.data(1, Array("llo".utf8), .endStream))
        try client.settle()
        #expect(origin.connections.isEmpty)
        try client.grant(1, 65_535)
        #expect(try client.answer(1).status == 408)
    }
}
