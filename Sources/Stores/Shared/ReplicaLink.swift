import Bytes
import Reactor
import Redis
import Time

/// What carries shared tables between this process and Redis: one connection that changes and reads them, and
/// one that hears of changes. On the replica's thread.
struct ReplicaLink: ~Copyable {
    private let tables: SharedTables
    private let commands: [SharedCommands]
    private var asking: RedisClient
    private var listening: RedisClient
    /// How far each table is known, in the order of `commands`. Outlives connections: it tells what a server
    /// that comes back has lost.
    private var known: [SharedCommands.State]
    private var hasHeard = true
    /// Something that was told shows that a table must be read again.
    private(set) var hasMissed = false
    /// Tables whose entries had no room here at the last look.
    private(set) var overflowing: [SharedTable.Name] = []

    /// For one command, and for a connect.
    static let patience = Duration.seconds(1)
    /// Changes that are sent before replies are read.
    private static let batch = 128

    init(_ target: RedisTarget, tables: SharedTables) {
        self.tables = tables
        commands = SharedTable.Name.allCases.map { SharedCommands($0, prefix: target.prefix) }
        asking = RedisClient(target)
        listening = RedisClient(target)
        known = commands.map { _ in SharedCommands.State() }
    }

    var isConnected: Bool { asking.isConnected && listening.isConnected }

    /// Readable when there is news.
    var descriptor: Int32 { listening.descriptor }

    mutating func close() {
        asking.close()
        listening.close()
    }

    private func deadline() -> Instant { SystemClock.now() + Self.patience }

    /// Connects, tells what has changed here meanwhile, and takes everything in.
    mutating func connect() throws(Loss) {
        try asking.connect(by: deadline())
        try listening.connect(by: deadline())
        try asking.load(SharedCommands.change, by: deadline())
        try subscribe()
        hasHeard = true
        while try sendChanges() {}
        for index in commands.indices { try synchronise(index) }
    }

    private mutating func subscribe() throws(Loss) {
        let commands = commands
        try listening.send(by: deadline()) { writer in
            writer.begin(1 + commands.count)
            writer.word("SUBSCRIBE")
            for command in commands { writer.word(command.channel) }
        }
        for _ in commands {
            guard let reply = try listening.receive(by: deadline()) else { throw .hung }
            guard reply.kind == .array, reply.count == 3 else { throw .refused(reply.refusal) }
        }
    }

    // MARK: Changes from here

    /// Sends a batch of changes. True where there may be more.
    mutating func sendChanges() throws(Loss) -> Bool {
        let keys = tables.outbox.take(Self.batch)
        guard !keys.isEmpty else { return false }
        var operations: [(Int, SharedCommands.Operation)] = []
        for key in keys { operations.append(operation(key)) }
        var sent = 0
        do throws(Loss) {
            try send(operations)
            while sent < keys.count {
                guard let reply = try asking.receive(by: deadline()) else { throw .hung }
                guard reply.kind == .integer else {
                    let words = reply.refusal
                    if reply.isError("NOSCRIPT") { asking.close() }
                    throw .refused(words)
                }
                sent += 1
            }
        } catch {
            asking.close()
            // What became of those behind the last reply nobody knows: said twice, a change is the same.
            tables.outbox.putBack(keys[sent...])
            throw error
        }
        return true
    }

    private mutating func send(_ operations: [(Int, SharedCommands.Operation)]) throws(Loss) {
        let commands = commands
        try asking.send(by: deadline()) { writer in
            for (index, operation) in operations { commands[index].write(operation, into: &writer) }
        }
    }

    /// What the table holds now is what is said.
    private func operation(_ key: ChangeOutbox.Key) -> (Int, SharedCommands.Operation) {
        let index = commands.firstIndex { $0.table == key.table } ?? 0
        let entry = tables[key.table].entry(key.key, now: SystemClock.wallTime())
        return (index, entry.map { .put($0) } ?? .remove(key.key))
    }

    // MARK: Changes from elsewhere

    /// Takes in what has been told, without waiting.
    mutating func hear() throws(Loss) {
        // A flood of changes must not keep those from here from being sent.
        for _ in 0..<4096 {
            guard let message = try listening.receive(by: .zero) else { return }
            hasHeard = true
            guard message.kind == .array, message.count == 3, message[0].bytes.equals("message"),
                let index = commands.firstIndex(where: { command in
                    command.channel.withView { $0.equals(message[1].bytes) }
                }), let change = SharedCommands.Change(message[2].bytes)
            else { continue }
            apply(change, to: index)
        }
    }

    private mutating func apply(_ change: SharedCommands.Change, to index: Int) {
        if let epoch = known[index].epoch, epoch != change.state.epoch {
            // The server has lost what it had, and begun anew.
            hasMissed = true
            return
        }
        // What was told before the table was read is in it.
        guard change.state.version > known[index].version else { return }
        known[index] = change.state
        let table = tables[commands[index].table]
        change.key.withView { key in
            guard let entry = change.entry else {
                table.remove(key, from: .elsewhere)
                return
            }
            let now = SystemClock.wallTime()
            entry.value.withView { value in
                _ = table.put(key, value, expires: entry.expires, now: now, from: .elsewhere)
            }
        }
    }

    // MARK: Everything

    /// Looks whether anything was missed: a message, or that the server has lost its data.
    mutating func check() throws(Loss) {
        guard hasHeard || hasMissed else { throw .hung }
        hasHeard = false
        hasMissed = false
        try listening.send(by: deadline()) { writer in
            writer.begin(1)
            writer.word("PING")
        }
        for index in commands.indices {
            var state = try readState(index)
            if state.version > known[index].version, state.epoch == known[index].epoch {
                // It may be on its way.
                SystemClock.pause(.milliseconds(5))
                try hear()
                state.version = max(state.version, known[index].version)
            }
            if state != known[index] { try synchronise(index) }
        }
    }

    private mutating func readState(_ index: Int) throws(Loss) -> SharedCommands.State {
        let command = commands[index]
        let reply = try asking.ask(by: deadline()) { command.writeState(into: &$0) }
        guard let state = SharedCommands.State(reply) else { throw .refused(reply.refusal) }
        return state
    }

    /// Makes a table here what Redis has. Where Redis has lost what it had, gateways give it back what they
    /// know: nothing that was revoked or banned comes back because a server was restarted.
    private mutating func synchronise(_ index: Int) throws(Loss) {
        var state = try readState(index)
        if state.epoch != known[index].epoch || state.version < known[index].version || state.epoch == nil {
            try restore(index)
            state = try readState(index)
        }
        let entries = try readEntries(index)
        let name = commands[index].table
        let hasRoom = tables[name].adopt(entries, now: SystemClock.wallTime())
        overflowing.removeAll { $0 == name }
        if !hasRoom { overflowing.append(name) }
        known[index] = state
    }

    private mutating func restore(_ index: Int) throws(Loss) {
        let entries = tables[commands[index].table].entries(now: SystemClock.wallTime())
        var start = 0
        while start < entries.count {
            let end = min(start + Self.batch, entries.count)
            try send(entries[start..<end].map { (index, .restore($0)) })
            for _ in start..<end {
                guard let reply = try asking.receive(by: deadline()) else { throw .hung }
                guard reply.kind == .integer else { throw .refused(reply.refusal) }
            }
            start = end
        }
    }

    private mutating func readEntries(_ index: Int) throws(Loss) -> [SharedTable.Entry] {
        let command = commands[index]
        let limit = tables[command.table].limits.entries
        var entries: [SharedTable.Entry] = []
        var cursor: [UInt8] = [0x30]
        repeat {
            let reply = try asking.ask(by: deadline()) { command.writeScan(from: cursor, into: &$0) }
            guard let step = SharedCommands.scanned(reply) else { throw .refused(reply.refusal) }
            entries += step.entries
            cursor = step.cursor
            // A scan may name an entry twice, but not without end.
        } while cursor != [0x30] && entries.count < 2 * limit
        return entries
    }
}

extension Reply {
    /// What a server says instead of what was asked for; for logs.
    var refusal: String { kind == .error ? words : "an answer of another kind than was asked for" }
}
