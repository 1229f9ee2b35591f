import Foundation
import TestServers
import Testing

/// Counters through reloads and restarts, and what operators do with them.
@Suite(.timeLimit(.minutes(20))) struct LimitLifeTests {
    @Test(arguments: ["gcra", "sliding_window", "fixed_window"])
    func `a reload keeps what was counted, and a changed rate counts it`(algorithm: String) throws {
        func settings(_ ports: GatewayProcess.Ports, _ rate: String, note: String) -> String {
            GatewayProcess.limiting(
                ports, limits: ["few: { rate: \(rate), algorithm: \(algorithm) }"],
                routes: ["path: /*, limits: [few]", "path: /\(note), limits: []"])
        }
        let gateway = try GatewayProcess { settings($0, "4 per 1h", note: "one") }
        #expect(try gateway.statuses(3) == admitted(3, refused: 0))
        try gateway.reload(settings(gateway.ports, "4 per 1h", note: "two"))
        #expect(try gateway.statuses(3) == admitted(1, refused: 2))
        guard algorithm != "gcra" else { return }
        // Windows keep the number that was counted. GCRA keeps a debt in time, which a faster rate pays back.
        try gateway.reload(settings(gateway.ports, "6 per 1h", note: "three"))
        #expect(try gateway.statuses(4) == admitted(2, refused: 2))
        try gateway.reload(settings(gateway.ports, "2 per 1h", note: "four"))
        #expect(try gateway.statuses(2) == admitted(0, refused: 2))
    }

    @Test func `a restart forgets what was counted in memory, and keeps what Redis counts`() throws {
        let server = try RedisServer()
        for (redis, afterwards) in [("memory", 200), (server.address, 429)] {
            for status in [200, afterwards] {
                let gateway = try GatewayProcess(limit: "rate: 1 per 1h", redis: redis)
                if redis != "memory" { try gateway.waitForRedis() }
                #expect(try gateway.ask("/").status == status)
                #expect(gateway.terminate() == .code(0))
            }
        }
    }

    @Test(arguments: [false, true])
    func `operators see a counter and set it back`(inRedis: Bool) throws {
        let server = inRedis ? try RedisServer() : nil
        let gateways = try (0..<(inRedis ? 2 : 1)).map { _ in
            try GatewayProcess(limit: "rate: 3 per 1h, by: ip", redis: server?.address ?? "memory")
        }
        if inRedis { for gateway in gateways { try gateway.waitForRedis() } }
        let gateway = gateways[0]
        func floodgate(_ words: String...) throws -> (ChildProcess.Exit, String) {
            let place = ["--admin", "127.0.0.1:\(gateway.ports.admin)"]
            let run = try ChildProcess.run(GatewayProcess.binary, ["limits"] + words + place)
            return (run.exit, run.output + run.errors)
        }
        #expect(try gateway.statuses(2) == admitted(2, refused: 0))
        let (shown, text) = try floodgate("show", "few", "ip=127.0.0.1")
        #expect(shown == .code(0), "\(text)")
        #expect(text.contains("few") && text.contains("1"), "one of three is left: \(text)")
        #expect(try gateway.statuses(2) == [200, 429])
        #expect(try gateways[gateways.count - 1].ask("/").status == 429)
        let (done, said) = try floodgate("reset", "few", "ip=127.0.0.1")
        #expect(done == .code(0), "\(said)")
        #expect(try gateway.statuses(3) == admitted(3, refused: 0), "\(said)")
        #expect(try gateway.ask("/").status == 429)
        let (unknown, complaint) = try floodgate("show", "fwe", "ip=127.0.0.1")
        #expect(unknown != .code(0))
        #expect(complaint.contains("fwe"))
    }

    @Test func `explain names the limits of a request and what they count by`() throws {
        let gateway = try GatewayProcess(
            limits: ["few: { rate: 3 per 1h, by: ip }", "chat: { rate: 1 per 1m, by: [user, route] }"],
            routes: ["path: /chat, limits: [few, chat], auth: optional", "path: /*, limits: [few]"],
            top: "identity: { api_keys: {} }")
        let words = ["explain", "GET", "/chat", "--file", gateway.settingsFile.path]
        let run = try ChildProcess.run(GatewayProcess.binary, words)
        #expect(run.exit == .code(0), "\(run.errors)")
        for word in ["few", "3 per 1h", "ip", "chat", "1 per 60s", "user", "route", "limit:{ip="] {
            #expect(run.output.contains(word), "\(word) in \(run.output)")
        }
    }

    @Test(arguments: [
        ("rate: 0 per 0s", "rate"), ("rate: 5 per 1m, by: usr", "user"),
        ("by: user, plans: { free: 5 }", "free"), ("by: user", "rate"),
        ("rate: 5 per 1m, algorithm: gcr", "gcra"), ("rate: 5 per 1m, cost: 0", "cost"),
        ("rate: 5 per 1m, cost: 6", "cost"), ("rate: 5 per 1m, on_store_error: never", "on_store_error"),
    ])
    func `a rule that cannot be is refused with its line`(rule: String, word: String) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "limits-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = GatewayProcess.limiting(
            GatewayProcess.Ports(gateway: 1, admin: 2, other: []), limits: ["few: { \(rule) }"],
            routes: ["path: /*, limits: [few]"])
        try text.write(to: file, atomically: true, encoding: .utf8)
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).firstIndex {
            $0.contains("few:")
        }
        let run = try ChildProcess.run(GatewayProcess.binary, ["check", file.path])
        #expect(run.exit != .code(0))
        let said = run.output + run.errors
        #expect(said.contains(":\(try #require(line) + 1):"), "\(said)")
        #expect(said.contains(word), "\(said)")
    }
}
