import Bytes

/// The `host[:port]` of a Host field or of an absolute target.
package enum Authority {
    /// Whether `bytes` is a host and an optional port: a name of letters, digits, `-`, `_` in dot-separated
    /// labels, an IPv4 address, or an IPv6 address in brackets; a port is 1 to 65535.
    ///
    /// Narrower than RFC 3986 §3.2.2 on purpose: percent-escapes, sub-delimiters, user information, an empty
    /// host and an empty port are read differently by different servers, and no host that a gateway serves
    /// needs them.
    package static func isValid(_ bytes: ByteView) -> Bool {
        guard let end = hostEnd(bytes) else { return false }
        return end == bytes.count || isPort(bytes.dropFirst(end))
    }

    /// Index behind the host of a valid authority: its count, or where `:port` begins.
    package static func hostEnd(_ bytes: ByteView) -> Int? {
        guard bytes.count > 0 else { return nil }
        return bytes[0] == 0x5B ? bracketedEnd(bytes) : nameEnd(bytes)
    }

    /// Longest host: RFC 1035 §2.3.4 allows 253 characters and a closing dot.
    private static let maximumHost = 254

    private static func nameEnd(_ bytes: ByteView) -> Int? {
        var label = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x5F {
                label &+= 1
            } else if byte == 0x2E {
                guard label > 0 else { return nil }
                label = 0
            } else {
                break
            }
            index &+= 1
        }
        guard index > 0, index <= maximumHost else { return nil }
        return index
    }

    private static func bracketedEnd(_ bytes: ByteView) -> Int? {
        guard let close = bytes.firstIndex(of: 0x5D), isIPv6(bytes.slice(1, close)) else { return nil }
        return close &+ 1
    }

    /// `:` and one to five digits, 1 to 65535.
    private static func isPort(_ bytes: ByteView) -> Bool {
        guard bytes.count >= 2, bytes.count <= 6, bytes[0] == 0x3A else { return false }
        guard let port = bytes.dropFirst(1).decimal() else { return false }
        return port >= 1 && port <= 65535
    }

    /// An IPv6 address as RFC 4291 §2.2 writes it, without a zone.
    static func isIPv6(_ bytes: ByteView) -> Bool {
        var groups = 0
        var compressed = false
        var index = 0
        // A leading colon is only good as half of a leading "::".
        if bytes.count >= 2, bytes[0] == 0x3A {
            guard bytes[1] == 0x3A else { return false }
            compressed = true
            index = 2
            if index == bytes.count { return true }
        }
        while index < bytes.count {
            let start = index
            while index < bytes.count, ASCII.hexValue(bytes[index]) != nil { index &+= 1 }
            if index < bytes.count, bytes[index] == 0x2E {
                guard isIPv4(bytes.dropFirst(start)) else { return false }
                return compressed ? groups <= 5 : groups == 6
            }
            guard index > start, index &- start <= 4 else { return false }
            groups &+= 1
            if index == bytes.count { break }
            guard bytes[index] == 0x3A, index &+ 1 < bytes.count else { return false }
            index &+= 1
            if bytes[index] == 0x3A {
                guard !compressed else { return false }
                compressed = true
                index &+= 1
            }
        }
        return compressed ? groups <= 7 : groups == 8
    }

    /// Four decimal numbers of 0 to 255 without leading zeros.
    static func isIPv4(_ bytes: ByteView) -> Bool {
        var rest = bytes
        for part in 0..<4 {
            let end = part == 3 ? rest.count : rest.firstIndex(of: 0x2E) ?? rest.count
            let digits = rest.prefix(end)
            guard digits.count <= 3, let value = digits.decimal(), value <= 255 else { return false }
            guard digits.count == 1 || digits[0] != 0x30 else { return false }
            guard part < 3 else { return true }
            guard end < rest.count else { return false }
            rest = rest.dropFirst(end &+ 1)
        }
        return false
    }
}
