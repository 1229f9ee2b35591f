import Addressing
import Time

/// One address that requests of an upstream can go to: a server as configured, or one of the addresses its
/// name has.
package struct ServerEndpoint: Hashable, Sendable {
    package let address: SocketAddress
    /// The server as the settings write it: its Host, and its name in logs.
    package let label: String

    package init(address: SocketAddress, label: String) {
        self.address = address
        self.label = label
    }
}

/// An endpoint's load and luck, as one worker sees them.
package struct EndpointState: Sendable {
    package let endpoint: ServerEndpoint
    /// Exchanges of this worker that are on it now.
    package var inFlight = 0
    /// After a failed connect nothing is sent here before this instant, as long as there is another choice.
    package var coolsUntil = Instant.zero

    package init(_ endpoint: ServerEndpoint) { self.endpoint = endpoint }
}
