import Redis
import Slots

/// Which of a worker's links has which keys: the one there is, or that of the node that has the key's slot.
struct StoreRoutes {
    struct Route {
        /// Nil where the settings name the only server.
        let node: RedisNode?
        let link: SlotID
    }

    let plan: RedisPlan
    private(set) var routes: [Route] = []
    /// For each slot the place of its route, or `ClusterMap.nobody`; empty where the first has all of them.
    private var owners: [UInt16] = []

    init(_ plan: RedisPlan, only link: SlotID? = nil) {
        self.plan = plan
        if let link { routes = [Route(node: nil, link: link)] }
    }

    init(_ plan: RedisPlan, _ routes: [Route], owners: [UInt16]) {
        self.plan = plan
        self.routes = routes
        self.owners = owners
    }

    /// Nil where nobody is known to have it.
    func link(of slot: KeySlot) -> SlotID? {
        guard !owners.isEmpty else { return routes.first?.link }
        let place = Int(owners[slot.number])
        return place < routes.count ? routes[place].link : nil
    }

    func link(to node: RedisNode) -> SlotID? { routes.first { $0.node == node }?.link }

    var hasRoom: Bool { routes.count < ClusterMap.maximumNodes }

    /// A node that a command was sent to before the map names it.
    mutating func add(_ node: RedisNode, _ link: SlotID) { routes.append(Route(node: node, link: link)) }

    /// A node has said that the slot is that one's now: so it is, until the map is found anew.
    mutating func move(_ slot: KeySlot, to node: RedisNode) {
        guard !owners.isEmpty, let place = routes.firstIndex(where: { $0.node == node }) else { return }
        owners[slot.number] = UInt16(place)
    }
}
