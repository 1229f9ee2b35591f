import Addressing
import Settings

/// An origin as settings name it: what a browser says in `Origin`, byte for byte (RFC 6454 §6.2).
package enum OriginPattern: Hashable, Sendable {
    /// `*`
    case any
    /// `null`: sandboxed frames, pages from files, requests that were redirected across origins.
    case null
    /// `https://app.example.com`, with a port where it is not the scheme's own.
    case exact(String)
    /// `https://*.example.com` is `https` and `example.com` here: hosts with one label or more before it, not
    /// the domain itself. `port` is empty, or `:` and the number.
    case subdomains(scheme: String, domain: String, port: String)

    package var text: String {
        switch self {
        case .any: "*"
        case .null: "null"
        case .exact(let text): text
        case .subdomains(let scheme, let domain, let port): "\(scheme)://*.\(domain)\(port)"
        }
    }

    /// Reads `*`, `null`, an origin or a pattern. What no browser would ever send is refused, with what was
    /// probably meant: it would never match, and nobody would be told why.
    package init(parsing text: String) throws(Refusal) {
        switch text {
        case "*": self = .any
        case "null": self = .null
        default: self = try OriginPattern.parse(text)
        }
    }

    private static func parse(_ text: String) throws(Refusal) -> OriginPattern {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw Refusal("browsers send the host in ASCII: write the form that begins with xn--")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), !text.isEmpty else {
            throw Refusal("an origin is written without blanks, such as https://app.example.com")
        }
        guard let mark = text.firstRange(of: "://") else {
            let completed = "https://\(text)"
            let isOrigin = (try? OriginPattern(parsing: completed)) != nil
            throw Refusal(
                "an origin begins with its scheme, such as https://", suggestion: isOrigin ? completed : nil)
        }
        let rest = text[mark.upperBound...]
        if let end = rest.firstIndex(where: { "/?#\\".contains($0) }) {
            let bare = String(text[..<end])
            throw Refusal(
                "an origin has no path, and no slash at its end",
                suggestion: (try? OriginPattern(parsing: bare)) != nil ? bare : nil)
        }
        guard !rest.contains("@") else { throw Refusal("an origin names no user") }
        guard text == text.lowercased() else {
            throw Refusal("browsers send origins in lower case", suggestion: text.lowercased())
        }
        return try origin(scheme: String(text[..<mark.lowerBound]), authority: rest)
    }

    private static func origin(scheme: String, authority: Substring) throws(Refusal) -> OriginPattern {
        let isScheme = scheme.utf8.allSatisfy { byte in
            byte >= 0x61 && byte <= 0x7A || byte >= 0x30 && byte <= 0x39 || [0x2B, 0x2D, 0x2E].contains(byte)
        }
        guard isScheme, let first = scheme.utf8.first, first >= 0x61, first <= 0x7A else {
            throw Refusal("the scheme is named in full, such as https; * stands only before a host's labels")
        }
        var host = authority
        var port = ""
        let bracket = authority.lastIndex(of: "]")
        if let colon = authority.lastIndex(of: ":"), bracket.map({ $0 < colon }) ?? true {
            host = authority[..<colon]
            port = String(authority[colon...])
            try check(port: port.dropFirst(), of: "\(scheme)://\(host)", scheme: scheme)
        }
        guard !host.isEmpty else {
            throw Refusal("the host is missing; pages from files have the origin null")
        }
        if host.hasPrefix("*.") {
            let domain = String(host.dropFirst(2))
            guard domain.contains("."), Endpoint.isHostName(domain) else {
                throw Refusal("a domain of two labels or more stands behind *. , as in https://*.example.com")
            }
            return .subdomains(scheme: scheme, domain: domain, port: port)
        }
        try check(host: host, before: port, scheme: scheme)
        return .exact("\(scheme)://\(host)\(port)")
    }

    private static func check(port: Substring, of origin: String, scheme: String) throws(Refusal) {
        guard let number = Quantity.digits(port), (1...65_535).contains(number) else {
            throw Refusal("a port is one number from 1 to 65535")
        }
        guard ["http": 80, "https": 443][scheme] != number else {
            throw Refusal("browsers leave out the port that the scheme implies", suggestion: origin)
        }
    }

    /// The host in the one form in which browsers write it (URL standard, host serializing).
    private static func check(host: Substring, before port: String, scheme: String) throws(Refusal) {
        if host.hasPrefix("[") || host.contains(":") {
            guard host.hasPrefix("["), host.hasSuffix("]"),
                let address = IPAddress(host.dropFirst().dropLast()), !address.isIPv4
            else { throw Refusal("an IPv6 address stands in brackets, as in http://[::1]:3000") }
            guard "[\(address)]" == host else {
                throw Refusal(
                    "browsers shorten IPv6 addresses", suggestion: "\(scheme)://[\(address)]\(port)")
            }
            return
        }
        guard !host.contains("*") else {
            throw Refusal("* stands for the first labels of a host, as in https://*.example.com")
        }
        guard !host.hasSuffix(".") else {
            throw Refusal(
                "the host ends with a dot", suggestion: "\(scheme)://\(host.dropLast())\(port)")
        }
        guard Endpoint.isHostName(String(host)) || IPAddress(host) != nil else {
            throw Refusal("no valid host stands behind \(scheme)://")
        }
    }
}

extension OriginPattern {
    /// Whether strangers can have a name that the pattern matches: hosts that rent out names below theirs.
    package var isShared: Bool {
        guard case .subdomains(_, let domain, _) = self else { return false }
        return OriginPattern.sharedDomains.contains(domain)
    }

    private static let sharedDomains: Set<String> = [
        "amplifyapp.com", "appspot.com", "azurewebsites.net", "cloudfront.net", "co.uk", "com.au", "com.br",
        "firebaseapp.com", "fly.dev", "github.io", "gitlab.io", "herokuapp.com", "netlify.app",
        "ngrok-free.app", "ngrok.io", "onrender.com", "pages.dev", "railway.app", "run.app",
        "s3.amazonaws.com",
        "supabase.co", "surge.sh", "up.railway.app", "vercel.app", "web.app", "workers.dev",
    ]
}
