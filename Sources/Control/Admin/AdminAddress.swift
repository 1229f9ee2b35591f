import Addressing

/// Where a command finds the admin listener.
package enum AdminAddress {
    /// `127.0.0.1:9901`, `[::1]:9901`, `localhost:9901`, `:9901` (this machine), `unix:/path`, and `http://`
    /// before one of the first four; nil for anything else.
    package static func parse(_ text: String) -> SocketAddress? {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            let isPath = (1...SocketAddress.longestPath).contains(path.utf8.count) && !path.utf8.contains(0)
            return isPath ? .unix(path: String(path)) : nil
        }
        var rest = text[...]
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst(7)
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        let digits = rest[rest.index(after: colon)...]
        guard digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let port = UInt16(digits), port > 0 else {
            return nil
        }
        let host = rest[..<colon]
        if host.isEmpty || host.lowercased() == "localhost" { return .ip(.loopback, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let address = Addressing.IPAddress(String(host.dropFirst().dropLast())), !address.isIPv4
            else { return nil }
            return .ip(address, port: port)
        }
        guard let address = Addressing.IPAddress(String(host)), address.isIPv4 else { return nil }
        return .ip(address, port: port)
    }
}
