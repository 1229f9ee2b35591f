extension IPAddress {
    /// Strict: four decimal numbers without leading zeros (RFC 6943 §3.1.1), or the forms of RFC 4291 §2.2,
    /// without a zone.
    package init?(_ text: some StringProtocol) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            self.init(v6: Substring(text))
        } else {
            guard let bits = Self.v4Bits(Substring(text)) else { return nil }
            self.init(v4: bits)
        }
    }

    private static func v4Bits(_ text: Substring) -> UInt32? {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "." }
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let value = Quantity.digits(part), value <= 255 else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    private init?(v6 text: Substring) {
        guard text.utf8.count <= 45 else { return nil }
        // At most one `::`; what it stands for is the space between the two halves.
        var halves: [[UInt16]] = [[]]
        var parts = text.split(omittingEmptySubsequences: false) { $0 == ":" }.map(String.init)
        if parts.count >= 3, parts[0].isEmpty, parts[1].isEmpty { parts.removeFirst() }
        if parts.count >= 2, parts[parts.count - 1].isEmpty, parts[parts.count - 2].isEmpty {
            parts.removeLast()
        }
        for (index, part) in parts.enumerated() {
            let last = halves.count - 1
            if part.isEmpty {
                guard halves.count == 1 else { return nil }
                // A single colon at an end is no `::`.
                halves.append([])
            } else if index == parts.count - 1, part.contains(".") {
                guard let bits = Self.v4Bits(Substring(part)) else { return nil }
                halves[last] += [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else {
                let isHexadecimal = part.utf8.allSatisfy {
                    UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || 0x61...0x66 ~= $0 | 0x20
                }
                guard isHexadecimal, part.utf8.count <= 4, let group = UInt16(part, radix: 16) else {
                    return nil
                }
                halves[last].append(group)
            }
        }
        let hasGap = text.contains("::")
        let count = halves.reduce(0) { $0 + $1.count }
        guard halves.count == (hasGap ? 2 : 1), hasGap ? count <= 7 : count == 8 else { return nil }
        let gap = [UInt16](repeating: 0, count: 8 - count)
        let groups = halves[0] + gap + (hasGap ? halves[1] : [])
        let words = groups.map(UInt64.init)
        self.init(
            v6High: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
            low: words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7])
    }

    /// The form of RFC 5952: lower case, the longest run of two zero groups or more as `::`.
    package var text: String {
        guard family == .v6 else { return bytes.map(String.init).joined(separator: ".") }
        let groups = (0..<8).map {
            UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4)))
        }
        var best = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start) + 1
        }
        let words = groups.map { String($0, radix: 16) }
        guard !best.isEmpty else { return words.joined(separator: ":") }
        return words[..<best.lowerBound].joined(separator: ":") + "::"
            + words[best.upperBound...].joined(separator: ":")
    }
}

extension AddressBlock {
    package var text: String {
        prefixLength == base.width ? base.text : "\(base.text)/\(prefixLength)"
    }
}

extension ListenAddress {
    package var text: String {
        switch self {
        case .ip(let address, let port):
            address.family == .v4 ? "\(address.text):\(port)" : "[\(address.text)]:\(port)"
        case .everywhere(let port): ":\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension ServerAddress {
    package var text: String {
        switch self {
        case .ip(let address, let port):
            address.family == .v4 ? "\(address.text):\(port)" : "[\(address.text)]:\(port)"
        case .name(let name, let port): "\(name):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
