import Bytes
import Redis
import Testing

struct ReplyReaderTests {
    private static let replies: [(bytes: String, shown: String)] = [
        ("+OK\r\n", "+OK"), ("-ERR no\r\n", "-ERR no"), (":0\r\n", "0"), (":-42\r\n", "-42"),
        (":9223372036854775807\r\n", "9223372036854775807"), ("$0\r\n\r\n", "\"\""),
        ("$5\r\nhe\r\no\r\n", "\"he\r\no\""), ("$-1\r\n", "null"), ("*-1\r\n", "null"), ("*0\r\n", "[]"),
        ("*3\r\n:1\r\n$1\r\na\r\n$-1\r\n", "[1 \"a\" null]"),
        ("*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n+x\r\n", "[[1 2] [+x]]"),
        ("*3\r\n*0\r\n*1\r\n*1\r\n:5\r\n-E x\r\n", "[[] [[5]] -E x]"),
    ]

    @Test(arguments: 0..<replies.count)
    func `a reply is the same however its bytes are cut`(number: Int) throws {
        let (bytes, expected) = Self.replies[number]
        let all = Array(bytes.utf8)
        for cut in 0...all.count {
            var reader = ReplyReader()
            try reader.feed(all[..<cut])
            if cut < all.count {
                verify(try reader.next() == nil, "a part of \(bytes) is no reply")
                try reader.feed(all[cut...])
            }
            let reply = try reader.next()
            expectEqual(reply.map(shown), expected)
            verify(try reader.next() == nil)
        }
    }

    @Test func `replies of one read come one by one`() throws {
        var reader = ReplyReader()
        let all = Self.replies.map(\.bytes).joined()
        for _ in 0..<50 {
            try reader.feed(all.utf8)
            for (_, expected) in Self.replies {
                let reply = try reader.next()
                expectEqual(reply.map(shown), expected)
            }
            verify(try reader.next() == nil)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "\0", "SSH-2.0-OpenSSH_9.2\r\n", ":12x\r\n",
        ":\r\n", "$-2\r\n", "*-2\r\n", "$abc\r\n", "*99999999999999999999\r\n", "%1\r\n+a\r\n+b\r\n", "_\r\n",
        "$9223372036854775807\r\n", "*2147483647\r\n", "*65537\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    ])
    func `what is no reply, or too much of one, is an error that stays`(bytes: String) {
        var reader = ReplyReader(ReplyLimits(bytes: 4096, values: 1000))
        var error: ReplyError?
        do throws(ReplyError) {
            // A number of bytes that will never come is believed for as long as they do not come.
            for _ in 0..<3000 where error == nil {
                try reader.feed(bytes.utf8)
                while try reader.next() != nil {}
            }
        } catch let caught {
            error = caught
        }
        verify(error != nil, "\(bytes)")
        do throws(ReplyError) {
            _ = try reader.next()
            Issue.record("a reader that has failed goes on")
        } catch let again {
            expectEqual(again, error ?? again)
        }
    }

    @Test(arguments: [
        ("bytes of a text", "$5000\r\n" + String(repeating: "x", count: 5000) + "\r\n"),
        ("a line without end", "+" + String(repeating: "x", count: 5000)),
        (
            "many texts",
            "*9\r\n" + String(repeating: "$999\r\n\(String(repeating: "x", count: 999))\r\n", count: 9)
        ),
        ("many values", "*1001\r\n" + String(repeating: ":1\r\n", count: 1001)),
        ("arrays of arrays", "*900\r\n*900\r\n:1\r\n"),
    ])
    func `a reply beyond the limits is refused`(name: String, bytes: String) {
        var reader = ReplyReader(ReplyLimits(bytes: 4096, values: 1000))
        #expect(throws: ReplyError.self, "\(name)") {
            try reader.feed(bytes.utf8)
            _ = try reader.next()
        }
    }

    @Test func `any bytes are replies or an error, cut anyhow`() {
        for seed in 0..<2000 as Range<UInt64> {
            var dice = Dice(seed: seed)
            let alphabet = Array("*$:+-0123456789\r\n\r\nabc".utf8)
            var bytes: [UInt8] = []
            while bytes.count < 200 {
                if dice.chance(40) {
                    bytes += Array(Self.replies[dice.below(Self.replies.count)].bytes.utf8)
                } else {
                    bytes.append(alphabet[dice.below(alphabet.count)])
                }
            }
            expectEqual(outcome(bytes, cut: bytes.count), outcome(bytes, cut: 1), "seed \(seed)")
        }
    }

    private func outcome(_ bytes: [UInt8], cut: Int) -> [String] {
        var reader = ReplyReader(ReplyLimits(bytes: 4096, values: 1000))
        var seen: [String] = []
        var rest = bytes[...]
        do throws(ReplyError) {
            while !rest.isEmpty {
                let part = rest.prefix(cut)
                rest = rest.dropFirst(cut)
                try reader.feed(part)
                while let reply = try reader.next() { seen.append(shown(reply)) }
            }
        } catch {
            seen.append("error")
        }
        return seen
    }
}
