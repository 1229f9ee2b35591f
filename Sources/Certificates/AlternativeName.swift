import Addressing

/// A name that a certificate is good for (RFC 5280 §4.2.1.6). Kinds that no browser asks for are left out.
package enum AlternativeName: Hashable, Sendable {
    /// As the certificate has it; bytes that no DNS name holds are escaped as `\00`.
    case dns(String)
    case address(IPAddress)

    /// A name that somebody wants a certificate for: a DNS name of ASCII letters, digits and hyphens, with
    /// `*.` in front of it for a wildcard, or an IP address without brackets.
    package init(wanted text: String) throws(AuthorityError) {
        if let address = IPAddress(text) {
            self = .address(address)
            return
        }
        guard Self.isDNSName(text.hasPrefix("*.") ? text.dropFirst(2) : text[...]) else {
            throw .badName(EscapedText.text(text.utf8))
        }
        self = .dns(text.lowercased())
    }

    /// Whether a client that asks for `host` takes the certificate (RFC 6125 §6.4): names without regard to
    /// case and to a dot at the end; `*` stands for exactly one label, the first.
    package func covers(_ host: String) -> Bool {
        switch self {
        case .address(let address): return IPAddress(host) == address
        case .dns(let name):
            let asked = Self.comparable(host)
            let own = Self.comparable(name)
            guard own.hasPrefix("*.") else { return own == asked }
            guard let dot = asked.firstIndex(of: "."), dot > asked.startIndex else { return false }
            return asked[dot...] == own.dropFirst()
        }
    }

    package var isWildcard: Bool {
        guard case .dns(let name) = self else { return false }
        return name.hasPrefix("*.")
    }

    private static func comparable(_ name: String) -> String {
        let lowered = name.lowercased()
        return lowered.hasSuffix(".") ? String(lowered.dropLast()) : lowered
    }

    /// Labels of 1 to 63 letters, digits and inner hyphens, 253 bytes together (RFC 1035 §2.3.4). A last
    /// label of digits would be a mistyped address.
    private static func isDNSName(_ text: Substring) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let areSound = labels.allSatisfy { label in
            let bytes = label.utf8
            guard (1...63).contains(bytes.count) else { return false }
            guard bytes.first != 0x2D, bytes.last != 0x2D else { return false }
            return bytes.allSatisfy { byte in
                byte == 0x2D || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
            }
        }
        guard areSound, let last = labels.last else { return false }
        return !last.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

extension AlternativeName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .dns(let name): name
        case .address(let address): address.description
        }
    }
}
