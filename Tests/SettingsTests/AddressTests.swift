import Addressing
import Testing

@testable import Settings

@Suite struct AddressTests {
    private func listen(_ text: String) throws(Refusal) -> ListenAddress? {
        var reader = Reader(source: SourceText("", secretKeys: []), environment: [:])
        let node = DocumentNode(
            mark: Mark(line: 1, column: 1), content: .scalar(.init(text: text, isPlain: false)))
        return Kind<ListenAddress>.listenAddress.read(node, &reader)
    }

    private func problem<Value>(_ kind: Kind<Value>, _ text: String) -> String? {
        var reader = Reader(source: SourceText("", secretKeys: []), environment: [:])
        let node = DocumentNode(
            mark: Mark(line: 1, column: 1), content: .scalar(.init(text: text, isPlain: false)))
        let value = kind.read(node, &reader)
        let headline = reader.diagnostics(file: "f").first?.headline
        #expect((value == nil) == (headline != nil))
        return headline.map { String($0.dropFirst("f:1:1: error: : ".count)) }
    }

    @Test func `listeners wait at addresses, everywhere or on unix sockets`() throws {
        #expect(try listen("127.0.0.1:8080") == .ip(.loopback, port: 8080))
        #expect(try listen("[::1]:8080") == .ip(IPAddress(bits: 1), port: 8080))
        #expect(try listen(":8080") == .everywhere(port: 8080))
        #expect(try listen("unix:/run/x.sock") == .unix(path: "/run/x.sock"))
        #expect(try listen("0.0.0.0:0") == .ip(IPAddress(ipv4: 0), port: 0))
    }

    @Test(arguments: [
        (
            "localhost:80",
            "\"localhost:80\": a listener needs an address, not a name (did you mean \"127.0.0.1:80\"?)"
        ),
        ("8080", "\"8080\": the port is missing (did you mean \":8080\"?)"),
        ("127.0.0.1", "\"127.0.0.1\": the port is missing"),
        ("127.0.0.1:70000", "\"127.0.0.1:70000\": a port is a number from 0 to 65535"),
        ("::1", "\"::1\": an IPv6 address stands in brackets (did you mean \"[::1]:8080\"?)"),
        (
            "[::1",
            "expected an address such as 127.0.0.1:8080, [::1]:8080, :8080 or unix:/path, found \"[::1\""
        ),
        ("[::g]:1", "\"[::g]:1\": no IPv6 address stands in the brackets"),
        ("unix:run/x", "\"unix:run/x\": a unix socket's path begins with /"),
        (
            "256.0.0.1:1",
            "expected an address such as 127.0.0.1:8080, [::1]:8080, :8080 or unix:/path, "
                + "found \"256.0.0.1:1\""
        ),
    ])
    func `listeners at anything else are refused`(text: String, expected: String) {
        #expect(problem(.listenAddress, text) == expected)
    }

    @Test(arguments: [
        ("127.0.0.1:3000", "127.0.0.1:3000"), ("App.Internal:3000", "app.internal:3000"),
        ("http://app.internal", "app.internal:80"), ("http://app.internal:3000/", "app.internal:3000"),
        ("[::1]:3000", "[::1]:3000"), ("http://[::1]", "[::1]:80"),
        ("unix:/run/app.sock", "unix:/run/app.sock"), ("https://app", "https://app:443"),
        ("https://App.Internal:8443/", "https://app.internal:8443"),
        ("app.internal.:3000", "app.internal:3000"), ("my_app:3000", "my_app:3000"),
    ])
    func `servers are addresses, names or unix sockets`(text: String, expected: String) throws {
        #expect(try Endpoint.server(text).text == expected)
    }

    @Test(arguments: [
        ("app.internal", "the port is missing"),
        ("http://app/path", "a server has no path; use a route's strip_prefix"),
        ("ftp://app:1", "a server's address begins with http:// or https://, or has no scheme"),
        ("user@app:1", "a server's address holds no user"), ("app:0", "a port is a number from 1 to 65535"),
        ("a b:1", "no valid host name"), (":3000", "the host is missing"), ("-a:1", "no valid host name"),
        ("1.2.3:80", "no valid host name"), ("a..b:1", "no valid host name"),
    ])
    func `servers at anything else are refused`(text: String, reason: String) {
        #expect { try Endpoint.server(text) } throws: { ($0 as? Refusal)?.reason == reason }
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8::8:800:200c:417a", "2001:db8::8:800:200c:417a"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1::2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("10.0.255.1", "10.0.255.1"),
    ])
    func `addresses are read and written as RFC 5952 says`(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test(arguments: [
        "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", ":1:2:3:4:5:6:7",
        "12345::",
        "::1.2.3", "::1.2.3.4.5", "1.2.3.4::", "fe80::1%eth0", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256",
        "1.2.3.-4",
        "+1::", "1.2.3.4 ",
    ])
    func `anything else is no address`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `blocks hold what shares their leading bits`() throws {
        func block(_ text: String) throws -> AddressRange { try #require(AddressRange(text)) }
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("1.2.3.4/32", "1.2.3.4", true), ("1.2.3.4/32", "1.2.3.5", false), ("::/0", "1.2.3.4", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", true), ("2001:db8::1/128", "2001:db8::1", true),
            ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
        ]
        for (text, address, expected) in cases {
            #expect(
                try block(text).contains(try #require(IPAddress(address))) == expected, "\(text) \(address)")
        }
        #expect(
            problem(.addressRange, "10.0.0.5/8")
                == "\"10.0.0.5/8\": bits are set behind the first 8 (did you mean \"10.0.0.0/8\"?)")
        #expect(
            problem(.addressRange, "10.0.0.0/33") == "\"10.0.0.0/33\": the number behind / is from 0 to 32")
        #expect(problem(.addressRange, "10.0.0.0/") != nil)
        #expect(problem(.addressRange, "example.com") != nil)
    }
}
