import Bytes
import Reactor
import Redis
import Time

/// What carries shared tables between this process and Redis: connections that change and read them, one to
/// each server that has some, and one that hears of changes. On the replica's thread.
///
/// In a cluster each table lies on one node, and changes are told through any: nodes pass on what is
/// published (Redis Cluster specification, "Publish/Subscribe").
struct ReplicaLink: ~Copyable {
    let target: RedisTarget
    private let tables: SharedTables
    private let commands: [SharedCommands]
    /// Where servers have to be found first.
    private let directory: RedisDirectory?
    /// Who has each table, in the order of `commands`; nil where the node is away that would.
    private var homes: [TableAsker?] = []
    /// Why a table has no server now; nil where each has.
    private(set) var gap: Loss?
    /// Tables that a node has sent elsewhere, until they are asked for there.
    private var moved: [Int: RedisNode] = [:]
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

    init(_ target: RedisTarget, tables: SharedTables, directory: RedisDirectory? = nil) {
        self.target = target
        self.tables = tables
        self.directory = directory
        commands = SharedTable.Name.allCases.map { SharedCommands($0, prefix: target.prefix) }
        listening = RedisClient(target)
        known = commands.map { _ in SharedCommands.State() }
    }

    var isConnected: Bool { listening.isConnected }

    /// Readable when there is news.
    var descriptor: Int32 { listening.descriptor }

    mutating func close() {
        homes = commands.map { _ in nil }
        listening.close()
    }

    private func deadline() -> Instant { SystemClock.now() + Self.patience }

    /// Connects, tells what has changed here meanwhile, and takes everything in.
    mutating func connect() throws(Loss) {
        close()
        try join()
    }

    /// Connects to the servers of tables that have none. Of a cluster some may be away: the tables of the
    /// others go on. Fails where all are.
    mutating func join() throws(Loss) {
        gap = nil
        var joined: [Int] = []
        for index in commands.indices where homes[index] == nil {
            do throws(Loss) {
                homes[index] = try home(of: index)
                joined.append(index)
            } catch {
                gap = gap ?? error
            }
            moved[index] = nil
        }
        guard let server = homes.lazy.compactMap({ $0?.server }).first else { throw gap ?? .broken }
        if !listening.isConnected {
            listening = RedisClient(server)
            try listening.connect(by: deadline())
            try subscribe()
            hasHeard = true
        }
        while try sendChanges() {}
        for index in joined { try synchronise(index) }
    }

    private func home(of index: Int) throws(Loss) -> TableAsker {
        let server = try server(of: index)
        if let known = homes.lazy.compactMap({ $0 }).first(where: { $0.server == server }) { return known }
        let asker = TableAsker(server)
        try asker.client.connect(by: deadline())
        try asker.client.load(SharedCommands.change, by: deadline())
        return asker
    }

    private func server(of index: Int) throws(Loss) -> RedisTarget {
        if let node = moved[index] { return target.at(node) }
        guard let directory else { return target }
        guard let server = directory.server(of: commands[index].slot, for: target) else {
            throw .unfound("no node is known for the slot of \(commands[index].table.rawValue)")
        }
        return server
    }

    private func asker(_ index: Int) throws(Loss) -> TableAsker {
        guard let home = homes[index] else { throw gap ?? .broken }
        return home
    }

    /// What to make of an answer that is none. A table that another node has now is asked for there with the
    /// next connect.
    private mutating func loss(_ reply: Reply, _ index: Int) -> Loss {
        guard target.isDivided, let redirection = Redirection(reply) else { return .refused(reply.refusal) }
        if case .host(let host, let port)? = homes[index]?.server.address.place {
            moved[index] = redirection.node(asked: RedisNode(host: host, port: port))
        }
        return .moved
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
        let keys = tables.outbox.take(Self.batch) { table in homes[index(of: table)] != nil }
        guard !keys.isEmpty else { return false }
        var waiting = keys[...]
        do throws(Loss) {
            while let first = waiting.first {
                let asker = try asker(index(of: first.table))
                var own: [ChangeOutbox.Key] = []
                var operations: [(Int, SharedCommands.Operation)] = []
                for key in waiting where homes[index(of: key.table)] === asker {
                    own.append(key)
                    operations.append(operation(key))
                }
                try send(operations, to: asker)
                for key in own {
                    try receiveDone(index(of: key.table))
                    // What became of those behind the last reply nobody knows: said twice, a change is the
                    // same.
                    waiting.removeAll { $0 == key }
                }
            }
        } catch {
            tables.outbox.putBack(waiting)
            throw error
        }
        return true
    }

    private func index(of table: SharedTable.Name) -> Int { commands.firstIndex { $0.table == table } ?? 0 }

    private mutating func receiveDone(_ index: Int) throws(Loss) {
        guard let reply = try asker(index).client.receive(by: deadline()) else { throw .hung }
        guard reply.kind == .integer else { throw loss(reply, index) }
    }

    private func send(_ operations: [(Int, SharedCommands.Operation)], to asker: TableAsker) throws(Loss) {
        let commands = commands
        try asker.client.send(by: deadline()) { writer in
            for (index, operation) in operations { commands[index].write(operation, into: &writer) }
        }
    }

    /// What the table holds now is what is said.
    private func operation(_ key: ChangeOutbox.Key) -> (Int, SharedCommands.Operation) {
        let index = index(of: key.table)
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
        for index in commands.indices where homes[index] != nil {
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
        let reply = try asker(index).client.ask(by: deadline()) { command.writeState(into: &$0) }
        guard let state = SharedCommands.State(reply) else { throw loss(reply, index) }
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
            try send(entries[start..<end].map { (index, .restore($0)) }, to: asker(index))
            for _ in start..<end { try receiveDone(index) }
            start = end
        }
    }

    private mutating func readEntries(_ index: Int) throws(Loss) -> [SharedTable.Entry] {
        let command = commands[index]
        let limit = tables[command.table].limits.entries
        var entries: [SharedTable.Entry] = []
        var cursor: [UInt8] = [0x30]
        repeat {
            let reply = try asker(index).client.ask(by: deadline()) {
                command.writeScan(from: cursor, into: &$0)
            }
            guard let step = SharedCommands.scanned(reply) else { throw loss(reply, index) }
            entries += step.entries
            cursor = step.cursor
            // A scan may name an entry twice, but not without end.
        } while cursor != [0x30] && entries.count < 2 * limit
        return entries
    }
}

/// A connection to one of the servers.
private final class TableAsker {
    let server: RedisTarget
    var client: RedisClient

    init(_ server: RedisTarget) {
        self.server = server
        client = RedisClient(server)
    }
}

extension Reply {
    /// What a server says instead of what was asked for; for logs.
    var refusal: String { kind == .error ? words : "an answer of another kind than was asked for" }
}
