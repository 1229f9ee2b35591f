import Addressing
import Redis
import TLS

/// The Redis server that all gateways share, as settings name it, with what is needed to reach it.
package struct RedisTarget: Equatable, Sendable {
    package var address: RedisAddress
    /// TLS; nil for none.
    package var material: ClientMaterial?
    /// The name that the certificate must be for; nil is the host.
    package var certificateName: String?
    /// What all keys and channels begin with.
    package var prefix: String
    /// How long a request waits for an answer at most.
    package var timeout: Duration

    package static let defaultPrefix = "floodgate:"
    package static let defaultTimeout = Duration.milliseconds(20)

    package init(
        address: RedisAddress, material: ClientMaterial? = nil, certificateName: String? = nil,
        prefix: String = defaultPrefix, timeout: Duration = defaultTimeout
    ) {
        self.address = address
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
        if let certificateName { return (certificateName, false) }
        guard case .host(let host, _) = address.place else { return ("localhost", false) }
        return (host, IPAddress(host) != nil)
    }
}
