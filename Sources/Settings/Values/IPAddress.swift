/// An IPv4 or IPv6 address as settings write it. Two words, so that comparing with a block is two masks.
package struct IPAddress: Hashable, Sendable {
    package enum Family: UInt8, Sendable { case v4, v6 }

    package var family: Family
    /// The first eight bytes of an IPv6 address, most significant first; 0 for IPv4.
    package var high: UInt64
    /// The last eight bytes of an IPv6 address; an IPv4 address in the lowest 32 bits.
    package var low: UInt64

    package init(v4 bits: UInt32) {
        family = .v4
        high = 0
        low = UInt64(bits)
    }

    package init(v6High high: UInt64, low: UInt64) {
        family = .v6
        self.high = high
        self.low = low
    }

    /// Bits of an address: 32 or 128.
    package var width: Int { family == .v4 ? 32 : 128 }

    /// The bytes in network order: 4 or 16.
    package var bytes: [UInt8] {
        switch family {
        case .v4: (0..<4).map { UInt8(truncatingIfNeeded: low >> UInt64(24 - 8 * $0)) }
        case .v6:
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 % 8))) }
        }
    }

    /// Whether only this machine reaches it: 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        switch family {
        case .v4: low >> 24 == 127
        case .v6: high == 0 && low == 1
        }
    }

    /// `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2) as the IPv4 address that it carries; any other address as it is.
    package var unmapped: IPAddress {
        guard family == .v6, high == 0, low >> 32 == 0xFFFF else { return self }
        return IPAddress(v4: UInt32(truncatingIfNeeded: low))
    }
}
