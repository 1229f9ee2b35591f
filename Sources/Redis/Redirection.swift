import Bytes

/// What a node of a cluster answers to a command that is another node's: `MOVED slot host:port`, for good, or
/// `ASK slot host:port`, for this one command while the slot is moving.
package struct Redirection: Equatable, Sendable {
    package enum Kind: Equatable, Sendable { case moved, ask }

    package let kind: Kind
    package let slot: KeySlot
    /// Nil is the host that has answered: a node that does not know its own name says so.
    package let host: String?
    package let port: UInt16

    /// Nil where the reply is no such answer.
    package init?(_ reply: Reply) {
        guard reply.kind == .error else { return nil }
        let text = reply.bytes
        if reply.isError("MOVED") {
            kind = .moved
        } else if reply.isError("ASK") {
            kind = .ask
        } else {
            return nil
        }
        guard let first = text.firstIndex(of: 0x20),
            let second = text.firstIndex(of: 0x20, from: first + 1),
            let number = text.slice(first + 1, second).decimal(), let slot = KeySlot(number)
        else { return nil }
        self.slot = slot
        // The address of an IPv6 host stands without brackets: the last colon is the port's.
        let place = text.dropFirst(second + 1)
        var colon = place.count - 1
        while colon >= 0, place[colon] != 0x3A { colon -= 1 }
        guard colon >= 0, let port = place.dropFirst(colon + 1).decimal() else { return nil }
        let host = place.prefix(colon)
        guard !host.isEmpty, !host.equals("?") else {
            guard (1...65_535).contains(port) else { return nil }
            self.host = nil
            self.port = UInt16(port)
            return
        }
        guard let node = RedisNode(host: host, port: port) else { return nil }
        self.host = node.host
        self.port = node.port
    }

    /// The node that is meant.
    /// - Parameter asked: Who has answered.
    package func node(asked: RedisNode) -> RedisNode { RedisNode(host: host ?? asked.host, port: port) }
}

/// An error of Redis that tells something of the server rather than of the command.
package enum ServerFault: Equatable, Sendable {
    /// A node of a cluster where none was expected.
    case isCluster
    /// The slot is moving, and its keys are on both nodes. Soon over.
    case tryAgain
    /// A part of the cluster is gone, or the node has lost sight of it.
    case clusterDown
    /// A replica: it changes nothing.
    case isReplica
    /// It reads its data after a start.
    case isLoading
    /// A replica that has lost its master and serves nothing.
    case masterDown
    case outOfMemory
    /// It cannot write its data to disk.
    case cannotPersist
    /// The user may not do this.
    case notAllowed

    package init?(_ reply: Reply) {
        guard reply.kind == .error else { return nil }
        for (word, fault) in Self.words where reply.isError(word) {
            self = fault
            return
        }
        return nil
    }

    private static let words: [(StaticString, ServerFault)] = [
        ("MOVED", .isCluster), ("ASK", .isCluster), ("TRYAGAIN", .tryAgain), ("CLUSTERDOWN", .clusterDown),
        ("READONLY", .isReplica), ("LOADING", .isLoading), ("MASTERDOWN", .masterDown),
        ("OOM", .outOfMemory), ("MISCONF", .cannotPersist), ("NOPERM", .notAllowed),
        ("NOAUTH", .notAllowed), ("WRONGPASS", .notAllowed),
    ]

    /// Whether another server may be the one to ask by now.
    package var callsForSearch: Bool {
        switch self {
        case .clusterDown, .isReplica, .masterDown: true
        case .isCluster, .tryAgain, .isLoading, .outOfMemory, .cannotPersist, .notAllowed: false
        }
    }

    /// What an operator can do about it; nil where the server's own words say it.
    package var advice: StaticString? {
        switch self {
        case .isCluster: "it is a node of a cluster: set redis.mode to cluster"
        case .isReplica: "it is a replica: name the master, or its sentinels with redis.mode: sentinel"
        case .outOfMemory: "it is full: raise its maxmemory, or let it evict what ends (volatile-ttl)"
        case .notAllowed: "its user needs the commands and keys that the README lists"
        case .tryAgain, .clusterDown, .isLoading, .masterDown, .cannotPersist: nil
        }
    }
}
