import HTTP1
import HTTPModel
import Testing

@Suite struct SplitTests {
    static let requests = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET /a?b HTTP/1.1\r\nHost: a.example:80\r\nX_Y: z\r\nConnection: close, x\r\nX: 1\r\n\r\n",
        "POST http://b.example/p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
            + "Expect: 100-continue\r\n\r\nhello",
        "OPTIONS * HTTP/1.0\r\n\r\n",
        "PUT /long HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            + "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nX(: a\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\nContent-Length: 5\r\nbad\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost+1\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost+1\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n\r\nGET",
    ]

    static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "HTTP/1.1 204\r\n\r\n",
        "HTTP/1.0 200 \r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nETag~x\rS\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Long-Name-Of-A-Field: with a long value\r\n\r\n",
    ]

    @Test("a request gives the same result wherever it is cut", arguments: requests)
    func requestsCutTwice(text: String) {
        let bytes = Array(text.utf8)
        let whole = parseRequest(bytes)
        #expect(parseRequest(bytes, cuts: Array(0..<bytes.count)) == whole, "byte by byte")
        for first in 0..<bytes.count {
            #expect(parseRequest(bytes, cuts: [first]) == whole, "cut at \(first)")
            for second in stride(from: first, to: bytes.count, by: 7) {
                #expect(parseRequest(bytes, cuts: [first, second]) == whole, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("a response gives the same result wherever it is cut", arguments: responses)
    func responsesCutTwice(text: String) {
        let bytes = Array(text.utf8)
        let whole = parseResponse(bytes)
        #expect(parseResponse(bytes, cuts: Array(0..<bytes.count)) == whole, "byte by byte")
        for first in 0..<bytes.count {
            for second in first..<bytes.count {
                #expect(
                    parseResponse(bytes, cuts: [first, second]) == whole, "cut at \(first) and \(second)")
            }
        }
    }

    @Test(
        "mutated requests never crash, never carry two framings and do not depend on cuts",
        arguments: UInt64(0)..<40)
    func mutations(seed: UInt64) {
        var random = Seeded(seed)
        let interesting = Array("\r\n\t :,;=\u{0}\u{7F}_.-/*?#%[]@0159azAZ".utf8) + [0x80, 0xFF]
        let lines = [
            "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "Connection: close\r\n",
            " x\r\n", "\r\n",
            "Content-Length: 5\n", "Transfer_Encoding: chunked\r\n",
        ]
        for round in 0..<100 {
            var bytes = Array(SplitTests.requests[Int.random(in: 0..<6, using: &random)].utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[at] = interesting.randomElement(using: &random)!
                case 1: bytes.insert(interesting.randomElement(using: &random)!, at: at)
                case 2: if bytes.count > 1 { bytes.remove(at: at) }
                case 3: bytes.insert(contentsOf: Array(lines.randomElement(using: &random)!.utf8), at: at)
                default: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            let whole = parseRequest(bytes)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            let text = String(decoding: bytes, as: UTF8.self).debugDescription
            // What is wrong in an incomplete head may be seen a little later when it drips, at its end at the
            // latest.
            let ended = whole.error == nil ? bytes : bytes + Array("\r\n\r\n".utf8)
            #expect(
                parseRequest(ended, cuts: cuts) == whole,
                "seed \(seed), round \(round), cuts \(cuts): \(text)")
            #expect(
                parseRequest(ended, cuts: Array(0..<ended.count)) == whole,
                "seed \(seed), round \(round): \(text)")
            guard case .head(_, let length) = whole else { continue }
            check(Array(bytes[..<length]), "seed \(seed), round \(round): \(text)")
        }
    }

    /// What holds for every head that is accepted.
    private func check(_ head: [UInt8], _ comment: Comment) {
        let text = String(decoding: head, as: UTF8.self)
        let names = text.utf8.split(separator: 0x0A).dropFirst().map { line in
            String(decoding: line.prefix { $0 != 0x3A }, as: UTF8.self).lowercased()
        }
        let lengths = names.count { $0 == "content-length" }
        let codings = names.count { $0 == "transfer-encoding" }
        #expect(lengths + codings <= 1, comment)
        #expect(names.count { $0 == "host" } <= 1, comment)
        for (index, byte) in head.enumerated() {
            if byte == 0x0A { #expect(index > 0 && head[index - 1] == 0x0D, comment) }
            if byte == 0x0D { #expect(index + 1 < head.count && head[index + 1] == 0x0A, comment) }
            #expect(byte >= 0x20 && byte != 0x7F || byte == 0x0D || byte == 0x0A || byte == 0x09, comment)
        }
    }
}
