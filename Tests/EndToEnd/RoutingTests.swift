import Foundation
import Testing

/// Which route a request takes, and the answers that the gateway gives itself.
@Suite(.timeLimit(.minutes(20))) struct RoutingTests {
    /// A gateway with upstreams `a` and `b`, whose origins answer with their names.
    private func routing(_ routes: String, body: (GatewayProcess, [ScriptedOrigin]) throws -> Void) throws {
        let origins = [try ScriptedOrigin.answering(body: "a"), try ScriptedOrigin.answering(body: "b")]
        defer { for origin in origins { origin.stop() } }
        let gateway = try GatewayProcess(
            routing: """
                upstreams:
                  a: { servers: [127.0.0.1:\(origins[0].port)] }
                  b: { servers: [127.0.0.1:\(origins[1].port)] }
                \(routes)
                """)
        try body(gateway, origins)
    }

    @Test func `routes share requests by their weights`() throws {
        let routes = """
            routes:
              - { path: /mixed, upstream: { a: 3, b: 1 } }
              - { path: /switched, upstream: { a: 0, b: 5 } }
            """
        try routing(routes) { gateway, _ in
            let client = try gateway.client()
            let answers = try (0..<400).map { _ in try client.ask(get("/mixed")).text }
            // 300 are expected; 5 standard deviations are 43.
            #expect((257...343).contains(answers.filter { $0 == "a" }.count))
            for _ in 0..<20 { #expect(try client.ask(get("/switched")).text == "b") }
        }
    }

    @Test(arguments: [
        ("/api/v1/x?y=1", "/v1/x?y=1"), ("/api", "/"), ("/api/", "/"), ("/api?q", "/?q"),
        ("/api/a/../b", "/b"),
        ("//api//x", "/x"),
    ])
    func `a prefix is stripped and told to the origin`(path: String, target: String) throws {
        try routing("routes: [{ path: /api/*, upstream: a, strip_prefix: /api }]") { gateway, origins in
            let response = try gateway.client().ask(get(path, "X-Forwarded-Prefix: /evil"))
            #expect(response.text == "a")
            let received = try origins[0].requests(1)[0]
            #expect(received.target == target)
            #expect(received.value("X-Forwarded-Prefix") == "/api")
        }
    }

    @Test func `a stripped prefix is not stripped twice, nor does it open a way out`() throws {
        try routing("routes: [{ path: /api/*, upstream: a, strip_prefix: /api }]") { gateway, origins in
            let client = try gateway.client()
            #expect(try client.ask(get("/api/api/x")).text == "a")
            #expect(try origins[0].requests(1)[0].target == "/api/x")
            for path in ["/api/../secret", "/apix", "/api%2f..%2fsecret", "/API/x"] {
                #expect([400, 404].contains(try client.ask(get(path)).status))
            }
            #expect(origins[0].requests.count == 1)
        }
    }

    @Test func `a route may answer itself, with what the operator wrote`() throws {
        let routes = """
            routes:
              - { path: /gone, respond: { status: 410, json: { error: GONE, "n": 1 } } }
              - { path: /text, respond: { text: "so be it", headers: { X-Custom: "1", Vary: Accept } } }
              - { path: /moved, respond: { status: 308, headers: { Location: "https://example.com/" } } }
              - { path: /empty, respond: { status: 204 } }
              - { path: /*, upstream: a }
            """
        try routing(routes) { gateway, origins in
            let client = try gateway.client()
            let gone = try client.ask(post("/gone", body: "unread"))
            #expect(gone.status == 410)
            #expect(gone.value("Content-Type") == "application/json")
            let json = try JSONSerialization.jsonObject(with: Data(gone.body)) as? [String: Any]
            #expect(json?["error"] as? String == "GONE")
            let text = try client.ask(get("/text"))
            #expect(text.status == 200)
            #expect(text.text == "so be it")
            #expect(text.value("Content-Type") == "text/plain; charset=utf-8")
            #expect(text.value("X-Custom") == "1")
            #expect(text.value("X-Request-Id") != nil)
            let head = try client.ask(get("/text", method: "HEAD"))
            #expect(head.value("Content-Length") == "8")
            #expect(try client.ask(get("/moved")).value("Location") == "https://example.com/")
            #expect(try client.ask(get("/empty")).status == 204)
            #expect(try client.ask(get("/other")).text == "a")
            #expect(origins[0].requests.map(\.target) == ["/other"])
            #expect(try gateway.logged("/gone")[0]["route"] as? String == "/gone")
        }
    }

    @Test func `the operator's own fields stand once, whatever the answer`() throws {
        let routes = """
            routes:
              - { path: /none, respond: { status: 204, headers: { Access-Control-Allow-Origin: "*" } } }
              - { path: /page, respond: { text: "<p>", headers: { content-type: text/html } } }
              - path: /cached
                respond: { json: {}, headers: { Cache-Control: max-age=60, X-Frame-Options: DENY } }
            """
        try routing(routes) { gateway, _ in
            let client = try gateway.client()
            let none = try client.ask(get("/none"))
            #expect(none.status == 204)
            #expect(none.value("Access-Control-Allow-Origin") == "*")
            #expect(none.values("Content-Type").isEmpty && none.values("Content-Length").isEmpty)
            #expect(try client.ask(get("/page")).value("Content-Type") == "text/html")
            let cached = try client.ask(get("/cached"))
            #expect(cached.value("Content-Type") == "application/json")
            #expect(cached.value("Cache-Control") == "max-age=60")
            #expect(cached.value("X-Frame-Options") == "DENY")
            #expect(cached.value("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test func `hosts, methods and fields choose among routes, the most specific first`() throws {
        let routes = """
            routes:
              - { name: any, path: /x, respond: { text: any } }
              - { name: exact, path: /x, hosts: [one.example], respond: { text: exact } }
              - { name: wild, path: /x, hosts: ["*.example"], respond: { text: wild } }
              - { name: put, path: /x, hosts: [one.example], methods: [PUT], respond: { text: put } }
              - { path: /x, hosts: [one.example], headers: { X-Beta: "1" }, respond: { text: beta } }
              - { name: pattern, path: "/users/{id}/avatar", respond: { text: pattern } }
              - { name: below, path: /users/*, respond: { text: below } }
              - { name: me, path: /users/me/avatar, respond: { text: me } }
            """
        try routing(routes) { gateway, _ in
            let client = try gateway.client()
            func ask(_ line: String, _ host: String, _ fields: String = "") throws -> String {
                try client.ask("\(line) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n").text
            }
            #expect(try ask("GET /x", "other") == "any")
            #expect(try ask("GET /x", "ONE.example:81") == "exact")
            #expect(try ask("GET /x", "two.example") == "wild")
            #expect(try ask("GET /x", "a.b.example") == "wild")
            #expect(try ask("GET /x", "example") == "any")
            #expect(try ask("PUT /x", "one.example") == "put")
            #expect(try ask("GET /x", "one.example", "x-beta: 1\r\n") == "beta")
            #expect(try ask("GET /x", "one.example", "X-Beta: 2\r\n") == "exact")
            #expect(try ask("GET /users/7/avatar", "h") == "pattern")
            #expect(try ask("GET /users/me/avatar", "h") == "me")
            #expect(try ask("GET /users//avatar", "h") == "below")
            #expect(try ask("GET /users", "h") == "below")
        }
    }

    @Test func `a method that no route takes gets 405 with those that are taken`() throws {
        let routes = """
            routes:
              - { path: /m, methods: [GET, DELETE], upstream: a }
              - { path: /m, methods: [POST], upstream: b }
            """
        try routing(routes) { gateway, origins in
            let client = try gateway.client()
            let response = try client.ask(request("PUT /m HTTP/1.1", ["Content-Length: 1"]) + "x")
            #expect(response.status == 405)
            let allowed = Set(
                (response.value("Allow") ?? "").split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                })
            #expect(allowed == ["GET", "HEAD", "DELETE", "POST"])
            _ = response.problem()
            #expect(try client.ask(get("/m", method: "HEAD")).status == 200)
            #expect(try client.ask(post("/m", body: "x")).text == "b")
            #expect(origins.flatMap(\.requests).map(\.method) == ["HEAD", "POST"])
        }
    }

    @Test func `a path without a route gets 404, a host without one 421`() throws {
        try routing("routes: [{ path: /known, hosts: [here], upstream: a }]") { gateway, origins in
            let client = try gateway.client()
            let lost = try client.ask(get("/unknown"))
            #expect(lost.status == 404)
            _ = lost.problem()
            let misled = try client.ask("GET /known HTTP/1.1\r\nHost: there\r\n\r\n")
            #expect(misled.status == 421)
            _ = misled.problem()
            #expect(try client.ask(get("/known")).text == "a")
            // The gateway's own health is no matter of hosts.
            #expect(try client.ask("GET /healthz HTTP/1.1\r\nHost: there\r\n\r\n").status == 200)
            #expect(origins[0].requests.count == 1)
        }
    }

    @Test func `health and readiness are answered by the gateway`() throws {
        try routing("routes: [{ path: /*, upstream: a }]") { gateway, origins in
            let client = try gateway.client()
            for path in ["/healthz", "/readyz"] {
                let response = try client.ask(get(path))
                #expect(response.status == 200)
                let json = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
                #expect(json?["ok"] as? Bool == true)
                let time = try #require(json?["ts"] as? Double)
                #expect(abs(time / 1000 - Date().timeIntervalSince1970) < 60)
                #expect(try client.ask(get(path, method: "HEAD")).body.isEmpty)
            }
            #expect(try client.ask(post("/healthz", body: "")).text == "a")
            #expect(origins[0].requests.count == 1)
        }
    }

    @Test func `a body within a route's own limit passes where the clients' is smaller`() throws {
        let routes = """
            clients: { max_body: 3 }
            routes:
              - { path: /large, upstream: a, max_body: 10 }
              - { path: /free, upstream: a, max_body: 0 }
              - { path: /*, upstream: b }
            """
        try routing(routes) { gateway, _ in
            let client = try gateway.client()
            #expect(try client.ask(post("/small", body: "abc")).text == "b")
            let refused = try client.ask(post("/small", body: "abcd"))
            #expect(refused.status == 413)
            _ = refused.problem()
            #expect(try client.ask(post("/large", body: "0123456789")).text == "a")
            #expect(try client.ask(post("/large", body: "0123456789x")).status == 413)
            #expect(try client.ask(post("/free", body: String(repeating: "x", count: 1000))).text == "a")
            let chunked = request("PUT /small HTTP/1.1", ["Transfer-Encoding: chunked"])
            #expect(try client.ask(chunked + "3\r\nabc\r\n0\r\n\r\n").text == "b")
            #expect(try client.ask(chunked + "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n").status == 413)
        }
    }

    @Test func `requests above a limit get 429, when to come back, and the rule`() throws {
        let routes = """
            limits:
              plain: { rate: 2 per 1m }
              spoken: { rate: 1 per 1m, message: "Please slow down" }
              coded: { rate: 1 per 1m, json: { error: RATE_LIMITED } }
              wide: { rate: 100 per 1m }
            routes:
              - { path: /plain, upstream: a, limits: [wide, plain] }
              - { path: /spoken, upstream: a, limits: [spoken] }
              - { path: /coded, upstream: a, limits: [coded] }
            """
        try routing(routes) { gateway, origins in
            let client = try gateway.client()
            for _ in 0..<2 { #expect(try client.ask(get("/plain")).text == "a") }
            let plain = try client.ask(post("/plain", body: "unread"))
            #expect(plain.status == 429)
            #expect((1...30).contains(try #require(Int(plain.value("Retry-After") ?? ""))))
            #expect(plain.problem()["rule"] as? String == "plain")
            #expect(try client.ask(get("/spoken")).text == "a")
            let spoken = try client.ask(get("/spoken"))
            #expect(spoken.status == 429)
            #expect(spoken.text == "Please slow down")
            #expect(spoken.value("Content-Type") == "text/plain; charset=utf-8")
            #expect(spoken.value("Retry-After") != nil)
            #expect(try client.ask(get("/coded")).text == "a")
            let coded = try client.ask(get("/coded"))
            #expect(coded.value("Content-Type") == "application/json")
            #expect(coded.text.contains("RATE_LIMITED"))
            #expect(origins[0].requests.count == 4)
            let line = try gateway.logged("/plain", count: 3)[2]
            #expect(line["limit"] as? String == "plain")
            #expect(line["outcome"] as? String == "gateway.policy")
        }
    }

    @Test func `limits count clients by their address as trusted proxies tell it`() throws {
        let routes = """
            trusted_proxies: [127.0.0.1]
            limits: { each: { rate: 1 per 1m } }
            routes: [{ path: /*, upstream: a, limits: [each] }]
            """
        try routing(routes) { gateway, _ in
            let client = try gateway.client()
            func status(_ address: String) throws -> Int {
                try client.ask(get("/", "X-Forwarded-For: \(address)")).status
            }
            #expect(try status("203.0.113.1") == 200)
            #expect(try status("203.0.113.1") == 429)
            #expect(try status("203.0.113.2") == 200)
            // What stands left of the first stranger is that stranger's invention.
            #expect(try status("9.9.9.9, 203.0.113.2") == 429)
            #expect(try status("203.0.113.3, 127.0.0.1") == 200)
            #expect(try status("203.0.113.3") == 429)
            // One subscriber's addresses count as one.
            #expect(try status("2001:db8:0:aa00::1") == 200)
            #expect(try status("2001:db8:0:aaff::2") == 429)
            #expect(try status("2001:db8:0:ab00::1") == 200)
        }
    }
}
