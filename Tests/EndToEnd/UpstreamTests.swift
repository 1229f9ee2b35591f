import Foundation
import Testing

/// Which server a request goes to, and what happens where there is none.
@Suite(.timeLimit(.minutes(20))) struct UpstreamTests {
    private func closedPort() throws -> UInt16 { try Loopback.freePorts(1)[0] }

    @Test func `a server that refuses connections is passed over, whatever the method`() throws {
        let origin = try ScriptedOrigin.answering(body: "other")
        defer { origin.stop() }
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(closedPort())", "127.0.0.1:\(origin.port)"])
        for number in 1...4 {
            #expect(try gateway.client().ask(post("/\(number)", body: "x")).text == "other")
        }
        #expect(origin.requests.map(\.target) == (1...4).map { "/\($0)" })
        // It is left alone for a while: one try has shown enough.
        let retries = try (1...4).map { try gateway.logged("/\($0)")[0]["retries"] as? Int }
        #expect(retries.reduce(0) { $0 + ($1 ?? 0) } == 1)
    }

    @Test func `where no server takes connections the answer is 502 with Retry-After`() throws {
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(closedPort())", "127.0.0.1:\(closedPort())"])
        let client = try gateway.client()
        let response = try client.ask(post("/down", body: "abc"))
        #expect(response.status == 502)
        #expect(response.value("Retry-After") == "1")
        _ = response.problem()
        let line = try gateway.logged("/down")[0]
        #expect(line["outcome"] as? String == "upstream.connect")
        #expect(line["retries"] as? Int == 1)
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test func `a server that comes back is used again`() throws {
        let port = try closedPort()
        let gateway = try GatewayProcess(servers: ["127.0.0.1:\(port)"])
        let client = try gateway.client()
        #expect(try client.ask(get("/")).status == 502)
        let origin = try ScriptedOrigin(
            port: port, scripts: [[.forever([.expectRequest, .respond(body: "back")])]])
        defer { origin.stop() }
        #expect(try client.ask(get("/")).text == "back")
    }

    @Test func `servers take turns`() throws {
        let origins = try (0..<3).map { try ScriptedOrigin.answering(body: "\($0)") }
        defer { for origin in origins { origin.stop() } }
        let gateway = try GatewayProcess(servers: origins.map { "127.0.0.1:\($0.port)" })
        let client = try gateway.client()
        let answers = try (0..<12).map { _ in try client.ask(get("/")).text }
        #expect(Set(answers.prefix(3)) == ["0", "1", "2"])
        for index in 3..<12 { #expect(answers[index] == answers[index - 3]) }
    }

    @Test func `the server with the fewest requests in work is chosen`() throws {
        let gate = Gate()
        let busy = try ScriptedOrigin(.expectRequest, .waitFor(gate), .respond(body: "busy"))
        let free = try ScriptedOrigin.answering(body: "free")
        defer {
            busy.stop()
            free.stop()
        }
        let gateway = try GatewayProcess(
            servers: ["127.0.0.1:\(busy.port)", "127.0.0.1:\(free.port)"], upstream: "balance: least_requests"
        )
        // Whoever comes first gets the first or the second; in any case one of them stays busy.
        let waiting = try gateway.client()
        let client = try gateway.client()
        try waiting.send(get("/wait"))
        try eventually("a request") { busy.requests.count + free.requests.count == 1 ? true : nil }
        if busy.requests.isEmpty {
            #expect(try waiting.response().text == "free")
            try waiting.send(get("/wait"))
            _ = try busy.requests(1)
        }
        for _ in 0..<6 { #expect(try client.ask(get("/")).text == "free") }
        gate.open()
        #expect(try waiting.response().text == "busy")
    }

    @Test func `requests above the cap wait, in their order`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, upstream: "connections: 1, queue: { size: 5, wait: 5s }")
        let clients = try (0..<4).map { number in
            let client = try gateway.client()
            try client.send(get("/\(number)"))
            if number == 0 { _ = try origin.requests(1) }
            // One after another: their order is what is tested.
            poll(nil, 0, 20)
            return client
        }
        #expect(origin.requests.count == 1)
        for client in clients {
            gate.open()
            #expect(try client.response().text == "ok")
        }
        #expect(origin.requests.map(\.target) == ["/0", "/1", "/2", "/3"])
        #expect(origin.connections.count == 1)
        #expect(try gateway.logged("/3")[0]["queue_us"] as? Int ?? 0 > 10_000)
    }

    @Test func `requests above the queue's size, or of a queue without places, are refused at once`() throws {
        for size in [0, 1] {
            let origin = try ScriptedOrigin(.expectRequest, .waitUntilPeerLeaves)
            defer { origin.stop() }
            let gateway = try GatewayProcess(
                before: origin, upstream: "connections: 1, queue: { size: \(size), wait: 5s }")
            let clients = try (0...size).map { _ in
                let client = try gateway.client()
                try client.send(get("/wait"))
                _ = try origin.requests(1)
                poll(nil, 0, 20)
                return client
            }
            let response = try gateway.client().ask(get("/full"))
            #expect(response.status == 503)
            #expect(response.value("Retry-After") == "1")
            _ = response.problem()
            #expect(try gateway.logged("/full")[0]["outcome"] as? String == "gateway.queue")
            #expect(origin.requests.count == 1)
            withExtendedLifetime(clients) {}
        }
    }

    @Test func `a request that waits too long is refused, and one that leaves gives its place up`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(.forever([.expectRequest, .waitFor(gate), .respond(body: "ok")]))
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, upstream: "connections: 1, queue: { size: 1, wait: 200ms }")
        let first = try gateway.client()
        try first.send(get("/1"))
        _ = try origin.requests(1)
        let late = try gateway.client().ask(get("/late"))
        #expect(late.status == 503)
        _ = late.problem()
        #expect(try gateway.logged("/late")[0]["outcome"] as? String == "gateway.queue")
        let leaving = try gateway.client()
        try leaving.send(get("/gone"))
        poll(nil, 0, 20)
        leaving.close()
        #expect(try gateway.logged("/gone")[0]["outcome"] as? String == "client.queue")
        let next = try gateway.client()
        try next.send(get("/next"))
        poll(nil, 0, 20)
        gate.open()
        gate.open()
        #expect(try first.response().text == "ok")
        #expect(try next.response().text == "ok")
        #expect(origin.requests.map(\.target) == ["/1", "/next"])
    }

    @Test func `a request that leaves while it is served lets the next one in`() throws {
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .waitUntilPeerLeaves], [.forever([.expectRequest, .respond(body: "ok")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "connections: 1, queue: { wait: 5s }")
        let leaving = try gateway.client()
        try leaving.send(get("/1"))
        _ = try origin.requests(1)
        let waiting = try gateway.client()
        try waiting.send(get("/2"))
        poll(nil, 0, 20)
        leaving.close()
        #expect(try waiting.response().text == "ok")
    }

    @Test func `a connection that ends with its answer is not handed to the next in the queue`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(scripts: [
            [.expectRequest, .waitFor(gate), .sendLast("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")],
            [.forever([.expectRequest, .respond(body: "second")])],
        ])
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "connections: 1, queue: { wait: 5s }")
        let first = try gateway.client()
        try first.send(get("/1"))
        _ = try origin.requests(1)
        let second = try gateway.client()
        try second.send(post("/2", body: "x"))
        poll(nil, 0, 20)
        gate.open()
        #expect(try first.response().text == "first")
        #expect(try second.response().text == "second")
        #expect(origin.requests.map(\.target) == ["/1", "/2"])
    }

    @Test func `idle connections are closed in time`() throws {
        let origin = try ScriptedOrigin(
            .expectRequest, .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "idle_timeout: 100ms")
        #expect(try gateway.client().ask(get("/")).text == "ok")
        #expect(try origin.end() == .peerClosed)
    }

    @Test func `connections beyond those that may stay idle are closed`() throws {
        let gate = Gate()
        let origin = try ScriptedOrigin(
            .expectRequest, .waitFor(gate), .respond(body: "ok"), .waitUntilPeerLeaves)
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: "idle_connections: 1")
        let clients = try (0..<3).map { _ in
            let client = try gateway.client()
            try client.send(get("/"))
            return client
        }
        _ = try origin.requests(3)
        for _ in clients { gate.open() }
        for client in clients { #expect(try client.response().text == "ok") }
        try eventually("two to be closed") {
            origin.connections.filter { $0.end == .peerClosed }.count == 2 ? true : nil
        }
    }

    @Test func `a name is resolved and its server used`() throws {
        let origin = try ScriptedOrigin.answering(body: "found")
        defer { origin.stop() }
        let gateway = try GatewayProcess(servers: ["localhost:\(origin.port)"])
        try eventually("the name to resolve") {
            try gateway.client().ask(get("/")).text == "found" ? true : nil
        }
    }

    @Test func `a name that does not resolve stops nothing but its own requests`() throws {
        let gateway = try GatewayProcess(servers: ["nowhere.invalid:80"])
        let client = try gateway.client()
        let response = try client.ask(get("/lost"))
        #expect(response.status == 503)
        #expect(response.value("Retry-After") == "5")
        _ = response.problem()
        #expect(try client.ask(get("/healthz")).status == 200)
    }

    @Test func `an upstream may be a unix socket`() throws {
        let path = Loopback.unusedSocketPath()
        let origin = try ScriptedOrigin(unix: path, .forever([.expectRequest, .respond(body: "unix")]))
        defer {
            origin.stop()
            unlink(path)
        }
        let gateway = try GatewayProcess(servers: ["unix:\(path)"])
        let client = try gateway.client()
        for _ in 0..<2 { #expect(try client.ask(post("/u", body: "x")).text == "unix") }
        #expect(origin.connections.count == 1)
        #expect(
            try origin.requests(1)[0].masked
                == gateway.forwarded("POST /u", closing: ["Content-Length: 1"], body: "x")
        )
    }

    @Test func `a unix socket that is not there is a server that refuses`() throws {
        let gateway = try GatewayProcess(servers: ["unix:/nowhere/at.all"])
        let response = try gateway.client().ask(get("/"))
        #expect(response.status == 502)
        _ = response.problem()
    }

    @Test(arguments: [("host: upstream", true), ("host: app.example", false)])
    func `the origin's Host may be its own or a name`(setting: String, isOwn: Bool) throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(before: origin, upstream: setting)
        #expect(try gateway.client().ask(get("/")).status == 200)
        let received = try origin.requests(1)[0]
        #expect(received.value("Host") == (isOwn ? "127.0.0.1:\(origin.port)" : "app.example"))
        #expect(received.value("X-Forwarded-Host") == "here")
    }
}
