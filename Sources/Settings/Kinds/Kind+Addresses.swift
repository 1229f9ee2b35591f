import Addressing

extension Kind where Value == ListenAddress {
    /// `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `unix:/path`. Port 0 lets the kernel choose.
    package static var listenAddress: Kind {
        .scalar("an address such as 127.0.0.1:8080, [::1]:8080, :8080 or unix:/path") {
            text throws(Refusal) in
            if let path = try Endpoint.unixPath(text) { return .unix(path: path) }
            let (host, port) = try Endpoint.split(text, allowsPortZero: true)
            if host.isEmpty { return .everywhere(port: port) }
            if let address = IPAddress(host) { return .ip(address, port: port) }
            let isName = Endpoint.isHostName(host)
            throw Refusal(
                isName ? "a listener needs an address, not a name" : nil,
                suggestion: host.lowercased() == "localhost" ? "127.0.0.1:\(port)" : nil)
        } write: {
            Endpoint.plain($0.text)
        }
    }
}

extension Kind where Value == ServerAddress {
    /// `127.0.0.1:3000`, `app.internal:3000`, `http://app.internal`, `https://app.internal`, `unix:/path`.
    package static var server: Kind {
        .scalar("a server such as 127.0.0.1:3000, app.internal:3000 or unix:/path") { text throws(Refusal) in
            try Endpoint.server(text)
        } write: {
            Endpoint.plain($0.text)
        }
    }
}

extension Kind where Value == AddressRange {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    package static var addressRange: Kind {
        .scalar("an address or a block such as 10.0.0.0/8") { text throws(Refusal) in
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = parts.first.flatMap({ IPAddress($0) }) else { throw Refusal() }
            guard parts.count == 2 else { return AddressRange(base: address, length: address.width) }
            guard let length = Quantity.digits(parts[1]), length <= address.width else {
                throw Refusal("the number behind / is from 0 to \(address.width)")
            }
            let block = AddressRange(base: address, length: length)
            // 10.0.0.5/8 may mean the machine or the network: trust is not given on a guess.
            guard block.base == address else {
                throw Refusal("bits are set behind the first \(length)", suggestion: block.description)
            }
            return block
        } write: {
            Endpoint.plain($0.description)
        }
    }
}

/// How addresses with ports are written.
package enum Endpoint {
    static func unixPath(_ text: String) throws(Refusal) -> String? {
        guard text.hasPrefix("unix:") else { return nil }
        let path = text.dropFirst(5)
        guard path.hasPrefix("/") else { throw Refusal("a unix socket's path begins with /") }
        guard path.utf8.count <= 107 else { throw Refusal("a unix socket's path has at most 107 bytes") }
        guard !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw Refusal("a unix socket's path holds no control characters")
        }
        return String(path)
    }

    /// Host (without brackets) and port.
    static func split(_ text: String, allowsPortZero: Bool) throws(Refusal) -> (host: String, port: UInt16) {
        var host: Substring
        var rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Refusal() }
            host = text[..<end].dropFirst()
            rest = text[end...].dropFirst()
            guard IPAddress(host)?.isIPv4 == false else {
                throw Refusal("no IPv6 address stands in the brackets")
            }
        } else {
            guard let colon = text.lastIndex(of: ":") else {
                throw Refusal("the port is missing", suggestion: Quantity.digits(text).map { ":\($0)" })
            }
            host = text[..<colon]
            rest = text[colon...]
            if host.contains(":") {
                throw Refusal("an IPv6 address stands in brackets", suggestion: "[\(text.trimmedColon)]:8080")
            }
        }
        guard rest.hasPrefix(":") else { throw Refusal("the port is missing") }
        rest = rest.dropFirst()
        guard let port = Quantity.digits(rest), port <= 65_535, port > 0 || allowsPortZero else {
            throw Refusal("a port is a number from \(allowsPortZero ? 0 : 1) to 65535")
        }
        return (String(host), UInt16(port))
    }

    static func server(_ text: String) throws(Refusal) -> ServerAddress {
        if let path = try unixPath(text) { return .unix(path: path) }
        let lowered = text.lowercased()
        var authority = text
        var standardPort: Int?
        if lowered.hasPrefix("http://") {
            standardPort = 80
            authority = String(text.dropFirst(7))
        } else if lowered.hasPrefix("https://") {
            standardPort = 443
            authority = String(text.dropFirst(8))
        } else if text.contains("://") {
            throw Refusal("a server's address begins with http:// or https://, or has no scheme")
        }
        if standardPort != nil, authority.hasSuffix("/") { authority.removeLast() }
        if authority.contains("/") || authority.contains("?") || authority.contains("#") {
            throw Refusal("a server has no path; use a route's strip_prefix")
        }
        if authority.contains("@") { throw Refusal("a server's address holds no user") }
        // http://app.internal means port 80; a bare name is more often a port forgotten.
        let hasPort = authority.hasPrefix("[") ? !authority.hasSuffix("]") : authority.contains(":")
        if let standardPort, !hasPort { authority += ":\(standardPort)" }
        let (host, port) = try split(authority, allowsPortZero: false)
        func reached(_ server: ServerAddress) -> ServerAddress {
            standardPort == 443 ? .encrypted(server) : server
        }
        if let address = IPAddress(host) { return reached(.ip(address, port: port)) }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard isHostName(name) else {
            throw Refusal("\(host.isEmpty ? "the host is missing" : "no valid host name")")
        }
        return reached(.name(name, port: port))
    }

    /// Labels of 1 to 63 letters, digits, hyphens and underscores, 253 bytes in all, the last one not a
    /// number.
    package static func isHostName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last, Quantity.digits(last) == nil else {
            return false
        }
        return labels.allSatisfy { label in
            let bytes = label.utf8
            guard (1...63).contains(bytes.count), bytes.first != 0x2D, bytes.last != 0x2D else {
                return false
            }
            return bytes.allSatisfy { byte in
                byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D
                    || byte == 0x5F
            }
        }
    }

    /// In quotes where YAML would take the text for something else.
    static func plain(_ text: String) -> String {
        text.hasPrefix("[") || text.hasPrefix(":") || text.contains("::") ? "\"\(text)\"" : text
    }
}

extension String {
    /// `::1` of `::1:`; else the text itself.
    fileprivate var trimmedColon: String { hasSuffix(":") && !hasSuffix("::") ? String(dropLast()) : self }
}
