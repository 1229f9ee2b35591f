import Foundation
import TestServers
import Testing

/// Limits while their Redis hangs, dies, comes back, or answers nonsense: clients get 200 and 429 as ever.
@Suite(.serialized, .timeLimit(.minutes(20))) struct LimitOutageTests {
    static let limit = 100

    private func gateways(
        _ redis: String, algorithm: String = "gcra"
    ) throws -> [GatewayProcess] {
        let gateways = try (0..<2).map { _ in
            try GatewayProcess(
                limit: "rate: 100 per 1h, by: 'header:X-Run', algorithm: \(algorithm), on_store_error: local",
                redis: redis)
        }
        try GatewayProcess.waitUntilTheyShare(gateways)
        return gateways
    }

    /// Half of the limit is used, the trouble begins, all ask for more than there is, the trouble ends, and
    /// they ask again.
    private func through(
        _ gateways: [GatewayProcess], atLeast least: Int = limit * 9 / 10, begin: () throws -> Void,
        end: () throws -> Void
    ) throws {
        let request = get("/", "X-Run: 1")
        let first = try Crowd.ask(10, at: gateways, requests: 5, request)
        #expect(first.statuses == [200: 50])
        try begin()
        let crowd = try Crowd(16, at: gateways, request)
        poll(nil, 0, 1500)
        try end()
        for gateway in gateways { try gateway.waitForRedis() }
        let during = try crowd.end()
        let last = try Crowd.ask(16, at: gateways, requests: 20, request)
        #expect(during.failures == [] && last.failures == [])
        let statuses = Set(during.statuses.keys).union(last.statuses.keys)
        #expect(statuses.isSubset(of: [200, 429]), "\(during.statuses) \(last.statuses)")
        let admitted = 50 + (during.statuses[200] ?? 0) + (last.statuses[200] ?? 0)
        #expect((least...Self.limit * 11 / 10).contains(admitted), "\(during.statuses) \(last.statuses)")
        for gateway in gateways { #expect(gateway.process.exit == nil) }
    }

    @Test(arguments: LimitRaceTests.algorithms)
    func `a Redis that hangs for a while costs nothing and lets nothing pass`(algorithm: String) throws {
        let server = try RedisServer()
        let gateways = try gateways(server.address, algorithm: algorithm)
        defer { server.goOn() }
        try through(gateways, begin: { server.hang() }, end: { server.goOn() })
        for gateway in gateways {
            // A gateway that refuses all by what it knows asks nothing, and may notice nothing.
            #expect(gateway.said("redis lost") <= 1)
            #expect(gateway.said("redis is back") <= gateway.said("redis lost"))
        }
    }

    @Test(arguments: [false, true], LimitRaceTests.algorithms)
    func `a Redis that is killed and started again is told what was counted`(
        withData: Bool, algorithm: String
    ) throws {
        var options = RedisServer.Options()
        options.persists = withData
        let server = try RedisServer(options)
        let gateways = try gateways(server.address, algorithm: algorithm)
        try through(gateways, begin: { server.kill() }, end: { try server.start() })
    }

    static let faults: [FaultyRedis.Fault] = [
        .late(milliseconds: 200), .silent, .cut, .says("-ERR unknown command 'EVALSHA'\r\n"),
        .says("-READONLY You can't write against a read only replica.\r\n"),
        .says("-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
        .says("-NOAUTH Authentication required.\r\n"), .says("-BUSY Redis is busy running a script.\r\n"),
        .says("-LOADING Redis is loading the dataset in memory\r\n"), .says("+OK\r\n"), .says("$-1\r\n"),
        .says("*0\r\n"), .says("*2\r\n:1\r\n$3\r\nabc\r\n"), .says(plausible),
        .says("%\u{0}no reply at all\r\n\r\n*-7\r\n"), .says("$99999999999\r\n"),
    ]

    /// Right in form: a fleet of more gateways than there are, so that each takes less than its share.
    static let plausible = ":9223372036854775807\r\n"

    @Test(arguments: faults.indices)
    func `a Redis that does wrong is as good as none`(index: Int) throws {
        let server = try RedisServer()
        let faulty = try FaultyRedis(before: server)
        defer { faulty.stop() }
        let gateways = try gateways(faulty.address)
        // Halves of what is left are rounded down.
        var least = Self.limit * 9 / 10
        if case .says(Self.plausible) = Self.faults[index] { least = Self.limit / 2 }
        try through(
            gateways, atLeast: least, begin: { faulty.begin(Self.faults[index]) }, end: { faulty.end() })
        #expect(faulty.faults > 0, "\(Self.faults[index])")
    }

    @Test func `a rule that is open lets all pass while Redis is away, and counts again afterwards`() throws {
        let server = try RedisServer()
        let gateway = try GatewayProcess(limit: "rate: 3 per 1h, on_store_error: open", redis: server.address)
        try gateway.waitForRedis()
        #expect(try gateway.statuses(2) == admitted(2, refused: 0))
        server.kill()
        #expect(try gateway.statuses(20) == admitted(20, refused: 0))
        try server.start()
        try gateway.waitForRedis()
        try eventually("refusals", within: .seconds(10)) { try gateway.ask("/").status == 429 ? true : nil }
    }

    @Test func `a rule that is closed refuses with 503 while Redis is away, and counts again`() throws {
        let server = try RedisServer()
        let gateway = try GatewayProcess(
            limits: ["shut: { rate: 100 per 1h, on_store_error: closed }", "free: { rate: 100 per 1h }"],
            routes: ["path: /shut, limits: [shut]", "path: /*, limits: [free]"], redis: server.address)
        try gateway.waitForRedis()
        #expect(try gateway.statuses(2, get("/shut")) == [200, 200])
        server.hang()
        defer { server.goOn() }
        let refused = try gateway.ask("/shut")
        #expect(refused.status == 503)
        #expect(try #require(refused.retryAfter) >= 1)
        #expect(refused.problem()["rule"] as? String == "shut")
        #expect(try gateway.statuses(5) == admitted(5, refused: 0), "other rules count by themselves")
        server.goOn()
        try gateway.waitForRedis()
        try eventually("service", within: .seconds(10)) {
            try gateway.ask("/shut").status == 200 ? true : nil
        }
    }

    @Test func `known refusals need no Redis`() throws {
        let server = try RedisServer()
        let gateway = try GatewayProcess(
            limit: "rate: 2 per 1h, on_store_error: closed", redis: server.address)
        try gateway.waitForRedis()
        #expect(try gateway.statuses(3) == admitted(2, refused: 1))
        server.kill()
        #expect(try gateway.statuses(20) == admitted(0, refused: 20))
    }
}
