import Foundation
import Testing

/// Bodies over TLS, byte for byte, at both versions of HTTP, however they come.
@Suite struct TLSBodyTests {
    private let files: TLSFiles
    private static let size = 8 << 20

    init() throws {
        files = try TLSFiles()
        try files.leaf("site")
    }

    private func gateway(before origin: ScriptedOrigin, clients: String = "") throws -> GatewayProcess {
        try GatewayProcess(tls: [files.entry("site")], before: origin, clients: clients)
    }

    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"

    private func download() throws -> ScriptedOrigin {
        try ScriptedOrigin(.expectHead, .send(Self.head), .sendPattern(Self.size))
    }

    private func upload() throws -> ScriptedOrigin {
        try ScriptedOrigin(.expectHead, .expectPattern(Self.size), .respond(body: "all of it"))
    }

    private static let post = request("POST / HTTP/1.1", ["Content-Length: \(size)"])

    /// Reads a body of the pattern, piece by piece.
    private func readPattern(_ client: RawClient, piece: Int) throws {
        _ = try client.read(through: "\r\n\r\n")
        var position = 0
        while position < Self.size {
            let bytes = try client.read(min(piece, Self.size - position))
            try #require(Pattern.matches(bytes[...], at: position), "at \(position)")
            position += bytes.count
        }
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13], [64 << 10, 1000])
    func `8 MiB down by HTTP_1`(version: TLSWish.Version, piece: Int) throws {
        let gateway = try gateway(before: download())
        // A small buffer makes the reader slow for the gateway.
        let client = try gateway.secure(.only(version), receiveBuffer: piece < 5000 ? 4096 : nil)
        try client.send(get("/"))
        try readPattern(client, piece: piece)
    }

    @Test(arguments: [TLSWish.Version.tls12, .tls13], [16384, 16385, 999])
    func `8 MiB up by HTTP_1, in records of any size`(version: TLSWish.Version, piece: Int) throws {
        let origin = try upload()
        let gateway = try gateway(before: origin)
        let client = try gateway.secure(.only(version))
        try client.send(Self.post)
        for start in stride(from: 0, to: Self.size, by: piece) {
            try client.send(Pattern.bytes(from: start, count: min(piece, Self.size - start)))
        }
        #expect(try client.response(to: "POST").text == "all of it")
        #expect(try origin.end() == .peerClosed || origin.end() == .finished)
    }

    @Test func `8 MiB down by HTTP_2`() throws {
        let gateway = try gateway(before: download())
        let client = try gateway.secureHTTP2()
        try client.request(1)
        var granted = HTTP2Client.defaultWindow
        while granted < Self.size {
            let reach = granted
            try client.wait(for: "what was granted") { client.answer(sofar: 1).body.count >= reach - 20_000 }
            try client.grant(0, 65_536)
            try client.grant(1, 65_536)
            granted += 65_536
        }
        let answer = try client.answer(1)
        #expect(answer.body.count == Self.size)
        for start in stride(from: 0, to: answer.body.count, by: Pattern.piece) {
            let end = min(start + Pattern.piece, answer.body.count)
            #expect(Pattern.matches(answer.body[start..<end], at: start))
        }
        #expect(client.violations.isEmpty)
    }

    @Test func `8 MiB up by HTTP_2`() throws {
        let gateway = try gateway(before: upload())
        let client = try gateway.secureHTTP2()
        try client.request(1, "POST", "/", [("content-length", "\(Self.size)")], .endHeaders)
        #expect(try client.sendPattern(Self.size, on: 1) == Self.size)
        #expect(try client.answer(1).text == "all of it")
        #expect(client.violations.isEmpty)
    }

    @Test func `curl takes and gives the same bytes at both versions`() throws {
        let body = Pattern.bytes(from: 0, count: Pattern.piece)
        try files.write(body, "body")
        for version in ["--http1.1", "--http2"] {
            let origin = try ScriptedOrigin(
                .forever([
                    .expectRequest, .send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"),
                    .sendPattern(body.count),
                ]))
            let gateway = try gateway(before: origin)
            let result = try ChildProcess.run(
                "/usr/bin/curl",
                [
                    "-sS", version, "--cacert", files.path("authority.pem"), "--resolve",
                    "localhost:\(gateway.ports.gateway):127.0.0.1", "--data-binary", "@\(files.path("body"))",
                    "-o",
                    files.path("answer"), "-w", "%{http_code}", "https://localhost:\(gateway.ports.gateway)/",
                ])
            #expect(result.output == "200", "\(result.errors)")
            #expect(try files.bytes("answer") == body)
            #expect(try origin.requests(1)[0].body == body)
        }
    }

    @Test func `records that are cut anywhere are put together`() throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let gateway = try gateway(before: origin)
        let socket = try gateway.tls()
        let client = RawClient(socket: socket)
        let deadline = Deadline(in: .seconds(20))
        for cut in [1, 2, 4, 5, 6, 20] {
            let record = try socket.encrypted(Array(get("/").utf8))
            try socket.sendRaw(Array(record[..<cut]), deadline)
            try socket.sendRaw(Array(record[cut..<(record.count - cut)]), deadline)
            try socket.sendRaw(Array(record[(record.count - cut)...]), deadline)
            #expect(try client.response().text == "answered")
        }
        for byte in try socket.encrypted(Array(get("/").utf8)) { try socket.sendRaw([byte], deadline) }
        #expect(try client.response().text == "answered")
        var burst: [UInt8] = []
        for byte in Array(get("/").utf8) + Array(get("/last").utf8) { burst += try socket.encrypted([byte]) }
        try socket.sendRaw(burst, deadline)
        #expect(try client.response().text == "answered")
        #expect(try client.response().text == "answered")
        #expect(try origin.requests(9).last?.target == "/last")
    }

    @Test func `many small writes of the origin arrive as they come`() throws {
        let count = 400
        let lines = (0..<count).map { "5\r\n\(String(format: "%05d", $0))\r\n" }
        let origin = try ScriptedOrigin(scripts: [
            [.expectHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
                + lines.map { .send($0) } + [.send("0\r\n\r\n")]
        ])
        let gateway = try gateway(before: origin)
        let client = try gateway.secure()
        let response = try client.ask(get("/"))
        #expect(response.text == (0..<count).map { String(format: "%05d", $0) }.joined())
    }

    @Test(arguments: [false, true])
    func `a reader that stops is ended, and others are served meanwhile`(isHTTP2: Bool) throws {
        let scripts: [[ScriptedOrigin.Step]] = [
            [.expectHead, .send("HTTP/1.1 200 OK\r\n\r\n"), .forever([.sendPattern(1 << 20)])],
            [.forever([.expectRequest, .respond(body: "answered")])],
        ]
        let origin = try ScriptedOrigin(scripts: scripts)
        let gateway = try gateway(before: origin, clients: "write_timeout: 500ms")
        if isHTTP2 {
            let client = try gateway.secureHTTP2(receiveBuffer: 4096)
            try client.request(1)
            #expect(try gateway.ask(TLSWish()).response.text == "answered")
            let answer = try client.answer(1)
            #expect(answer.reset != nil)
        } else {
            let client = try gateway.secure(receiveBuffer: 4096)
            try client.send(get("/"))
            #expect(try gateway.ask(TLSWish()).response.text == "answered")
            try client.socket.waitUntilPeerLeaves(Deadline(in: .seconds(10)))
        }
        #expect(try origin.end() != .running)
        try eventually("the slow reader in the metrics") {
            try gateway.metric("floodgate_slow_clients_total{part=\"reader\"}") == 1 ? true : nil
        }
    }
}
