import Addressing
import Settings
import Upstream

// Settings speak of addresses as operators write them; the data path wants them as it compares them.

extension Addressing.IPAddress {
    package init(_ address: Settings.IPAddress) {
        switch address.family {
        case .v4: self.init(ipv4: UInt32(truncatingIfNeeded: address.low))
        case .v6: self.init(bits: UInt128(address.high) << 64 | UInt128(address.low))
        }
    }
}

/// A server that settings give by name.
package struct ServerName: Hashable, Sendable {
    package let name: String
    package let port: UInt16

    /// As the settings write it, and what its endpoints are called.
    package var label: String { "\(name):\(port)" }

    package init?(_ address: ServerAddress) {
        guard case .name(let name, let port) = address else { return nil }
        self.name = name
        self.port = port
    }
}

extension ServerEndpoint {
    /// Nil for a name.
    package init?(fixed server: ServerAddress) {
        let address: SocketAddress
        switch server {
        case .ip(let ip, let port): address = .ip(Addressing.IPAddress(ip), port: port)
        case .unix(let path): address = .unix(path: path)
        case .name: return nil
        }
        self.init(address: address, label: address.description)
    }
}
