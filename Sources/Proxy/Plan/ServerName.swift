import Addressing
import Settings
import Upstream

/// A server that settings give by name.
package struct ServerName: Hashable, Sendable {
    package let name: String
    package let port: UInt16

    /// As the settings write it, and what its endpoints are called.
    package var label: String { "\(name):\(port)" }

    package init(name: String, port: UInt16) {
        self.name = name
        self.port = port
    }

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
        case .ip(let ip, let port): address = .ip(ip, port: port)
        case .unix(let path): address = .unix(path: path)
        case .name, .encrypted: return nil
        }
        self.init(address: address, label: address.description)
    }
}
