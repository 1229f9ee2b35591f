import Foundation
import Testing

/// Servers behind TLS.
@Suite struct CutAnswerTLSTests {
    private let files: TLSFiles

    init() throws {
        files = try TLSFiles()
        try files.leaf("origin", ["origin.test", "127.0.0.1"])
    }

    /// A server that does the same with each connection, on a thread of its own.
    private func serve(_ connection: @escaping @Sendable (TLSSocket) throws -> Void) throws -> UInt16 {
        let (listener, port) = try Loopback.listen()
        let files = files
        Thread.detachNewThread {
            Loopback.acceptAll(listener) { socket in
                Thread.detachNewThread {
                    guard
                        let tls = try? TLSSocket(
                            serving: socket, chain: files.path("origin.pem"), key: files.path("origin.key"))
                    else { return }
                    do {
                        try tls.shakeHands(Deadline(in: .seconds(10)))
                        try connection(tls)
                    } catch {}
                    tls.close()
                }
                return true
            }
        }
        return port
    }

    private func gateway(_ port: UInt16, tls: String? = nil, server: String = "127.0.0.1") throws
        -> GatewayProcess
    {
        let tls = tls ?? "authorities: \(files.path("authority.pem"))"
        return try GatewayProcess(servers: ["https://\(server):\(port)"], upstream: "tls: { \(tls) }")
    }

    private static func answer(_ text: String, thenSayingClosed: Bool) -> @Sendable (TLSSocket) throws -> Void
    {
        { tls in
            let deadline = Deadline(in: .seconds(10))
            _ = try RawClient(socket: tls).read(through: "\r\n\r\n")
            try tls.send(Array(text.utf8), deadline)
            if thenSayingClosed { try tls.sayClosed() }
        }
    }

    @Test func `a body that lasts until the close is whole only where TLS says so`() throws {
        let head = "HTTP/1.1 200 OK\r\n\r\nthe beginning"
        let whole = try gateway(serve(Self.answer(head, thenSayingClosed: true)))
        #expect(try whole.ask("/").text == "the beginning")
        let cut = try gateway(serve(Self.answer(head, thenSayingClosed: false)))
        #expect(throws: (any Error).self) { try cut.ask("/") }
        try eventually("the line of the log") {
            cut.standardOutput.contains("upstream.body") ? true : nil
        }
    }

    @Test func `a body with a length is whole without a word`() throws {
        let gateway = try gateway(
            serve(Self.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall", thenSayingClosed: false)))
        for _ in 0..<3 { #expect(try gateway.ask("/").text == "all") }
    }

    @Test func `a server that nobody vouches for is not asked`() throws {
        let asked = Gate()
        let port = try serve { tls in
            _ = try tls.receive(Deadline(in: .seconds(2)))
            asked.open()
        }
        let stranger = try TLSFiles()
        let foreign = try gateway(port, tls: "authorities: \(stranger.path("authority.pem"))")
        #expect(try foreign.ask("/").status == 502)
        let misnamed = try gateway(
            port, tls: "authorities: \(files.path("authority.pem")), name: other.test")
        #expect(try misnamed.ask("/").status == 502)
        try misnamed.waitUntilSaid("TLS with a server failed")
        #expect(misnamed.standardError.contains("certificate not trusted"), "\(misnamed.standardError)")
    }

    @Test func `names of certificates are those of the settings`() throws {
        let port = try serve(
            Self.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall", thenSayingClosed: true))
        let named = try gateway(port, tls: "authorities: \(files.path("authority.pem")), name: origin.test")
        #expect(try named.ask("/").text == "all")
        let unverified = try gateway(port, tls: "verify: false")
        #expect(try unverified.ask("/").text == "all")
    }

    @Test func `a server that speaks no TLS is an error of its own`() throws {
        let origin = try ScriptedOrigin(
            .expectBytes(6), .send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        let gateway = try gateway(origin.port)
        #expect(try gateway.ask("/").status == 502)
        try gateway.waitUntilSaid("TLS with a server failed")
    }

    @Test(arguments: ["", "protocol: h2, "])
    func `behind TLS stands a gateway with TLS`(protocolKey: String) throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let inner = try GatewayProcess(tls: [files.entry("origin")], before: origin)
        let outer = try GatewayProcess(
            servers: ["https://127.0.0.1:\(inner.ports.gateway)"],
            upstream: "\(protocolKey)tls: { authorities: \(files.path("authority.pem")) }")
        for _ in 0..<5 { #expect(try outer.ask("/").text == "answered") }
        #expect(try inner.handshakes("full") == 1)
        let before = inner.said("settings reloaded")
        inner.signal(SIGHUP)
        try inner.waitUntilSaid("settings reloaded", times: before + 1)
        #expect(try outer.ask("/").text == "answered")
        #expect(inner.process.exit == nil && outer.process.exit == nil)
    }
}
