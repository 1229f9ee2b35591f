import Addressing
import Bytes
import Foundation
import JSON
import Synchronization
import Testing

@testable import Fetch

private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .sequentiallyConsistent) }
    func add() { value.add(1, ordering: .sequentiallyConsistent) }
}

@Suite(.timeLimit(.minutes(20))) struct PlanLookupsTests {
    private final class Desk: Sendable {
        let clock = VirtualClock()
        let log = LogCapture()
        let loop: FetchLoop
        let lookups: PlanLookups

        init() throws {
            let loop = try FetchLoop(.patient)
            self.loop = loop
            lookups = PlanLookups(
                events: log.events, ask: { loop.fetch($0, then: $1) }, clock: { [clock] in clock.now })
        }

        deinit { loop.stop() }

        /// What is known at once, or comes.
        func plan(of user: String) async -> PlanValue {
            let bytes = Array(user.utf8)
            if let value = bytes.withView({ lookups.find($0) }) { return value }
            return await withCheckedContinuation { continuation in
                lookups.ask(bytes) { continuation.resume(returning: $0) }
            }
        }
    }

    private static func source(
        _ service: ScriptedService, _ target: String = "/plan?user={sub}", member: String = "plan"
    ) throws -> PlanSource {
        var source = PlanSource(
            try URLTemplate("http://127.0.0.1:\(service.port)\(target)"), member: try JSONPath(member))
        source.reach = .local
        return source
    }

    private static let pro = PlanValue.plan(Array("pro".utf8))

    @Test func `a plan is asked for once and then known`() async throws {
        let heads = Mutex<[String]>([])
        let service = try ScriptedService { peer, _ in
            while let head = peer.readHead() {
                heads.withLock { $0.append(head) }
                peer.answer(#"{"user":{"plan":"pro"}}"#, "Content-Type: application/json")
            }
        }
        let desk = try Desk()
        var source = try Self.source(service, member: "user.plan")
        source.fields = [PlanField(name: "Authorization", value: "Bearer gateway")]
        desk.lookups.follow(source)
        #expect(await desk.plan(of: "auth0|a b") == Self.pro)
        #expect(await desk.plan(of: "auth0|a b") == Self.pro)
        let head = heads.withLock { $0 }
        #expect(head.count == 1)
        #expect(head[0].hasPrefix("GET /plan?user=auth0%7Ca%20b HTTP/1.1\r\n"))
        #expect(head[0].contains("\r\nAuthorization: Bearer gateway\r\n"))
        #expect(desk.lookups.statistics == PlanLookups.Statistics(users: 1, hits: 1, found: 1))
    }

    @Test func `a thousand who ask at once are one request for each user`() async throws {
        let requests = Counter()
        let gate = DispatchSemaphore(value: 0)
        let service = try ScriptedService { peer, _ in
            while let head = peer.readHead() {
                requests.add()
                gate.wait()
                gate.signal()
                peer.answer(head.contains("user=1 ") ? #"{"plan":"pro"}"# : #"{"plan":"free"}"#)
            }
        }
        let desk = try Desk()
        desk.lookups.follow(try Self.source(service))
        let values = await withTaskGroup(of: PlanValue.self) { group in
            for index in 0..<1000 { group.addTask { await desk.plan(of: "\(index % 2)") } }
            group.addTask {
                await until("both users are asked about") { requests.count == 2 }
                gate.signal()
                return .unknown
            }
            return await group.reduce(into: [:]) { counts, value in counts["\(value)", default: 0] += 1 }
        }
        #expect(values == ["\(Self.pro)": 500, "\(PlanValue.plan(Array("free".utf8)))": 500, "unknown": 1])
        #expect(requests.count == 2)
    }

    static let answers: [(String, PlanValue)] = [
        (#"{"plan":"pro"}"#, pro), (#"{"plan":"p\u0072o"}"#, pro), (#"{"plan":2}"#, .plan(Array("2".utf8))),
        (#"{"plan":null}"#, .noPlan), ("{}", .noPlan), (#"{"plan":"pro","plan":"free"}"#, .noPlan),
        (#"{"plan":""}"#, .unknown), (#"{"plan":true}"#, .unknown), (#"{"plan":{}}"#, .unknown),
        (#"{"plan":"a\r\nb"}"#, .unknown),
        (#"{"plan":"pro"} x"#, .unknown), (#"["plan"]"#, .unknown), ("", .unknown), ("<html>", .unknown),
        (#"{"plan":"\#(String(repeating: "a", count: 65))"}"#, .unknown),
        (String(repeating: "[", count: 10_000), .unknown),
    ]

    @Test(arguments: answers)
    func `the plan is a name in a JSON object`(answer: String, plan: PlanValue) throws {
        #expect(PlanReader.plan(in: Array(answer.utf8), at: try JSONPath("plan")) == plan)
    }

    @Test func `a backend that is down takes nobody's plan away, and is not waited for again and again`()
        async throws
    {
        let isDown = Mutex(false)
        let service = try ScriptedService { peer, _ in
            while peer.readHead() != nil {
                if isDown.withLock({ $0 }) {
                    peer.answer("", status: 503)
                } else {
                    peer.answer(#"{"plan":"pro"}"#)
                }
            }
        }
        let desk = try Desk()
        desk.lookups.follow(try Self.source(service))
        #expect(await desk.plan(of: "u") == Self.pro)
        isDown.withLock { $0 = true }
        desk.clock.set(700)
        #expect(await desk.plan(of: "u") == Self.pro)
        #expect(await desk.plan(of: "u") == Self.pro)
        #expect(desk.lookups.statistics.failed == 1)
        for user in 0..<20 { #expect(await desk.plan(of: "new \(user)") == .unknown) }
        #expect(desk.lookups.statistics.failed == 5)
        isDown.withLock { $0 = false }
        desk.clock.set(706)
        #expect(await desk.plan(of: "new 1") == Self.pro)
        #expect(
            desk.log.messages == ["warning plans cannot be looked up, those known stay in use"],
            "once a minute")
        #expect(desk.log.text.contains(#"reason="the backend answers with status 503""#))
    }

    @Test func `a plan is refreshed ahead of its end while it is used`() async throws {
        let plan = Mutex("free")
        let service = try ScriptedService { peer, _ in
            while peer.readHead() != nil { peer.answer("{\"plan\":\"\(plan.withLock { $0 })\"}") }
        }
        let desk = try Desk()
        desk.lookups.follow(try Self.source(service))
        #expect(await desk.plan(of: "u") == .plan(Array("free".utf8)))
        plan.withLock { $0 = "pro" }
        desk.clock.set(545)
        #expect(await desk.plan(of: "u") == .plan(Array("free".utf8)), "nobody waits for the newer one")
        await until("the newer one is here") { desk.lookups.statistics.found == 2 }
        #expect(await desk.plan(of: "u") == Self.pro)
    }

    @Test(arguments: [
        (404, PlanValue.noPlan), (204, .noPlan), (500, .unknown), (401, .unknown), (302, .unknown),
    ])
    func `a status says what it says`(status: Int, value: PlanValue) async throws {
        let service = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            peer.send(
                "HTTP/1.1 \(status) Status\r\n" + (status == 204 ? "\r\n" : "Content-Length: 0\r\n\r\n"))
        }
        let desk = try Desk()
        desk.lookups.follow(try Self.source(service))
        #expect(await desk.plan(of: "u") == value)
    }

    @Test func `an id that cannot be asked for has no plan`() async throws {
        let service = try ScriptedService { peer, _ in _ = peer.readHead() }
        let desk = try Desk()
        desk.lookups.follow(try Self.source(service, "/users/{sub}"))
        for id in ["", "..", String(repeating: "a", count: 300)] {
            #expect(await desk.plan(of: id) == .noPlan)
        }
        #expect(service.connections == 0)
    }

    @Test func `other settings forget what the old ones have found, the same ones do not`() async throws {
        let service = try ScriptedService { peer, _ in
            while let head = peer.readHead() {
                peer.answer(head.contains("/new") ? #"{"plan":"pro"}"# : #"{"plan":"free"}"#)
            }
        }
        let desk = try Desk()
        #expect(await desk.plan(of: "u") == .unknown, "nobody is asked")
        desk.lookups.follow(try Self.source(service))
        #expect(await desk.plan(of: "u") == .plan(Array("free".utf8)))
        desk.lookups.follow(try Self.source(service))
        #expect(desk.lookups.statistics.users == 1)
        desk.lookups.follow(try Self.source(service, "/new/{sub}"))
        #expect(desk.lookups.statistics.users == 0)
        #expect(await desk.plan(of: "u") == Self.pro)
        desk.lookups.follow(nil)
        #expect(await desk.plan(of: "u") == .unknown)
    }
}
