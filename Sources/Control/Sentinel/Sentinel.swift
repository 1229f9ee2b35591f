import Addressing
import Proxy

/// What traffic says is wrong with the settings.
package struct Finding: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// A balancer's address fills the bucket that its clients share.
        case sharedAddress = "shared_address"
        /// Peers forward for others, or say so, and are not believed.
        case untrustedForwarding = "untrusted_forwarding"
        /// Requests change something, as often as anybody likes.
        case unlimitedWrites = "unlimited_writes"
        /// Any page may read what a user's credentials open.
        case openOrigin = "open_origin"

        /// A constant for logs.
        package var message: StaticString {
            switch self {
            case .sharedAddress: "many clients share an address that limits count as one"
            case .untrustedForwarding: "forwarded headers come from peers that are not trusted"
            case .unlimitedWrites: "a route that changes things has no limit"
            case .openOrigin: "every origin may read answers to credentials"
            }
        }

        package var advice: String {
            switch self {
            case .sharedAddress:
                "most requests that limits by address count come from it, with forwarded headers: "
                    + "if it is your balancer, name it in trusted_proxies"
            case .untrustedForwarding:
                "their X-Forwarded-For is dropped: balancers belong in trusted_proxies, strangers may try"
            case .unlimitedWrites: "it gets POST, PUT, PATCH or DELETE: give it limits"
            case .openOrigin:
                "Access-Control-Allow-Origin: *, of the backend or of cors, with cookies or Authorization: "
                    + "name the origins instead"
            }
        }
    }

    package let kind: Kind
    /// An address, a block or a route.
    package let subject: String

    package init(_ kind: Kind, _ subject: String) {
        self.kind = kind
        self.subject = subject
    }
}

/// Judges what workers saw. Pure: counts in, findings out.
package enum Sentinel {
    /// Requests of one peer below which nothing is said of it.
    static let fewestShared: UInt32 = 100
    static let fewestForwarding: UInt32 = 20
    static let fewestWrites: UInt32 = 10
    /// Findings of one kind, the greatest first.
    static let mostOfAKind = 16

    /// - Parameter routes: Names by slot.
    package static func judge(_ seen: Sightings, routes: [String]) -> [Finding] {
        let peers = seen.peers.peers.sorted {
            ($0.requests, $1.address.bits) > ($1.requests, $0.address.bits)
        }
        // More than half of what limits count: each client of a balancer gets a share of one client's.
        let shared = peers.filter { $0.limited >= fewestShared && UInt64($0.limited) * 2 > seen.limited }
        var ranges: [AddressRange: UInt32] = [:]
        for peer in peers where !shared.contains(peer) {
            let range = AddressRange(base: peer.address, length: peer.address.isIPv4 ? 24 : 48)
            ranges[range, default: 0] &+= peer.requests
        }
        let forwarding = ranges.filter { $0.value >= fewestForwarding }
            .sorted { ($0.value, $1.key.base.bits) > ($1.value, $0.key.base.bits) }
        return shared.prefix(mostOfAKind).map { Finding(.sharedAddress, "\($0.address)") }
            + forwarding.prefix(mostOfAKind).map { Finding(.untrustedForwarding, "\($0.key)") }
            + busiest(seen.unlimitedWrites, atLeast: fewestWrites, routes)
            .map { Finding(.unlimitedWrites, $0) }
            + busiest(seen.openAnswers, atLeast: 1, routes).map { Finding(.openOrigin, $0) }
    }

    private static func busiest(_ counts: [UInt32], atLeast fewest: UInt32, _ routes: [String]) -> [String] {
        counts.indices.filter { counts[$0] >= fewest && $0 < routes.count }
            .sorted { (counts[$0], $1) > (counts[$1], $0) }.prefix(mostOfAKind).map { routes[$0] }
    }
}
