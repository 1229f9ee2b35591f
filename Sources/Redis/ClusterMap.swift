import Bytes

/// Which node of a cluster has which slots, as one of its nodes tells it (`CLUSTER SLOTS`).
package struct ClusterMap: Equatable, Sendable {
    /// The masters that have slots, in the order in which they were named.
    package private(set) var nodes: [RedisNode] = []
    /// For each slot the place of its node among `nodes`; `nobody` for none.
    package private(set) var owners: [UInt16]

    package static let nobody = UInt16.max
    /// Masters of a cluster. Redis recommends no more than 1000 nodes; each worker has a connection to each
    /// master.
    package static let maximumNodes = 256
    /// Of a reply: each slot by itself, with a master and two replicas of four values each.
    package static let limits = ReplyLimits(bytes: 8 << 20, values: 1 << 19)

    /// Why a reply is no map. For logs.
    package struct Nonsense: Error, Equatable, Sendable {
        package let words: String
    }

    /// Some nodes have all the slots; for tests.
    init(nodes: [RedisNode], owners: [UInt16]) {
        self.nodes = nodes
        self.owners = owners
    }

    /// - Parameter asked: Who has answered: a node that does not know its own host leaves it out.
    package init(_ reply: Reply, asked: RedisNode) throws(Nonsense) {
        owners = Array(repeating: Self.nobody, count: KeySlot.count)
        guard reply.kind == .array else {
            throw Nonsense(words: reply.kind == .error ? reply.words : "no list of slots")
        }
        guard reply.count > 0 else { throw Nonsense(words: "the node knows of no slots") }
        guard reply.count <= KeySlot.count else { throw Nonsense(words: "more ranges than there are slots") }
        var places: [RedisNode: UInt16] = [:]
        var nodes: [RedisNode] = []
        var owners = owners
        try reply.forEach { (range) throws(Nonsense) in
            let (slots, node) = try Self.read(range, asked: asked)
            let place: UInt16
            if let known = places[node] {
                place = known
            } else {
                guard nodes.count < Self.maximumNodes else {
                    throw Nonsense(words: "more than \(Self.maximumNodes) masters")
                }
                place = UInt16(nodes.count)
                places[node] = place
                nodes.append(node)
            }
            for slot in slots {
                guard owners[slot] == Self.nobody else {
                    throw Nonsense(words: "slot \(slot) is named twice")
                }
                owners[slot] = place
            }
        }
        self.nodes = nodes
        self.owners = owners
    }

    /// One range: the first slot, the last one, the master, and its replicas.
    private static func read(
        _ range: Reply, asked: RedisNode
    ) throws(Nonsense) -> (slots: ClosedRange<Int>, master: RedisNode) {
        guard range.kind == .array, range.count >= 3, range[0].kind == .integer, range[1].kind == .integer,
            let first = range[0].integer, let last = range[1].integer, 0 <= first, first <= last,
            last < KeySlot.count
        else { throw Nonsense(words: "a range that is none") }
        let master = range[2]
        guard master.kind == .array, master.count >= 2, let port = master[1].integer else {
            throw Nonsense(words: "a range without a master")
        }
        // Without a name of its own a node says null, nothing or a question mark: the host that was asked.
        let host = master[0]
        let isNameless = host.kind == .null || host.bytes.isEmpty || host.bytes.equals("?")
        let node =
            isNameless
            ? (UInt16(exactly: port).flatMap { $0 > 0 ? RedisNode(host: asked.host, port: $0) : nil })
            : RedisNode(host: host.bytes, port: port)
        guard let node else { throw Nonsense(words: "a master at no address") }
        return (first...last, node)
    }

    /// Nil where nobody has it.
    package func owner(of slot: KeySlot) -> RedisNode? {
        let place = owners[slot.number]
        return place == Self.nobody ? nil : nodes[Int(place)]
    }

    /// Slots that nobody has.
    package var missing: Int { owners.count { $0 == Self.nobody } }

    package static func write(into writer: inout CommandWriter) {
        writer.begin(2)
        writer.word("CLUSTER")
        writer.word("SLOTS")
    }
}
