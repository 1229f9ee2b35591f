import Bytes

/// An IPv4 or IPv6 address. IPv4 is kept as its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), so that a
/// client is one address whichever socket family it came through.
package struct IPAddress: Hashable, Sendable {
    /// Most significant byte first.
    package var bits: UInt128

    package init(bits: UInt128) { self.bits = bits }

    package init(ipv4: UInt32) { bits = 0xFFFF_0000_0000 | UInt128(ipv4) }

    package static let loopback = IPAddress(ipv4: 0x7F00_0001)

    package var isIPv4: Bool { bits >> 32 == 0xFFFF }

    /// Bits of an address of its family: 32 or 128.
    package var width: Int { isIPv4 ? 32 : 128 }

    /// Whether only this machine reaches it: 127.0.0.0/8 and ::1.
    package var isLoopback: Bool { bits == 1 || (isIPv4 && bits >> 24 & 0xFF == 127) }

    /// The address with all but its first bits cleared. For IPv4 the length counts from the IPv4 address'
    /// first bit.
    package func masked(to length: Int) -> IPAddress {
        let kept = isIPv4 ? length + 96 : length
        precondition(kept >= 0 && kept <= 128)
        return IPAddress(bits: kept == 0 ? 0 : bits & (UInt128.max << UInt128(128 - kept)))
    }
}

extension IPAddress {
    /// Reads `192.0.2.1` or any form of RFC 4291 §2.2; nil for anything else (brackets, zones, leading
    /// zeros).
    package init?(_ text: ByteView) {
        if let parsed = IPAddress.parseIPv4(text) {
            self.init(ipv4: parsed)
        } else if let parsed = IPAddress.parseIPv6(text) {
            self.init(bits: parsed)
        } else {
            return nil
        }
    }

    package init?(_ text: some StringProtocol) {
        guard let parsed = Array(text.utf8).withView({ IPAddress($0) }) else { return nil }
        self = parsed
    }

    private static func parseIPv4(_ text: ByteView) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var value: UInt32 = 0
        var octets = 0
        var start = 0
        while octets < 4 {
            let end = octets < 3 ? text.firstIndex(of: 0x2E, from: start) : text.count
            guard let end, end > start, end - start <= 3 else { return nil }
            // A leading zero reads as octal elsewhere: refused, so that nobody is taken for somebody else.
            guard end - start == 1 || text[start] != 0x30 else { return nil }
            guard let octet = text.slice(start, end).decimal(), octet < 256 else { return nil }
            value = value << 8 | UInt32(octet)
            octets += 1
            start = end + 1
        }
        return start == text.count + 1 ? value : nil
    }

    private static func parseIPv6(_ text: ByteView) -> UInt128? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        var gap: Int?
        var index = 0
        if text[0] == 0x3A {
            guard text[1] == 0x3A else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            guard count < 8 else { return nil }
            var end = index
            while end < text.count, text[end] != 0x3A { end += 1 }
            let part = text.slice(index, end)
            if part.firstIndex(of: 0x2E) != nil {
                guard end == text.count, count <= 6, let ipv4 = parseIPv4(part) else { return nil }
                groups[count] = UInt16(ipv4 >> 16)
                groups[count + 1] = UInt16(ipv4 & 0xFFFF)
                count += 2
                index = end
                break
            }
            guard let group = hexadecimalGroup(part) else { return nil }
            groups[count] = group
            count += 1
            index = end
            guard index < text.count else { break }
            index += 1
            if index < text.count, text[index] == 0x3A {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            } else if index == text.count {
                return nil
            }
        }
        return assemble(groups, count: count, gap: gap)
    }

    private static func hexadecimalGroup(_ part: ByteView) -> UInt16? {
        guard part.count >= 1, part.count <= 4 else { return nil }
        var value: UInt16 = 0
        for index in 0..<part.count {
            guard let digit = ASCII.hexValue(part[index]) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Puts the groups before the `::` first and those behind it last.
    private static func assemble(_ groups: InlineArray<8, UInt16>, count: Int, gap: Int?) -> UInt128? {
        guard gap != nil ? count < 8 : count == 8 else { return nil }
        var bits: UInt128 = 0
        let before = gap ?? count
        for index in 0..<before { bits |= UInt128(groups[index]) << UInt128(112 - 16 * index) }
        for index in before..<count { bits |= UInt128(groups[index]) << UInt128(16 * (count - 1 - index)) }
        return bits
    }
}

extension ByteWriter {
    /// `192.0.2.1`, or the shortest form of an IPv6 address (RFC 5952 §4).
    package mutating func write(_ address: IPAddress) {
        if address.isIPv4 {
            for octet in 0..<3 {
                write(decimal: Int(truncatingIfNeeded: address.bits >> UInt128(24 - 8 * octet)) & 0xFF)
                write(UInt8(0x2E))
            }
            write(decimal: Int(truncatingIfNeeded: address.bits) & 0xFF)
            return
        }
        let zeros = IPAddress.longestZeroRun(address.bits)
        var group = 0
        while group < 8 {
            if group == zeros.start, zeros.length > 1 {
                write("::")
                group += zeros.length
                continue
            }
            if group > 0, !(zeros.length > 1 && group == zeros.start + zeros.length) { write(UInt8(0x3A)) }
            write(hexadecimal: UInt64(truncatingIfNeeded: address.bits >> UInt128(112 - 16 * group)) & 0xFFFF)
            group += 1
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        ByteWriter.text(capacity: 46) { $0.write(self) }
    }

    fileprivate static func longestZeroRun(_ bits: UInt128) -> (start: Int, length: Int) {
        var best = (start: 0, length: 0)
        var run = (start: 0, length: 0)
        for group in 0..<8 {
            if bits >> UInt128(112 - 16 * group) & 0xFFFF == 0 {
                run = run.length == 0 ? (group, 1) : (run.start, run.length + 1)
                if run.length > best.length { best = run }
            } else {
                run = (0, 0)
            }
        }
        return best
    }
}
