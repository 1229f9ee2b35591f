import Addressing
import Settings

/// One address that clients connect to.
package struct ListenerSettings: Equatable, Sendable {
    /// Which versions of the PROXY protocol a connection begins with; taken from trusted proxies only (unix
    /// peers are trusted).
    package enum ProxyProtocol: String, CaseIterable, Sendable { case off, v1, v2, any }

    /// Versions of HTTP, by their names in ALPN (RFC 7301).
    package enum HTTPVersion: String, CaseIterable, Sendable {
        case http11 = "http/1.1"
        case http2 = "h2"
    }

    package enum Redirect: Equatable, Sendable {
        case off
        /// To the same address by https, at this port.
        case https(port: UInt16)
    }

    package var address: ListenAddress = .ip(.loopback, port: 8080)
    package var proxyProtocol: ProxyProtocol = .off
    package var tls: ListenerTLSSettings?
    /// In the order of the server's liking. Nil is both with TLS, HTTP/1.1 without.
    package var protocols: [HTTPVersion]?
    package var redirect: Redirect = .off
    /// Connections that the kernel holds until they are accepted, per worker.
    package var backlog = 4096

    package init() {}

    package var spoken: [HTTPVersion] { protocols ?? (tls == nil ? [.http11] : [.http2, .http11]) }
}

extension ListenerSettings {
    package static let section = Section(
        "An address that clients connect to.",
        initial: ListenerSettings(),
        fields: [
            Field(
                "address", \.address, .listenAddress, .required, reload: .newConnections,
                "IPv4, IPv6 (in brackets and quotes), every address (`:8080`) or a unix socket.",
                example: "127.0.0.1:8080"),
            Field(
                "tls", \.tls, .optional(ListenerTLSSettings.section.kind()), reload: .newConnections,
                "TLS with these certificates; plain without it.",
                example: "{ certificates: [{ certificate: Certs/site.pem, key: Certs/site.key }] }"),
            Field(
                "protocols", \.protocols, .optional(.list(of: .choice, 1...2)), reload: .newConnections,
                "HTTP by ALPN, both with TLS; h2 without TLS is told by a connection's first bytes.",
                example: "[h2, http/1.1]"),
            Field(
                "redirect", \.redirect, .redirect, reload: .newConnections,
                "Answers everything but the health check with the same address by https (308).",
                example: "https:8443"),
            Field(
                "proxy_protocol", \.proxyProtocol, .choice, reload: .newConnections,
                "Version of the PROXY protocol, taken from trusted_proxies and unix peers only.",
                example: "v2"),
            Field(
                "backlog", \.backlog, .count(1...65_535), reload: .restart,
                "Connections that the kernel holds per worker until they are accepted.", example: "1024"),
        ],
        check: { settings, node, reader in
            if settings.redirect != .off, settings.tls != nil {
                reader.report(
                    at: node.mark, "\(reader.path.text): a listener with tls has nothing to redirect to https"
                )
            }
        })
}

extension Kind where Value == ListenerSettings.Redirect {
    /// `off`, `https`, `https:8443`.
    fileprivate static var redirect: Kind {
        .scalar("off, https or https:PORT") { text throws(Refusal) in
            switch text {
            case "off": return .off
            case "https": return .https(port: 443)
            default:
                guard text.hasPrefix("https:"), let port = UInt16(text.dropFirst(6)), port > 0 else {
                    throw Refusal()
                }
                return .https(port: port)
            }
        } write: {
            switch $0 {
            case .off: "off"
            case .https(443): "https"
            case .https(let port): "https:\(port)"
            }
        }
    }
}
