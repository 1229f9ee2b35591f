import Addressing

/// The peers that most requests with forwarded headers come from: a table of fixed size, in which whoever is
/// seen seldom makes room for whoever is new (space-saving, Metwally et al. 2005, within sets of four).
///
/// A count is never too low for a peer that stays, and too high by at most what its place had counted before.
package struct PeerTable: Sendable {
    package struct Peer: Equatable, Sendable {
        /// IPv6 by /64: one machine's addresses are many.
        package var address: IPAddress
        /// Requests; 0 is a free place.
        package var requests: UInt32 = 0
        /// Those of them that a limit by address counted.
        package var limited: UInt32 = 0

        package init(address: IPAddress, requests: UInt32 = 0, limited: UInt32 = 0) {
            self.address = address
            self.requests = requests
            self.limited = limited
        }
    }

    private static let sets = 16
    private static let ways = 4
    private var places = InlineArray<64, Peer>(repeating: Peer(address: IPAddress(bits: 0)))

    package init() {}

    package mutating func note(_ peer: IPAddress, isLimited: Bool) {
        let address = peer.isIPv4 ? peer : peer.masked(to: 64)
        add(Peer(address: address, requests: 1, limited: isLimited ? 1 : 0))
    }

    package mutating func add(_ seen: Peer) {
        let first = Self.home(seen.address)
        var weakest = first
        for place in first..<first + Self.ways {
            if places[place].requests > 0, places[place].address == seen.address {
                places[place].requests &+= seen.requests
                places[place].limited &+= seen.limited
                return
            }
            if places[place].requests < places[weakest].requests { weakest = place }
        }
        places[weakest] = Peer(
            address: seen.address, requests: places[weakest].requests &+ seen.requests, limited: seen.limited)
    }

    package mutating func merge(_ other: PeerTable) {
        for peer in other.peers { add(peer) }
    }

    /// The places that are taken. For the control plane.
    package var peers: [Peer] {
        places.indices.compactMap { places[$0].requests > 0 ? places[$0] : nil }
    }

    private static func home(_ address: IPAddress) -> Int {
        let folded = UInt64(truncatingIfNeeded: address.bits ^ address.bits >> 64)
        return Int(truncatingIfNeeded: (folded &* 0x9E37_79B9_7F4A_7C15) >> 60) * ways
    }
}
