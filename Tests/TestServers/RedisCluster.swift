import Foundation

/// A real Redis Cluster of a test's own: so many masters, which share the slots evenly, each with so many
/// replicas. It is whole when `init` returns.
package final class RedisCluster: @unchecked Sendable {
    // Unchecked: used by one test at a time.
    package struct Options: Sendable {
        package var masters = 3
        /// Of each master.
        package var replicas = 0
        /// Of all nodes; TLS, a password and the like. Nodes show each other their certificate: it has to be
        /// one of a client too.
        package var server = RedisServer.Options()
        /// Whether the slots of a dead node take all others with them, as Redis has it unless it is told
        /// otherwise.
        package var needsAllSlots = false
        /// How long a node is silent before the others hold it for dead.
        package var nodeTimeout = 1000

        package init() {}
    }

    package static let slots = 16_384

    /// The masters, in the order of their slots, and then their replicas in the same order.
    package let nodes: [RedisServer]
    private let options: Options
    private let busPorts: [UInt16]

    package init(_ options: Options = Options()) throws {
        self.options = options
        var nodes: [RedisServer] = []
        var busPorts: [UInt16] = []
        for _ in 0..<options.masters * (1 + options.replicas) {
            let busPort = try TestPort.free()
            var server = options.server
            server.more += [
                "--cluster-enabled", "yes", "--cluster-port", "\(busPort)",
                "--cluster-node-timeout", "\(options.nodeTimeout)",
                "--cluster-require-full-coverage", options.needsAllSlots ? "yes" : "no",
                "--repl-diskless-sync-delay", "0",
            ]
            if server.tls != nil { server.more += ["--tls-cluster", "yes", "--tls-replication", "yes"] }
            if let password = server.password { server.more += ["--masterauth", password] }
            nodes.append(try RedisServer(server))
            busPorts.append(busPort)
        }
        self.nodes = nodes
        self.busPorts = busPorts
        try form()
    }

    package var masters: ArraySlice<RedisServer> { nodes[..<options.masters] }

    /// `redis://…` or `rediss://…` of the first node.
    package var address: String {
        let credentials = options.server.password.map { ":\($0)@" } ?? ""
        return "\(options.server.tls == nil ? "redis" : "rediss")://\(credentials)\(places[0])"
    }

    /// `host:port` of each node, as settings name them.
    package var places: [String] { nodes.indices.map { "127.0.0.1:\(port(of: $0))" } }

    /// Where clients and other nodes find it.
    private func port(of index: Int) -> UInt16 {
        nodes[index].tlsPort == 0 ? nodes[index].port : nodes[index].tlsPort
    }

    // MARK: Making it

    private func form() throws {
        for index in 0..<options.masters {
            let first = index * Self.slots / options.masters
            let last = (index + 1) * Self.slots / options.masters - 1
            try expect(index, "CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)")
        }
        for index in nodes.indices {
            try expect(index, "CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
            guard index > 0 else { continue }
            try expect(0, "CLUSTER", "MEET", "127.0.0.1", "\(port(of: index))", "\(busPorts[index])")
        }
        try waitUntil("all nodes know each other") {
            try nodes.allSatisfy { try $0.ask("CLUSTER", "INFO").contains("known_nodes:\(nodes.count)\r") }
        }
        for index in options.masters..<nodes.count {
            try expect(index, "CLUSTER", "REPLICATE", try id(of: (index - options.masters) % options.masters))
        }
        try waitUntilWhole()
    }

    /// Waits until all nodes serve, and replicas have what their masters have.
    package func waitUntilWhole() throws {
        try waitUntil("the cluster is whole") {
            for (index, node) in nodes.enumerated() {
                let info = try node.ask("CLUSTER", "INFO")
                guard info.contains("cluster_state:ok"),
                    info.contains("cluster_slots_ok:\(Self.slots)\r"),
                    try node.ask("CLUSTER", "SLOTS").split(separator: "\n").count
                        >= 5 * options.masters
                else { return false }
                guard index >= options.masters else { continue }
                guard try node.ask("INFO", "replication").contains("master_link_status:up") else {
                    return false
                }
            }
            return true
        }
    }

    // MARK: Asking

    package func slot(of key: String) throws -> Int {
        guard let node = nodes.first(where: \.isRunning),
            let slot = Int(try node.ask("CLUSTER", "KEYSLOT", key))
        else { throw RedisServer.CannotStart(description: "no node names the slot of \(key)") }
        return slot
    }

    /// The place among `nodes` of the master that was given a slot at the start.
    package func index(of slot: Int) -> Int {
        (0..<options.masters).first { slot < ($0 + 1) * Self.slots / options.masters } ?? 0
    }

    /// The first of `prefix0`, `prefix1`, … whose slot that master was given.
    package func key(_ prefix: String, on index: Int) throws -> String {
        for number in 0..<1000 {
            let key = "\(prefix)\(number)"
            if self.index(of: try slot(of: key)) == index { return key }
        }
        throw RedisServer.CannotStart(description: "no key for node \(index)")
    }

    /// Slots of which a node has keys, whatever bytes those are.
    package func filledSlots(of index: Int) throws -> [Int] {
        let script = """
            local slots = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
              table.insert(slots, redis.call('CLUSTER', 'KEYSLOT', key))
            end
            return slots
            """
        return Set(try nodes[index].ask("EVAL", script, "0").split(separator: "\n").compactMap { Int($0) })
            .sorted()
    }

    package func id(of index: Int) throws -> String { try nodes[index].ask("CLUSTER", "MYID") }

    // MARK: Moving slots

    /// Both nodes are about to hand a slot over: the old one answers ASK for keys that it has not.
    package func beginMove(slot: Int, from old: Int, to new: Int) throws {
        try expect(new, "CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", try id(of: old))
        try expect(old, "CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", try id(of: new))
    }

    /// Keys of the slot go over, so that the old node has none of them any more.
    package func moveKeys(slot: Int, from old: Int, to new: Int) throws {
        // By a script: keys may be any bytes, and a command's line may not.
        let script = """
            local keys = redis.call('CLUSTER', 'GETKEYSINSLOT', ARGV[1], 100)
            if #keys == 0 then return 0 end
            local words = {'MIGRATE', ARGV[2], ARGV[3], '', 0, 2000}
            if ARGV[4] then table.insert(words, 'AUTH') table.insert(words, ARGV[4]) end
            table.insert(words, 'KEYS')
            for _, key in ipairs(keys) do table.insert(words, key) end
            redis.call(unpack(words))
            return #keys
            """
        let words = ["EVAL", script, "0", "\(slot)", "127.0.0.1", "\(port(of: new))"]
        while true {
            let answer = try nodes[old].ask(words + (options.server.password.map { [$0] } ?? []))
            if answer == "0" { return }
            guard Int(answer) != nil else {
                throw RedisServer.CannotStart(description: "MIGRATE: \(answer)")
            }
        }
    }

    /// The slot is the new node's: the old one answers MOVED.
    package func endMove(slot: Int, from old: Int, to new: Int) throws {
        let id = try id(of: new)
        try expect(new, "CLUSTER", "SETSLOT", "\(slot)", "NODE", id)
        for index in nodes.indices where index != new {
            // Replicas hear of it by themselves.
            guard index < options.masters, index == old || nodes[index].isRunning else { continue }
            try expect(index, "CLUSTER", "SETSLOT", "\(slot)", "NODE", id)
        }
    }

    package func move(slot: Int, from old: Int, to new: Int) throws {
        try beginMove(slot: slot, from: old, to: new)
        try moveKeys(slot: slot, from: old, to: new)
        try endMove(slot: slot, from: old, to: new)
    }

    private func expect(_ index: Int, _ words: String...) throws { try expect(index, words) }

    private func expect(_ index: Int, _ words: [String]) throws {
        let answer = try nodes[index].ask(words)
        guard answer.hasPrefix("OK") else {
            throw RedisServer.CannotStart(description: "\(words.joined(separator: " ")): \(answer)")
        }
    }
}

/// Waits for something that real servers come to by themselves.
func waitUntil(_ what: String, within seconds: Double = 30, _ holds: () throws -> Bool) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if try holds() { return }
        poll(nil, 0, 20)
    }
    throw RedisServer.CannotStart(description: "\(what): not within \(seconds) seconds")
}
