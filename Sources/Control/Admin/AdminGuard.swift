import Addressing
import Bytes
import HTTPModel

/// Who may talk to the admin listener (security.md 16). Pure: asked with a head that was parsed, before any
/// body is read.
struct AdminGuard: Sendable {
    /// Addresses that the listener has, with the ports that the kernel chose.
    let addresses: [SocketAddress]
    /// Names by which operators reach the listener, in lower case, besides those of this machine.
    let names: Set<String>

    init(addresses: [SocketAddress], names: [String]) {
        self.addresses = addresses
        self.names = Set(names.map { $0.lowercased() })
    }

    /// The refusal that the request gets, nil where it may go on.
    func refusal(of head: borrowing RequestHead, token: String?) -> AdminResponse? {
        guard case .origin = head.form else {
            return .problem(400, "The admin listener is no proxy: ask for a path.")
        }
        // A page whose name was made to point here (DNS rebinding) says its own name.
        guard let authority = head.authorityBytes, isOwn(authority) else {
            return .problem(
                421, "This host is not known here: use the address that the admin listener has, or localhost."
            )
        }
        if let token, !AdminGuard.carries(head, token) {
            return .problem(
                401, "A bearer token is required: Authorization: Bearer, with the token of admin.token.",
                fields: [("WWW-Authenticate", "Bearer realm=\"floodgate admin\"")])
        }
        // Browsers name the origin of whatever changes something; only a page of this listener itself may.
        if case .post = head.method, let origin = head.value(of: .origin),
            !AdminGuard.isSame(origin, authority)
        {
            return .problem(403, "Pages of other origins may not change anything here.")
        }
        return nil
    }

    private func isOwn(_ authority: ByteView) -> Bool {
        guard let end = Authority.hostEnd(authority), end > 0 else { return false }
        let host = authority.prefix(end)
        let isBracketed = host[0] == UInt8(ascii: "[")
        if let address = IPAddress(isBracketed ? host.slice(1, end - 1) : host) { return isOwn(address) }
        if host.equalsIgnoringCase("localhost") { return true }
        if hasUnixSocket, host.equalsIgnoringCase("unix") { return true }
        return names.contains(host.text().lowercased())
    }

    private func isOwn(_ address: IPAddress) -> Bool {
        if address.isLoopback { return true }
        return addresses.contains { own in
            switch own {
            // A wildcard listener has every address of the machine. No name was resolved where an address is
            // asked for, so there is nothing that could have been rebound.
            case .ip(let ip, _): ip == address || ip.isUnspecified
            case .unix: false
            }
        }
    }

    private var hasUnixSocket: Bool {
        addresses.contains { if case .unix = $0 { true } else { false } }
    }

    /// Whether `Authorization` carries the token (RFC 6750 §2.1).
    private static func carries(_ head: borrowing RequestHead, _ token: String) -> Bool {
        guard let value = head.value(of: .authorization), value.count > 7 else { return false }
        guard value.prefix(7).equalsIgnoringCase("bearer ") else { return false }
        return isEqual(value.dropFirst(7).trimmed(), Array(token.utf8))
    }

    /// Takes as long for every `presented` of one length, whatever the token is.
    static func isEqual(_ presented: ByteView, _ token: [UInt8]) -> Bool {
        guard !token.isEmpty else { return false }
        var difference = presented.count ^ token.count
        for index in 0..<presented.count { difference |= Int(presented[index] ^ token[index % token.count]) }
        return difference == 0
    }

    /// Whether an origin (RFC 6454 §7) is `http` or `https` at the authority that was asked: before the
    /// listener a proxy may speak TLS.
    private static func isSame(_ origin: ByteView, _ authority: ByteView) -> Bool {
        for scheme in ["http://", "https://"] as [StaticString] where origin.count > scheme.utf8CodeUnitCount
        {
            guard origin.prefix(scheme.utf8CodeUnitCount).equalsIgnoringCase(scheme) else { continue }
            let rest = origin.dropFirst(scheme.utf8CodeUnitCount)
            return rest.text().lowercased() == authority.text().lowercased()
        }
        return false
    }
}

extension IPAddress {
    /// `127.0.0.0/8` or `::1`.
    fileprivate var isLoopback: Bool { isIPv4 ? bits >> 24 & 0xFF == 127 : bits == 1 }

    /// `0.0.0.0` or `::`: a listener on every address.
    fileprivate var isUnspecified: Bool { bits == 0 || (isIPv4 && UInt32(truncatingIfNeeded: bits) == 0) }
}
