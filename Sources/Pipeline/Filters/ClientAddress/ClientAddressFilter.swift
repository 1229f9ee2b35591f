import Addressing
import Bytes
import HTTPModel

/// Finds the client's address (R5, security.md 8): the peer, or the rightmost address in X-Forwarded-For that
/// is not a trusted proxy's, if the peer itself is trusted. What strangers claim is never looked at.
package struct ClientAddressFilter: Sendable {
    package let trusted: [AddressRange]

    package init(trusted: [AddressRange]) { self.trusted = trusted }

    package func decide(_ exchange: inout ExchangeState) -> Verdict {
        guard isTrusted(exchange.peer) else { return .next }
        exchange.peerIsTrusted = true
        exchange.client = rightmostUntrusted(exchange.head) ?? exchange.peer
        return .next
    }

    package func isTrusted(_ address: IPAddress) -> Bool {
        for range in trusted where range.contains(address) { return true }
        return false
    }

    /// Walks the list from its end, over all lines of the field. An entry that is no address ends the walk:
    /// what stands left of it cannot be trusted to have been written by anyone we know.
    private func rightmostUntrusted(_ head: borrowing RequestHead) -> IPAddress? {
        var leftmostTrusted: IPAddress?
        var line = head.fields.count
        while line > 0 {
            line -= 1
            guard head.fields[line].name == .xForwardedFor else { continue }
            let value = head.value(at: line)
            var end = value.count
            while end >= 0 {
                var start = end
                while start > 0, value[start - 1] != 0x2C { start -= 1 }
                guard let address = ClientAddressFilter.address(value.slice(start, end).trimmed()) else {
                    return leftmostTrusted
                }
                guard isTrusted(address) else { return address }
                leftmostTrusted = address
                end = start - 1
            }
        }
        return leftmostTrusted
    }

    /// An address as proxies write it: bare, IPv6 in brackets, either with a port.
    private static func address(_ entry: ByteView) -> IPAddress? {
        if let bare = IPAddress(entry) { return bare }
        guard !entry.isEmpty else { return nil }
        if entry[0] == 0x5B {
            guard let close = entry.firstIndex(of: 0x5D) else { return nil }
            return IPAddress(entry.slice(1, close))
        }
        guard let colon = entry.firstIndex(of: 0x3A) else { return nil }
        return IPAddress(entry.prefix(colon))
    }
}
