import Foundation
import Testing

/// New keys and rules hold from the next request on, for tokens that were remembered, too.
@Suite(.timeLimit(.minutes(20))) struct TokenRuleReloadTests {
    private static let other = "ffffffffffffffffffffffffffffffff"

    @Test func `a reload judges remembered tokens anew, on connections that stay`() throws {
        let house = try TokenGateway()
        let client = try house.gateway.client()
        let token = Token.good(#""sub":"u1","aud":"app","scope":"read""#)
        func status(_ token: String) throws -> Int {
            try client.ask(get("/a", "Authorization: Bearer \(token)")).status
        }
        for _ in 0..<3 { #expect(try status(token) == 200) }
        try house.reload(source: "audiences: [other]")
        #expect(try status(token) == 401)
        try house.reload(source: "audiences: [app]")
        #expect(try status(token) == 200)
        try house.reload(source: "audiences: [app]", route: "scopes: [write]")
        #expect(try status(token) == 403)
        try house.reload(source: "secret: \"\(Self.other)\"")
        #expect(try status(token) == 401)
        #expect(try status(Token.signed(Token.claims(), secret: Self.other.utf8)) == 200)
        try house.reload(source: "headers: { X-Who: sub }")
        #expect(try client.ask(get("/a", "Authorization: Bearer \(token)", "X-Who: admin")).status == 200)
        let seen = try #require(house.origin.requests.last)
        #expect(seen.values("X-Who") == ["u1"])
        #expect(seen.values("X-User-Id") == [])
    }

    @Test func `settings that are refused leave the old keys in force`() throws {
        let house = try TokenGateway()
        let token = Token.good()
        #expect(try house.ask(bearer: token).status == 200)
        try house.gateway.reloadInVain("identity: { tokens: { users: { secret: short-secret } } }")
        #expect(try house.ask(bearer: token).status == 200)
        #expect(!house.gateway.standardError.contains("short-secret"))
    }

    @Test func `reloads under load refuse nobody who may`() throws {
        let house = try TokenGateway()
        let token = Token.good()
        let load = TokenLoad(clients: 8, port: house.gateway.ports.gateway, token: token)
        for number in 0..<10 {
            try house.reload(
                source: "leeway: \(number + 1)s", identity: "cache: \(number % 2 == 0 ? 16 : 4096)")
        }
        let result = load.end()
        #expect(result.failures == [])
        #expect(result.answered > 10)
        #expect(!house.origin.requests.contains { $0.values("X-User-Id") != ["u1"] })
    }
}

/// Clients that ask again and again, each on a thread and a connection of its own.
private final class TokenLoad: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    private let lock = NSLock()
    private var answered = 0
    private var failures: [String] = []
    private var running: Int
    private var isOver = false

    init(clients: Int, port: UInt16, token: String) {
        running = clients
        for _ in 0..<clients { Thread.detachNewThread { self.run(port, token) } }
    }

    private func run(_ port: UInt16, _ token: String) {
        defer { lock.withLock { running -= 1 } }
        do {
            var client = try RawClient(port: port)
            while lock.withLock({ !isOver }) {
                let response = try client.ask(get("/load", "Authorization: Bearer \(token)"))
                lock.withLock {
                    answered += 1
                    if response.status != 200 { failures.append("status \(response.status)") }
                }
                guard response.value("Connection")?.lowercased() == "close" else { continue }
                client.close()
                client = try RawClient(port: port)
            }
            client.close()
        } catch {
            lock.withLock { failures.append("\(error)") }
        }
    }

    func end() -> (answered: Int, failures: [String]) {
        lock.withLock { isOver = true }
        try? eventually(
            "the clients' end", within: .seconds(15), holds: { lock.withLock { running == 0 } })
        return lock.withLock { (answered, failures) }
    }
}
