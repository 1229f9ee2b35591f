import Foundation
import Testing

/// Every answer of the gateway's own is one that a page of an allowed origin can read, and no other page can
/// (R10, R14).
@Suite(.timeLimit(.minutes(20))) struct OwnAnswerTableTests {
    private static let pages = [(OwnAnswerHouse.allowed, true), (OwnAnswerHouse.foreign, false)]

    @Test func `every answer can be read by HTTP 1`() throws {
        let house = try OwnAnswerHouse()
        for row in OwnAnswerTable.rows where row.byHTTP1 {
            for (origin, isAllowed) in Self.pages {
                let client = try RawClient(port: house.port(row.door))
                defer { client.close() }
                let answer = PlainAnswer(try client.ask(row.text(origin: origin)))
                let fault = row.fault(answer, origin: origin, isAllowed: isAllowed)
                #expect(fault == nil, "\(row) for \(origin)")
            }
        }
    }

    @Test func `every answer can be read by HTTP 2`() throws {
        let house = try OwnAnswerHouse()
        for row in OwnAnswerTable.rows where row.byHTTP2 {
            for (origin, isAllowed) in Self.pages {
                let client = try HTTP2Client(port: house.port(row.door))
                defer { client.close() }
                try client.greet()
                try row.send(to: client, 1, origin: origin)
                let answer = PlainAnswer(try client.answer(1))
                let fault = row.fault(answer, origin: origin, isAllowed: isAllowed)
                #expect(fault == nil, "\(row) for \(origin)")
            }
        }
    }

    @Test func `every failure that the gateway knows has its row`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "Sources/Pipeline/Failure.swift")
        let source = try String(contentsOf: file, encoding: .utf8)
        let cases = source.matches(of: /(?m)^    case (\w+)$/).map { String($0.1) }
        #expect(cases.count > 15)
        let named = Set(OwnAnswerTable.rows.map(\.name)).union(OwnAnswerTable.elsewhere.keys)
        #expect(cases.filter { !named.contains($0) } == [])
    }

    @Test func `a preflight is answered or refused, and both are said plainly`() throws {
        let house = try OwnAnswerHouse()
        for (origin, isAllowed) in Self.pages {
            let answer = try house.gateway.client().ask(
                get("/spent", "Origin: \(origin)", "Access-Control-Request-Method: GET", method: "OPTIONS"))
            #expect(answer.status == (isAllowed ? 204 : 403))
            #expect(answer.value("Vary")?.hasPrefix("Origin, Access-Control-Request-Method") == true)
            #expect(answer.value("X-Request-Id") != nil)
            if !isAllowed { _ = answer.problem() }
        }
    }

    private func expectReadable(_ answer: RawResponse, _ status: Int) {
        #expect(answer.status == status)
        #expect(answer.values("Access-Control-Allow-Origin") == [OwnAnswerHouse.allowed])
        #expect(answer.values("Vary") == ["Origin"])
    }

    private static let page = "Origin: \(OwnAnswerHouse.allowed)"
    private static let cors = "cors: { origins: [\(OwnAnswerHouse.allowed)] }"

    @Test func `a page reads that there is no memory, and that a gateway is about to leave`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let full = try GatewayProcess(before: origin, top: "memory_limit: 16MiB\n\(Self.cors)")
        try eventually("memory level 2") { try full.metric("floodgate_memory_level") == 2 }
        let refused = try full.client().ask(get("/a", Self.page))
        expectReadable(refused, 503)
        #expect(refused.value("Retry-After") == "5")

        let leaving = try GatewayProcess { ports in
            """
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            drain: { announce: 5s, deadline: 10s }
            routes: [{ path: /, respond: { text: a } }]
            \(Self.cors)
            """
        }
        leaving.signal(SIGTERM)
        try eventually("the drain") { () -> Bool? in
            let answer = try leaving.client().ask(get("/readyz", Self.page))
            guard answer.status == 503 else { return nil }
            expectReadable(answer, 503)
            return true
        }
    }

    @Test
    func `who has too many connections is told before a word was read, to everybody where that is allowed`()
        throws
    {
        let gateway = try GatewayProcess(
            routing: """
                clients: { max_connections_per_address: 1 }
                cors: { origins: "*" }
                routes: [{ path: /, respond: { text: a } }]
                """)
        try eventually("nobody is connected") { try gateway.metric("floodgate_connections_open") == 0 }
        let first = try gateway.client()
        #expect(try first.ask(get("/")).status == 200)
        let answer = try gateway.client().response()
        #expect(answer.status == 429)
        #expect(answer.value("Access-Control-Allow-Origin") == "*")
    }
}
