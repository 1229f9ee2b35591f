import Addressing
import Redis

/// Which servers hold what gateways share, as they were found last: the nodes of a cluster with their slots,
/// or the master that sentinels name.
package final class RedisLayout: Sendable {
    package struct Place: Hashable, Sendable {
        package let node: RedisNode
        /// Empty where its name has none.
        package let addresses: [SocketAddress]

        package init(node: RedisNode, addresses: [SocketAddress]) {
            self.node = node
            self.addresses = addresses
        }
    }

    /// Whose servers these are: a layout that was found for other settings is of no use.
    package let target: RedisTarget
    package let places: [Place]
    /// For each slot its place, or `ClusterMap.nobody`; empty where the first place has all of them.
    package let owners: [UInt16]

    package init(target: RedisTarget, master: Place) {
        self.target = target
        places = [master]
        owners = []
    }

    package init(target: RedisTarget, places: [Place], owners: [UInt16]) {
        precondition(owners.count == KeySlot.count)
        self.target = target
        self.places = places
        self.owners = owners
    }

    /// Nil where nobody has it.
    package func node(of slot: KeySlot) -> RedisNode? {
        guard !owners.isEmpty else { return places[0].node }
        let place = owners[slot.number]
        return place == ClusterMap.nobody ? nil : places[Int(place)].node
    }

    package func says(the other: RedisLayout) -> Bool {
        places == other.places && owners == other.owners && target == other.target
    }
}
