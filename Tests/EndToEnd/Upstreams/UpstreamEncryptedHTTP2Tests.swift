import Foundation
import Testing

/// HTTP/2 to servers behind TLS, and to nghttpd.
@Suite(.timeLimit(.minutes(20))) struct UpstreamEncryptedHTTP2Tests {
    private struct House {
        let credentials: TestCredentials
        let origin: HTTP2Origin
        let relay: TLSRelay
        let gateway: GatewayProcess

        init(
            names: [String] = ["localhost", "127.0.0.1"], age: Int64 = 0, protocols: [String] = ["h2"],
            host: String = "localhost", tls: String = "", upstream: String = "",
            change: (inout TLSRelay.Options, TestCredentials) throws -> Void = { _, _ in }
        ) throws {
            credentials = try TestCredentials()
            origin = try HTTP2Origin()
            var options = TLSRelay.Options()
            options.credentials = try credentials.leaf(names, age: age)
            options.protocols = protocols
            try change(&options, credentials)
            relay = try TLSRelay(.server, before: origin.port, options)
            gateway = try GatewayProcess(
                servers: ["\"https://\(host):\(relay.port)\""],
                upstream: "protocol: h2, tls: { authorities: \(credentials.authority), \(tls) }, \(upstream)",
                listener: GatewayProcess.http2)
        }

        func stop() {
            relay.stop()
            origin.stop()
        }
    }

    @Test(arguments: [TLSVersions.old, TLSVersions.new])
    func `requests share a connection behind TLS`(version: Int32) throws {
        let house = try House { options, _ in options.maximum = version }
        defer { house.stop() }
        let client = try house.gateway.http2()
        for stream in [1, 3, 5] as [UInt32] { try client.request(stream, "GET", "/\(stream)") }
        let server = try house.origin.accept()
        for _ in 0..<3 {
            let request = try server.request()
            #expect(request.value(":scheme") == "https")
            try server.answer(request.stream, body: request.path)
        }
        for stream in [1, 3, 5] as [UInt32] { #expect(try client.answer(stream).text == "/\(stream)") }
        #expect(house.relay.agreements.map(\.application) == ["h2"])
        #expect(house.relay.agreements.map(\.name) == ["localhost"])
        #expect(server.violations.isEmpty)
    }

    @Test(arguments: [[], ["http/1.1"]])
    func `a server that does not agree to HTTP/2 is told of`(protocols: [String]) throws {
        let house = try House(protocols: protocols)
        defer { house.stop() }
        let response = try house.gateway.ask("/")
        #expect(response.status == 502)
        _ = response.problem()
        try house.gateway.waitUntilSaid("ALPN", or: "no application protocol")
    }

    @Test func `a server that is not trusted is not asked`() throws {
        let house = try House(names: ["video.internal"])
        defer { house.stop() }
        let client = try house.gateway.http2()
        for stream in [1, 3] as [UInt32] { try client.request(stream) }
        for stream in [1, 3] as [UInt32] { #expect(try client.answer(stream).status == 502) }
        try house.gateway.waitUntilSaid("hostname mismatch")
        #expect(house.relay.agreements.isEmpty)
        client.close()
        try house.gateway.waitUntilGaugesAreDown()
    }

    @Test func `a server that wants a certificate gets it, and says so where it does not`() throws {
        let house = try House { $0.authorities = $1.authority }
        defer { house.stop() }
        #expect(try house.gateway.ask("/").status == 502)
        try house.gateway.waitUntilSaid("certificate required", or: "handshake failure")
        let shown = try house.credentials.leaf(["gateway.internal"], use: .serverAndClient)
        let pair = "certificate: \(shown.certificate), key: \(shown.key)"
        let other = try House(tls: pair) { options, own in
            options.authorities = try own.file(
                [own.authority, house.credentials.authority]
                    .map { try String(contentsOfFile: $0, encoding: .utf8) }.joined())
        }
        defer { other.stop() }
        let client = try other.gateway.sending(get("/"))
        let server = try other.origin.accept()
        try server.answer(try server.request().stream)
        #expect(try client.response().status == 200)
        #expect(other.relay.agreements.last?.subject == "/CN=gateway.internal")
    }

    @Test func `large bodies cross behind TLS in both directions at once`() throws {
        let house = try House()
        defer { house.stop() }
        let size = 8 << 20
        let client = try house.gateway.sending(
            "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: \(size)\r\n\r\n")
        let server = try house.origin.accept()
        let stream = try server.request().stream
        let sender = Sending {
            try client.socket.sendPattern(size, within: .seconds(10))
            return size
        }
        let asked = try server.whole(stream)
        #expect(try sender.result() == size)
        #expect(asked.body.count == size && Pattern.holds(asked.body))
        try server.head(stream, 200, [("content-length", "\(size)")])
        let answering = Sending { try server.sendPattern(size, on: stream) }
        let response = try client.response()
        #expect(try answering.result() == size)
        #expect(response.body.count == size && Pattern.holds(response.body))
        #expect(server.violations.isEmpty)
    }

    @Test func `a ticket that comes late ends nothing`() throws {
        let house = try House()
        defer { house.stop() }
        house.origin.serve { try $0.answer($1.stream) }
        for _ in 0..<3 {
            #expect(try house.gateway.ask("/").status == 200)
            house.relay.sendTicket()
            try eventually("the ticket") { house.relay.hasSentTickets ? true : nil }
        }
        #expect(house.origin.connections == 1)
    }

    @Test(arguments: [TLSRelay.Ending.inOrder, .cut])
    func `a connection that ends with streams in flight is a 502 or a reset`(ending: TLSRelay.Ending) throws {
        let house = try House { options, _ in options.ending = ending }
        defer { house.stop() }
        let client = try house.gateway.http2()
        try client.request(1, "POST", "/", [], .endHeaders)
        try client.request(3)
        let server = try house.origin.accept()
        let streams = try (0..<2).map { _ in try server.request().stream }
        try server.head(streams[1])
        try server.data(streams[1], "half")
        try client.wait(for: "half") { client.answer(sofar: 3).text == "half" }
        server.socket.finishSending()
        #expect(try client.answer(1).status == 502)
        #expect(try client.answer(3).reset == HTTP2Code.internalError)
        client.close()
        try house.gateway.waitUntilGaugesAreDown()
    }

    // MARK: Another's server

    static let hasNghttpd = FileManager.default.isExecutableFile(atPath: "/usr/sbin/nghttpd")

    @Test(.enabled(if: hasNghttpd, "needs Debian's nghttp2-server"), arguments: [true, false])
    func `a real server of HTTP/2 agrees`(isEncrypted: Bool) throws {
        let credentials = try TestCredentials()
        let pair = try credentials.leaf(["localhost"])
        let folder = URL(fileURLWithPath: pair.certificate).deletingLastPathComponent()
        let large = Pattern.bytes(from: 0, count: 200_000)
        try Data(large).write(to: folder.appendingPathComponent("large"))
        let port = try Loopback.freePorts(1)[0]
        let arguments = [
            "-a", "127.0.0.1", "-d", folder.path, "--trailer", "x-sum: 1", "--max-concurrent-streams=5",
        ]
        let server = try ChildProcess(
            "/usr/sbin/nghttpd",
            arguments + (isEncrypted ? ["\(port)", pair.key, pair.certificate] : ["--no-tls", "\(port)"]))
        defer { server.kill() }
        try eventually("nghttpd") { GatewayProcess.takesConnections(port) ? true : nil }
        let address = isEncrypted ? "\"https://127.0.0.1:\(port)\"" : "127.0.0.1:\(port)"
        let tls = "tls: { authorities: \(credentials.authority), name: localhost }"
        let gateway = try GatewayProcess(
            servers: [address], upstream: "protocol: h2, \(isEncrypted ? tls : "")",
            listener: GatewayProcess.http2)
        let client = try gateway.http2([(HTTP2Setting.window, 1 << 24)])
        try client.grant(0, 1 << 24)
        let streams = (0..<20).map { UInt32($0 * 2 + 1) }
        for stream in streams { try client.request(stream, "GET", "/large") }
        for stream in streams {
            let answer = try client.answer(stream)
            #expect(answer.status == 200)
            #expect(answer.body == large)
            #expect(answer.trailers?.map { "\($0.name): \($0.value)" } == ["x-sum: 1"])
        }
        try client.request(101, "HEAD", "/large")
        #expect(try client.answer(101).status == 200)
        try client.request(103, "GET", "/nothing")
        #expect(try client.answer(103).status == 404)
        let old = try gateway.client().ask(get("/large"))
        #expect(old.body == large)
        #expect(client.violations.isEmpty)
    }
}
