import Bytes
import HTTP1
import HTTPModel
import Testing

/// What became of a chunked body.
struct Decoded: Equatable {
    var payload: [UInt8] = []
    var trailers = ""
    var ended = false
    var consumed = 0
    var error: ChunkError?

    var text: String { String(decoding: payload, as: UTF8.self) }
}

/// Decodes `bytes` in pieces that end at `cuts`.
func decode(_ bytes: [UInt8], cuts: [Int] = []) -> Decoded {
    var decoder = ChunkDecoder()
    var result = Decoded()
    var start = 0
    for cut in cuts + [bytes.count] where !result.ended && result.error == nil {
        var piece = Array(bytes[start..<cut])
        start = cut
        guard !piece.isEmpty else { continue }
        piece.withUnsafeMutableBytes { region in
            let view = MutableByteView(region)
            do throws(ChunkError) {
                let step = try decoder.decode(view)
                result.payload += view.view.slice(step.payload.lowerBound, step.payload.upperBound).array()
                result.consumed += step.consumed
                result.ended = step.ended
            } catch {
                result.error = error
            }
        }
    }
    if result.error == nil { result.trailers = String(decoding: decoder.trailers, as: UTF8.self) }
    return result
}

func decode(_ text: String, cuts: [Int] = []) -> Decoded { decode(Array(text.utf8), cuts: cuts) }

@Suite struct ChunkDecoderTests {
    static let bodies = [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef"),
        ("A\r\n0123456789\r\n00\r\n\r\n", "0123456789"),
        ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n000\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
        ("5;a=b\r\nhello\r\n0;x\r\n\r\n", "hello"),
        ("5 ;a=\"b\r\nhello\r\n".replacing("\"", with: "q") + "0\r\n\r\n", "hello"),
        ("5 \t; \ta\r\nhello\r\n0\r\n\r\n", "hello"),
        ("00000000000000f\r\n0123456789abcde\r\n0\r\n\r\n", "0123456789abcde"),
    ]

    @Test("RFC 9112 §7.1: chunks are joined, wherever they are cut", arguments: bodies)
    func joined(text: String, payload: String) {
        let bytes = Array(text.utf8) + Array("GET /next".utf8)
        let whole = decode(bytes)
        #expect(whole == Decoded(payload: Array(payload.utf8), ended: true, consumed: text.utf8.count))
        #expect(decode(bytes, cuts: Array(0..<bytes.count)) == whole)
        for first in 0..<bytes.count {
            for second in first..<bytes.count { #expect(decode(bytes, cuts: [first, second]) == whole) }
        }
    }

    @Test(
        "RFC 9112 §7.1: what is no chunk is refused",
        arguments: [
            ("\r\n", ChunkError.badSize), ("g\r\n", .badSize), ("-1\r\n", .badSize), ("+1\r\n", .badSize),
            (" 1\r\n", .badSize),
            ("0x1\r\n", .badSize), ("1 \r\na\r\n", .badSize), ("1\t\r\n", .badSize), ("1 2\r\n", .badSize),
            ("1,\r\n", .badSize),
            (";a\r\n", .badSize), ("1\u{0}\r\n", .badSize), ("1_0\r\n", .badSize),
            ("1\na", .badLineEnd), ("1\r\r\n", .badLineEnd), ("1\ra", .badLineEnd), ("0\n\n", .badLineEnd),
            ("0\r\n\n", .badLineEnd),
            ("0\r\n\r\r", .badLineEnd), ("0\r\n\rX", .badLineEnd), ("1;a\nb", .badLineEnd),
            ("1;a\rb", .badLineEnd),
            ("1;\n", .badLineEnd), ("0;a\nTransfer", .badLineEnd), ("1;a\u{0}\r\n", .badExtension),
            ("1;\u{7F}\r\n", .badExtension),
            ("1000000000000000\r\n", .sizeTooLarge), ("fffffffffffffffff\r\n", .sizeTooLarge),
            ("0000000000000001\r\n", .sizeTooLarge),
            ("1\r\nab", .missingChunkEnd), ("1\r\na\n", .missingChunkEnd), ("1\r\na\r\r", .missingChunkEnd),
            ("1\r\na0\r\n", .missingChunkEnd),
            ("0\r\nX : y\r\n", .badTrailer(.spaceBeforeColon)), ("0\r\n X: y\r\n", .badTrailer(.foldedLine)),
            ("0\r\nX\r\n", .badTrailer(.badFieldName)), ("0\r\nX: \u{0}\r\n", .badTrailer(.badFieldValue)),
            ("0\r\nX: y\n", .badLineEnd),
            ("0\r\nX: y\rz", .badLineEnd), ("0\r\n: y\r\n", .badTrailer(.badFieldName)),
            ("0\r\nGET / HTTP/1.1\r\n", .badTrailer(.spaceBeforeColon)),
        ])
    func refused(text: String, error: ChunkError) {
        #expect(decode(text).error == error)
        let bytes = Array(text.utf8)
        #expect(decode(bytes, cuts: Array(0..<bytes.count)).error == error)
        #expect(decode("3\r\nabc\r\n" + text).error == error)
    }

    @Test func `the largest size that is read does not overflow`() {
        let decoded = decode("fffffffffffffff\r\nabc")
        #expect(decoded.error == nil && decoded.text == "abc" && !decoded.ended)
    }

    @Test func `extensions of a message are capped together`() {
        func body(_ chunks: Int) -> String {
            String(repeating: "1;" + String(repeating: "a", count: 63) + "\r\nx\r\n", count: chunks)
        }
        #expect(decode(body(64)).error == nil)
        #expect(decode(body(65)).error == .extensionsTooLong)
        #expect(decode("1;" + String(repeating: "a", count: 4096)).error == .extensionsTooLong)
        #expect(decode("1" + String(repeating: " ", count: 4097)).error == .extensionsTooLong)
    }

    @Test func `trailers are kept as lines of one form, wherever they are cut`() {
        let text = "1\r\na\r\n0\r\nX-Sum:1\r\nGrpc-Status:  \t0 \t\r\nEmpty:\r\nEtag: \"a b\"\r\n\r\nrest"
        let expected = "X-Sum: 1\r\nGrpc-Status: 0\r\nEmpty: \r\nEtag: \"a b\"\r\n"
        let bytes = Array(text.utf8)
        let whole = decode(bytes)
        #expect(
            whole.trailers == expected && whole.ended && whole.consumed == bytes.count - 4
                && whole.text == "a")
        for cut in 0..<bytes.count { #expect(decode(bytes, cuts: [cut]) == whole) }
        #expect(decode(bytes, cuts: Array(0..<bytes.count)) == whole)
    }

    @Test(
        "RFC 9110 §6.5.1: trailers that could change the message or who sent it are dropped",
        arguments: [
            "Content-Length", "Transfer-Encoding", "Host", "Connection", "Trailer", "TE", "Upgrade",
            "Keep-Alive", "Authorization",
            "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Range", "Cache-Control",
            "Expires", "Expect", "Range",
            "If-Match", "if-none-match", "Max-Forwards", "WWW-Authenticate", "Proxy-Authorization",
            "Location", "Vary", "Age",
            "X-Forwarded-For", "X-FORWARDED-User", "Forwarded", "X-Real-IP", "X-Request-Id", "X-User-Id",
            "Remote-User", "Sec-Fetch-Site",
            "X_Forwarded_For", "content.length", "X-Middleware-Subrequest", "Accept",
            "Access-Control-Allow-Origin", "X-HTTP-Method-Override",
        ])
    func dropped(name: String) {
        let decoded = decode("0\r\n\(name): 5\r\nX-Sum: 1\r\n\(name):\r\n\r\n")
        #expect(decoded.trailers == "X-Sum: 1\r\n" && decoded.ended)
    }

    @Test func `a trailer section is limited in lines and in bytes`() {
        func section(_ lines: Int) -> String {
            "0\r\n" + String(repeating: "X: y\r\n", count: lines) + "\r\n"
        }
        #expect(decode(section(64)).error == nil)
        #expect(decode(section(65)).error == .tooManyTrailers)
        let fitting = "X: " + String(repeating: "a", count: 8192 - 5) + "\r\n"
        #expect(decode("0\r\n" + fitting + "\r\n").error == nil)
        #expect(decode("0\r\nY" + fitting + "\r\n").error == .trailersTooLarge)
        #expect(decode("0\r\nX: " + String(repeating: "a", count: 9000)).error == .trailersTooLarge)
    }

    @Test func `one run of payload is not moved, several are joined behind the first`() {
        var bytes = Array("5\r\nhello\r\n6\r\n world\r\n".utf8)
        bytes.withUnsafeMutableBytes { region in
            var decoder = ChunkDecoder()
            let view = MutableByteView(region)
            let first = try! decoder.decode(view.slice(0, 10))
            #expect(first == ChunkDecoder.Step(payload: 3..<8, consumed: 10, ended: false))
            decoder = ChunkDecoder()
            let both = try! decoder.decode(view)
            #expect(both == ChunkDecoder.Step(payload: 3..<14, consumed: 21, ended: false))
            #expect(view.view.slice(3, 14).equals("hello world"))
        }
    }

    @Test func `nothing behind the end is taken`() {
        var bytes = Array("0\r\n\r\nGET".utf8)
        bytes.withUnsafeMutableBytes { region in
            var decoder = ChunkDecoder()
            let view = MutableByteView(region)
            let last = try? decoder.decode(view)
            #expect(last?.consumed == 5)
            let behind = try? decoder.decode(view.slice(5, 8))
            #expect(behind == ChunkDecoder.Step(payload: 0..<0, consumed: 0, ended: true))
        }
    }

    @Test("random bodies come out as they went in, wherever they are cut", arguments: UInt64(0)..<30)
    func random(seed: UInt64) {
        var random = Seeded(seed)
        var payload: [UInt8] = []
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0..<20, using: &random) {
            let chunk = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bytes += Array(String(chunk.count, radix: 16).utf8) + [0x0D, 0x0A] + chunk + [0x0D, 0x0A]
            payload += chunk
        }
        bytes += Array("0\r\n\r\n".utf8)
        for _ in 0..<20 {
            let cuts = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                Int.random(in: 0...bytes.count, using: &random)
            }
            let decoded = decode(bytes, cuts: cuts.sorted())
            #expect(
                decoded == Decoded(payload: payload, ended: true, consumed: bytes.count),
                "seed \(seed), cuts \(cuts)")
        }
        // Whatever is done to it, it ends, waits or is refused, the same way wherever it is cut.
        for _ in 0..<50 {
            var broken = bytes
            broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            let cut = Int.random(in: 0...broken.count, using: &random)
            let (whole, parts) = (decode(broken), decode(broken, cuts: [cut]))
            #expect(
                whole.error == parts.error && (whole.error != nil || whole == parts),
                "seed \(seed), cut \(cut)")
        }
    }
}
