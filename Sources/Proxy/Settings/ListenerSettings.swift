import Addressing
import Settings

/// One address that clients connect to.
package struct ListenerSettings: Equatable, Sendable {
    /// Which versions of the PROXY protocol a connection begins with; taken from trusted proxies only (unix
    /// peers are trusted).
    package enum ProxyProtocol: String, CaseIterable, Sendable { case off, v1, v2, any }

    package var address: ListenAddress = .ip(.loopback, port: 8080)
    package var proxyProtocol: ProxyProtocol = .off
    /// Connections that the kernel holds until they are accepted, per worker.
    package var backlog = 4096

    package init() {}
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
                "proxy_protocol", \.proxyProtocol, .choice, reload: .newConnections,
                "Version of the PROXY protocol, taken from trusted_proxies and unix peers only.",
                example: "v2"),
            Field(
                "backlog", \.backlog, .count(1...65_535), reload: .restart,
                "Connections that the kernel holds per worker until they are accepted.", example: "1024"),
        ])
}
