import Settings

/// One address that clients connect to.
package struct ListenerSettings: Equatable, Sendable {
    /// Which versions of the PROXY protocol a connection begins with; taken from trusted proxies only (unix peers are trusted).
    package enum ProxyProtocol: String, CaseIterable, Sendable { case off, v1, v2, any }

    package var address: ListenAddress = .ip(IPAddress(v4: 0x7F00_0001), port: 8080)
    package var proxyProtocol: ProxyProtocol = .off
    /// Connections that the kernel holds until they are accepted, per worker.
    package var backlog = 4096

    package init() {}
}
