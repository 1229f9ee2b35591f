import Foundation
import TestServers
import Testing

/// Limits are exact, however many clients, workers and gateways race for them.
@Suite(.serialized, .timeLimit(.minutes(20))) struct LimitRaceTests {
    static let algorithms = ["gcra", "sliding_window", "fixed_window"]

    private func gateways(
        _ algorithm: String, redis: String, count: Int = 2, workers: Int = 2, rate: String = "100 per 1h"
    ) throws -> [GatewayProcess] {
        let gateways = try (0..<count).map { _ in
            try GatewayProcess(
                limit: "rate: \(rate), by: 'header:X-Run', algorithm: \(algorithm), on_store_error: local",
                workers: workers, redis: redis)
        }
        if redis != "memory" { try GatewayProcess.waitUntilTheyShare(gateways) }
        return gateways
    }

    /// Bursts until one was not disturbed: on a busy machine a store may be late, and then a gateway counts
    /// by itself, which may admit less and never more. Returns how many were admitted in all.
    @discardableResult
    private func expectExact(_ gateways: [GatewayProcess], fields: [String] = []) throws -> Int {
        var sum = 0
        for attempt in 1...5 {
            let before = try gateways.map { try $0.countedWithoutRedis() }
            let answers = try Crowd.ask(
                64, at: gateways, requests: 5,
                request("GET / HTTP/1.1", fields + ["X-Run: \(attempt)"]))
            #expect(answers.failures == [])
            #expect(Set(answers.statuses.keys).isSubset(of: [200, 429]))
            let admitted = answers.statuses[200] ?? 0
            #expect(admitted <= 100)
            sum += admitted
            guard try gateways.map({ try $0.countedWithoutRedis() }) == before else { continue }
            #expect(admitted == 100)
            return sum
        }
        Issue.record("Redis was late in every burst")
        return sum
    }

    @Test(arguments: algorithms)
    func `four workers admit exactly the limit in memory`(algorithm: String) throws {
        let gateways = try gateways(algorithm, redis: "memory", count: 1, workers: 4)
        for run in 1...3 {
            let answers = try Crowd.ask(64, at: gateways, requests: 5, get("/", "X-Run: \(run)"))
            #expect(answers.failures == [])
            #expect(answers.statuses == [200: 100, 429: 220])
        }
    }

    @Test(arguments: algorithms, CountingStore.Kind.allCases)
    func `two gateways admit exactly the limit in a store that they share`(
        algorithm: String, kind: CountingStore.Kind
    ) throws {
        let store = try CountingStore(kind)
        try expectExact(try gateways(algorithm, redis: store.settings))
    }

    @Test func `rules whose keys are on several nodes of a cluster admit all or nothing`() throws {
        let store = try CountingStore(.cluster)
        // Six holders: three nodes have them between them in all likelihood, and all have to agree.
        let names = (1...6).map { "h\($0)" }
        let gateways = try (0..<2).map { _ in
            try GatewayProcess(
                limits: names.map { "\($0): { rate: 100000 per 30d, by: 'header:X-\($0)' }" }
                    + ["last: { rate: 100 per 1h, by: 'header:X-Run' }"],
                routes: ["path: /*, limits: [\(names.joined(separator: ", ")), last]"], redis: store.settings)
        }
        try GatewayProcess.waitUntilTheyShare(gateways)
        let fields = names.map { "X-\($0): value of \($0)" }
        func left() throws -> [Int?] {
            let response = try gateways[0].ask("/", fields: fields + ["X-Run: \(UUID().uuidString)"])
            return names.map { response.quota?.value("r", of: $0) }
        }
        let before = try left()
        let admitted = try expectExact(gateways, fields: fields)
        // What the last rule has refused is given back by the others; one more request was to look. Who was
        // admitted while that was under way may have heard of it as used, and a view never forgets: no more
        // than there were connections.
        let after = try left()
        for (before, after) in zip(before, after) {
            let used = try #require(before) - #require(after)
            #expect((admitted + 1...admitted + 65).contains(used))
        }
    }

    @Test(arguments: algorithms)
    func `a failover forgets nothing that was counted`(algorithm: String) throws {
        let store = try CountingStore(.sentinels)
        let sentinels = try #require(store.sentinels)
        let gateways = try gateways(algorithm, redis: store.settings)
        let request = get("/", "X-Run: 1")
        #expect(try Crowd.ask(20, at: gateways, requests: 3, request).statuses == [200: 60])
        try sentinels.waitUntilWhole()
        try sentinels.failover()
        // Until the old master is told that it is none, it goes on counting for whoever asks it.
        try sentinels.waitUntilWhole()
        try GatewayProcess.waitUntilTheyShare(gateways)
        try eventually("all workers at the new master", within: .seconds(20)) {
            let before = try gateways.map { try $0.countedWithoutRedis() }
            _ = try Crowd.ask(32, at: gateways, requests: 1, get("/", "X-Run: \(UUID().uuidString)"))
            return try gateways.map { try $0.countedWithoutRedis() } == before ? true : nil
        }
        let answers = try Crowd.ask(64, at: gateways, requests: 5, request)
        #expect(answers.failures == [])
        #expect(Set(answers.statuses.keys).isSubset(of: [200, 429]))
        let late = try gateways.map { try $0.countedWithoutRedis() }
        #expect(answers.statuses[200] == 40, "\(late) without Redis")
    }

    @Test func `a master that dies under load lets a tenth more through at most, and nobody sees a 5xx`()
        throws
    {
        let store = try CountingStore(.sentinels)
        let sentinels = try #require(store.sentinels)
        let gateways = try gateways("gcra", redis: store.settings)
        let request = get("/", "X-Run: 1")
        #expect(try Crowd.ask(10, at: gateways, requests: 5, request).statuses == [200: 50])
        try sentinels.waitUntilWhole()
        let old = try sentinels.masterIndex
        sentinels.servers[old].kill()
        let crowd = try Crowd(16, at: gateways, request)
        try sentinels.waitForMaster(otherThan: old)
        try GatewayProcess.waitUntilTheyShare(gateways)
        let during = try crowd.end()
        let last = try Crowd.ask(16, at: gateways, requests: 20, request)
        #expect(during.failures == [] && last.failures == [])
        #expect(Set(during.statuses.keys).union(last.statuses.keys).isSubset(of: [200, 429]))
        let admitted = 50 + (during.statuses[200] ?? 0) + (last.statuses[200] ?? 0)
        #expect((100...110).contains(admitted), "\(during.statuses) \(last.statuses)")
    }

    @Test(arguments: algorithms, [false, true])
    func `over any window no more is admitted than the rule allows`(
        algorithm: String, inRedis: Bool
    ) throws {
        let store = inRedis ? try CountingStore(.redis) : nil
        let gateways = try gateways(
            algorithm, redis: store?.settings ?? "memory", count: inRedis ? 2 : 1, workers: 2,
            rate: "50 per 500ms")
        let began = ContinuousClock.now
        let crowd = try Crowd(16, at: gateways, get("/", "X-Run: 1"))
        poll(nil, 0, 2500)
        let answers = try crowd.end()
        let took = (ContinuousClock.now - began) / .milliseconds(500)
        #expect(answers.failures == [])
        let admitted = answers.statuses[200] ?? 0
        #expect(answers.statuses[429] ?? 0 > 0, "it was asked for more than that")
        switch algorithm {
        case "gcra":
            #expect(Double(admitted) <= 50 + 50 * took)
            #expect(answers.most(within: .milliseconds(500)) <= 100)
        case "sliding_window":
            #expect(answers.most(within: .milliseconds(500)) <= 50)
        default:
            #expect(Double(admitted) <= 50 * (took + 1).rounded(.up))
            #expect(answers.most(within: .milliseconds(500)) <= 100)
        }
    }
}

extension GatewayProcess {
    /// Requests whose limits Redis was not asked about in time.
    func countedWithoutRedis() throws -> Int {
        let name = "floodgate_redis_limits_without_total{"
        return try adminPage("/metrics").split(separator: "\n").filter { $0.hasPrefix(name) }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    }
}
