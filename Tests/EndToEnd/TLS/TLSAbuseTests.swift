import Foundation
import Testing

/// What TLS lets a peer do at little cost.
@Suite struct TLSAbuseTests {
    @Test(arguments: [false, true])
    func `keys that are renewed without end, end the connection`(wantingAnswers: Bool) throws {
        let files = try TLSFiles()
        let origin = try ScriptedOrigin.answering(body: "answered")
        let gateway = try GatewayProcess(tls: [try files.leaf("site")], before: origin)
        let socket = try gateway.tls(.only(.tls13))
        let client = RawClient(socket: socket)
        #expect(try client.ask(get("/")).text == "answered")
        // A few are a client's good right.
        let deadline = Deadline(in: .seconds(20))
        try socket.sendRaw(socket.keyUpdates(20, wantingAnswers: wantingAnswers), deadline)
        #expect(try client.ask(get("/")).text == "answered")
        var isEnded = false
        do {
            for _ in 0..<40 {
                try socket.sendRaw(socket.keyUpdates(500, wantingAnswers: wantingAnswers), deadline)
            }
            while try !socket.receiveRaw(deadline).isEmpty {}
            isEnded = true
        } catch SocketError.reset {
            isEnded = true
        }
        #expect(isEnded)
        #expect(try gateway.ask(TLSWish()).response.text == "answered")
        socket.close()
        try gateway.waitUntilNobodyIsThere()
    }

    @Test func `payload in records of one byte is nothing of the kind`() throws {
        let files = try TLSFiles()
        let origin = try ScriptedOrigin(.expectHead, .expectPattern(20_000), .respond(body: "all of it"))
        let gateway = try GatewayProcess(tls: [try files.leaf("site")], before: origin)
        let socket = try gateway.tls()
        let client = RawClient(socket: socket)
        try client.send(request("POST / HTTP/1.1", ["Content-Length: 20000"]))
        var burst: [UInt8] = []
        for byte in Pattern.bytes(from: 0, count: 20_000) { burst += try socket.encrypted([byte]) }
        try socket.sendRaw(burst, Deadline(in: .seconds(20)))
        #expect(try client.response(to: "POST").text == "all of it")
    }
}
