import Time

/// What a session with a Redis server keeps to.
package struct SessionSettings: Sendable {
    package var user: String?
    package var password: String?
    package var database = 0
    /// How soon a healthy server answers: the limit of the probe that opens a connection.
    package var patience: Duration = .milliseconds(20)
    /// From the start of a connect to the first answer.
    package var connectTimeout: Duration = .seconds(1)
    /// Commands without reply at once, those included whose limit has passed.
    package var maximumCommands = 4096
    /// Bytes of those commands.
    package var maximumBytes = 4 << 20
    package var replies = ReplyLimits()
    /// Failures in a row that end the connection and all waiting for it.
    package var failuresToOpen = 5
    /// Between two attempts to connect; doubles up to the longest, of which a random half is taken off.
    package var firstPause: Duration = .milliseconds(50)
    package var longestPause: Duration = .seconds(1)
    /// How long a connection is quiet before it is asked whether it is still there.
    package var heartbeat: Duration = .seconds(2)

    /// Whether the server is a node of a cluster: what it says is another node's is told as such.
    package var followsRedirections = false
    /// Whether a replica is refused: it takes connections and changes nothing.
    package var needsMaster = false

    package init() {}

    package init(_ address: RedisAddress) {
        user = address.user
        password = address.password
        database = address.database
    }

    /// What is said first on a connection: who asks, for which database, and a probe.
    package var greeting: [Greeting] {
        var steps: [Greeting] = []
        if password != nil { steps.append(.authenticate) }
        if database != 0 { steps.append(.select) }
        if needsMaster { steps.append(.role) }
        return steps + [.probe]
    }

    package enum Greeting: Sendable { case authenticate, select, role, probe }

    package func write(_ step: Greeting, into writer: inout CommandWriter) {
        switch step {
        case .authenticate:
            writer.begin(user == nil ? 2 : 3)
            writer.word("AUTH")
            if let user { writer.word(Array(user.utf8)) }
            writer.word(Array((password ?? "").utf8))
        case .select:
            writer.begin(2)
            writer.word("SELECT")
            writer.word(decimal: database)
        case .role:
            writer.begin(1)
            writer.word("ROLE")
        case .probe:
            writer.begin(1)
            writer.word("PING")
        }
    }

    /// Why a greeting's step was not answered as it should be; nil where it was.
    package func refusal(of step: Greeting, _ reply: Reply) -> Loss? {
        switch step {
        case .authenticate:
            // A server that has no such command may repeat the password in its error: one word is shown.
            if reply.isStatus("OK") { return nil }
            return .refused("the server refuses the user or the password (\(reply.word))")
        case .select:
            if reply.isStatus("OK") { return nil }
            return .refused("the server refuses database \(database) (\(reply.word))")
        case .role:
            // A user who may not ask is believed to be where the sentinels have said.
            switch SentinelCommands.Role(reply) {
            case .master, .unknown: return nil
            case .replica: return .refused("the server is a replica now")
            case .sentinel: return .refused("the server is a sentinel")
            }
        case .probe: return reply.isStatus("PONG") ? nil : .refused(reply.words)
        }
    }
}
