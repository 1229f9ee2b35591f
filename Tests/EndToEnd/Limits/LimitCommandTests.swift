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

    @Test func `five rules on a request are one command`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        // The first one may have to teach Redis the script.
        #expect(try gateway.statuses(1, get("/stacked")) == [200])
        let monitor = try CommandMonitor(server)
        #expect(try gateway.statuses(1, get("/stacked")) == [200])
        #expect(try monitor.end(behind: 1).map(\.word) == ["EVALSHA"])
        let more = try CommandMonitor(server)
        #expect(try gateway.statuses(99, get("/stacked")) == admitted(99, refused: 0))
        #expect(try more.end(behind: 99).map(\.word) == Array(repeating: "EVALSHA", count: 99))
        let keys = try server.ask("KEYS", "*limit:*").split(separator: "\n")
        #expect(keys.count == 5)
    }

    @Test func `ten thousand refused requests are no command at all behind the first`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        let monitor = try CommandMonitor(server)
        #expect(try gateway.statuses(4) == admitted(3, refused: 1))
        let answers = try Crowd.ask(64, at: [gateway], requests: 157)
        #expect(answers.failures == [])
        #expect(answers.statuses == [429: 64 * 157])
        // Three that were admitted, and the first that was refused, which this gateway may have known to be.
        #expect((3...4).contains(try monitor.end(behind: 3).count))
    }

    @Test func `a Redis that was emptied of its scripts is taught again, and nobody notices`() throws {
        let server = try RedisServer()
        let gateway = try gateway(server)
        #expect(try gateway.statuses(2) == admitted(2, refused: 0))
        try server.ask("SCRIPT", "FLUSH")
        #expect(try gateway.statuses(2) == admitted(1, refused: 1))
    }
}

/// What Redis is asked about limits, as MONITOR tells it: without what its scripts do themselves.
private final class CommandMonitor {
    struct Command {
        let word: String
        let line: String
    }

    private let server: RedisServer
    private let client: RawClient
    private let mark = UUID().uuidString

    init(_ server: RedisServer) throws {
        self.server = server
        client = try RawClient(port: server.port)
        try client.send("MONITOR\r\n")
        #expect(try client.read(through: "\r\n") == "+OK\r\n")
    }

    /// All that came until now. A command that was written before its request was answered is there.
    ///
    /// - Parameter least: so many are waited for.
    func end(behind least: Int) throws -> [Command] {
        defer { client.close() }
        try server.ask("ECHO", mark)
        let text = try client.read(through: mark)
        let commands = text.components(separatedBy: "\r\n").compactMap { line -> Command? in
            guard !line.contains(" lua] "), line.contains("limit:{") else { return nil }
            let words = line.components(separatedBy: "\"")
            return words.count > 1 ? Command(word: words[1].uppercased(), line: line) : nil
        }
        #expect(commands.count >= least, "\(commands.map(\.line))")
        return commands
    }
}
