import Pipeline
import Settings
import Testing

@Suite struct OriginPatternTests {
    @Test(arguments: [
        "*", "null", "https://app.example.com", "http://localhost:3000", "http://127.0.0.1:5173",
        "http://[::1]:8443", "https://[2001:db8::1]", "https://xn--bcher-kva.example",
        "https://app.example.com:8443", "http://app.example.com:443", "https://app.example.com:80",
        "capacitor://localhost", "chrome-extension://abcdefghijklmnop", "https://*.example.com",
        "http://*.dev.test:8080", "https://*.a.b.example.com", "https://a_b.example.com",
    ])
    func `an origin is written as a browser sends it`(text: String) throws {
        #expect(try OriginPattern(parsing: text).text == text)
    }

    /// What is wrong, and what is suggested instead; nil where nothing can be.
    private static let mistakes: [(String, String?)] = [
        ("https://app.example.com/", "https://app.example.com"),
        ("https://app.example.com/path", "https://app.example.com"),
        ("https://app.example.com?q", "https://app.example.com"),
        ("https://app.example.com#f", "https://app.example.com"),
        ("https://app.example.com\\x", "https://app.example.com"),
        ("https://App.Example.com", "https://app.example.com"),
        ("HTTPS://app.example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://*.example.com:443", "https://*.example.com"),
        ("https://app.example.com.", "https://app.example.com"),
        ("app.example.com", "https://app.example.com"), ("*.example.com", "https://*.example.com"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"), ("http://::1", nil), ("http://[::1", nil),
        ("http://[127.0.0.1]", nil), ("https://user@example.com", nil), ("https://example.com@evil.org", nil),
        ("https://", nil), ("file://", nil), ("://example.com", nil), ("https://*", nil),
        ("*://example.com", nil),
        ("https://*.com", nil), ("https://app.*.com", nil), ("https://app-*.example.com", nil),
        ("https://*example.com", nil), ("https://**.example.com", nil), ("https://*.*.example.com", nil),
        ("https://example.com:*", nil), ("https://example.com:0", nil), ("https://example.com:65536", nil),
        ("https://example.com:", nil), ("https://example.com:08443", nil), ("https://a:b:c", nil),
        ("https://.example.com", nil), ("https://a..example.com", nil), ("https://-a.example.com", nil),
        ("https://bücher.example", nil), ("https://a b", nil), (" https://a.example", nil), ("", nil),
        ("https://1.2.3", nil), ("https://1.2.3.256", nil), ("https://127.1", nil),
        ("https://" + String(repeating: "a", count: 64) + ".example", nil),
        ("https://" + String(repeating: "a.", count: 127) + "example", nil),
        ("^https://.*\\.example\\.com$", nil),
    ]

    @Test(arguments: mistakes.map(\.0))
    func `what no browser sends is refused`(text: String) {
        #expect(throws: Refusal.self) { try OriginPattern(parsing: text) }
    }

    @Test(arguments: mistakes)
    func `a slip is told with what was meant`(text: String, suggestion: String?) {
        do throws(Refusal) {
            _ = try OriginPattern(parsing: text)
        } catch {
            #expect(error.suggestion == suggestion)
            // What is suggested would be taken.
            if let suggestion { #expect((try? OriginPattern(parsing: suggestion)) != nil) }
        }
    }

    @Test func `names below a host that rents them out are nobody's in particular`() throws {
        #expect(try OriginPattern(parsing: "https://*.vercel.app").isShared)
        #expect(try !OriginPattern(parsing: "https://*.mine.vercel.app").isShared)
        #expect(try !OriginPattern(parsing: "https://mine.vercel.app").isShared)
    }
}
