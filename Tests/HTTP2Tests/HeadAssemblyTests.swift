import Bytes
import Testing

@testable import HTTP2

/// Header blocks as heads of HTTP/1.1.
@Suite struct HeadAssemblyTests {
    private typealias Fields = [(String, String)]

    private func assemble(_ fields: Fields, limit: Int = 65536) -> HeadAssembly {
        var assembly = HeadAssembly()
        // What stands in it from before must not matter.
        for _ in 0..<2 {
            assembly.reset()
            for (name, value) in fields {
                Array(name.utf8).withView { name in
                    Array(value.utf8).withView { assembly.add(name, $0, limit: limit) }
                }
            }
        }
        return assembly
    }

    private func request(_ fields: Fields) -> (text: String, opening: HeadAssembly.Opening)? {
        var assembly = assemble(fields)
        var text = Array("before".utf8)
        let (isValid, opening) = assembly.writeRequest(to: &text) { Array("KEY".utf8) }
        guard isValid else {
            #expect(text == Array("before".utf8), "nothing is written of what is malformed")
            return nil
        }
        return (String(decoding: text.dropFirst(6), as: UTF8.self), opening)
    }

    private static let get: Fields = [
        (":method", "GET"), (":scheme", "https"), (":path", "/a?b"), (":authority", "here"),
    ]

    @Test func `a request`() throws {
        let made = try #require(request(Self.get + [("accept", "*/*"), ("x", "")]))
        #expect(made.text == "GET /a?b HTTP/1.1\r\nhost: here\r\naccept: */*\r\nx: \r\n\r\n")
        #expect(made.opening == .plain)
    }

    @Test func `a host takes the authority's place, and may repeat it, but not contradict it`() throws {
        let bare = Array(Self.get.prefix(3))
        #expect(request(bare + [("host", "there")])?.text == "GET /a?b HTTP/1.1\r\nhost: there\r\n\r\n")
        #expect(request(bare)?.text == "GET /a?b HTTP/1.1\r\n\r\n")
        #expect(request(Self.get + [("host", "HERE")])?.text == "GET /a?b HTTP/1.1\r\nhost: here\r\n\r\n")
        #expect(request(Self.get + [("host", "there")]) == nil)
        #expect(request(Self.get + [("host", "")]) == nil)
        #expect(request(Self.get + [("host", "here"), ("host", "here")]) == nil)
        #expect(request(bare + [(":authority", ""), ("host", "here")]) == nil)
    }

    @Test func `crumbs of a cookie become one field, where the first one stood`() {
        let made = request(
            Self.get + [("a", "1"), ("cookie", "x=1"), ("b", "2"), ("cookie", "y=2"), ("cookie", "z")])
        #expect(made?.text.hasSuffix("host: here\r\na: 1\r\ncookie: x=1; y=2; z\r\nb: 2\r\n\r\n") == true)
    }

    private static let breaks = ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "\u{7F}", "a\u{1}"]

    @Test(arguments: breaks)
    func `no value breaks out of its line`(value: String) {
        #expect(request(Self.get + [("x", value)]) == nil)
        #expect(request(Self.get + [("cookie", value)]) == nil)
        #expect(request(Array(Self.get.prefix(3)) + [("host", value)]) == nil)
        for name in [":path", ":authority", ":method"] {
            #expect(request(Self.get.map { $0.0 == name ? (name, value) : $0 }) == nil, "\(name)")
        }
    }

    @Test(arguments: ["/a b", "/ HTTP/1.1\r\nx: y", "/\t", " /"])
    func `no blank ends a word of the request line`(word: String) {
        for name in [":path", ":authority", ":method"] {
            #expect(request(Self.get.map { $0.0 == name ? (name, word) : $0 }) == nil, "\(name)")
        }
    }

    @Test func `what is unknown among the pseudo-fields, or lacks a method, is malformed`() {
        #expect(request(Self.get + [(":x", "y")]) == nil)
        #expect(request(Array(Self.get.dropFirst())) == nil)
    }

    @Test func `a WebSocket becomes an upgrade, CONNECT names its host`() throws {
        let head: Fields = [
            (":method", "CONNECT"), (":scheme", "https"), (":path", "/chat"), (":authority", "here"),
        ]
        let socket = try #require(
            request(head + [(":protocol", "websocket"), ("sec-websocket-version", "13")]))
        #expect(socket.opening == .webSocket)
        #expect(
            socket.text
                == "GET /chat HTTP/1.1\r\nhost: here\r\nsec-websocket-version: 13\r\nconnection: upgrade\r\n"
                + "upgrade: websocket\r\nsec-websocket-key: KEY\r\n\r\n")
        #expect(request(head + [(":protocol", "connect-udp")])?.opening == .otherProtocol)
        let plain = request([(":method", "CONNECT"), (":authority", "there:443")])
        #expect(plain?.text == "CONNECT there:443 HTTP/1.1\r\nhost: there:443\r\n\r\n")
    }

    @Test func `an answer`() {
        var text: [UInt8] = []
        let isWritten = assemble([(":status", "204"), ("a", "b")]).writeResponse(to: &text)
        #expect(isWritten && text == Array("HTTP/1.1 204 \r\na: b\r\n\r\n".utf8))
        for status in ["", "20", "2000"] {
            #expect(!assemble([(":status", status)]).writeResponse(to: &text))
        }
        #expect(!assemble([(":status", "200"), ("a", "b\r\nc: d")]).writeResponse(to: &text))
    }

    @Test func `trailers that may be passed on`() {
        var text: [UInt8] = []
        let fields: Fields = [
            ("checksum", "1"), ("content-length", "5"), ("authorization", "x"), ("host", "here"),
            ("cookie", "c"),
            ("x-client-certificate-subject", "CN=a"), ("x-forwarded-for", "::1"), ("grpc-status", "0"),
        ]
        let isWritten = assemble(fields).writeTrailers(to: &text)
        #expect(isWritten && text == Array("checksum: 1\r\ngrpc-status: 0\r\n".utf8))
        #expect(!assemble([(":path", "/")]).writeTrailers(to: &text))
        #expect(!assemble([("a", "b\nc")]).writeTrailers(to: &text))
    }

    @Test func `what is too large is counted and not kept`() {
        let assembly = assemble(Self.get + [("x", String(repeating: "y", count: 1000))], limit: 500)
        #expect(assembly.size == 1033 + Self.get.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 32 })
        var text: [UInt8] = []
        var copy = assembly
        #expect(copy.writeRequest(to: &text) { [] }.isValid)
        #expect(!String(decoding: text, as: UTF8.self).contains("yyy"))
    }
}
