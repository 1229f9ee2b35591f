import Foundation
import TestServers
import Testing

/// How often Redis is asked.
@Suite(.serialized, .timeLimit(.minutes(20))) struct LimitCommandTests {
    private static let names = (1...5).map { "r\($0)" }

    private func gateway(_ server: RedisServer) throws -> GatewayProcess {
        let gateway = try GatewayProcess(
            limits: Self.names.enumerated().map { "\($1): { rate: \(1000 + $0) per 1h, by: ip }" }
                + ["mix: { rate: 1000 per 1h, by: [ip, route] }", "few: { rate: 3 per 1h, by: ip }"],
            routes: [
                "path: /stacked, limits: [\(Self.names.joined(separator: ", "))]",
                "path: /*, limits: [few]",
            ], redis: server.address)
        try gateway.waitForRedis()
        return gateway
    }

    private func asked(_ server: RedisServer) throws -> Int {
        try server.calls(of: "evalsha") + server.calls(of: "eval")
    }

    @Test func `five rules on a request are one command`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        // The first one may have to teach Redis the script.
        #expect(try gateway.statuses(1, get("/stacked")) == [200])
        try server.ask("CONFIG", "RESETSTAT")
        #expect(try gateway.statuses(1, get("/stacked")) == [200])
        #expect(try asked(server) == 1)
        #expect(try gateway.statuses(99, get("/stacked")) == admitted(99, refused: 0))
        #expect(try asked(server) == 100)
        #expect(try server.calls(of: "evalsha") == 100)
        #expect(
            try server.ask("KEYS", "*").split(separator: "\n").filter { $0.contains("limit:") }.count == 5)
    }

    @Test func `MONITOR shows one EVALSHA for a request of five rules`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        #expect(try gateway.statuses(2, get("/stacked")) == [200, 200])
        let monitor = try RawClient(port: server.port)
        defer { monitor.close() }
        try monitor.send("MONITOR\r\n")
        #expect(try monitor.read(through: "\r\n") == "+OK\r\n")
        #expect(try gateway.statuses(1, get("/stacked")) == [200])
        try server.ask("ECHO", "the end")
        let lines = try monitor.read(through: "the end").components(separatedBy: "\r\n")
        // What the script does inside of Redis is marked `lua`.
        let words = lines.filter { !$0.contains("lua]") && $0.contains("limit:{") }
        #expect(words.count == 1, "\(words)")
        #expect(words.first?.contains(#""EVALSHA""#) == true)
    }

    @Test func `ten thousand refused requests are no command at all behind the first`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        #expect(try gateway.statuses(4) == admitted(3, refused: 1))
        try server.ask("CONFIG", "RESETSTAT")
        let answers = try Crowd.ask(64, at: [gateway], requests: 157)
        #expect(answers.failures == [])
        #expect(answers.statuses == [429: 64 * 157])
        #expect(try asked(server) == 0)
    }

    @Test func `a Redis that was emptied of its scripts is taught again, and nobody notices`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        #expect(try gateway.statuses(2) == admitted(2, refused: 0))
        try server.ask("SCRIPT", "FLUSH")
        #expect(try gateway.statuses(2) == admitted(1, refused: 1))
    }
}
