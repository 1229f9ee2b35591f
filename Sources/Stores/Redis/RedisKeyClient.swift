import Bytes
import Reactor
import Redis
import Time

/// Asks about keys wherever they lie, for a thread of the control plane: the one server, the master, or the
/// node that has the key's slot. Connects when it is asked, follows `MOVED`, and begins anew after whatever
/// went wrong. Each call waits, but never beyond its deadline.
package struct RedisKeyClient: ~Copyable {
    private let target: RedisTarget
    private let directory: RedisDirectory?
    private var client: RedisClient
    /// Whom it is connected to.
    private var server: RedisTarget?

    private static let maximumMoves = 3

    /// - Parameter directory: Where servers are found that the target does not name itself.
    package init(_ target: RedisTarget, directory: RedisDirectory?) {
        self.target = target
        self.directory = directory
        client = RedisClient(target)
    }

    /// Asks one command, or runs one script. The reply is valid until the next call; errors of Redis are
    /// replies.
    package mutating func ask(
        _ slot: KeySlot, by deadline: Instant, script: Script? = nil, _ write: (inout CommandWriter) -> Void
    ) throws(Loss) -> Reply {
        var wanted = directory.map { $0.server(of: slot, for: target) } ?? target
        for _ in 0..<Self.maximumMoves {
            guard let server = wanted else {
                directory?.search()
                throw .unfound("no server is found yet")
            }
            let reply = try ask(server, by: deadline, script: script, write)
            guard reply.kind == .error, target.isSearched else { return reply }
            guard let redirection = Redirection(reply), target.isDivided, redirection.kind == .moved,
                case .host(let host, let port) = server.address.place
            else {
                if ServerFault(reply)?.callsForSearch == true { directory?.search() }
                return reply
            }
            directory?.search()
            wanted = target.at(redirection.node(asked: RedisNode(host: host, port: port)))
        }
        throw .moved
    }

    private mutating func ask(
        _ server: RedisTarget, by deadline: Instant, script: Script?, _ write: (inout CommandWriter) -> Void
    ) throws(Loss) -> Reply {
        do throws(Loss) {
            if !client.isConnected || self.server != server {
                client = RedisClient(server)
                self.server = server
                try client.connect(by: deadline)
            }
            guard let script else { return try client.ask(by: deadline, write) }
            return try client.run(script, by: deadline, write)
        } catch {
            directory?.search()
            throw error
        }
    }
}
