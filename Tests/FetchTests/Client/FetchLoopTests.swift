import Addressing
import Foundation
import Synchronization
import Testing

@testable import Fetch
@testable import Reactor

@Suite(.timeLimit(.minutes(20))) struct FetchLoopTests {
    @Test func `a request says what it is, and its answer comes whole`() async throws {
        let head = Mutex("")
        let service = try ScriptedService { peer, _ in
            head.withLock { $0 = peer.readHead() ?? "" }
            peer.answer("{\"keys\":[]}", "Content-Type: application/json", "Cache-Control: max-age=60")
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let answer = await loop.ask(
            local(service.url("/keys?x=1")) { $0.fields = [("Authorization", "Bearer t")] })
        #expect(
            answer
                == .success(
                    FetchResponse(
                        status: 200, contentType: "application/json", freshness: .seconds(60),
                        body: Array("{\"keys\":[]}".utf8))))
        #expect(
            head.withLock { $0 } == """
                GET /keys?x=1 HTTP/1.1\r\nHost: 127.0.0.1:\(service.port)\r\nUser-Agent: floodgate\r\n\
                Accept: application/json, */*;q=0.5\r\nAccept-Encoding: identity\r\n\
                Authorization: Bearer t\r\n\r\n
                """)
    }

    @Test func `a POST carries its body`() async throws {
        let service = try ScriptedService { peer, _ in
            let head = peer.readHead() ?? ""
            let body = peer.readBody(200_000)
            let isWhole =
                head.contains("Content-Length: 200000\r\n") && body == Array(repeating: 7, count: 200_000)
            peer.answer(isWhole ? "whole" : "not whole")
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let request = local(service.url()) {
            $0.method = .post(
                body: Array(repeating: 7, count: 200_000), contentType: "application/octet-stream")
        }
        #expect(await loop.ask(request).body == "whole")
    }

    @Test func `fields that would break a request are refused before it is sent`() async throws {
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let url = try HTTPURL("http://127.0.0.1:1/")
        for (name, value) in [
            ("X", "a\r\nY: b"), ("X Y", "a"), ("", "a"), ("X", "a\u{0}"),
            ("X", String(repeating: "a", count: 17_000)),
        ] {
            let answer = await loop.ask(local(url) { $0.fields = [(name, value)] })
            #expect(answer == .failure(.invalidRequest))
        }
    }

    // MARK: Addresses

    @Test func `an address on this machine is refused unless that is allowed`() async throws {
        let service = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            peer.answer("here")
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(
            await loop.ask(FetchRequest(service.url())) == .failure(.addressRefused(.loopback, .loopback)))
        let answer = await loop.ask(FetchRequest(service.url(host: "localhost")))
        guard case .addressRefused(_, .loopback) = answer.failure else {
            Issue.record("\(answer)")
            return
        }
        #expect(service.connections == 0)
        #expect(await loop.ask(local(service.url())).body == "here")
    }

    @Test(arguments: [
        "169.254.169.254", "[fd00:ec2::254]", "[64:ff9b::169.254.169.254]", "[::ffff:169.254.169.254]",
        "0.0.0.0", "[::]",
        "224.0.0.1", "[2002:7f00:1::]", "255.255.255.255",
    ])
    func `some addresses are never asked`(host: String) async throws {
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let answer = await loop.ask(local(try HTTPURL("http://\(host):80/")))
        guard case .addressRefused = answer.failure else {
            Issue.record("\(answer)")
            return
        }
    }

    @Test func `a name is looked up once, and only what it was judged by is connected to`() async throws {
        let service = try ScriptedService { peer, _ in
            while peer.readHead() != nil { peer.answer("reached") }
        }
        // A name server that says something else each time (DNS rebinding).
        let lookUps = Mutex(0)
        let loop = try FetchLoop(.patient) { _ throws(NameLookup.Failure) in
            let number = lookUps.withLock { count in
                count += 1
                return count
            }
            return [number == 1 ? .loopback : IPAddress(ipv4: 0x0A00_0001)]
        }
        defer { loop.stop() }
        let url = service.url(host: "rebinding.example")
        #expect(await loop.ask(FetchRequest(url)) == .failure(.addressRefused(.loopback, .loopback)))
        #expect(await loop.ask(local(url)).body == "reached")
        #expect(lookUps.withLock { $0 } == 1)
    }

    @Test func `of several addresses only those that are allowed are tried, one after the other`()
        async throws
    {
        let service = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            peer.answer("second")
        }
        // Nobody listens at the other addresses of this machine; metadata is never tried.
        let addresses = ["169.254.169.254", "127.9.9.9", "127.0.0.1"].compactMap { IPAddress($0) }
        let loop = try FetchLoop(.patient) { _ throws(NameLookup.Failure) in addresses }
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url(host: "several.example"))).body == "second")
        #expect(
            await loop.ask(FetchRequest(service.url(host: "several.example"))).failure
                == .addressRefused(addresses[0], .metadata))
    }

    @Test func `a name that does not exist is a failure with the system's reason`() async throws {
        let loop = try FetchLoop(.patient) { _ throws(NameLookup.Failure) in
            throw NameLookup.Failure(code: -2)
        }
        defer { loop.stop() }
        let answer = await loop.ask(FetchRequest(try HTTPURL("https://nowhere.invalid/")))
        guard case .noAddress = answer.failure else {
            Issue.record("\(answer)")
            return
        }
    }

    // MARK: TLS

    @Test func `an HTTPS service is believed by its certificate`() async throws {
        let papers = try Papers("keys.example", "127.0.0.1")
        let service = try ScriptedService(tls: papers.server) { peer, _ in
            while peer.readHead() != nil { peer.answer(String(repeating: "x", count: 100_000)) }
        }
        let loop = try FetchLoop(.patient) { _ throws(NameLookup.Failure) in [.loopback] }
        defer { loop.stop() }
        func ask(_ host: String, _ trust: FetchTrust) async -> FetchLoop.Answer {
            await loop.ask(local(service.url(scheme: "https", host: host)) { $0.trust = trust })
        }
        #expect(await ask("keys.example", .authorities(papers.authority)).body?.count == 100_000)
        #expect(await ask("keys.example", .authorities(papers.authority)).body?.count == 100_000)
        #expect(service.connections == 1, "the connection is kept")
        #expect(await ask("127.0.0.1", .authorities(papers.authority)).body?.count == 100_000)
        for (host, trust) in [
            ("other.example", FetchTrust.authorities(papers.authority)), ("keys.example", .system),
            ("keys.example", .authorities(try Papers("keys.example").authority)),
        ] {
            guard case .tls(let failure) = await ask(host, trust).failure, failure.kind == .unverified else {
                Issue.record("\(host) was believed")
                continue
            }
        }
    }

    @Test func `plain HTTP where TLS is spoken and the other way round are failures`() async throws {
        let papers = try Papers("127.0.0.1")
        let plain = try ScriptedService { peer, _ in
            peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            peer.waitForEnd()
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let answer = await loop.ask(
            local(plain.url(scheme: "https")) { $0.trust = .authorities(papers.authority) })
        guard case .tls = answer.failure else {
            Issue.record("\(answer)")
            return
        }
        let encrypted = try ScriptedService(tls: papers.server) { peer, _ in _ = peer.readHead() }
        #expect(await loop.ask(local(encrypted.url())).failure != nil)
    }

    @Test func `a TLS answer that lasts until the end needs the end to be said`() async throws {
        let papers = try Papers("127.0.0.1")
        let service = try ScriptedService(tls: papers.server) { peer, _ in
            let head = peer.readHead() ?? ""
            peer.send("HTTP/1.1 200 OK\r\n\r\nhalf or whole")
            if head.contains("/whole") { peer.sayClosed() }
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        func ask(_ target: String) async -> FetchLoop.Answer {
            await loop.ask(
                local(service.url(target, scheme: "https")) { $0.trust = .authorities(papers.authority) })
        }
        #expect(await ask("/whole").body == "half or whole")
        #expect(await ask("/half") == .failure(.cutOff))
    }

    // MARK: Kept connections

    @Test func `a kept connection that is closed meanwhile costs one more connection and no failure`()
        async throws
    {
        let service = try ScriptedService { peer, number in
            guard peer.readHead() != nil else { return }
            peer.answer("answer \(number)")
            // The next request is read and then dropped, as by a service that closes at that moment.
            _ = peer.readHead()
            if number == 1 { peer.reset() }
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url())).body == "answer 1")
        #expect(await loop.ask(local(service.url())).body == "answer 2")
    }

    @Test func `a POST is not sent twice`() async throws {
        let service = try ScriptedService { peer, number in
            guard peer.readHead() != nil else { return }
            peer.answer("answer \(number)")
            _ = peer.readHead()
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url())).body == "answer 1")
        let post = local(service.url()) { $0.method = .post(body: [], contentType: "text/plain") }
        #expect(await loop.ask(post) == .failure(.cutOff))
        #expect(service.connections == 1)
    }

    @Test func `what may reach less never rides on what may reach more`() async throws {
        let service = try ScriptedService { peer, _ in while peer.readHead() != nil { peer.answer("x") } }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url())).body == "x")
        #expect(await loop.ask(FetchRequest(service.url())).failure == .addressRefused(.loopback, .loopback))
    }

    // MARK: Bounds

    @Test(arguments: [FetchFailure.Phase.handshake, .head, .body])
    func `each phase has its deadline`(phase: FetchFailure.Phase) async throws {
        let service = try ScriptedService { peer, _ in
            if phase != .handshake { _ = peer.readHead() }
            if phase == .body { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx") }
            peer.waitForEnd()
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let request = local(service.url(scheme: phase == .handshake ? "https" : "http")) {
            $0.deadlines = FetchDeadlines(total: .milliseconds(phase == .body ? 200 : 5000))
            $0.deadlines.handshake = .milliseconds(50)
            $0.deadlines.head = .milliseconds(50)
        }
        #expect(await loop.ask(request) == .failure(.timedOut(waitingFor: phase)))
    }

    @Test func `a name server that does not answer is waited for no longer than for a connection`()
        async throws
    {
        let end = DispatchSemaphore(value: 0)
        let loop = try FetchLoop(.patient) { name throws(NameLookup.Failure) in
            if name == "slow.example" { end.wait() }
            return [.loopback]
        }
        defer {
            loop.stop()
            end.signal()
        }
        let service = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            peer.answer("quick")
        }
        let slow = local(service.url(host: "slow.example")) { $0.deadlines.connect = .milliseconds(50) }
        #expect(await loop.ask(slow) == .failure(.timedOut(waitingFor: .lookup)))
        #expect(await loop.ask(local(service.url(host: "quick.example"))).body == "quick")
    }

    @Test func `a body of ten megabytes is refused, announced or not`() async throws {
        let service = try ScriptedService { peer, number in
            guard peer.readHead() != nil else { return }
            let length = 10 << 20
            peer.send(
                number == 1
                    ? "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n")
            peer.send(Array(repeating: 0x78, count: length))
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url())) == .failure(.bodyTooLarge(limit: 1 << 20)))
        #expect(await loop.ask(local(service.url())) == .failure(.bodyTooLarge(limit: 1 << 20)))
    }

    @Test func `a body of the greatest size comes whole in any framing`() async throws {
        let body = String(repeating: "x", count: 1 << 20)
        let service = try ScriptedService { peer, number in
            guard peer.readHead() != nil else { return }
            switch number {
            case 1: peer.answer(body, "Connection: close")
            case 2:
                peer.send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n\(body)\r\n0\r\n\r\n"
                )
            default: peer.send("HTTP/1.1 200 OK\r\n\r\n\(body)")
            }
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        for _ in 0..<3 { #expect(await loop.ask(local(service.url())).body == body) }
    }

    @Test func `requests beyond the connections wait their turn, and those beyond the queue are refused`()
        async throws
    {
        let gate = DispatchSemaphore(value: 0)
        let service = try ScriptedService { peer, _ in
            while peer.readHead() != nil {
                gate.wait()
                gate.signal()
                peer.answer("x")
            }
        }
        var capacity = FetchCapacity()
        capacity.requests = 20
        capacity.connectionsPerService = 3
        let loop = try FetchLoop(capacity)
        defer { loop.stop() }
        let answers = await withTaskGroup(of: FetchLoop.Answer.self) { group in
            let url = service.url()
            for _ in 0..<25 { group.addTask { await loop.ask(local(url)) } }
            var answers: [FetchLoop.Answer] = []
            for await answer in group {
                answers.append(answer)
                // The refused ones come at once; then the others may go on.
                if answers.count == 5 { gate.signal() }
            }
            return answers
        }
        #expect(answers.prefix(5).allSatisfy { $0 == .failure(.busy) })
        #expect(answers.dropFirst(5).allSatisfy { $0.body == "x" })
        #expect(service.connections <= 3)
    }

    @Test func `a slow service leaves the others their connections`() async throws {
        let end = DispatchSemaphore(value: 0)
        let slow = try ScriptedService { peer, _ in
            _ = peer.readHead()
            end.wait()
            end.signal()
        }
        let quick = try ScriptedService { peer, _ in
            guard peer.readHead() != nil else { return }
            peer.answer("quick")
        }
        var capacity = FetchCapacity()
        capacity.connections = 4
        capacity.connectionsPerService = 3
        let loop = try FetchLoop(capacity)
        defer {
            loop.stop()
            end.signal()
        }
        for _ in 0..<10 { loop.fetch(local(slow.url())) { _ in } }
        #expect(await loop.ask(local(quick.url())).body == "quick")
    }

    @Test func `a loop that stops tells everybody who waits`() async throws {
        let service = try ScriptedService { peer, _ in peer.waitForEnd() }
        let loop = try FetchLoop(.patient)
        let url = service.url()
        let answers = await withTaskGroup(of: FetchLoop.Answer.self) { group in
            for _ in 0..<12 { group.addTask { await loop.ask(local(url)) } }
            group.addTask {
                while service.connections == 0 { await Task.yield() }
                loop.stop()
                return .failure(.stopped)
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0 == .failure(.stopped) })
    }

    // MARK: What services do

    @Test(arguments: [
        ("", FetchFailure.cutOff), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .cutOff),
        ("garbage\r\n\r\n", .notHTTP(.badVersion)),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/x\r\nContent-Length: 0\r\n\r\n",
            .redirected(status: 302, host: "10.0.0.1")
        ),
    ])
    func `what a service does wrong is told apart`(answer: String, failure: FetchFailure) async throws {
        let service = try ScriptedService { peer, _ in
            _ = peer.readHead()
            peer.send(answer)
        }
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        #expect(await loop.ask(local(service.url())) == .failure(failure))
    }

    @Test func `where nobody listens the system's reason is told`() async throws {
        let service = try ScriptedService { _, _ in }
        service.stop()
        let loop = try FetchLoop(.patient)
        defer { loop.stop() }
        let answer = await loop.ask(local(service.url()))
        #expect(answer == .failure(.unreachable(SystemError("connect", code: ECONNREFUSED))))
        #expect(answer.failure?.description == "cannot be reached: connect: Connection refused")
    }
}
