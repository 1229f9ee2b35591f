import Addressing
import Redis
import TLS

/// The Redis that all gateways share, as settings name it, with what is needed to reach it.
package struct RedisTarget: Equatable, Sendable {
    /// How the server that a command goes to is found.
    package enum Mode: Equatable, Sendable {
        /// There is one, and `address` is it.
        case single
        /// Nodes of a cluster tell which of them has which keys.
        case cluster
        /// Sentinels tell who the master is.
        case sentinel(WatchedMaster)
    }

    /// The server, or the first of those that tell which servers there are: a node or a sentinel. User,
    /// password, database and encryption are those of the servers that hold data.
    package var address: RedisAddress
    package var mode = Mode.single
    /// More of those that tell.
    package var nodes: [RedisNode] = []
    /// TLS, to all of them; nil for none.
    package var material: ClientMaterial?
    /// The name that certificates must be for; nil is the host of each.
    package var certificateName: String?
    /// What all keys and channels begin with.
    package var prefix: String
    /// How long a request waits for an answer at most.
    package var timeout: Duration

    package static let defaultPrefix = "floodgate:"
    package static let defaultTimeout = Duration.milliseconds(20)

    package init(
        address: RedisAddress, mode: Mode = .single, nodes: [RedisNode] = [], material: ClientMaterial? = nil,
        certificateName: String? = nil, prefix: String = defaultPrefix, timeout: Duration = defaultTimeout
    ) {
        self.address = address
        self.mode = mode
        self.nodes = nodes
        self.material = material
        self.certificateName = certificateName
        self.prefix = prefix
        self.timeout = timeout
    }

    /// The name to be resolved; nil where the settings give an address or a socket.
    package var name: String? {
        guard case .host(let host, _) = address.place, IPAddress(host) == nil else { return nil }
        return host
    }

    /// Where to connect without a look-up; nil where there has to be one.
    package var fixedAddress: SocketAddress? {
        switch address.place {
        case .unix(let path): .unix(path: path)
        case .host(let host, let port): IPAddress(host).map { .ip($0, port: port) }
        }
    }

    package var port: UInt16 {
        if case .host(_, let port) = address.place { port } else { 0 }
    }

    /// What the server's certificate must be for.
    package var serverName: (text: String, isAddress: Bool) {
        guard case .host(let host, _) = address.place else { return (certificateName ?? "localhost", false) }
        return serverName(of: host)
    }

    package func serverName(of host: String) -> (text: String, isAddress: Bool) {
        certificateName.map { ($0, false) } ?? (host, IPAddress(host) != nil)
    }
}

/// A master whom sentinels watch, and who asks them.
package struct WatchedMaster: Equatable, Sendable {
    /// What they call it.
    package var name: String
    /// Of the sentinels themselves; nil where they ask for none.
    package var user: String?
    package var password: String?

    package init(name: String, user: String? = nil, password: String? = nil) {
        self.name = name
        self.user = user
        self.password = password
    }
}

extension WatchedMaster: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Never the password.
    package var description: String {
        "\(name)\(password == nil ? "" : ", asked of sentinels with a password")"
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["master": description]) }
}

extension RedisTarget {
    /// Whether the servers have to be found first.
    package var isSearched: Bool { mode != .single }

    /// Whether keys are on several servers.
    package var isDivided: Bool { mode == .cluster }

    /// Who is asked which servers there are: nodes of the cluster, or sentinels.
    package var seeds: [RedisNode] {
        guard case .host(let host, let port) = address.place else { return nodes }
        var first = RedisNode(host: host, port: port)
        if case .sentinel = mode, !address.namesPort {
            first = RedisNode(host: host, port: SentinelCommands.defaultPort)
        }
        return [first] + nodes
    }

    /// One server of those that hold data, by itself.
    package func at(_ node: RedisNode) -> RedisTarget {
        var target = self
        target.mode = .single
        target.nodes = []
        target.address.place = .host(node.host, port: node.port)
        return target
    }

    /// One sentinel.
    package func at(sentinel node: RedisNode, of master: WatchedMaster) -> RedisTarget {
        var target = at(node)
        target.address.user = master.user
        target.address.password = master.password
        target.address.database = 0
        return target
    }

    /// As status and logs show it.
    package var description: String {
        switch mode {
        case .single: address.description
        case .cluster: "\(address), a cluster"
        case .sentinel(let master): "\(address), the sentinels of \(master.name)"
        }
    }
}
