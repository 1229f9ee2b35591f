import Bytes

/// A block of addresses in CIDR notation (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, or a single address.
package struct AddressRange: Hashable, Sendable {
    package let base: IPAddress
    /// Significant bits, counted in the family of `base`: 0 to 32 or 0 to 128.
    package let length: Int

    package init(base: IPAddress, length: Int) {
        self.base = base.masked(to: length)
        self.length = length
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        let longest = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            self.init(base: address, length: longest)
            return
        }
        guard parts[1].utf8.allSatisfy(ASCII.isDigit), let length = Int(parts[1]), length <= longest else {
            return nil
        }
        self.init(base: address, length: length)
    }

    package func contains(_ address: IPAddress) -> Bool {
        // A range speaks of its own family: `::/0` holds no IPv4 address.
        address.isIPv4 == base.isIPv4 && address.masked(to: length) == base
    }
}

extension AddressRange: CustomStringConvertible {
    package var description: String { "\(base)/\(length)" }
}
