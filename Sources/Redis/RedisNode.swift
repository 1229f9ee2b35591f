import Bytes

/// A server among several, as settings, a cluster and sentinels name it. Not who asks it, nor whether that is
/// encrypted: that is the same for all of them.
package struct RedisNode: Hashable, Sendable {
    /// A name or an address, without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// What an operator writes: `host:port`, with an IPv6 address in brackets.
    package init(_ text: String) throws(RedisAddress.Problem) {
        guard !text.contains("/"), !text.contains("@") else {
            throw RedisAddress.Problem(words: "a node is host:port: all else is said by url")
        }
        let (host, port) = try RedisAddress.endpoint(text[...])
        guard let port else { throw RedisAddress.Problem(words: "a node is host:port") }
        self.init(host: host, port: port)
    }

    /// What servers say of others: a name or an address, IPv6 without brackets. Nil where it is none.
    package init?(host: ByteView, port: Int) {
        guard (1...65_535).contains(port), !host.isEmpty, host.count <= Self.longestHost else { return nil }
        for index in 0..<host.count where !Self.isOfHost(host[index]) { return nil }
        self.init(host: host.text().lowercased(), port: UInt16(port))
    }

    package static let longestHost = 253

    static func isOfHost(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
            || byte == 0x3A
    }
}

extension RedisNode: CustomStringConvertible {
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
