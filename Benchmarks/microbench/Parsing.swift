import Bytes
import HTTP1
import HTTPModel

/// Parsers and what reads bytes.
enum Parsing {
    /// What a browser sends, about 350 bytes.
    static let browserRequest = Array(
        """
        GET /api/orders/4711?page=2 HTTP/1.1\r
        Host: shop.example.com\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
        Accept-Language: en-US,en;q=0.5\r
        Accept-Encoding: gzip, deflate, br\r
        Cookie: session=0123456789abcdef0123456789abcdef\r
        \r

        """.utf8)

    static let answer = Array(
        """
        HTTP/1.1 200 OK\r
        Server: nginx\r
        Date: Sat, 31 Jan 2026 12:00:00 GMT\r
        Content-Type: application/json\r
        Content-Length: 308\r
        Connection: keep-alive\r
        X-Powered-By: origin\r
        \r

        """.utf8)

    static func requestHead(_ rounds: Int) -> Int {
        var parser = RequestParser(limits: HeadLimits())
        var head = RequestHead()
        var sum = 0
        browserRequest.withView { bytes in
            for _ in 0..<rounds { sum &+= (try? parser.parse(bytes, into: &head)) ?? 0 }
        }
        return sum
    }

    static func responseHead(_ rounds: Int) -> Int {
        var parser = ResponseParser(limits: HeadLimits())
        var head = ResponseHead()
        var sum = 0
        answer.withView { bytes in
            for _ in 0..<rounds { sum &+= (try? parser.parse(bytes, answering: .get, into: &head)) ?? 0 }
        }
        return sum
    }

    static func normalPath(_ rounds: Int) -> Int {
        let path = ByteView("/api/orders/4711/lines/%C3%A4")
        var sum = 0
        for _ in 0..<rounds where PathNormaliser.isNormal(path) { sum &+= 1 }
        return sum
    }

    static func pathToNormalise(_ rounds: Int) -> Int {
        let path = ByteView("/api//orders/./4711/../4712/%6cines/%c3%a4")
        let region = Scratch(size: 256)
        var sum = 0
        for _ in 0..<rounds {
            var writer = ByteWriter(region.view)
            try? PathNormaliser.normalise(path, into: &writer)
            sum &+= writer.count
        }
        return sum
    }

    /// A body of four chunks of 1 KiB. Its bytes are put back each time, as decoding moves them: a copy of
    /// 4 KiB.
    static func chunks(_ rounds: Int) -> Int {
        let chunk = Array("400\r\n".utf8) + [UInt8](repeating: 0x61, count: 1024) + Array("\r\n".utf8)
        let body = chunk + chunk + chunk + chunk + Array("0\r\n\r\n".utf8)
        let region = Scratch(size: 8192)
        var sum = 0
        body.withView { bytes in
            for _ in 0..<rounds {
                region.view.write(bytes, at: 0)
                var decoder = ChunkDecoder()
                sum &+= (try? decoder.decode(region.view.slice(0, bytes.count)).payload.count) ?? 0
            }
        }
        return sum
    }
}
