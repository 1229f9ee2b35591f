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

extension AddressRange {
    /// Why a text is no block.
    package enum Fault: Error, Equatable {
        case noAddress
        case badLength(most: Int)
        /// `10.0.0.5/8` may mean the machine or the network: nobody is let in or kept out on a guess.
        case bitsBehind(AddressRange)

        package func reason(of text: String) -> String {
            switch self {
            case .noAddress: "\"\(text)\" is no address and no block such as 10.0.0.0/8"
            case .badLength(let most): "\"\(text)\": the number behind / is from 0 to \(most)"
            case .bitsBehind(let range):
                "\"\(text)\": bits are set behind the first \(range.length) (did you mean \"\(range)\"?)"
            }
        }
    }

    /// Reads a block or a single address. An IPv4 block in the form of its mapped IPv6 addresses
    /// (`::ffff:10.0.0.0/104`) is the block of IPv4.
    package init(reading text: ByteView) throws(Fault) {
        let slash = text.firstIndex(of: 0x2F)
        let bare = text.prefix(slash ?? text.count)
        guard let address = IPAddress(bare) else { throw .noAddress }
        guard let slash else {
            self.init(base: address, length: address.width)
            return
        }
        let isMapped = address.isIPv4 && bare.firstIndex(of: 0x3A) != nil
        let most = isMapped ? 128 : address.width
        guard let digits = text.dropFirst(slash + 1).decimal(), digits <= most, digits >= (isMapped ? 96 : 0)
        else { throw .badLength(most: most) }
        let range = AddressRange(base: address, length: isMapped ? digits - 96 : digits)
        guard range.base == address else { throw .bitsBehind(range) }
        self = range
    }
}
