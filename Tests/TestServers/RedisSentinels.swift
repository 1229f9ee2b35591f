import Foundation

/// A real Redis of a test's own that is watched by sentinels: a master, replicas of it, and the sentinels,
/// which make a replica the master when the master is gone. All know of each other when `init` returns.
package final class RedisSentinels: @unchecked Sendable {
    // Unchecked: used by one test at a time.
    package struct Options: Sendable {
        package var replicas = 1
        package var sentinels = 3
        /// What the sentinels call the master.
        package var name = "shop"
        /// Of the servers that hold data: a password and the like.
        package var server = RedisServer.Options()
        /// Of the sentinels themselves.
        package var sentinelPassword: String?
        /// Milliseconds that a master is silent before a sentinel holds it for dead.
        package var downAfter = 500

        package init() {}
    }

    /// The first master, and then its replicas. Which of them is the master now: `masterIndex`.
    package let servers: [RedisServer]
    package let sentinels: [RedisServer]
    private let options: Options

    package var name: String { options.name }

    package init(_ options: Options = Options()) throws {
        self.options = options
        var server = options.server
        server.more += ["--repl-diskless-sync-delay", "0"]
        if let password = server.password { server.more += ["--masterauth", password] }
        var servers = [try RedisServer(server)]
        server.more += ["--replicaof", "127.0.0.1", "\(servers[0].port)"]
        for _ in 0..<options.replicas { servers.append(try RedisServer(server)) }
        self.servers = servers
        // A sentinel asks a master for its replicas at once, and then only every ten seconds.
        try waitUntil("the replicas have what the master has") {
            try servers.dropFirst().allSatisfy {
                try $0.ask("INFO", "replication").contains("master_link_status:up")
            }
        }

        let name = options.name
        var lines = [
            "sentinel monitor \(name) 127.0.0.1 \(servers[0].port) \(options.sentinels / 2 + 1)",
            "sentinel down-after-milliseconds \(name) \(options.downAfter)",
            "sentinel failover-timeout \(name) 6000",
        ]
        if let password = server.password { lines.append("sentinel auth-pass \(name) \(password)") }
        var sentinel = RedisServer.Options()
        sentinel.sentinel = lines
        sentinel.password = options.sentinelPassword
        if let password = options.sentinelPassword {
            sentinel.sentinel?.append("sentinel sentinel-pass \(password)")
        }
        sentinels = try (0..<options.sentinels).map { _ in try RedisServer(sentinel) }
        try waitUntilWhole()
    }

    /// `host:port` of each sentinel, as settings name them.
    package var places: [String] { sentinels.map { "127.0.0.1:\($0.port)" } }

    /// Waits until all sentinels know each other and the replicas, which have what the master has.
    package func waitUntilWhole() throws {
        try waitUntil("the sentinels know all") {
            for sentinel in sentinels {
                let words = try sentinel.ask("SENTINEL", "MASTER", name).split(separator: "\n").map(
                    String.init)
                func value(_ name: String) -> String? {
                    words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
                }
                guard value("flags") == "master", value("num-slaves") == "\(options.replicas)",
                    value("num-other-sentinels") == "\(options.sentinels - 1)"
                else { return false }
            }
            let master = try masterIndex
            return try servers.indices.allSatisfy { index in
                let info = try servers[index].ask("INFO", "replication")
                return info.contains(index == master ? "role:master" : "master_link_status:up")
            }
        }
    }

    /// The place among `servers` of whom the sentinels call the master.
    package var masterIndex: Int {
        get throws {
            for sentinel in sentinels where sentinel.isRunning {
                let answer = try sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
                let port = answer.split(separator: "\n").last.flatMap { UInt16($0) }
                if let index = servers.firstIndex(where: { $0.port == port }) { return index }
            }
            throw RedisServer.CannotStart(description: "no sentinel knows the master")
        }
    }

    package var master: RedisServer { get throws { servers[try masterIndex] } }

    /// A replica becomes the master, with the master's consent. Returns when the sentinels name it.
    package func failover() throws {
        let old = try masterIndex
        try waitUntil("the sentinels begin a failover") {
            try sentinels[0].ask("SENTINEL", "FAILOVER", name) == "OK"
        }
        try waitForMaster(otherThan: old)
    }

    /// Waits until the sentinels name another master, which knows that it is.
    package func waitForMaster(otherThan old: Int) throws {
        try waitUntil("another master") {
            let new = try masterIndex
            return try new != old && servers[new].ask("ROLE").hasPrefix("master")
        }
    }
}
