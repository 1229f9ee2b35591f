import Addressing
import Testing

@Suite struct HTTPURLTests {
    @Test(arguments: [
        ("https://auth.example.com", "https://auth.example.com", "/"),
        (
            "https://x.supabase.co/auth/v1/.well-known/jwks.json", "https://x.supabase.co",
            "/auth/v1/.well-known/jwks.json"
        ),
        ("HTTPS://Auth.Example.COM:443/a?b=c", "https://auth.example.com", "/a?b=c"),
        ("http://127.0.0.1:3000/internal/plan?user=1", "http://127.0.0.1:3000", "/internal/plan?user=1"),
        ("http://h:80/", "http://h", "/"), ("http://h:443/", "http://h:443", "/"),
        ("https://h:80/", "https://h:80", "/"),
        ("https://[2001:DB8::1]:8443/k", "https://[2001:db8::1]:8443", "/k"),
        ("https://[::1]", "https://[::1]", "/"),
        ("http://h?x=1", "http://h", "/?x=1"), ("https://h./x", "https://h", "/x"),
        ("http://my_service:8080/x", "http://my_service:8080", "/x"),
        ("https://3scale/x", "https://3scale", "/x"), ("https://h/%7Bx%7D", "https://h", "/%7Bx%7D"),
    ])
    func `a URL is read`(text: String, origin: String, target: String) throws {
        let url = try HTTPURL(text)
        #expect(url.origin == origin)
        #expect(url.target == target)
        #expect(try HTTPURL(url.text) == url)
    }

    @Test(arguments: [
        "", "h", "//h/", "ftp://h/", "file:///etc/passwd", "javascript://h", "https:/h", "https://",
        "https:///x",
        "https://?x", "https://:443/", "https://user@h/", "https://user:pw@h/", "https://h@evil/",
        "https://h:/",
        "https://h:0/", "https://h:65536/", "https://h:8o/", "https://h:+80/", "https://h:80:80/",
        "https://h/#f",
        "https://h/ x", "https://h/\r\nHost: x", "https://h/\u{0}", "https://h/ä", "https://hä/",
        "https://h/{sub}",
        "https://h/a%", "https://h/a%4", "https://h/a%zz", "https://h\\@evil/", "https://h/a\\b",
        "https://h/[x]",
        "https://[::1", "https://[::1%25eth0]/", "https://[1.2.3.4]/", "https://[::1]x/", "https://::1/",
        // What the system takes for 127.0.0.1.
        "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://017700000001/",
        "http://127.0.0.01/", "http://127.0.0.1./", "http://0/", "http://1.2.3.4.5/", "http://a.0x/",
        "https://-h/", "https://h-/", "https://h..x/", "https://.h/", "https://h%41/", "https://*.h/",
        "https://h,x/",
    ])
    func `what programs read differently is refused`(text: String) {
        #expect(throws: HTTPURL.Problem.self) { try HTTPURL(text) }
    }

    @Test func `lengths are bounded`() {
        #expect(throws: HTTPURL.Problem.self) {
            try HTTPURL("https://h/" + String(repeating: "a", count: 2048))
        }
        #expect(throws: HTTPURL.Problem.self) {
            try HTTPURL("https://" + String(repeating: "a", count: 64) + "/")
        }
        let long = Array(repeating: "abcdefgh", count: 29).joined(separator: ".")
        #expect(throws: HTTPURL.Problem.self) { try HTTPURL("https://\(long)/") }
    }

    @Test func `a log never shows the query`() throws {
        #expect(try HTTPURL("https://h/keys?token=secret").description == "https://h/keys")
        #expect(try URLTemplate("https://h/plan?key=secret&u={sub}").description == "https://h/plan")
        #expect(try URLTemplate("https://h/{sub}/plan").description == "https://h/{sub}/plan")
    }

    // MARK: Templates

    @Test(arguments: [
        ("http://h/plan?user={sub}", "a1", "http://h/plan?user=a1"),
        ("http://h?u={sub}", "a", "http://h/?u=a"),
        ("http://h/users/{sub}/plan", "auth0|a b", "http://h/users/auth0%7Ca%20b/plan"),
        ("http://h/{sub}?u={sub}", "x", "http://h/x?u=x"),
        ("http://h/u/{sub}", "../admin", "http://h/u/..%2Fadmin"),
        ("http://h/u/{sub}", "a\r\nX: y", "http://h/u/a%0D%0AX%3A%20y"),
        ("http://h/u/{sub}", "ä&%?#", "http://h/u/%C3%A4%26%25%3F%23"),
        ("http://h/u/{sub}", "{sub}", "http://h/u/%7Bsub%7D"),
    ])
    func `an id is a part of the path or of the query and nothing more`(
        template: String, id: String, url: String
    ) throws {
        #expect(try URLTemplate(template).url(for: Array(id.utf8))?.text == url)
    }

    @Test(arguments: ["", ".", "..", "...", String(repeating: "a", count: 257)])
    func `an id that climbs or is too long is not asked for`(id: String) throws {
        #expect(try URLTemplate("http://h/u/{sub}").url(for: Array(id.utf8)) == nil)
    }

    @Test(arguments: [
        "http://h/plan", "http://{sub}/x", "http://h{sub}/x", "http://127.0.0.1{sub}/x", "http://h:3{sub}/x",
        "{sub}",
        "http://h/{user}/{sub}", "http://h/{sub", "http://h/{{sub}}", "http://h/x}/{sub}", "http://h/%{sub}",
        "http://h/%4{sub}",
        "http://{sub}@h/x", "http://h/x#{sub}", "http://h/{SUB}", "ftp://h/{sub}",
    ])
    func `a template that lets an id choose more is refused`(template: String) {
        #expect(throws: HTTPURL.Problem.self) { try URLTemplate(template) }
    }
}
