import Addressing
import Reactor
import Redis
import Slots
import Stores
import Telemetry

// Which servers there are, and commands that one of them sends to another.
extension ProxyCore where Net: ~Copyable {
    // MARK: Settings

    /// New settings are in force. A server that is named as before keeps its connection.
    mutating func installStore(_ plan: RedisPlan?) {
        if storeRoutes?.plan.target == plan?.target { return }
        endStore()
        guard let plan else { return }
        guard !plan.target.isSearched else {
            storeRoutes = StoreRoutes(plan)
            return
        }
        let fixed = plan.target.fixedAddress.map { [$0] } ?? []
        storeRoutes = StoreRoutes(plan, only: addLink(plan, nil, fixed))
    }

    private mutating func addLink(_ plan: RedisPlan, _ node: RedisNode?, _ addresses: [SocketAddress])
        -> SlotID
    {
        let id = links.insert(StoreLink(plan, node: node, addresses: addresses, seed: random.next()))
        // The first request should find a connection.
        markDirty(id)
        return id
    }

    private mutating func retireLink(_ id: SlotID) {
        links[id].session.retire()
        drainEvents(of: id)
        if links[id].isLost { linkReturned(id) }
        _ = links.remove(id)
    }

    /// Everything ends.
    mutating func endStore() {
        guard let routes = storeRoutes?.routes else { return }
        storeRoutes = nil
        for route in routes { retireLink(route.link) }
    }

    /// The server's name has these addresses now.
    package mutating func storeResolved(_ addresses: [SocketAddress]) {
        guard let routes = storeRoutes, routes.plan.target.name != nil, !routes.plan.target.isSearched,
            let link = routes.routes.first?.link
        else { return }
        links[link].addresses = addresses
    }

    /// These servers hold what gateways share. Those that did before keep their connections.
    package mutating func storeLaidOut(_ layout: RedisLayout) {
        guard let old = storeRoutes, old.plan.target == layout.target else { return }
        var routes: [StoreRoutes.Route] = []
        for place in layout.places {
            let link: SlotID
            if let known = old.link(to: place.node) {
                links[known].addresses = place.addresses
                link = known
            } else {
                link = addLink(old.plan, place.node, place.addresses)
            }
            routes.append(StoreRoutes.Route(node: place.node, link: link))
        }
        // Before the others are told that they end: whoever asks again then is to find the new ones.
        storeRoutes = StoreRoutes(old.plan, routes, owners: layout.owners)
        for route in old.routes where !routes.contains(where: { $0.link == route.link }) {
            retireLink(route.link)
        }
    }

    // MARK: Redirections

    /// Asks a command of the node that the one before has named, within the limit that it has.
    mutating func redirect(_ stray: StrayCommand, _ redirection: Redirection, from id: SlotID) {
        metrics.add(.store(.redirected))
        guard let asked = links[id].node else { return fail(stray) }
        let node = redirection.node(asked: asked)
        let link = link(to: node)
        if redirection.kind == .moved {
            storeRoutes?.move(redirection.slot, to: node)
            directory?.search()
        }
        guard stray.hops <= StrayCommand.maximumHops, let link, link != id,
            links[link].session.ask(stray, redirection.kind, now: now) == nil
        else { return fail(stray) }
        markDirty(link)
    }

    private mutating func fail(_ stray: StrayCommand) {
        metrics.add(.store(.failed))
        storeFailed(stray.ticket)
    }

    /// The link to a node, which is made where the map does not name it yet: a node that has no slots before
    /// it is given the first. Nil where there are too many, or its name would have to be looked up.
    private mutating func link(to node: RedisNode) -> SlotID? {
        guard let routes = storeRoutes else { return nil }
        if let known = routes.link(to: node) { return known }
        guard routes.hasRoom, let address = IPAddress(node.host) else { return nil }
        let id = addLink(routes.plan, node, [.ip(address, port: node.port)])
        storeRoutes?.add(node, id)
        return id
    }
}
