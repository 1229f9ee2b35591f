import Bytes
import Testing

@testable import Redis

struct SentinelCommandsTests {
    private func master(_ text: String) throws -> RedisNode {
        var reader = ReplyReader()
        try reader.feed(Array(text.utf8))
        return try SentinelCommands.master(try #require(try reader.next()))
    }

    @Test func `a sentinel is asked by the name that it gives the master`() {
        expectEqual(
            written { SentinelCommands.writeMaster("shop", into: &$0) },
            "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$4\r\nshop\r\n")
    }

    @Test func `its answer is a host and a port`() throws {
        #expect(try master("*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n").description == "10.0.0.1:6379")
        #expect(try master("*2\r\n$7\r\nfd00::1\r\n:6379\r\n").description == "[fd00::1]:6379")
    }

    @Test(
        arguments: [
            ("*-1\r\n", "no master of this name"), ("-NOAUTH Authentication required.\r\n", "NOAUTH"),
            ("-IDONTKNOW I have not enough information\r\n", "IDONTKNOW"), ("+OK\r\n", "names no server"),
            ("*0\r\n", "names no server"), ("*1\r\n$1\r\nh\r\n", "names no server"),
            ("*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "names no server"),
            ("*2\r\n$0\r\n\r\n$1\r\n1\r\n", "names no server"),
            ("*2\r\n$3\r\na b\r\n$1\r\n1\r\n", "names no server"), (":5\r\n", "names no server"),
        ])
    func `an answer without a master says why`(text: String, words: String) {
        #expect { try master(text) } throws: { error in
            (error as? SentinelCommands.Nameless)?.words.contains(words) == true
        }
    }

    @Test(
        arguments: [
            ("*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n", .master),
            ("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$1\r\nx\r\n:0\r\n", .replica),
            ("*2\r\n$8\r\nsentinel\r\n*0\r\n", .sentinel), ("-NOPERM no\r\n", .unknown), ("*0\r\n", .unknown),
            ("+master\r\n", .unknown), ("*1\r\n:7\r\n", .unknown),
        ] as [(String, SentinelCommands.Role)])
    func `a server says which part it has`(text: String, role: SentinelCommands.Role) throws {
        var reader = ReplyReader()
        try reader.feed(Array(text.utf8))
        #expect(SentinelCommands.Role(try #require(try reader.next())) == role)
    }

    @Test func `a session that needs a master refuses a replica and a sentinel, and nobody else`() {
        let answers = [
            ("*2\r\n$6\r\nmaster\r\n:1\r\n", true), ("*1\r\n$5\r\nslave\r\n", false),
            ("*1\r\n$8\r\nsentinel\r\n", false), ("-NOPERM no\r\n", true),
        ]
        for (answer, isReady) in answers {
            var talk = Conversation { $0.needsMaster = true }
            talk.run()
            talk.accept()
            expectEqual(talk.writes, ["*1\r\n$4\r\nROLE\r\n*1\r\n$4\r\nPING\r\n"])
            talk.answer(answer + "+PONG\r\n")
            expectEqual(talk.session.isReady, isReady, "\(answer)")
        }
    }
}
