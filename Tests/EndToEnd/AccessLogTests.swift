import Foundation
import Testing

/// What the access log says about requests, and what it must never say.
@Suite(.timeLimit(.minutes(20))) struct AccessLogTests {
    @Test func `a line tells what happened`() throws {
        let origin = try ScriptedOrigin(
            .forever([.expectRequest, .wait(.milliseconds(20)), .respond(201, body: "12345")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, route: "name: everything")
        let client = try gateway.client()
        let text =
            request(
                "POST /log/me?a=b HTTP/1.1",
                ["User-Agent: a \"test\"/1", "Referer: https://from.example/x?y", "Content-Length: 3"])
            + "abc"
        let response = try client.ask(text)
        _ = try client.ask(text)
        let lines = try gateway.logged("/log/me", count: 2)
        let line = lines[0]
        #expect(line["id"] as? String == response.value("X-Request-Id"))
        #expect((line["trace"] as? String)?.count == 32)
        #expect(
            try origin.requests(1)[0].value("traceparent")?.contains(line["trace"] as? String ?? "-") == true)
        #expect(line["client"] as? String == "127.0.0.1")
        #expect(line["method"] as? String == "POST")
        #expect(line["scheme"] as? String == "http")
        #expect(line["host"] as? String == "here")
        #expect(line["query"] as? Bool == true)
        #expect(line["protocol"] as? String == "HTTP/1.1")
        #expect(line["status"] as? Int == 201)
        #expect(line["outcome"] as? String == "ok")
        #expect(line["route"] as? String == "everything")
        #expect(line["upstream"] as? String == "app")
        #expect(line["server"] as? String == "127.0.0.1:\(origin.port)")
        #expect(line["retries"] as? Int == 0)
        #expect(line["bytes_in"] as? Int == text.utf8.count)
        #expect(line["user_agent"] as? String == "a \"test\"/1")
        #expect(line["referer"] as? String == "https://from.example/x")
        #expect(lines.map { $0["sequence"] as? Int } == [1, 2])
        #expect(lines.map { $0["reused"] as? Bool } == [false, true])
        let total = try #require(line["total_us"] as? Int)
        let answer = try #require(line["response_us"] as? Int)
        #expect((20_000...5_000_000).contains(answer))
        #expect(total >= answer)
        #expect((line["time"] as? String)?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func `bytes are counted as they went over the wire`() throws {
        let origin = try ScriptedOrigin.answering(body: "12345")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        try client.send(get("/bytes", "Connection: close"))
        let bytes = try client.readToEnd()
        #expect(try gateway.logged("/bytes")[0]["bytes_out"] as? Int == bytes.count)
    }

    @Test func `nothing secret is written`() throws {
        let origin = try ScriptedOrigin.answering(fields: ["Set-Cookie: session=s3cret"], body: "s3cret")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let response = try client.ask(
            request(
                "POST /secret?token=s3cret HTTP/1.1",
                [
                    "Authorization: Bearer s3cret", "Cookie: session=s3cret", "X-Api-Key: s3cret",
                    "Proxy-Authorization: Basic s3cret",
                    "Referer: https://user:s3cret@from.example/?t=s3cret",
                    "Content-Length: 6",
                ]) + "s3cret")
        #expect(response.status == 200)
        _ = try gateway.logged("/secret")
        #expect(try client.ask("GET / HTTP/1.1\r\nHost: s3cret s3cret\r\nX: s3cret\r\n\r\n").status == 400)
        try eventually("the refusal's line") {
            gateway.logLines().contains { $0["status"] as? Int == 400 } ? true : nil
        }
        #expect(!gateway.standardOutput.contains("s3cret"))
        #expect(!gateway.standardError.contains("s3cret"))
    }

    @Test func `what clients write cannot forge a line`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let agent = "\\\"},{\"status\":200,\"x\":\"\t\u{FFFD}\\u0000"
        #expect(try client.ask(get("/forged", "User-Agent: \(agent)")).status == 200)
        let raw = Array("GET /raw HTTP/1.1\r\nHost: here\r\nUser-Agent: ".utf8) + [0xFF, 0xC0, 0x80]
        try client.send(raw + Array("\r\n\r\n".utf8))
        #expect(try client.response().status == 200)
        #expect(try gateway.logged("/forged")[0]["user_agent"] as? String == agent)
        #expect(try gateway.logged("/raw")[0]["user_agent"] as? String != nil)
        #expect(gateway.logLines().count == 2)
    }

    @Test func `a request that was not understood has a line with its status`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let response = try gateway.client().ask("NONSENSE\r\n\r\n")
        let line = try eventually("the line") { gateway.logLines().first { $0["status"] as? Int == 400 } }
        #expect(line["outcome"] as? String == "client.head")
        #expect(line["id"] as? String == response.value("X-Request-Id"))
        #expect(line["client"] as? String == "127.0.0.1")
    }

    @Test func `a file is written instead where the settings say so, and opened again on SIGUSR1`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "fg-\(UUID().uuidString).log")
        let moved = file.appendingPathExtension("1")
        defer { for path in [file, moved] { try? FileManager.default.removeItem(at: path) } }
        let gateway = try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { path: \(file.path), flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)] } }
            routes: [{ path: /*, upstream: app }]
            """
        }
        let client = try gateway.client()
        func wait(for path: String, in file: URL) throws {
            try eventually("\(path) in \(file.lastPathComponent)") {
                (try? String(contentsOf: file, encoding: .utf8))?.contains("\"\(path)\"") == true ? true : nil
            }
        }
        _ = try client.ask(get("/before"))
        try wait(for: "/before", in: file)
        try FileManager.default.moveItem(at: file, to: moved)
        gateway.signal(SIGUSR1)
        try eventually("the new file") { FileManager.default.fileExists(atPath: file.path) ? true : nil }
        _ = try client.ask(get("/after"))
        try wait(for: "/after", in: file)
        #expect(try !String(contentsOf: moved, encoding: .utf8).contains("/after"))
        #expect(gateway.standardOutput.isEmpty)
    }

    @Test func `lines are whole when the gateway ends`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for number in 0..<50 { _ = try client.ask(get("/\(number)")) }
        #expect(gateway.terminate() == .code(0))
        #expect(gateway.logLines().compactMap { $0["path"] as? String } == (0..<50).map { "/\($0)" })
        #expect(gateway.standardOutput.hasSuffix("}\n"))
    }
}
