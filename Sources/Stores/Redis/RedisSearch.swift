import Addressing
import Reactor
import Redis
import Time

/// One look for the servers that hold what gateways share: who is asked, in turn, and what is believed.
/// Blocks, within bounds; for the directory's thread.
struct RedisSearch {
    let target: RedisTarget
    /// What was found last: its nodes know better than settings that were written long ago.
    let known: RedisLayout?
    /// Who is asked first, among all that may be asked: another one with each look, so that one that knows
    /// old things does not keep being believed.
    let turn: Int

    /// For one server: to connect, and to answer.
    static let patience = Duration.milliseconds(500)

    /// Nobody could say, and why.
    struct Failure: Error {
        let reason: String
    }

    func look() throws(Failure) -> RedisLayout {
        switch target.mode {
        case .single: throw Failure(reason: "there is nothing to look for")
        case .cluster: try ask(whoKnows) { (node) throws(Failure) in try self.map(from: node) }
        case .sentinel(let wanted):
            try ask(target.seeds) { (node) throws(Failure) in try self.master(from: node, wanted) }
        }
    }

    /// Nodes that are known to be there, and those of the settings.
    private var whoKnows: [RedisNode] {
        let nodes = known.map { $0.places.map(\.node) } ?? []
        return nodes + target.seeds.filter { !nodes.contains($0) }
    }

    /// The first answer. Why there is none is what the first of them has said.
    private func ask(
        _ nodes: [RedisNode], _ body: (RedisNode) throws(Failure) -> RedisLayout
    ) throws(Failure) -> RedisLayout {
        var failure: Failure?
        for step in nodes.indices {
            let node = nodes[(turn + step) % nodes.count]
            do throws(Failure) {
                return try body(node)
            } catch {
                failure = failure ?? Failure(reason: "\(node): \(error.reason)")
            }
        }
        throw failure ?? Failure(reason: "nobody is there to be asked")
    }

    // MARK: A cluster

    private func map(from node: RedisNode) throws(Failure) -> RedisLayout {
        var client = RedisClient(target.at(node), limits: ClusterMap.limits)
        let map: ClusterMap
        do throws(Loss) {
            try client.connect(by: deadline)
            let reply = try client.ask(by: deadline, ClusterMap.write)
            do throws(ClusterMap.Nonsense) {
                map = try ClusterMap(reply, asked: node)
            } catch {
                throw .refused(error.words)
            }
        } catch {
            throw Failure(reason: error.description)
        }
        return RedisLayout(target: target, places: map.nodes.map(place), owners: map.owners)
    }

    // MARK: Sentinels

    private func master(from sentinel: RedisNode, _ wanted: WatchedMaster) throws(Failure) -> RedisLayout {
        var client = RedisClient(target.at(sentinel: sentinel, of: wanted))
        let master: RedisNode
        do throws(Loss) {
            try client.connect(by: deadline)
            let reply = try client.ask(by: deadline) { SentinelCommands.writeMaster(wanted.name, into: &$0) }
            do throws(SentinelCommands.Nameless) {
                master = try SentinelCommands.master(reply)
            } catch {
                throw .refused(error.words)
            }
        } catch {
            throw Failure(reason: error.description)
        }
        try verify(master)
        return RedisLayout(target: target, master: place(master))
    }

    /// A sentinel that was cut off goes on naming whom it knew: the server itself has to say that it is the
    /// master (Redis' "Guidelines for Redis clients with support for Redis Sentinel").
    private func verify(_ master: RedisNode) throws(Failure) {
        var client = RedisClient(target.at(master))
        do throws(Loss) {
            try client.connect(by: deadline)
            let reply = try client.ask(by: deadline) { writer in
                writer.begin(1)
                writer.word("ROLE")
            }
            switch SentinelCommands.Role(reply) {
            case .master, .unknown: return
            case .replica: throw .refused("it is a replica")
            case .sentinel: throw .refused("it is a sentinel")
            }
        } catch {
            throw Failure(reason: "names \(master) as the master, which is not to be had: \(error)")
        }
    }

    private var deadline: Instant { SystemClock.now() + Self.patience }

    private func place(_ node: RedisNode) -> RedisLayout.Place {
        if let address = IPAddress(node.host) {
            return RedisLayout.Place(node: node, addresses: [.ip(address, port: node.port)])
        }
        let addresses = (try? NameLookup.addresses(of: node.host)) ?? []
        // Resolvers rotate their answers: the order says nothing, and must not look like news.
        let sorted = addresses.sorted { $0.description < $1.description }
        return RedisLayout.Place(node: node, addresses: sorted.map { .ip($0, port: node.port) })
    }
}
