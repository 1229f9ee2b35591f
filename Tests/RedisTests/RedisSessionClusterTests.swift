import Bytes
import Testing
import Time

@testable import Redis

/// Commands that a node of a cluster sends elsewhere.
struct RedisSessionClusterTests {
    private static func talk() -> Conversation {
        var talk = Conversation { $0.followsRedirections = true }
        talk.getReady()
        return talk
    }

    @Test func `a command that was moved is told with its bytes, and the others keep their replies`() {
        var talk = Self.talk()
        for id in 1...3 as ClosedRange<UInt64> { talk.ask(id) }
        talk.run()
        talk.answer(":1\r\n-MOVED 12 10.0.0.2:7001\r\n:3\r\n")
        expectEqual(talk.takeLog(), ["1:1", "2:moved 7001", "3:3"])
        expectEqual(talk.strays, ["*2\r\n$3\r\nGET\r\n$1\r\n2\r\n"])
        expectEqual(talk.session.pending, 0)
        expectEqual(talk.session.counts.redirected, 1)
        expectEqual(talk.session.counts.replies, 2)
    }

    @Test func `without a cluster such an answer is an error like others`() {
        var talk = Conversation()
        talk.getReady()
        talk.ask(1)
        talk.run()
        talk.answer("-MOVED 12 10.0.0.2:7001\r\n")
        expectEqual(talk.takeLog(), ["1:-MOVED 12 10.0.0.2:7001"])
    }

    @Test func `a command whose limit has passed is not sent elsewhere`() {
        var talk = Self.talk()
        talk.ask(1, within: 20)
        talk.run()
        talk.pass(20)
        talk.answer("-MOVED 12 10.0.0.2:7001\r\n")
        expectEqual(talk.takeLog(), ["1:expired"])
        expectEqual(talk.session.pending, 0)
    }

    @Test func `a connection that ends right behind a redirection fails the others alone`() {
        var talk = Self.talk()
        talk.ask(1)
        talk.ask(2)
        talk.run()
        talk.session.receivedText("-ASK 12 10.0.0.2:7001\r\n", now: talk.now)
        guard case .redirected = talk.session.next(now: talk.now) else {
            Issue.record("not redirected")
            return
        }
        talk.end(.closedByServer)
        expectEqual(talk.takeLog(), ["close", "2:failed", "connect"])
        expectEqual(talk.session.pending, 0)
    }

    private struct Resent: ~Copyable {
        var talk: Conversation
        let hops: UInt8
    }

    /// Hands what `talk` has to send elsewhere to a second session.
    private static func resend(
        _ answer: String, _ kind: Redirection.Kind, script: Script? = nil
    ) -> Resent {
        var first = talk()
        var second = talk()
        verify(
            first.session.ask(
                Ticket(id: 9), by: first.now + .milliseconds(20), now: first.now, script: script
            ) {
                $0.begin(1)
                $0.word("X")
            } == nil)
        first.run()
        first.session.receivedText(answer, now: first.now)
        guard case .redirected(_, let stray) = first.session.next(now: first.now) else {
            Issue.record("not redirected")
            return Resent(talk: second, hops: 0)
        }
        expectEqual(second.session.ask(stray, kind, now: second.now), nil)
        second.run()
        return Resent(talk: second, hops: stray.hops)
    }

    @Test func `a moved command is asked of the other node as it was`() {
        var second = Self.resend("-MOVED 12 10.0.0.2:7001\r\n", .moved)
        expectEqual(second.hops, 1)
        expectEqual(second.talk.writes, ["*1\r\n$1\r\nX\r\n"])
        second.talk.answer(":5\r\n")
        expectEqual(second.talk.takeLog(), ["9:5"])
    }

    @Test func `a command of a moving slot is let in first, once`() {
        var second = Self.resend("-ASK 12 10.0.0.2:7001\r\n", .ask)
        expectEqual(second.talk.writes, ["*1\r\n$6\r\nASKING\r\n*1\r\n$1\r\nX\r\n"])
        second.talk.answer("+OK\r\n")
        second.talk.answer(":5\r\n")
        expectEqual(second.talk.takeLog(), ["9:5"])
        expectEqual(second.talk.session.pending, 0)
    }

    @Test func `it is let in again behind a script that the node did not know`() {
        let script = Script("return 1")
        var second = Self.resend("-ASK 12 10.0.0.2:7001\r\n", .ask, script: script)
        second.talk.answer("+OK\r\n-NOSCRIPT No matching script\r\n")
        expectEqual(
            second.talk.writes.last,
            "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n*1\r\n$6\r\nASKING\r\n*1\r\n$1\r\nX\r\n")
        second.talk.answer("$2\r\nab\r\n+OK\r\n:5\r\n")
        expectEqual(second.talk.takeLog(), ["9:5"])
        expectEqual(second.talk.session.pending, 0)
    }

    @Test func `hops are counted from node to node`() {
        var second = Self.resend("-ASK 12 10.0.0.2:7001\r\n", .ask)
        second.talk.session.receivedText("+OK\r\n-MOVED 12 10.0.0.1:7000\r\n", now: second.talk.now)
        guard case .redirected(let redirection, let stray) = second.talk.session.next(now: second.talk.now)
        else {
            Issue.record("not redirected")
            return
        }
        expectEqual(redirection.kind, .moved)
        expectEqual(stray.hops, 2)
    }
}
