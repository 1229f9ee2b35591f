import Foundation
import Testing

/// What is not TLS, or never gets there.
@Suite struct TLSRefusalTests {
    private let files: TLSFiles
    private let origin: ScriptedOrigin

    init() throws {
        files = try TLSFiles()
        origin = try .answering(body: "answered")
        try files.leaf("site")
    }

    private func gateway(_ tls: String = "", clients: String = "", listener: String = "") throws
        -> GatewayProcess
    {
        try GatewayProcess(
            tls: [files.entry("site")], before: origin, tls: tls, listener: listener, clients: clients)
    }

    @Test(arguments: ["GET", "POST", "HEAD", "PUT"])
    func `plain HTTP is told in plain what is wrong`(method: String) throws {
        let gateway = try gateway()
        let client = try gateway.client()
        try client.send("\(method) / HTTP/1.1\r\nHost: here\r\n\r\n")
        let response = try client.response()
        #expect(response.status == 400)
        #expect(response.value("Content-Type") == "application/problem+json")
        #expect(response.value("Connection") == "close")
        let problem = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
        #expect(problem?["status"] as? Int == 400)
        #expect((problem?["detail"] as? String)?.contains("HTTPS") == true)
        #expect(try client.readToEnd().isEmpty, "no TLS alert behind it")
        client.close()
        #expect(try gateway.handshakes("failed") == 1)
        try gateway.waitUntilNobodyIsThere()
    }

    @Test func `a request in plain that goes on and on is answered and ended too`() throws {
        let gateway = try gateway()
        let client = try gateway.client()
        try client.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n")
        try? client.send([UInt8](repeating: 0x61, count: 200_000))
        #expect(try client.response().status == 400)
        client.close()
        try gateway.waitUntilNobodyIsThere()
    }

    private static let garbage: [[UInt8]] = [
        [0], [0x16], [0x16, 3, 1, 0xFF, 0xFF], [0x16, 3, 1, 0, 0], [0x15, 3, 1, 0, 2, 2, 0],
        [0x17, 3, 3, 0, 1, 0], Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), [UInt8](repeating: 0xFF, count: 4096),
        [0x80, 0x2E, 1, 3, 1], [0x16, 3, 1, 0, 4, 1, 0, 0, 0],
    ]

    @Test(arguments: garbage)
    func `garbage ends the connection and is counted`(bytes: [UInt8]) throws {
        let gateway = try gateway(clients: "head_timeout: 300ms")
        let socket = try TestSocket.connect(port: gateway.ports.gateway)
        try socket.send(bytes, Deadline(in: .seconds(5)))
        var answer: [UInt8] = []
        do {
            while true {
                let piece = try socket.receive(Deadline(in: .seconds(5)))
                if piece.isEmpty { break }
                answer += piece
            }
        } catch SocketError.reset {}
        // An alert, or nothing at all.
        #expect(answer.isEmpty || answer.first == 0x15)
        #expect(try gateway.handshakes("failed") + gateway.handshakes("timeout") == 1)
        #expect(try gateway.ask(TLSWish()).response.status == 200)
    }

    @Test func `TLS to a plain port is ended without a word in its log`() throws {
        let gateway = try GatewayProcess(before: origin)
        #expect(throws: SocketError.self) { try gateway.tls() }
        #expect(gateway.standardError.lowercased().contains("tls") == false)
        try gateway.waitUntilNobodyIsThere()
    }

    @Test func `a handshake that stalls is ended, wherever it stalls, and counted`() throws {
        let gateway = try gateway(clients: "head_timeout: 300ms")
        // What a client says first, as it goes over the wire.
        let hello = try ClientHello.make()
        let cuts = [0, 1, 4, 5, hello.count / 2, hello.count - 1, hello.count]
        for cut in cuts {
            let socket = try TestSocket.connect(port: gateway.ports.gateway)
            if cut > 0 { try socket.send(Array(hello[..<cut]), Deadline(in: .seconds(5))) }
            do {
                while try !socket.receive(Deadline(in: .seconds(5))).isEmpty {}
            } catch SocketError.reset {}
        }
        #expect(try gateway.handshakes("timeout") == cuts.count)
        try gateway.waitUntilNobodyIsThere()
    }

    @Test func `whoever leaves before it is done is not a failure`() throws {
        let gateway = try gateway()
        let before = try gateway.handshakes("abandoned")
        for _ in 0..<3 { try TestSocket.connect(port: gateway.ports.gateway).close() }
        // Whoever asked whether the gateway is ready may be counted late.
        try eventually("three that left", holds: { try gateway.handshakes("abandoned") >= before + 3 })
        #expect(try gateway.handshakes("failed") == 0)
        #expect(gateway.said("handshake") == 0)
    }

    @Test func `one address may begin only so many handshakes, others are not touched`() throws {
        let gateway = try GatewayProcess(
            before: origin, clients: "handshakes_per_second: 1",
            listener: "tls: { certificates: [\(files.entry("site"))] }")
        var refused = 0
        for _ in 0..<12 where (try? gateway.tls()) == nil { refused += 1 }
        #expect(refused > 0)
        #expect(try gateway.handshakes("refused") == refused)
        try gateway.waitUntilSaid("an address begins more TLS handshakes than it may")
        let other = try TLSSocket(
            over: TestSocket.connect(port: gateway.ports.gateway, from: 9), TLSWish())
        try other.shakeHands(Deadline(in: .seconds(5)))
        try eventually("a handshake again", within: .seconds(10), every: .milliseconds(100)) {
            (try? gateway.tls()) != nil ? true : nil
        }
    }

    @Test func `failures are counted one by one, and logged a few times only`() throws {
        let gateway = try gateway()
        for _ in 0..<50 {
            #expect(throws: SocketError.self) { try gateway.tls(TLSWish("localhost", ["h3"])) }
        }
        #expect(try gateway.handshakes("failed") == 50)
        try gateway.waitUntilSaid("TLS handshake failed")
        #expect(gateway.said("TLS handshake failed") < 5)
        #expect(
            gateway.standardError.contains("no application protocol")
                || gateway.standardError.contains("reason"))
    }
}

/// The first flight of a client.
enum ClientHello {
    static func make(_ wish: TLSWish = TLSWish()) throws -> [UInt8] {
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let client = try TLSSocket(over: TestSocket.connect(port: port), wish)
        let server = TestSocket(adopting: accept(listener, nil, nil))
        // Nobody answers: what was sent until then is the first flight.
        try? client.shakeHands(Deadline(in: .milliseconds(1)))
        return try server.receive(Deadline(in: .seconds(5)))
    }
}
