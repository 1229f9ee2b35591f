import Testing

/// A plain listener that sends everybody to https.
@Suite struct SecureRedirectTests {
    private let gateway: GatewayProcess

    init() throws {
        let origin = try ScriptedOrigin.answering()
        gateway = try GatewayProcess(before: origin, listener: "redirect: https")
    }

    private func location(_ line: String, _ host: String = "Host: example.test") throws -> String? {
        let client = try gateway.client()
        defer { client.close() }
        let response = try client.ask("\(line)\r\n\(host)\r\nConnection: close\r\n\r\n")
        return response.status == 308 ? response.value("Location") : "\(response.status)"
    }

    private static let targets = [
        ("GET / HTTP/1.1", "https://example.test/"),
        ("GET /a/b?c=d&e HTTP/1.1", "https://example.test/a/b?c=d&e"),
        ("GET /a%20b?q=%0d%0a HTTP/1.1", "https://example.test/a%20b?q=%0d%0a"),
        ("POST /form HTTP/1.1", "https://example.test/form"), ("GET /? HTTP/1.1", "https://example.test/?"),
        ("GET http://example.test/x HTTP/1.1", "https://example.test/x"),
        ("GET http://example.test HTTP/1.1", "https://example.test/"),
        ("GET http://example.test:8080?q HTTP/1.1", "https://example.test/?q"),
    ]

    @Test(arguments: targets)
    func `the same address by https`(line: String, location: String) throws {
        #expect(try self.location(line) == location)
    }

    @Test func `a port is left out or replaced, a literal address keeps its brackets`() throws {
        #expect(try location("GET / HTTP/1.1", "Host: example.test:8080") == "https://example.test/")
        #expect(try location("GET / HTTP/1.1", "Host: [::1]:8080") == "https://[::1]/")
        #expect(try location("GET / HTTP/1.1", "Host: 192.0.2.1") == "https://192.0.2.1/")
        let other = try GatewayProcess(before: ScriptedOrigin.answering(), listener: "redirect: https:8443")
        let response = try other.client().ask("GET /x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")
        #expect(response.value("Location") == "https://[::1]:8443/x")
    }

    /// What would lead elsewhere must be refused, or lead to where the request was for.
    private static let tricks = [
        ("GET //evil.test/x HTTP/1.1", "Host: example.test"),
        ("GET /\\evil.test HTTP/1.1", "Host: example.test"),
        ("GET @evil.test HTTP/1.1", "Host: example.test"), ("GET / HTTP/1.1", "Host: example.test@evil.test"),
        ("GET / HTTP/1.1", "Host: example.test/evil.test"),
        ("GET / HTTP/1.1", "Host: example.test\\evil.test"),
        ("GET / HTTP/1.1", "Host: example.test?evil.test"),
        ("GET / HTTP/1.1", "Host: example.test#evil.test"),
        ("GET / HTTP/1.1", "Host: "), ("GET / HTTP/1.1", "Host: example.test:80:evil.test"),
        ("GET / HTTP/1.1", "Host: example.test\r\nHost: evil.test"),
        ("GET https:evil.test HTTP/1.1", "Host: example.test"),
        ("GET http:///evil.test HTTP/1.1", "Host: example.test"),
        ("GET http://user@evil.test/ HTTP/1.1", "Host: example.test"),
        ("OPTIONS * HTTP/1.1", "Host: example.test"),
    ]

    @Test(arguments: tricks)
    func `nobody is led to where the request was not for`(line: String, host: String) throws {
        let location = try #require(try location(line, host))
        let isRefused = location.count == 3 && location.hasPrefix("4")
        #expect(isRefused || location.hasPrefix("https://example.test/"), "\(location)")
    }

    @Test func `the health check is answered in plain`() throws {
        #expect(try gateway.ask("/healthz").status == 200)
        #expect(try gateway.ask("/healthz?x").status == 200)
        #expect(try gateway.ask("/healthz/").status == 308)
    }
}
