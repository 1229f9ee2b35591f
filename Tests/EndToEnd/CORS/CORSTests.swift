import Foundation
import Testing

/// CORS as browsers see it, through the running gateway (R10).
@Suite(.timeLimit(.minutes(20))) struct CORSTests {
    @Test func `the table is long, and no row stands in it twice`() {
        #expect(CORSTable.rows.count >= 250)
        #expect(Set(CORSTable.rows.map(\.description)).count == CORSTable.rows.count)
    }

    @Test func `every row holds by HTTP 1`() throws {
        let house = try CORSHouse()
        defer { house.origin.stop() }
        for row in CORSTable.rows {
            let client = try house.gateway.client()
            defer { client.close() }
            let length = row.method == "POST" ? ["Content-Length: 0"] : []
            let answer = try client.ask(
                request("\(row.method) \(row.path) HTTP/1.1", row.fields + length + ["Connection: close"]))
            let fault = row.fault(PlainAnswer(answer))
            #expect(fault == nil, "\(row)")
        }
        expectNoPreflights(house)
    }

    @Test func `every row holds by HTTP 2`() throws {
        let house = try CORSHouse()
        defer { house.origin.stop() }
        let client = try house.gateway.http2()
        var stream: UInt32 = 1
        for row in CORSTable.rows {
            let fields = row.fields.map { line -> (String, String) in
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                // Latin-1 is what the frames are written in: the bytes of UTF-8, one by one.
                let value = String(parts[1].drop { $0 == " " })
                return (parts[0].lowercased(), String(latin1: Array(value.utf8)))
            }
            try client.request(stream, row.method, row.path, fields)
            let fault = row.fault(PlainAnswer(try client.answer(stream)))
            #expect(fault == nil, "\(row)")
            stream += 2
        }
        expectNoPreflights(house)
    }

    /// The backend has seen no preflight but those of the route that leaves CORS to it.
    private func expectNoPreflights(_ house: CORSHouse) {
        let seen = house.origin.requests.filter {
            $0.value("Access-Control-Request-Method") != nil && $0.value("Origin") != nil
                && $0.text.hasPrefix("OPTIONS")
        }
        #expect(Set(seen.map(\.target)) == ["/off/a"])
    }

    @Test func `a 304 and a redirect of the backend's can be read as well`() throws {
        for status in [304, 302, 404, 500] {
            let origin = try ScriptedOrigin.answering(status, fields: ["Access-Control-Allow-Origin: *"])
            defer { origin.stop() }
            let gateway = try GatewayProcess(
                before: origin, top: "cors: { origins: [https://app.example.com], credentials: true }")
            let answer = try gateway.client().ask(get("/a", "Origin: https://app.example.com"))
            #expect(answer.status == status)
            #expect(answer.values("Access-Control-Allow-Origin") == ["https://app.example.com"])
            #expect(answer.values("Vary") == ["Origin"])
        }
    }

    @Test func `what the operator writes for an answer goes together with the policy`() throws {
        let gateway = try GatewayProcess(
            routing: """
                cors: { origins: [https://app.example.com] }
                routes:
                  - { path: /a, respond: { text: a, headers: { Vary: Accept, X-A: b } } }
                  - { path: /b, respond: { text: b, headers: { vary: "Accept, origin" } } }
                """)
        let client = try gateway.client()
        #expect(try client.ask(get("/a")).values("Vary") == ["Accept, Origin"])
        let answer = try client.ask(get("/b", "Origin: https://app.example.com"))
        #expect(answer.values("Vary") == ["Accept, origin"])
        #expect(answer.value("Access-Control-Allow-Origin") == "https://app.example.com")
    }

    @Test func `a refusal behind the route has the route's policy, one before it the file's`() throws {
        let gateway = try GatewayProcess(
            routing: """
                cors: { origins: [https://app.example.com] }
                routes:
                  - path: /own
                    cors: { origins: [https://own.example] }
                    max_body: 1
                    respond: { text: a }
                  - { path: /off, methods: [GET], cors: off, respond: { text: b } }
                """)
        func allowed(_ request: String) throws -> (Int, [String]) {
            let answer = try gateway.client().ask(request)
            return (answer.status, answer.values("Access-Control-Allow-Origin"))
        }
        let own = "https://own.example"
        let app = "https://app.example.com"
        #expect(try allowed(post("/own", "Origin: \(own)", body: "xx")) == (413, [own]))
        #expect(try allowed(post("/own", "Origin: \(app)", body: "xx")) == (413, []))
        #expect(try allowed(get("/none", "Origin: \(app)")) == (404, [app]))
        #expect(try allowed(get("/none", "Origin: \(own)")) == (404, []))
        #expect(try allowed(get("/off", "Origin: \(app)")) == (200, []))
        // What the route itself would not let be read, no preflight promises.
        let asked = get("/off", "Origin: \(app)", "Access-Control-Request-Method: GET", method: "OPTIONS")
        #expect(try allowed(asked).0 == 405)
    }

    @Test func `preflights cost a client nothing of its limits, and are logged with their route`() throws {
        let gateway = try GatewayProcess(
            routing: """
                cors: { origins: [https://app.example.com] }
                limits: { once: { rate: 1 per 1h } }
                routes:
                  - { name: orders, path: /orders, methods: [PUT], limits: [once], respond: { text: a } }
                """)
        let client = try gateway.client()
        for _ in 0..<5 {
            let answer = try client.ask(
                get(
                    "/orders", "Origin: https://app.example.com", "Access-Control-Request-Method: PUT",
                    method: "OPTIONS"))
            #expect(answer.status == 204)
        }
        let put = get("/orders", "Origin: https://app.example.com", "Content-Length: 0", method: "PUT")
        #expect(try client.ask(put).status == 200)
        let refused = try client.ask(put)
        #expect(refused.status == 429)
        #expect(refused.value("Access-Control-Allow-Origin") == "https://app.example.com")
        let line = try gateway.logged("/orders", count: 7)[0]
        #expect(line["route"] as? String == "orders")
        #expect(line["outcome"] as? String == "gateway.done")
    }
}
