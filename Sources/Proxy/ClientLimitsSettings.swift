import Settings

/// What a client may take: time, bytes and connections.
package struct ClientLimitsSettings: Equatable, Sendable {
    /// From a request's first byte to the end of its head, however it drips; 408.
    package var headTimeout: Duration = .seconds(10)
    /// Between two requests of a connection.
    package var idleTimeout: Duration = .seconds(60)
    /// Longest wait for more of a request's body; 408.
    package var bodyTimeout: Duration = .seconds(30)
    /// Longest wait for the client to take more of an answer.
    package var writeTimeout: Duration = .seconds(30)
    /// Bytes of a request's head, at most 65,535; 431.
    package var maxHead = 16 << 10
    /// Bytes of a request's body, 0 is no limit; 413. Routes may say otherwise.
    package var maxBody = 0
    package var maxRequestsPerConnection = 100_000
    /// Silence in both directions of an upgraded connection.
    package var tunnelIdleTimeout: Duration = .seconds(3600)
    /// Connections per process, divided over the workers; nil is what the limit of descriptors allows.
    package var maxConnections: Int?

    package init() {}
}
