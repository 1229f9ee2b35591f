import Bytes
import HTTP1
import HTTPModel
import Testing

@testable import Pipeline

/// Where tokens are looked for, and what they may be wrapped in.
@Suite struct TokenFinderTests {
    private func cookie(_ head: borrowing RequestHead) -> String? {
        let region = Scratch(size: 2 * TokenFinder.longestCookie)
        return Array("s".utf8).withView {
            TokenFinder.cookie($0, in: head, using: region.view)?.text()
        }
    }

    private func withHead<R>(_ fields: String, _ body: (borrowing RequestHead) -> R) throws -> R {
        let bytes = Array("GET /private?a=b&token=t1 HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
        return try bytes.withView { view in
            var head = RequestHead()
            var parser = RequestParser(limits: HeadLimits(maximumBytes: 65535))
            _ = try #require(try parser.parse(view, into: &head))
            return body(head)
        }
    }

    @Test(
        arguments: [
            ("Authorization: Bearer abc\r\n", "abc"), ("Authorization: bearer abc\r\n", "abc"),
            ("Authorization: BEARER   abc\r\n", "abc"), ("Authorization: Bearer\r\n", nil),
            ("Authorization: Basic YTpi\r\n", nil), ("Authorization: Bearerabc\r\n", nil), ("", nil),
        ] as [(String, String?)])
    func `a bearer's token stands behind its scheme`(fields: String, token: String?) throws {
        #expect(try withHead(fields) { TokenFinder.bearer($0)?.text() } == token)
    }

    @Test(
        arguments: [
            ("Cookie: s=abc\r\n", "abc"), ("Cookie: a=1; s=abc; b=2\r\n", "abc"),
            ("Cookie: s=\"abc\"\r\n", "abc"),
            ("Cookie: xs=no; s=abc\r\n", "abc"), ("Cookie: ss=no\r\n", nil), ("Cookie: s=\r\n", nil),
            ("Cookie: s=one; s=two\r\n", "one"), ("Cookie: a=1\r\nCookie: s=abc\r\n", "abc"),
            ("Cookie: s.0=ab; s.1=cd\r\n", "abcd"), ("Cookie: s.1=cd; s.0=ab\r\n", "abcd"),
            ("Cookie: s.0=ab; s.2=ef\r\n", "ab"), ("Cookie: s.1=cd\r\n", nil),
            ("Cookie: s.16=cd; s.x=1; s.=2; s.100=3\r\n", nil),
            ("Cookie: s={\"access_token\":\"abc\"}\r\n", "abc"), ("Cookie: s=[\"abc\",\"def\"]\r\n", "abc"),
            ("Cookie: s=%7B%22access_token%22%3A%22abc%22%7D\r\n", "abc"), ("Cookie: s=%7B%2\r\n", nil),
            ("Cookie: s=%5B%22abc%22%2Cnull%5D\r\n", "abc"),
            ("Cookie: s=base64-eyJhY2Nlc3NfdG9rZW4iOiJhYmMifQ\r\n", "abc"),
            ("Cookie: s=base64-eyJhY2Nlc3NfdG9rZW4iOiJhYmMifQ==\r\n", "abc"),
            ("Cookie: s.0=base64-eyJhY2Nlc3Nf; s.1=dG9rZW4iOiJhYmMifQ\r\n", "abc"),
            ("Cookie: s=base64-!!!\r\n", nil), ("Cookie: s=base64-\r\n", nil),
            ("Cookie: s={\"a\":1}\r\n", nil),
            ("Cookie: s={\"access_token\":1}\r\n", nil), ("Cookie: s=[]\r\n", nil), ("", nil),
        ] as [(String, String?)])
    func `a cookie's token is found whole, in pieces and in a session`(fields: String, token: String?) throws
    {
        let found = try withHead(fields) { cookie($0) }
        #expect(found == token)
    }

    @Test func `pieces of more than there is room for are no token`() throws {
        let piece = String(repeating: "a", count: 2000)
        let cookies = (0..<15).map { "s.\($0)=\(piece)" }.joined(separator: "; ")
        #expect(try withHead("Cookie: \(cookies)\r\n") { cookie($0) } == nil)
    }

    @Test(
        arguments: [
            ("token=abc", "abc"), ("a=b&token=abc", "abc"), ("token=abc&a=b", "abc"), ("xtoken=abc", nil),
            ("token", nil), ("", nil), ("tokens=1&token=2", "2"), ("token=", ""),
        ] as [(String, String?)])
    func `a query's parameter is the whole of its name`(query: String, token: String?) {
        let found = Array(query.utf8).withView { query in
            Array("token".utf8).withView { TokenFinder.parameter($0, in: query)?.text() }
        }
        #expect(found == token)
    }
}
