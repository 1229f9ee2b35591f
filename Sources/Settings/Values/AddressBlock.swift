/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`; a bare address is a block of one.
package struct AddressBlock: Hashable, Sendable {
    /// The first address of the block: the bits behind the prefix are zero.
    package var base: IPAddress
    /// 0 to 32, or 0 to 128.
    package var prefixLength: Int

    /// Clears the bits behind the prefix.
    package init(_ address: IPAddress, prefixLength: Int) {
        self.prefixLength = max(0, min(prefixLength, address.width))
        base = address.masked(to: self.prefixLength)
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.family == base.family && address.masked(to: prefixLength) == base
    }
}

extension IPAddress {
    /// The address with all bits behind the first `length` cleared.
    package func masked(to length: Int) -> IPAddress {
        var masked = self
        switch family {
        case .v4:
            masked.low &= length <= 0 ? 0 : (UInt64(UInt32.max) << UInt64(32 - min(length, 32))) & 0xFFFF_FFFF
        case .v6:
            masked.high &= length <= 0 ? 0 : (length >= 64 ? .max : .max << UInt64(64 - length))
            masked.low &= length <= 64 ? 0 : (length >= 128 ? .max : .max << UInt64(128 - length))
        }
        return masked
    }
}
