import Bytes
import CNghttp2
import Testing

@testable import HTTP2

/// Heads that were written for HTTP/1.1 as nghttp2 takes them.
@Suite struct NameValuesTests {
    private struct Field: Equatable, CustomStringConvertible {
        let name: String
        let value: String
        var isSecret = false
        var description: String { "\(name): \(value)\(isSecret ? " (secret)" : "")" }
    }

    private enum Kind { case response, request, trailers }

    private func read(_ text: String, _ kind: Kind) -> [Field]? {
        let scratch = Scratch(size: text.utf8.count + 1)
        Array(text.utf8).withView { scratch.view.write($0, at: 0) }
        let head = scratch.view.slice(0, text.utf8.count)
        var values = NameValues()
        // A head before it must not matter.
        let isRead: Bool
        switch kind {
        case .response: isRead = values.readResponse(head)
        case .request: isRead = values.readRequest(head, scheme: ByteView("https"))
        case .trailers: isRead = values.readTrailers(head)
        }
        guard isRead else { return nil }
        return (0..<values.count).map { index in
            let pair = values.pointer[index]
            let name = UnsafeBufferPointer(start: pair.name, count: pair.namelen)
            let value = UnsafeBufferPointer(start: pair.value, count: pair.valuelen)
            return Field(
                name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self),
                isSecret: UInt32(pair.flags) & NGHTTP2_NV_FLAG_NO_INDEX.rawValue != 0)
        }
    }

    @Test func `an answer, its names in lower case, without what belongs to HTTP_1`() {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nKeep-Alive: timeout=5\r\n"
            + "Transfer-Encoding: chunked\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nSet-Cookie:  a=b\r\n"
            + "Empty:\r\nContent-Length: 5\r\n\r\n"
        #expect(
            read(head, .response) == [
                Field(name: ":status", value: "200"), Field(name: "content-type", value: "text/plain"),
                Field(name: "set-cookie", value: "a=b", isSecret: true), Field(name: "empty", value: ""),
                Field(name: "content-length", value: "5"),
            ])
    }

    @Test func `a request, its host as authority before all other fields`() {
        let head =
            "POST /a?b HTTP/1.1\r\nAccept: */*\r\nAuthorization: x\r\nHost: here\r\nTE: trailers\r\n"
            + "Cookie: c\r\n\r\n"
        #expect(
            read(head, .request) == [
                Field(name: ":authority", value: "here"), Field(name: ":method", value: "POST"),
                Field(name: ":scheme", value: "https"), Field(name: ":path", value: "/a?b"),
                Field(name: "accept", value: "*/*"), Field(name: "authorization", value: "x", isSecret: true),
                Field(name: "te", value: "trailers"), Field(name: "cookie", value: "c", isSecret: true),
            ])
        let early = read("GET / HTTP/1.1\r\nHost: here\r\nTE: gzip\r\n\r\n", .request)
        #expect(early?.map(\.name) == [":method", ":scheme", ":path", ":authority"])
    }

    @Test func `trailers`() {
        #expect(
            read("A: b\r\nC:d\r\n", .trailers) == [
                Field(name: "a", value: "b"), Field(name: "c", value: "d"),
            ])
        #expect(read("", .trailers)?.isEmpty == true)
    }

    @Test(arguments: ["", "HTTP/1.1 20", "HTTP/1.1 200\r\nx\r\n\r\n"])
    func `what is no head of an answer`(text: String) { #expect(read(text, .response) == nil) }

    @Test(arguments: ["", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nnocolon\r\n\r\n"])
    func `what is no request`(text: String) { #expect(read(text, .request) == nil) }

    @Test func `more fields than there is room for are refused, not cut`() {
        func head(_ count: Int) -> String {
            "HTTP/1.1 200 OK\r\n" + (0..<count).map { "x\($0): y\r\n" }.joined() + "\r\n"
        }
        #expect(read(head(NameValues.capacity - 1), .response)?.count == NameValues.capacity)
        #expect(read(head(NameValues.capacity), .response) == nil)
        #expect(read("A: b\r\n", .trailers)?.count == 1)
    }
}
