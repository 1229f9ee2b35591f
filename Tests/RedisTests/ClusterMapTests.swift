import Bytes
import Testing

@testable import Redis

struct ClusterMapTests {
    private static let asked = RedisNode(host: "10.0.0.9", port: 7000)

    /// Reads `text`, a reply as it comes.
    private static func map(_ text: String) throws -> ClusterMap {
        var reader = ReplyReader(ClusterMap.limits)
        try reader.feed(Array(text.utf8))
        let reply = try #require(try reader.next())
        return try ClusterMap(reply, asked: asked)
    }

    private static func range(_ first: Int, _ last: Int, _ host: String?, _ port: Int, more: Int = 0)
        -> String
    {
        let host = host.map { "$\($0.utf8.count)\r\n\($0)\r\n" } ?? "$-1\r\n"
        let replica = "*3\r\n$8\r\n10.0.1.1\r\n:7001\r\n$1\r\nr\r\n"
        return "*\(3 + more)\r\n:\(first)\r\n:\(last)\r\n*4\r\n\(host):\(port)\r\n$1\r\ni\r\n*0\r\n"
            + String(repeating: replica, count: more)
    }

    @Test func `each slot has the master that was named, and replicas are left out`() throws {
        let map = try Self.map(
            "*3\r\n" + Self.range(0, 99, "10.0.0.1", 7000, more: 2) + Self.range(100, 200, "b.example", 7001)
                + Self.range(300, 16_383, "10.0.0.1", 7000))
        #expect(map.nodes.map(\.description) == ["10.0.0.1:7000", "b.example:7001"])
        let owners = [0, 99, 100, 200, 201, 299, 300, 16_383].map { slot in
            KeySlot(slot).flatMap { map.owner(of: $0)?.host } ?? "nobody"
        }
        #expect(
            owners == [
                "10.0.0.1", "10.0.0.1", "b.example", "b.example", "nobody", "nobody", "10.0.0.1", "10.0.0.1",
            ])
        #expect(map.missing == 99)
    }

    @Test(arguments: [nil, "", "?"])
    func `a node that does not know its name is the one that was asked`(host: String?) throws {
        let map = try Self.map("*1\r\n" + Self.range(0, 16_383, host, 7003))
        #expect(map.nodes == [RedisNode(host: "10.0.0.9", port: 7003)])
    }

    @Test func `an IPv6 address is a host`() throws {
        let map = try Self.map("*1\r\n" + Self.range(0, 1, "fd00::1", 7003))
        #expect(map.nodes.map(\.description) == ["[fd00::1]:7003"])
    }

    @Test func `each slot by itself is a map too`() throws {
        let ranges = (0..<16_384).map { Self.range($0, $0, "10.0.0.\($0 % 200)", 7000, more: 2) }
        let map = try Self.map("*16384\r\n" + ranges.joined())
        #expect(map.nodes.count == 200)
        #expect(map.missing == 0)
    }

    @Test(
        arguments: [
            ("*0\r\n", "knows of no slots"), (":1\r\n", "no list"), ("$-1\r\n", "no list"),
            ("-ERR This instance has cluster support disabled\r\n", "cluster support disabled"),
            ("*1\r\n:1\r\n", "a range that is none"), ("*1\r\n*0\r\n", "a range that is none"),
            ("*1\r\n*2\r\n:0\r\n:1\r\n", "a range that is none"),
            ("*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n", "without a master"),
            ("*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\nh\r\n", "without a master"),
            ("*1\r\n" + range(5, 4, "h", 1), "a range that is none"),
            ("*1\r\n" + range(-1, 4, "h", 1), "a range that is none"),
            ("*1\r\n" + range(0, 16_384, "h", 1), "a range that is none"),
            ("*1\r\n" + range(0, 4, "h", 0), "at no address"),
            ("*1\r\n" + range(0, 4, "h", 65_536), "at no address"),
            ("*1\r\n" + range(0, 4, nil, -7), "at no address"),
            ("*1\r\n" + range(0, 4, "h h", 1), "at no address"),
            ("*1\r\n" + range(0, 4, String(repeating: "h", count: 254), 1), "at no address"),
            ("*2\r\n" + range(0, 4, "h", 1) + range(4, 5, "h", 1), "named twice"),
            ("*257\r\n" + (0..<257).map { range($0, $0, "h\($0)", 1) }.joined(), "more than 256"),
        ])
    func `nonsense is no map`(text: String, words: String) {
        #expect { try Self.map(text) } throws: { error in
            (error as? ClusterMap.Nonsense)?.words.contains(words) == true
        }
    }

    @Test(
        arguments: [
            ("MOVED 3999 127.0.0.1:6381", "moved 3999 127.0.0.1 6381"),
            ("ASK 0 b.example:1", "ask 0 b.example 1"),
            ("MOVED 16383 fd00::1:6381", "moved 16383 fd00::1 6381"), ("MOVED 1 :6381", "moved 1 - 6381"),
            ("MOVED 1 ?:6381", "moved 1 - 6381"), ("MOVED", "nil"), ("MOVED 1", "nil"), ("MOVED 1 h", "nil"),
            ("MOVED 16384 h:1", "nil"), ("MOVED -1 h:1", "nil"), ("MOVED x h:1", "nil"),
            ("MOVED 1 h:0", "nil"),
            ("MOVED 1 h:65536", "nil"), ("MOVED 1 :0", "nil"), ("MOVED 1 h:", "nil"),
            ("MOVED 1 h h:1", "nil"),
            ("MOVEDx 1 h:1", "nil"), ("ASKING 1 h:1", "nil"), ("ERR MOVED 1 h:1", "nil"), ("", "nil"),
        ])
    func `a redirection names a slot and a node`(text: String, expected: String) throws {
        var reader = ReplyReader()
        try reader.feed(Array("-\(text)\r\n".utf8))
        let redirection = Redirection(try #require(try reader.next()))
        let shown = redirection.map { "\($0.kind) \($0.slot.number) \($0.host ?? "-") \($0.port)" } ?? "nil"
        #expect(shown == expected)
        #expect(
            redirection?.node(asked: Self.asked).host
                == (redirection?.host ?? redirection.map { _ in "10.0.0.9" }))
    }

    @Test(
        arguments: [
            ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain, false),
            ("CLUSTERDOWN The cluster is down", .clusterDown, true),
            ("READONLY You can't write against a read only replica.", .isReplica, true),
            ("LOADING Redis is loading the dataset in memory", .isLoading, false),
            ("MASTERDOWN Link with MASTER is down", .masterDown, true),
            ("OOM command not allowed", .outOfMemory, false),
            ("MISCONF Redis is configured to save RDB snapshots", .cannotPersist, false),
            ("NOPERM this user has no permissions", .notAllowed, false), ("MOVED 1 h:1", .isCluster, false),
            ("ERR unknown command", nil, false), ("OOMPH", nil, false),
        ] as [(String, ServerFault?, Bool)])
    func `errors that tell of the server are known`(text: String, fault: ServerFault?, searches: Bool) throws
    {
        var reader = ReplyReader()
        try reader.feed(Array("-\(text)\r\n".utf8))
        let found = ServerFault(try #require(try reader.next()))
        #expect(found == fault)
        #expect(found?.callsForSearch ?? false == searches)
    }
}
