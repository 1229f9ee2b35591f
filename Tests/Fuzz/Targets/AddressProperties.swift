import Addressing
import Bytes
import HTTPModel

/// Hosts, addresses and ranges as strangers write them: each is read one way or not at all.
enum AddressProperties {
    static func check(_ bytes: [UInt8]) throws(Violation) {
        try checkAuthority(bytes)
        try checkAddress(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        if let range = AddressRange(text) {
            try hold(AddressRange(range.description) == range, "\(range) is not read as itself")
            try hold(range.contains(range.base), "\(range) does not hold its own base")
        }
    }

    private static func checkAuthority(_ bytes: [UInt8]) throws(Violation) {
        let (isValid, end) = bytes.withView { (Authority.isValid($0), Authority.hostEnd($0)) }
        guard isValid else { return }
        guard let end, end > 0 else { throw Violation(description: "valid, but without a host") }
        let host = bytes[..<end]
        let port = bytes[end...]
        if !port.isEmpty {
            let number = decimal(port.dropFirst()) ?? 0
            try hold(port.first == 0x3A && (1...65535).contains(number), "the port \(shown(port))")
        }
        if host.first == 0x5B {
            try hold(host.last == 0x5D, "an open bracket")
            let inner = Array(host.dropFirst().dropLast())
            try hold(inner.withView { IPAddress($0) } != nil, "\(shown(inner)) is no address")
            return
        }
        try hold(host.count <= 254, "a host of \(host.count) bytes")
        try hold(
            host.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }, "the host \(shown(host))")
        try hold(
            host.first != 0x2E && !String(decoding: host, as: UTF8.self).contains(".."), "an empty label")
    }

    private static func checkAddress(_ bytes: [UInt8]) throws(Violation) {
        guard let address = bytes.withView({ IPAddress($0) }) else { return }
        let text = Array(address.description.utf8)
        try hold(text.withView { IPAddress($0) } == address, "\(address) is not read as itself")
        try hold(text.count <= 45, "\(address) is too long")
        if bytes.contains(0x3A) {
            let bracketed = [0x5B] + bytes + [0x5D]
            try hold(bracketed.withView { Authority.isValid($0) }, "an address, but no host: \(shown(bytes))")
        } else {
            let octets = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
            let values = octets.compactMap { decimal($0) }
            try hold(values.count == 4 && octets.count == 4, "\(shown(bytes)) has not four octets")
            let bits = values.reduce(0) { $0 << 8 | $1 }
            try hold(UInt128(bits) == address.bits & 0xFFFF_FFFF && address.isIPv4, "another address")
        }
    }
}
