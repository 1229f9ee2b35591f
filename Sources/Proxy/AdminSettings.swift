import Settings

/// The listener for operators: metrics, state, levers.
package struct AdminSettings: Equatable, Sendable {
    /// Nil is no admin listener.
    package var address: ListenAddress? = .ip(IPAddress(v4: 0x7F00_0001), port: 9901)
    /// Bearer token; nil asks for none, which only an address of this machine may do.
    package var token: String?

    package init() {}
}
