import HTTP1
import HTTPModel
import Testing

@Suite struct RequestLimitTests {
    private let limits = HeadLimits(maximumBytes: 512, maximumTarget: 100, maximumFields: 5)

    @Test func `a head of exactly the limit passes and one byte more is refused`() {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
        let fitting = frame.replacing(
            "X: ", with: "X: " + String(repeating: "x", count: 512 - frame.utf8.count))
        #expect(fitting.utf8.count == 512)
        #expect(parseRequest(fitting, limits: limits).length == 512)
        #expect(
            parseRequest(fitting.replacing("Host: a", with: "Host: ab"), limits: limits)
                == .refused(.headTooLarge))
        // A body behind a head that fits does not count.
        #expect(parseRequest(fitting + String(repeating: "b", count: 9999), limits: limits).length == 512)
    }

    @Test func `an endless head is refused however it arrives`() {
        let bytes = Array(
            ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 3) + "Y: ").utf8)
        let endless = bytes + [UInt8](repeating: 0x61, count: 600)
        #expect(parseRequest(endless, limits: limits) == .refused(.headTooLarge))
        #expect(
            parseRequest(endless, cuts: Array(1..<endless.count), limits: limits) == .refused(.headTooLarge))
    }

    @Test func `a target of exactly the limit passes and one byte more is refused`() {
        let target = "/" + String(repeating: "a", count: 99)
        #expect(parseRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).length != nil)
        #expect(
            parseRequest("GET \(target)b HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits)
                == .refused(.targetTooLong))
        #expect(parseRequest("GET \(target)?b", limits: limits) == .refused(.targetTooLong))
        #expect(parseRequest("GET http://\(target.dropFirst())", limits: limits) == .refused(.targetTooLong))
    }

    @Test func `the number of fields is limited`() {
        func head(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: count - 1) + "\r\n"
        }
        #expect(parseRequest(head(5), limits: limits).length != nil)
        #expect(parseRequest(head(6), limits: limits) == .refused(.tooManyFields))
        #expect(parseRequest(head(100)).length != nil)
        #expect(parseRequest(head(101)) == .refused(.tooManyFields))
    }

    @Test func `limits are held within what offsets can count`() {
        let wide = HeadLimits(maximumBytes: 1 << 40, maximumTarget: 1 << 40, maximumFields: 1 << 40)
        #expect(wide == HeadLimits(maximumBytes: 65535, maximumTarget: 65535, maximumFields: 100))
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 65535 - 32) + "\r\n\r\n"
        #expect(head.utf8.count == 65535)
        #expect(parseRequest(head, limits: wide).length == 65535)
        #expect(
            parseRequest(head.replacing("Host: a", with: "Host: ab"), limits: wide) == .refused(.headTooLarge)
        )
    }

    @Test func `what cannot become a request is refused with its first bytes`() {
        // TLS ClientHello, SSH, SOCKS, an HTTP/2 frame: none is waited for.
        for first: [UInt8] in [[0x16], [0x16, 0x03], [0x05, 0x01], [0x00, 0x00], [0x80]] {
            #expect(parseRequest(first) == .refused(.badMethod))
        }
        #expect(parseRequest("SSH-2.0-OpenSSH_9.2\r\n") == .refused(.badMethod))
        #expect(parseRequest("GET x") == .refused(.badTarget))
    }

    @Test func `a head dripped byte by byte costs time in proportion to its length`() {
        let limits = HeadLimits(maximumBytes: 65535)
        let head = Array(
            ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 60000) + "\r\n\r\n").utf8)
        var parser = RequestParser(limits: limits)
        var parsed = RequestHead()
        let clock = ContinuousClock()
        // A parse of the whole for each byte would look at 1.8 billion bytes: minutes in a debug build.
        let elapsed = clock.measure {
            head.withView { view in
                for count in 1...head.count { _ = try? parser.parse(view.prefix(count), into: &parsed) }
            }
        }
        #expect(parsed.fields.count == 2)
        #expect(elapsed < .seconds(10))
    }
}
