/// What kind of network an address belongs to, as far as it decides whether the gateway may connect there on
/// its own account (security.md 15; IANA special-purpose address registries, RFC 6890).
package enum AddressScope: String, CaseIterable, Sendable {
    /// Reachable from everywhere.
    case global
    case loopback
    /// Networks of an organisation: RFC 1918, RFC 4193 (fc00::/7), RFC 6598 (100.64.0.0/10), fec0::/10,
    /// RFC 2544 (198.18.0.0/15).
    case privateUse = "private"
    case linkLocal = "link-local"
    /// Where clouds tell their machines' secrets.
    case metadata
    /// "This host"; Linux connects to itself there.
    case unspecified
    case multicast
    /// For documentation, discarding and the future: nobody serves there.
    case reserved
    /// Stands for another address which a relay somewhere chooses (6to4, Teredo, and kin).
    case translated

    /// Whether a target that the operator allowed to be on a private network may be there.
    package var isLocalNetwork: Bool {
        switch self {
        case .loopback, .privateUse, .linkLocal: true
        case .global, .metadata, .unspecified, .multicast, .reserved, .translated: false
        }
    }

    /// The first range that holds an address decides.
    static let ranges: [(range: AddressRange, scope: AddressScope)] = table.compactMap { text, scope in
        AddressRange(text).map { ($0, scope) }
    }

    static let table: [(range: String, scope: AddressScope)] = [
        // AWS, Google, Azure, Hetzner, DigitalOcean and others; AWS' containers; Alibaba; Oracle; Azure's
        // host, which has a global address.
        ("169.254.169.0/24", .metadata), ("169.254.170.0/24", .metadata), ("100.100.100.200", .metadata),
        ("192.0.0.192", .metadata), ("168.63.129.16", .metadata),
        // AWS; Google; OpenStack.
        ("fd00:ec2::/32", .metadata), ("fd20:ce::254", .metadata), ("fe80::a9fe:a9fe", .metadata),

        ("0.0.0.0/8", .unspecified), ("10.0.0.0/8", .privateUse), ("100.64.0.0/10", .privateUse),
        ("127.0.0.0/8", .loopback), ("169.254.0.0/16", .linkLocal), ("172.16.0.0/12", .privateUse),
        ("192.0.0.0/24", .reserved), ("192.0.2.0/24", .reserved), ("192.88.99.0/24", .translated),
        ("192.168.0.0/16", .privateUse), ("198.18.0.0/15", .privateUse), ("198.51.100.0/24", .reserved),
        ("203.0.113.0/24", .reserved), ("224.0.0.0/4", .multicast), ("240.0.0.0/4", .reserved),
        ("0.0.0.0/0", .global),

        ("::", .unspecified), ("::1", .loopback),
        // RFC 4291 §2.5.5.1, RFC 2765, RFC 8215, RFC 4380 and the rest of RFC 2928, RFC 3056.
        ("::/96", .translated), ("::ffff:0:0:0/96", .translated), ("64:ff9b:1::/48", .translated),
        ("2001::/32", .translated), ("2001::/23", .reserved), ("2002::/16", .translated),
        ("2001:db8::/32", .reserved), ("3fff::/20", .reserved), ("2000::/3", .global),
        ("fc00::/7", .privateUse), ("fe80::/10", .linkLocal), ("fec0::/10", .privateUse),
        ("ff00::/8", .multicast), ("::/0", .reserved),
    ]
}

extension IPAddress {
    /// Networks that have IPv6 alone reach IPv4 through 64:ff9b::/96 (RFC 6052): such an address is as good
    /// or bad as the IPv4 address within it.
    package var scope: AddressScope {
        if bits >> 32 == 0x64_FF9B << 64 {
            return IPAddress(ipv4: UInt32(truncatingIfNeeded: bits)).scope
        }
        return AddressScope.ranges.first { $0.range.contains(self) }?.scope ?? .reserved
    }
}
