import Addressing
import Foundation
import Synchronization
import TLS
import Telemetry
import Testing
import Time

@testable import Fetch

/// A `KeySets` with a clock of its own and a parser that takes `keys: a b c`.
private final class Desk: Sendable {
    let clock = VirtualClock()
    let log = LogCapture()
    let loop: FetchLoop

    let sets: KeySets<String>

    init() throws {
        let loop = try FetchLoop(.patient)
        self.loop = loop
        let published = SharedList()
        list = published
        sets = KeySets(
            events: log.events, ask: { loop.fetch($0, then: $1) },
            parse: { bytes, _ throws(KeySets<String>.Unusable) in
                let text = String(decoding: bytes, as: UTF8.self)
                guard text.hasPrefix("keys:") else { throw KeySets<String>.Unusable("not a key set") }
                let keys = text.dropFirst(5).split(separator: " ")
                return KeySets.Parsed(keys: keys.joined(separator: "+"), count: keys.count)
            },
            clock: { [clock] in clock.now },
            publish: { name, news in
                switch news {
                case .keys(let keys): published.append("\(name)=\(keys)")
                case .gone: published.append("\(name)=none")
                }
            })
    }

    private let list: SharedList

    deinit { loop.stop() }

    /// What workers were told since the last call.
    func told() -> [String] { list.take() }

    /// Does what is due at this second, and waits until it is done.
    func look(_ second: Int64) async {
        clock.set(second)
        let before = attempts
        sets.look()
        await settle(before)
    }

    func settle(_ before: UInt64) async {
        await until("a fetch has ended") { self.attempts > before }
    }

    /// Fetches that have ended.
    var attempts: UInt64 { sets.status().reduce(0) { $0 + $1.fetched + $1.failed } }

    var state: KeySetStatus { sets.status()[0] }
}

private final class SharedList: Sendable {
    private let items = Mutex<[String]>([])
    var count: Int { items.withLock { $0.count } }
    func append(_ item: String) { items.withLock { $0.append(item) } }
    func take() -> [String] {
        items.withLock { items in
            defer { items = [] }
            return items
        }
    }
}

@Suite(.timeLimit(.minutes(20))) struct KeySetsTests {
    private static func source(_ url: HTTPURL, _ trust: FetchTrust = .system, name: String = "main")
        -> KeySetSource
    {
        KeySetSource(name: name, place: .url(url, reach: .local, trust: trust))
    }

    @Test func `a service that is down at the start holds nothing up, and is found when it comes`()
        async throws
    {
        let papers = try Papers("127.0.0.1")
        let down = try ScriptedService { _, _ in }
        down.stop()
        let desk = try Desk()
        let source = Self.source(down.url("/jwks", scheme: "https"), .authorities(papers.authority))
        desk.sets.follow([source])
        await desk.settle(0)
        #expect(desk.state.state == .never)
        #expect(desk.state.reason == "cannot be reached: connect: Connection refused")
        #expect(desk.told() == [])
        // Nothing within the pause.
        desk.clock.set(0)
        desk.sets.look()
        #expect(desk.attempts == 1)

        let service = try ScriptedService(port: down.port, tls: papers.server) { peer, _ in
            while peer.readHead() != nil { peer.answer("keys: a b") }
        }
        await desk.look(2)
        #expect(desk.state.state == .fresh)
        #expect(desk.state.keys == 2)
        #expect(desk.told() == ["main=a+b"])
        #expect(
            desk.log.messages == [
                "error no key set, tokens of this issuer are answered with 503", "info key set loaded",
            ])
        service.stop()
    }

    @Test func `who has not got a set that is on its way costs no fetch`() async throws {
        let service = try ScriptedService { peer, _ in while peer.readHead() != nil { peer.answer("keys: a") }
        }
        let desk = try Desk()
        desk.sets.follow([Self.source(service.url())])
        await desk.settle(0)
        let told = SharedList()
        for _ in 0..<100 { desk.sets.askRefetch("main", hasKeys: false) { told.append("on its way") } }
        #expect(told.count == 100)
        #expect(desk.attempts == 1)
        // The interval's fetch is still there for a key that the set does not have.
        desk.sets.askRefetch("main") {}
        await desk.settle(1)
        #expect(desk.attempts == 2)
    }

    @Test func `rotated keys are handed out, and the same keys are not handed out again`() async throws {
        let text = Mutex("keys: a")
        let service = try ScriptedService { peer, _ in
            while peer.readHead() != nil { peer.answer(text.withLock { $0 }, "Cache-Control: max-age=100") }
        }
        let desk = try Desk()
        desk.sets.follow([Self.source(service.url())])
        await desk.settle(0)
        await desk.look(90)
        #expect(desk.told() == ["main=a"])
        text.withLock { $0 = "keys: a b" }
        // A token with the new key comes before the set is renewed; ten thousand ask.
        desk.clock.set(100)
        let before = desk.attempts
        let told = SharedList()
        for _ in 0..<10_000 { desk.sets.askRefetch("main") { told.append("told") } }
        await desk.settle(before)
        await until("everybody was told") { told.count == 10_000 }
        desk.sets.askRefetch("other") { told.append("nobody knows it") }
        #expect(told.count == 10_001)
        #expect(desk.told() == ["main=a+b"])
        #expect(desk.state.fetched == 3)
        for _ in 0..<1000 { desk.sets.askRefetch("main") { told.append("at once") } }
        #expect(told.count == 11_001)
        desk.clock.set(129)
        desk.sets.askRefetch("main") {}
        #expect(desk.state.fetched == 3)
        desk.clock.set(130)
        desk.sets.askRefetch("main") {}
        await desk.settle(3)
        #expect(desk.told() == [])
        #expect(desk.log.messages == ["info key set loaded", "info key set changed"])
    }

    static let wrongs: [(String, String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage", "not a key set"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "not a key set"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not a key set"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nkeys:", "the set holds no key that can be used"),
        ("HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\nkeys: x", "the service answers with status 500"),
        ("HTTP/1.1 404 No\r\nContent-Length: 7\r\n\r\nkeys: x", "the service answers with status 404"),
        ("HTTP/1.1 204 No\r\n\r\n", "the service answers with status 204"),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/keys?a=b\r\nContent-Length: 0\r\n\r\n",
            "redirected (302) to 169.254.169.254; redirects are not followed"
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nkey",
            "the connection ended before the answer was whole"
        ),
        ("", "the connection ended before the answer was whole"),
        ("nonsense\r\n\r\n", "the answer is not HTTP: The protocol version is not written as HTTP/1.1."),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\nkeys: x",
            "the answer has more than 1048576 bytes"
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nkeys:" + String(repeating: " x", count: 1 << 20),
            "the answer has more than 1048576 bytes"
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
            "the answer is compressed, which was not asked for"
        ),
    ]

    @Test(arguments: wrongs)
    func `what is wrong keeps the old keys, and is told once`(answer: String, reason: String) async throws {
        let isWrong = Mutex(false)
        let service = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            // What a service says of the text's type means nothing.
            guard isWrong.withLock({ $0 }) else {
                return peer.answer("keys: a", "Content-Type: text/plain", "Connection: close")
            }
            peer.send(answer)
        }
        let desk = try Desk()
        desk.sets.follow([Self.source(service.url())])
        await desk.settle(0)
        isWrong.withLock { $0 = true }
        for second in [540, 542, 546, 700] as [Int64] { await desk.look(second) }
        #expect(desk.state.state == .stale)
        #expect(desk.state.reason == reason)
        #expect((desk.state.keys, desk.state.fetched, desk.state.failed) == (1, 1, 4))
        #expect(desk.told() == ["main=a"])
        isWrong.withLock { $0 = false }
        await desk.look(800)
        #expect(desk.state.state == .fresh)
        #expect(desk.state.reason == nil)
        #expect(desk.told() == [])
        #expect(
            desk.log.messages == [
                "info key set loaded", "warning key set not renewed, the old keys stay in use",
                "info key set can be had again",
            ])
    }

    @Test func `a slow service holds nothing up`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let service = try ScriptedService { peer, _ in
            _ = peer.readHead()
            gate.wait()
            peer.answer("keys: late")
        }
        let desk = try Desk()
        desk.sets.follow([Self.source(service.url())])
        for second in 0..<9 as Range<Int64> {
            desk.clock.set(second)
            desk.sets.look()
        }
        #expect(desk.attempts == 0)
        #expect(desk.state.state == .never)
        // Who needs the first set waits for it, and is told when it is there.
        let told = SharedList()
        desk.sets.askRefetch("main") { told.append("\(desk.told())") }
        #expect(told.count == 0)
        gate.signal()
        await until("the asker is told") { told.count == 1 }
        #expect(told.take() == [#"["main=late"]"#])
        #expect(service.connections == 1)
    }

    @Test func `askers are told of a failure too, and of a set that goes`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let service = try ScriptedService { peer, _ in
            _ = peer.readHead()
            gate.wait()
        }
        let desk = try Desk()
        let told = SharedList()
        desk.sets.follow([Self.source(service.url("/a"))])
        desk.sets.askRefetch("main") { told.append("failed") }
        gate.signal()
        await until("the failure is told") { told.count == 1 }
        desk.sets.askRefetch("main") { told.append("in the pause") }
        #expect(told.count == 2)
        desk.sets.follow([Self.source(service.url("/b"))])
        desk.sets.askRefetch("main") { told.append("gone") }
        desk.sets.follow([])
        #expect(told.take() == ["failed", "in the pause", "gone"])
        gate.signal()
    }

    @Test func `a private address needs the operator's word`() async throws {
        let service = try ScriptedService { peer, _ in peer.answer("keys: a") }
        let desk = try Desk()
        desk.sets.follow([
            KeySetSource(name: "main", place: .url(service.url(), reach: .global, trust: .system))
        ])
        await desk.settle(0)
        #expect(
            desk.state.reason
                == "127.0.0.1 is a loopback address; allow_private: true beside the URL allows it")
        #expect(service.connections == 0)
    }

    // MARK: Reload

    @Test func `a reload keeps what has not changed and drops what has`() async throws {
        let service = try ScriptedService { peer, _ in
            while let head = peer.readHead() { peer.answer("keys: \(head.contains("/one") ? "one" : "two")") }
        }
        let desk = try Desk()
        let one = Self.source(service.url("/one"), name: "first")
        let two = Self.source(service.url("/two"), name: "second")
        desk.sets.follow([one, two])
        await until("both are there") { desk.attempts == 2 }
        #expect(desk.told().sorted() == ["first=one", "second=two"])
        desk.sets.follow([two, one])
        desk.sets.publishAll()
        #expect(desk.told() == ["second=two", "first=one"])
        #expect(desk.attempts == 2, "nothing was fetched again")
        desk.sets.follow([Self.source(service.url("/two"), name: "first")])
        await until("the new place was asked") { desk.sets.status()[0].fetched == 1 }
        let told = desk.told()
        #expect(told.filter { $0.hasPrefix("first") } == ["first=none", "first=two"])
        #expect(told.filter { $0.hasPrefix("second") } == ["second=none"])
        #expect(desk.sets.status().map(\.name) == ["first"])
    }

    @Test func `an answer for a place that is not followed any more is dropped`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let asked = DispatchSemaphore(value: 0)
        let service = try ScriptedService { peer, _ in
            while let head = peer.readHead() {
                asked.signal()
                if head.contains("/old") { gate.wait() }
                peer.answer("keys: \(head.contains("/old") ? "old" : "new")", "Connection: close")
            }
        }
        let desk = try Desk()
        desk.sets.follow([Self.source(service.url("/old"))])
        await until("the old place was asked") { service.connections == 1 }
        desk.sets.follow([Self.source(service.url("/new"))])
        await until("the new place has answered") { desk.attempts == 1 }
        gate.signal()
        desk.sets.follow([
            Self.source(service.url("/new")), Self.source(service.url("/third"), name: "third"),
        ])
        await until("a later question was answered") { desk.attempts == 2 }
        #expect(desk.told() == ["main=none", "main=new", "third=new"])
    }

    // MARK: Files

    @Test func `a file is read at the start and whenever it has changed and rests`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.write("keys: a", to: "jwks.json")
        let desk = try Desk()
        desk.sets.follow([KeySetSource(name: "file", place: .file(path: path))])
        #expect(desk.told() == ["file=a"])
        desk.clock.set(3600)
        desk.sets.look()
        #expect(desk.state.state == .fresh, "a file does not age")

        _ = folder.write("keys: a b", to: "jwks.json")
        desk.clock.set(3602)
        desk.sets.look()
        #expect(desk.told() == [], "it may still be written to")
        desk.clock.set(3604)
        desk.sets.look()
        #expect(desk.told() == ["file=a+b"])

        _ = folder.write("rubbish that is longer", to: "jwks.json")
        for second in [3606, 3608, 3610, 3612] as [Int64] {
            desk.clock.set(second)
            desk.sets.look()
        }
        #expect(desk.told() == [])
        #expect((desk.state.state, desk.state.keys, desk.state.reason) == (.stale, 2, "not a key set"))
        desk.sets.askRefetch("file") {}
        #expect((desk.state.fetched, desk.state.failed) == (2, 1))
    }

    @Test func `a file that is missing is found when it comes`() async throws {
        let folder = try TemporaryFolder()
        let desk = try Desk()
        desk.sets.follow([KeySetSource(name: "file", place: .file(path: folder.path + "/jwks.json"))])
        #expect(desk.state.reason == "open: No such file or directory")
        #expect(desk.state.state == .never)
        _ = folder.write("keys: a", to: "jwks.json")
        for second in [2, 4] as [Int64] {
            desk.clock.set(second)
            desk.sets.look()
        }
        #expect(desk.told() == ["file=a"])
    }
}
