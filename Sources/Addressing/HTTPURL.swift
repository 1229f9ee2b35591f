import Bytes

/// An absolute URL of a service that the gateway itself asks, as an operator writes it. Narrower than RFC
/// 3986: what different programs read differently is refused.
package struct HTTPURL: Hashable, Sendable {
    package enum Scheme: String, Sendable {
        case http, https

        package var port: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    package enum Host: Hashable, Sendable {
        /// In lower case.
        case name(String)
        case address(IPAddress)
    }

    /// Why a text is no such URL, as a sentence's end: `… not a URL: the host is missing`.
    package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    package let scheme: Scheme
    package let host: Host
    package let port: UInt16
    /// Path and query; begins with a slash.
    package let target: String

    /// Bytes of a URL.
    package static let longest = 2048

    package init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.longest else {
            throw Problem("it has more than \(Self.longest) bytes")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem("it holds a blank, a control character or a letter that is not ASCII")
        }
        let (scheme, rest) = try Self.scheme(of: text)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.contains("@") else {
            throw Problem("a user or a password does not belong into it")
        }
        self.scheme = scheme
        (host, port) = try Self.hostAndPort(authority, scheme)
        target = try Self.target(rest[end...])
    }

    private static func scheme(of text: String) throws(Problem) -> (Scheme, Substring) {
        guard let mark = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: text[..<mark.lowerBound].lowercased())
        else { throw Problem("it begins with https:// or http://") }
        return (scheme, text[mark.upperBound...])
    }

    // MARK: Host

    private static func hostAndPort(_ text: Substring, _ scheme: Scheme) throws(Problem) -> (Host, UInt16) {
        guard !text.isEmpty else { throw Problem("the host is missing") }
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]"), text[..<close].contains(":"),
                let address = IPAddress(text[..<close].dropFirst())
            else { throw Problem("[ ] holds an IPv6 address without a zone") }
            return (.address(address), try port(text[text.index(after: close)...], scheme))
        }
        let end = text.firstIndex(of: ":") ?? text.endIndex
        return (try host(text[..<end]), try port(text[end...], scheme))
    }

    private static func host(_ text: Substring) throws(Problem) -> Host {
        if let address = IPAddress(text) { return .address(address) }
        let name = text.last == "." ? text.dropLast() : text
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.allSatisfy(isLabel) else {
            throw Problem("the host is a name of letters, digits, - and dots, or an address")
        }
        // The system's look-up takes 127.1, 0x7f000001 and 2130706433 for addresses (inet_aton(3)); names
        // never end so (RFC 1123 §2.1).
        guard let last = labels.last, !isNumber(last) else {
            throw Problem("an IPv4 address has four decimal numbers without leading zeros")
        }
        return .name(name.lowercased())
    }

    private static func isNumber(_ label: Substring) -> Bool {
        if label.utf8.allSatisfy(ASCII.isDigit) { return true }
        return label.lowercased().hasPrefix("0x")
            && label.utf8.dropFirst(2).allSatisfy { ASCII.hexValue($0) != nil }
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }

    /// Of `:8443`, or of nothing.
    private static func port(_ text: Substring, _ scheme: Scheme) throws(Problem) -> UInt16 {
        guard let colon = text.first else { return scheme.port }
        let digits = text.dropFirst()
        guard colon == ":", (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(ASCII.isDigit),
            let port = UInt16(digits), port > 0
        else { throw Problem("a port is a number from 1 to 65535") }
        return port
    }

    // MARK: Path and query

    private static func target(_ text: Substring) throws(Problem) -> String {
        guard !text.contains("#") else { throw Problem("a fragment (#…) is never sent") }
        guard text.utf8.allSatisfy(isTargetByte) else {
            throw Problem("a path and a query percent-encode \" < > \\ ^ ` { | } (RFC 3986 §2)")
        }
        let bytes = Array(text.utf8)
        for index in bytes.indices where bytes[index] == 0x25 {
            guard index + 2 < bytes.count, ASCII.hexValue(bytes[index + 1]) != nil,
                ASCII.hexValue(bytes[index + 2]) != nil
            else { throw Problem("% is followed by two hexadecimal digits") }
        }
        return text.first == "/" ? String(text) : "/" + text
    }

    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, 0x3C, 0x3E, 0x5B, 0x5C, 0x5D, 0x5E, 0x60, 0x7B, 0x7C, 0x7D: false
        default: true
        }
    }
}

extension HTTPURL {
    /// Another path and query of the same service.
    ///
    /// - Parameter target: begins with a slash and holds only bytes that a target may hold.
    init(_ url: HTTPURL, target: String) {
        scheme = url.scheme
        host = url.host
        port = url.port
        self.target = target
    }

    /// As a Host field says it: without the scheme's own port.
    package var authority: String { port == scheme.port ? hostText : "\(hostText):\(port)" }

    /// `https://auth.example.com`
    package var origin: String { "\(scheme.rawValue)://\(authority)" }

    private var hostText: String {
        switch host {
        case .name(let name): name
        case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
        }
    }

    /// As it is written.
    package var text: String { origin + target }
}

extension HTTPURL: CustomStringConvertible {
    /// For logs: without the query, which may hold a secret.
    package var description: String { origin + target.prefix { $0 != "?" } }
}
