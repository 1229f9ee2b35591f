import Addressing

/// Where a listener waits: `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `unix:/run/floodgate.sock`.
package enum ListenAddress: Hashable, Sendable {
    case ip(IPAddress, port: UInt16)
    /// Every address of the machine, IPv6 and IPv4.
    case everywhere(port: UInt16)
    /// At most 107 bytes of path (`sun_path` holds 108, the last one zero).
    case unix(path: String)

    /// Whether only processes on this machine can connect.
    package var isLocal: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .everywhere: false
        case .unix: true
        }
    }
}

/// Where a server of an upstream is: `127.0.0.1:3000`, `app.internal:3000`, `unix:/run/app.sock`.
package enum ServerAddress: Hashable, Sendable {
    case ip(IPAddress, port: UInt16)
    /// A name to resolve, in lower case, without a dot at its end.
    case name(String, port: UInt16)
    case unix(path: String)
    /// `https://app.internal`: the same by TLS. Settings that have been read hold none: all of an upstream's
    /// servers are reached alike, and its `tls` tells.
    indirect case encrypted(ServerAddress)
}

extension ListenAddress {
    /// As settings write it.
    package var text: String {
        switch self {
        case .ip(let address, let port): SocketAddress.ip(address, port: port).description
        case .everywhere(let port): ":\(port)"
        case .unix(let path): SocketAddress.unix(path: path).description
        }
    }
}

extension ServerAddress {
    /// As settings write it.
    package var text: String {
        switch self {
        case .ip(let address, let port): SocketAddress.ip(address, port: port).description
        case .name(let name, let port): "\(name):\(port)"
        case .unix(let path): SocketAddress.unix(path: path).description
        case .encrypted(let server): "https://\(server.text)"
        }
    }
}
