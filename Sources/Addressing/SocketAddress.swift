/// Where a socket listens or connects to.
package enum SocketAddress: Hashable, Sendable {
    case ip(IPAddress, port: UInt16)
    /// Path of a unix socket in the file system, at most 107 bytes.
    case unix(path: String)

    /// Longest path that `sockaddr_un` holds with its closing zero.
    package static let longestPath = 107
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/app.sock`, as operators write them.
    package var description: String {
        switch self {
        case .ip(let address, let port): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
