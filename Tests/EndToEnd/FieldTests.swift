import Foundation
import Testing

/// Which fields pass, which are rebuilt and which are added, both ways (security.md 6-8, R5, R9).
@Suite(.timeLimit(.minutes(20))) struct FieldTests {
    /// What the origin receives for a request with these fields.
    private func received(_ fields: String..., trusted: Bool = false, top: String = "") throws -> RawRequest {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, top: trusted ? "trusted_proxies: [127.0.0.1, 10.0.0.0/8]" : "")
        #expect(try gateway.client().ask(request("GET /f HTTP/1.1", fields)).text == "ok")
        return try origin.requests(1)[0]
    }

    /// What the client receives for an answer with these fields.
    private func answered(_ fields: String..., top: String = "") throws -> RawResponse {
        let origin = try ScriptedOrigin.answering(fields: fields, body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, top: top)
        return try gateway.client().ask(get("/f"))
    }

    private static let forwarding = [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "Forwarded",
        "X-Real-IP",
    ]

    // MARK: Where a request came from

    @Test func `what a stranger says about the way of a request is dropped`() throws {
        let request = try received(
            "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Host: evil", "x-forwarded-proto: https",
            "X-Forwarded-Port: 1",
            "X-Forwarded-Prefix: /evil", "Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1",
            "X-Forwarded-For: 2.2.2.2")
        #expect(request.value("X-Forwarded-For") == "127.0.0.1")
        #expect(request.value("X-Real-IP") == "127.0.0.1")
        #expect(request.value("X-Forwarded-Proto") == "http")
        #expect(request.value("X-Forwarded-Host") == "here")
        #expect(request.value("X-Forwarded-Port").flatMap { Int($0) } ?? 0 > 1)
        #expect(request.values("X-Forwarded-Prefix").isEmpty)
        #expect(request.values("Forwarded").isEmpty)
    }

    @Test func `what a trusted proxy says is kept, and this hop added`() throws {
        let request = try received(
            "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.0.0.5", "X-Forwarded-Host: www.example",
            "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "Forwarded: for=1.1.1.1",
            "X-Real-IP: 1.1.1.1",
            trusted: true)
        #expect(request.value("X-Forwarded-For") == "203.0.113.9, 10.0.0.5, 127.0.0.1")
        #expect(request.value("X-Real-IP") == "203.0.113.9")
        #expect(request.value("X-Forwarded-Host") == "www.example")
        #expect(request.value("X-Forwarded-Proto") == "https")
        #expect(request.value("X-Forwarded-Port") == "443")
        #expect(request.values("Forwarded").isEmpty)
    }

    @Test(arguments: [
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"), ("203.0.113.9, 10.1.2.3, 10.9.9.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"), ("[2001:db8::1]:4711", "2001:db8::1"), ("10.1.1.1", "10.1.1.1"),
        ("1.1.1.1, nonsense, 10.1.1.1", "10.1.1.1"), ("nonsense", "127.0.0.1"), ("", "127.0.0.1"),
    ])
    func `the client is the rightmost address that is no trusted proxy's`(list: String, client: String) throws
    {
        #expect(try received("X-Forwarded-For: \(list)", trusted: true).value("X-Real-IP") == client)
    }

    @Test func `what a trusted proxy says about the host must be one`() throws {
        let request = try received(
            "X-Forwarded-Host: a b", "X-Forwarded-Proto: gopher", "X-Forwarded-Port: 99999", trusted: true)
        #expect(request.value("X-Forwarded-Host") == "here")
        #expect(request.value("X-Forwarded-Proto") == "http")
        #expect(request.value("X-Forwarded-Port") != "99999")
    }

    // MARK: Hop by hop

    @Test func `fields for one hop are not passed on, nor those that Connection names`() throws {
        let request = try received(
            "Connection: keep-alive, X-Secret, close-not, X-Two", "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "X-Secret: 1", "TE: gzip", "Proxy-Authorization: Basic eA==", "Trailer: X", "X-Two: 2",
            "X-Three: 3",
            "Upgrade: websocket")
        #expect(
            request.fields.map(\.name) == [
                "Host", "X-Three", "X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host",
                "X-Forwarded-Port", "X-Request-Id", "traceparent",
            ])
    }

    @Test(arguments: [
        "X-Forwarded-For", "X-Real-IP", "Host", "X-Request-Id", "Authorization", "Cookie", "traceparent",
    ])
    func `no Connection option takes away what the gateway or the origin relies on`(name: String) throws {
        let request = try received(
            "Connection: close, \(name)", "Authorization: Bearer x", "Cookie: a=b",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        #expect(request.values(name).count == 1)
        #expect(request.value("X-Forwarded-For") == "127.0.0.1")
    }

    @Test(arguments: [
        "X_Forwarded_For: 1.1.1.1", "X.Real.IP: 1.1.1.1", "x_user: admin", "Content_Length: 5",
        "X-Middleware-Subrequest: a",
        "HTTP2-Settings: AAMAAABk",
    ])
    func `names that a server could take for others are dropped`(line: String) throws {
        let request = try received(line)
        #expect(!request.text.lowercased().contains(line.prefix { $0 != ":" }.lowercased()))
    }

    @Test func `an answer's fields for one hop are not passed on`() throws {
        let response = try answered(
            "Connection: keep-alive, X-Secret", "Keep-Alive: timeout=5", "X-Secret: 1", "Upgrade: h2c",
            "Proxy-Authenticate: Basic", "X-Open: 1", "Trailer: X", "Proxy-Connection: keep-alive",
            top: "security_headers: { preset: off }")
        #expect(Set(response.fields.map(\.name)) == ["X-Open", "Content-Length", "X-Request-Id", "Date"])
    }

    // MARK: Answers

    @Test func `what backends tell about themselves is removed`() throws {
        let response = try answered(
            "Server: Apache/2.2", "X-Powered-By: PHP/5", "X-AspNet-Version: 4", "X-Version: 4")
        #expect(response.values("Server").isEmpty)
        #expect(response.values("X-Powered-By").isEmpty)
        #expect(response.values("X-AspNet-Version").isEmpty)
        #expect(response.value("X-Version") == "4")
        let strict = try answered(
            "X-AspNet-Version: 4", "Server: s", top: "security_headers: { remove: [X-AspNet-Version] }")
        #expect(strict.values("X-AspNet-Version").isEmpty)
        #expect(strict.value("Server") == "s")
    }

    private static let always = [
        "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
        "Origin-Agent-Cluster": "?1", "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off", "X-Download-Options": "noopen", "X-Frame-Options": "SAMEORIGIN",
        "X-Permitted-Cross-Domain-Policies": "none", "X-XSS-Protection": "0",
    ]

    @Test func `security headers are on every answer once`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        for text in [get("/"), get("/healthz"), get("/%2f"), "GET / HTTP/1.1\r\n\r\n"] {
            let response = try client.ask(text)
            for (name, value) in Self.always {
                #expect(response.value(name) == value, "\(name) of \(response.status)")
            }
            #expect(response.values("Content-Security-Policy").isEmpty)
        }
    }

    @Test func `a backend's own security headers stand, unless they are to be replaced`() throws {
        let own = "x-frame-options: DENY"
        let kept = try answered(own)
        #expect(kept.value("X-Frame-Options") == "DENY")
        for (name, value) in Self.always where name != "X-Frame-Options" {
            #expect(kept.value(name) == value)
        }
        let replaced = try answered(own, top: "security_headers: { override: replace }")
        #expect(replaced.value("X-Frame-Options") == "SAMEORIGIN")
        let other = try answered(
            own, "Permissions-Policy: a",
            top:
                "security_headers: { preset: off, override: replace, set: { Permissions-Policy: b, X-A: c } }"
        )
        #expect(other.value("X-Frame-Options") == "DENY")
        #expect(other.value("Permissions-Policy") == "b")
        #expect(other.value("X-A") == "c")
    }

    @Test func `as many fields as settings allow fit beside the longest head`() throws {
        let origin = try ScriptedOrigin.answering(
            fields: (0..<60).map { "X-Filler-\($0): \(String(repeating: "x", count: 1060))" }, body: "ok")
        defer { origin.stop() }
        func map(_ name: String, _ count: Int) -> String {
            let fields = (0..<count).map { "\(name)-\($0): \(String(repeating: "y", count: 1010))" }
            return "{ \(fields.joined(separator: ", ")) }"
        }
        let longest = String(repeating: "z", count: 65_536)
        func settings(_ count: Int) -> String {
            """
            security_headers: { set: \(map("X-Set", count)) }
            upstreams: { app: { servers: [127.0.0.1:\(origin.port)], max_response_head: 65535 } }
            routes:
              - { path: /own, respond: { text: "\(longest)", headers: \(map("X-Own", count)) } }
              - { path: /*, upstream: app }
            """
        }
        let gateway = try GatewayProcess(routing: settings(12))
        let client = try gateway.client()
        let passed = try client.ask(get("/"))
        #expect(passed.fields.filter { $0.name.hasPrefix("X-Filler") }.count == 60)
        #expect(passed.fields.filter { $0.name.hasPrefix("X-Set") }.count == 12)
        let own = try client.ask(get("/own"))
        #expect(own.body.count == 65_536)
        #expect(own.fields.filter { $0.name.hasPrefix("X-Set") || $0.name.hasPrefix("X-Own") }.count == 24)
        #expect(throws: GatewayProcess.NotReady.self) { try GatewayProcess(routing: settings(13)) }
    }

    @Test func `pages get a content security policy, and only they`() throws {
        let page = try answered("Content-Type: text/html; charset=utf-8")
        #expect(page.value("Content-Security-Policy")?.contains("default-src 'self'") == true)
        #expect(try answered("Content-Type: application/json").values("Content-Security-Policy").isEmpty)
        #expect(
            try answered("Content-Type: text/html", "Content-Security-Policy: default-src x")
                .value("Content-Security-Policy") == "default-src x")
    }

    @Test func `a date is added where the origin gave none`() throws {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let added = try #require(try format.date(from: answered().value("Date") ?? ""))
        #expect(abs(added.timeIntervalSinceNow) < 60)
        let own = "Fri, 01 Jan 2021 00:00:00 GMT"
        #expect(try answered("Date: \(own)").value("Date") == own)
    }

    // MARK: Identities

    @Test func `a stranger's request id is replaced, and origin, client and log have the same`() throws {
        let origin = try ScriptedOrigin.answering(fields: ["X-Request-Id: origins-own"], body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin)
        let client = try gateway.client()
        let first = try #require(try client.ask(get("/id", "X-Request-Id: chosen")).value("X-Request-Id"))
        let second = try #require(try client.ask(get("/id")).value("X-Request-Id"))
        #expect(UUID(uuidString: first) != nil)
        #expect(first != second)
        #expect(try origin.requests(2).map { $0.value("X-Request-Id") } == [first, second])
        #expect(try gateway.logged("/id", count: 2).map { $0["id"] as? String } == [first, second])
    }

    @Test(arguments: [
        ("abc-123_X.y:z", true), (String(repeating: "a", count: 128), true),
        (String(repeating: "a", count: 129), false),
        ("", false), ("a b", false), ("a\"b", false), ("a,b", false), ("ä", false),
    ])
    func `a trusted peer's request id is kept if it is sane`(identity: String, isKept: Bool) throws {
        let value = try received("X-Request-Id: \(identity)", trusted: true).value("X-Request-Id")
        #expect((value == identity) == isKept)
        #expect(value?.isEmpty == false)
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", true),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", false),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
        ("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", false), ("nonsense", false),
    ])
    func `a trace goes on where it is one, with its state, and begins anew where it is not`(
        value: String, isKept: Bool
    ) throws {
        let request = try received("traceparent: \(value)", "tracestate: a=1")
        let parent = try #require(request.value("traceparent"))
        #expect((parent == value) == isKept)
        #expect(request.values("tracestate") == (isKept ? ["a=1"] : []))
        #expect(isKept || parent.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-00/) != nil)
    }

    @Test func `two traces are none`() throws {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let request = try received("traceparent: \(parent)", "traceparent: \(parent)")
        #expect(request.values("traceparent").count == 1)
        #expect(request.value("traceparent") != parent)
    }
}
