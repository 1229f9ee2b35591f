import Bytes
import Pipeline
import Testing

@Suite struct OriginSetTests {
    private func set(_ texts: String...) throws -> OriginSet {
        OriginSet(try texts.map { try OriginPattern(parsing: $0) })
    }

    private func contains(_ set: OriginSet, _ origin: String) -> Bool {
        Array(origin.utf8).withView { set.contains($0) }
    }

    @Test func `an origin is found byte for byte`() throws {
        let set = try set("https://app.example.com", "http://localhost:3000")
        #expect(contains(set, "https://app.example.com"))
        #expect(contains(set, "http://localhost:3000"))
        for other in [
            "", "https://app.example.co", "https://app.example.comm", "http://app.example.com",
            "https://app.example.com:443", "https://APP.example.com", "http://localhost:300", "null", "*",
        ] { #expect(!contains(set, other), "\(other)") }
    }

    @Test(arguments: [
        "https://a.example.com", "https://a.b.example.com", "https://www-1.example.com",
        "https://x_y.example.com", "https://1.2.3.example.com", "https://xn--bcher-kva.example.com",
        "https://example.com.example.com", "http://a.dev.test:8080",
    ])
    func `a pattern matches whole labels before its domain`(origin: String) throws {
        #expect(contains(try set("https://*.example.com", "http://*.dev.test:8080"), origin))
    }

    @Test(arguments: [
        "https://example.com", "https://evilexample.com", "https://example.com.evil.org",
        "https://a.example.com.evil.org", "https://evil.org/.example.com", "https://evil.org/a.example.com",
        "https://evil.org#.example.com", "https://evil.org?.example.com", "https://evil.org\\.example.com",
        "https://a@b.example.com", "https://evil.org:80.example.com", "https://.example.com",
        "https://a..example.com", "https://a.example.com:8443", "https://a.example.com:443",
        "https://a.example.com.", "http://a.example.com", "HTTPS://a.example.com", "https://A.example.com",
        "https://a.Example.com", "https:///a.example.com", "https:/a.example.com", "https:a.example.com",
        "a.example.com", "://a.example.com", "https://a.example.com ", " https://a.example.com",
        "https://a,b.example.com", "https://a%2eexample.com", "https://ä.example.com",
        "https://a.dev.test:8080", "http://a.dev.test", "http://a.dev.test:80801", "http://a.dev.test:808",
        "https://a.example.com https", "https://a.example.com null", "xhttps://a.example.com",
        "https://*.example.com", "https://[::1].example.com", "https://a\u{0}b.example.com",
    ])
    func `no trick with a name passes a pattern`(origin: String) throws {
        #expect(!contains(try set("https://*.example.com", "http://*.dev.test:8080"), origin))
    }

    @Test func `labels are as long as labels may be`() throws {
        let set = try set("https://*.example.com")
        #expect(contains(set, "https://" + String(repeating: "a", count: 63) + ".example.com"))
        #expect(!contains(set, "https://" + String(repeating: "a", count: 64) + ".example.com"))
        #expect(!contains(set, "https://" + String(repeating: "a.", count: 130) + "example.com"))
        #expect(!contains(set, "https://" + String(repeating: "a", count: 100_000) + ".example.com"))
    }

    @Test func `five thousand origins are all found, and nothing else`() throws {
        let names = (0..<5000).map { "https://shop-\($0).example.org" }
        let set = OriginSet(names.map { .exact($0) })
        #expect(names.allSatisfy { contains(set, $0) })
        #expect((5000..<9000).allSatisfy { !contains(set, "https://shop-\($0).example.org") })
        let patterns = (0..<5000).map {
            OriginPattern.subdomains(scheme: "https", domain: "d\($0).test", port: "")
        }
        let wild = OriginSet(patterns)
        #expect((0..<5000).allSatisfy { contains(wild, "https://x.y.d\($0).test") })
        #expect((0..<5000).allSatisfy { !contains(wild, "https://d\($0).test") })
        #expect((5000..<9000).allSatisfy { !contains(wild, "https://x.d\($0).test") })
    }
}
