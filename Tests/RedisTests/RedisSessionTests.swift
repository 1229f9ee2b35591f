import Redis
import Testing
import Time

struct RedisSessionTests {
    @Test func `who asks is said first, then which database, then a probe`() {
        var talk = Conversation {
            $0.user = "gate"
            $0.password = "secret"
            $0.database = 3
        }
        talk.ask(1)
        talk.run()
        expectEqual(talk.takeLog(), ["connect"])
        talk.accept()
        expectEqual(
            talk.writes,
            [
                "*3\r\n$4\r\nAUTH\r\n$4\r\ngate\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                    + "*1\r\n$4\r\nPING\r\n"
            ])
        talk.takeLog()
        talk.answer("+OK\r\n+OK\r\n")
        expectEqual(talk.session.isReady, false)
        talk.answer("+PONG\r\n")
        expectEqual(talk.session.isReady, true)
        expectEqual(talk.writes, ["*2\r\n$3\r\nGET\r\n$1\r\n1\r\n"], "what waited leaves now")
        talk.answer("$1\r\nx\r\n")
        expectEqual(talk.takeLog(), ["1:\"x\""])
    }

    @Test func `a server without password and database 0 are asked nothing about it`() {
        var talk = Conversation()
        talk.run()
        talk.accept()
        expectEqual(talk.writes, ["*1\r\n$4\r\nPING\r\n"])
        var named = Conversation { $0.password = "secret" }
        named.run()
        named.accept()
        expectEqual(named.writes, ["*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n"])
    }

    @Test func `commands of a turn leave in one write and are answered in their order`() {
        var talk = Conversation()
        talk.getReady()
        for id in 1...3 as ClosedRange<UInt64> { talk.ask(id) }
        talk.run()
        expectEqual(talk.writes.count, 1)
        talk.answer(":1\r\n-ERR two\r\n")
        talk.answer("*1\r\n$-1\r\n")
        expectEqual(talk.takeLog(), ["1:1", "2:-ERR two", "3:[null]"])
        expectEqual(talk.session.counts.commands, 3)
        expectEqual(talk.session.counts.errors, 1)
    }

    @Test func `a late reply of an expired command is nobody's, and the next one keeps its own`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1, within: 20)
        talk.ask(2, within: 200)
        talk.run()
        talk.pass(20)
        expectEqual(talk.takeLog(), ["1:expired"])
        talk.answer(":1\r\n")
        talk.answer(":2\r\n")
        expectEqual(talk.takeLog(), ["2:2"])
        expectEqual(talk.session.pending, 0)
    }

    @Test func `a reply that comes with the deadline counts, if it is read before`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1, within: 20)
        talk.run()
        talk.now = talk.now + .milliseconds(30)
        talk.session.receivedText(":1\r\n", now: talk.now)
        while let event = talk.session.next(now: talk.now) {
            if case .reply(let ticket, _, let nanoseconds) = event {
                expectEqual(ticket.id, 1)
                expectEqual(nanoseconds, 30_000_000)
            }
        }
        talk.run()
        expectEqual(talk.takeLog(), [])
    }

    @Test func `a server that hangs is waited for a few times, and then not at all`() {
        var talk = Conversation()
        talk.getReady()
        var waits = 0
        var refusals = 0
        for id in 1...1000 as ClosedRange<UInt64> {
            if talk.ask(id) == nil { waits += 1 } else { refusals += 1 }
            talk.pass(25)
        }
        expectEqual(waits, 5)
        expectEqual(refusals, 995)
        expectEqual(talk.session.counts.expired, 5)
        let log = talk.takeLog()
        expectEqual(log.count { $0.hasPrefix("lost") }, 1, "the loss is told once")
        expectEqual(log.first { $0.hasPrefix("lost") }, "lost: the server does not answer in time")
        // About once a second and never in a row.
        verify((15...60).contains(talk.connects), "\(talk.connects) connects in 25 seconds")
    }

    @Test func `many commands that expire at one moment are one failure`() {
        var talk = Conversation()
        talk.getReady()
        for id in 1...100 as ClosedRange<UInt64> { talk.ask(id) }
        talk.run()
        talk.pass(20)
        expectEqual(talk.takeLog().count { $0.hasSuffix("expired") }, 100)
        expectEqual(talk.session.isOpen, false)
        for id in 1...100 { talk.answer(":\(id)\r\n") }
        talk.ask(200)
        talk.run()
        talk.answer("+OK\r\n")
        expectEqual(talk.takeLog(), ["200:+OK"])
    }

    @Test func `the server is back when it answers a probe in time`() {
        var talk = Conversation()
        talk.getReady()
        for id in 1...5 as ClosedRange<UInt64> {
            talk.ask(id)
            talk.pass(20)
        }
        expectEqual(talk.session.isOpen, true)
        expectEqual(talk.ask(6), .down)
        talk.pass(1000)
        talk.takeLog()
        talk.accept()
        talk.pass(50)
        talk.answer("+PONG\r\n")
        expectEqual(talk.session.isOpen, true, "too slow to be asked")
        expectEqual(talk.ask(7), .down)
        talk.pass(5)
        talk.answer("+PONG\r\n")
        expectEqual(talk.session.isOpen, false)
        expectEqual(talk.takeLog(), ["returned"])
        expectEqual(talk.ask(8), nil)
        talk.run()
        talk.answer("+OK\r\n")
        expectEqual(talk.takeLog(), ["8:+OK"])
    }

    @Test func `a connection that is lost once is made again at once, and waited for`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1)
        talk.run()
        talk.end(.closedByServer)
        expectEqual(talk.takeLog(), ["close", "1:failed", "connect"])
        expectEqual(talk.ask(2), nil)
        talk.accept()
        talk.answer("+PONG\r\n")
        talk.answer(":2\r\n")
        expectEqual(talk.takeLog(), ["2:2"], "nobody was told of a loss")
    }

    @Test func `a connect that fails opens the breaker, and is tried again ever more seldom`() {
        var talk = Conversation()
        talk.ask(1)
        talk.run()
        talk.end(.connectFailed("connect: Connection refused"))
        expectEqual(
            talk.takeLog(), ["connect", "close", "1:failed", "lost: connect: Connection refused"])
        expectEqual(talk.ask(2), .down)
        var pauses: [Int64] = []
        for _ in 0..<8 {
            let before = talk.now
            while talk.takeLog().isEmpty { talk.pass(1) }
            pauses.append((talk.now - before) / 1_000_000)
            talk.end(.connectFailed("connect: Connection refused"))
            talk.takeLog()
        }
        for (step, pause) in pauses.enumerated() {
            let full = Int64(min(50 << step, 1000))
            verify((full / 2 - 1...full + 1).contains(pause), "pause \(step) is \(pause) of \(full) ms")
        }
        verify(Set(pauses.suffix(3)).count > 1, "pauses are spread: \(pauses)")
    }

    @Test(arguments: [
        ("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "(WRONGPASS)"),
        ("-ERR unknown command `AUTH`, with args beginning with: `gate` `secret`\r\n", "(ERR)"),
        ("-NOAUTH\r\n", "(NOAUTH)"),
    ])
    func `a refused password is a loss, and no word of it is repeated`(answer: String, words: String) {
        var talk = Conversation {
            $0.user = "gate"
            $0.password = "secret"
        }
        talk.run()
        talk.accept()
        talk.answer(answer)
        let lost = talk.takeLog().last ?? ""
        verify(lost.contains(words), "\(lost)")
        verify(!lost.contains("secret"), "\(lost)")
        expectEqual(talk.session.isOpen, true)
    }

    @Test(arguments: [
        ("-LOADING Redis is loading the dataset in memory\r\n", "LOADING Redis is loading"),
        ("-NOAUTH Authentication required.\r\n", "NOAUTH"), ("+OK\r\n", "not PONG"),
        ("-ERR \u{1b}[31m\r\n", "?[31m"), ("HTTP/1.1 400 Bad Request\r\n", "not Redis"),
        ("+PONG\r\n+PONG\r\n", "nobody has asked"),
    ])
    func `a server that does not answer as it should is lost`(answer: String, words: String) {
        var talk = Conversation()
        talk.run()
        talk.accept()
        talk.answer(answer)
        talk.pass(0)
        // A second PONG is found once the first has made the session ready: that is one loss of a connection.
        let log = talk.takeLog()
        verify(log.contains { $0.contains(words) } || answer.contains("PONG\r\n+"), "\(log)")
        verify(log.contains("close"), "\(log)")
    }

    @Test func `garbage among replies ends the connection and fails what waits`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1)
        talk.ask(2)
        talk.run()
        talk.answer(":1\r\n<html>\r\n")
        expectEqual(talk.takeLog(), ["1:1", "close", "2:failed", "connect"])
    }

    @Test func `commands and their bytes are bounded`() {
        var talk = Conversation {
            $0.maximumCommands = 10
            $0.maximumBytes = 4096
        }
        talk.getReady()
        for id in 1...10 as ClosedRange<UInt64> { expectEqual(talk.ask(id), nil) }
        expectEqual(talk.ask(11), .full)
        talk.run()
        for id in 1...10 { talk.answer(":\(id)\r\n") }
        expectEqual(talk.ask(12), nil)
        let long = talk.session.ask(Ticket(id: 13), by: .distantFuture, now: talk.now) { writer in
            writer.begin(1)
            writer.word([UInt8](repeating: 0x78, count: 5000))
        }
        expectEqual(long, .full)
        talk.run()
        talk.answer("+OK\r\n")
        expectEqual(talk.takeLog().last, "12:+OK")
    }

    @Test func `a script that the server does not know is given to it, once for each that waits`() {
        var talk = Conversation()
        talk.getReady()
        let script = Script("return 1")
        talk.ask(1, script: script)
        talk.ask(2)
        talk.run()
        let first = talk.writes[0].prefix(while: { $0 != "G" })
        talk.takeLog()
        talk.answer("-NOSCRIPT No matching script. Please use EVAL.\r\n$1\r\nx\r\n")
        expectEqual(talk.takeLog(), ["2:\"x\""])
        talk.answer("$40\r\n\(String(decoding: script.digest, as: UTF8.self))\r\n:1\r\n")
        expectEqual(talk.takeLog(), ["1:1"])
        verify(first.contains("EVALSHA"))
        expectEqual(talk.session.pending, 0)
        talk.ask(3, script: script)
        talk.run()
        talk.answer("-NOSCRIPT\r\n")
        talk.answer("-NOPERM this user has no permissions\r\n-NOSCRIPT again\r\n")
        expectEqual(talk.takeLog(), ["3:-NOSCRIPT again"], "asked again once, not for ever")
    }

    @Test func `a quiet connection is asked whether it is there, a busy one is not`() {
        var talk = Conversation()
        talk.getReady()
        talk.pass(2005)
        expectEqual(talk.writes, ["*1\r\n$4\r\nPING\r\n"])
        talk.takeLog()
        talk.answer("+PONG\r\n")
        for id in 1...30 as ClosedRange<UInt64> {
            talk.ask(id)
            talk.run()
            talk.answer(":1\r\n")
            talk.pass(100)
        }
        expectEqual(talk.writes.count { $0.contains("PING") }, 0)
    }

    @Test func `a server that hangs is found out though nobody asks it anything`() {
        var talk = Conversation()
        talk.getReady()
        talk.pass(3000)
        verify(talk.takeLog().contains("lost: the server does not answer in time"))
        expectEqual(talk.ask(1), .down)
    }

    @Test func `a session that is retired tells all that wait and stays quiet`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1)
        talk.run()
        talk.session.retire()
        talk.run()
        expectEqual(talk.takeLog(), ["close", "1:failed"])
        talk.pass(10_000)
        expectEqual(talk.takeLog(), [])
        expectEqual(talk.ask(2), .down)
    }

    @Test func `commands that wait for a connection expire like others`() {
        var talk = Conversation()
        for id in 1...5 as ClosedRange<UInt64> {
            expectEqual(talk.ask(id), nil)
            talk.pass(20)
        }
        expectEqual(
            talk.takeLog(),
            [
                "connect", "1:expired", "2:expired", "3:expired", "4:expired", "5:expired",
                "lost: the server does not answer in time",
            ])
        expectEqual(talk.ask(6), .down)
        expectEqual(talk.session.pending, 0)
        talk.accept()
        talk.answer("+PONG\r\n")
        expectEqual(talk.takeLog(), ["returned"], "the attempt went on")
    }
}
