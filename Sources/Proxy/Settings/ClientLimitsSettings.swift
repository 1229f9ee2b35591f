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
    /// Bytes a second that a client must send of a body, or read of an answer, while it is waited for. Judged
    /// over `bodyTimeout` and `writeTimeout`: a client that is slower uses them up. Nil judges by silence
    /// alone.
    package var minimumRate: ByteRate? = ByteRate(240)
    /// Bytes of a request's head, at most 65,535; 431.
    package var maxHead = 16 << 10
    /// Bytes of a request's body, 0 is no limit; 413. Routes may say otherwise.
    package var maxBody = 0
    package var maxRequestsPerConnection = 100_000
    /// Streams of one HTTP/2 connection at once.
    package var maxStreams = 100
    /// TLS handshakes that one address (IPv6: /56) may begin a second, over all workers; nil is no limit.
    /// Four seconds' worth may come at once.
    package var handshakesPerSecond: Int? = 50
    /// Connections that one address, IPv6 by /56, may begin in a second, plain ones too; nil does not count
    /// them. Four seconds' worth may come at once.
    package var connectionsPerSecond: Int?
    /// Silence in both directions of an upgraded connection.
    package var tunnelIdleTimeout: Duration = .seconds(3600)
    /// Bytes of one WebSocket message, 0 is no limit.
    package var maxMessage = 0
    /// Upgraded connections per process, divided over the workers; nil is no limit.
    package var maxTunnels: Int?
    /// Connections per process, divided over the workers; nil is what the limit of descriptors allows.
    package var maxConnections: Int?
    /// Connections from one address, IPv6 by /56, over all workers; nil is an eighth of all connections.
    package var maxConnectionsPerAddress: Int?

    package init() {}
}

extension ClientLimitsSettings {
    package static let section = Section(
        "What a client may take: time, bytes and connections.",
        initial: ClientLimitsSettings(),
        fields: times + sizes)

    private static let times: [Field<ClientLimitsSettings>] = [
        Field(
            "head_timeout", \.headTimeout, .duration(.milliseconds(100)...(.seconds(600))),
            reload: .newConnections,
            "Longest time for a whole request head, however it drips; then 408.", example: "5s"),
        Field(
            "idle_timeout", \.idleTimeout, .duration(.seconds(1)...(.seconds(86_400))),
            reload: .newConnections,
            "Longest time between two requests of a connection.", example: "75s"),
        Field(
            "body_timeout", \.bodyTimeout, .duration(.milliseconds(100)...(.seconds(3600))),
            reload: .newConnections,
            "Longest wait for a request's body; what comes buys time back (minimum_rate); then 408.",
            example: "1m"),
        Field(
            "write_timeout", \.writeTimeout, .duration(.milliseconds(100)...(.seconds(3600))),
            reload: .newConnections,
            "Longest wait for a client to read; what it reads buys time back (minimum_rate); then a reset.",
            example: "1m"),
        Field(
            "minimum_rate", \.minimumRate,
            .optional(.byteRate(ByteRate(1)...ByteRate(1 << 20)), none: "off"), reload: .newConnections,
            "Speed at which a client buys back the time it was waited for; off: any byte buys all of it.",
            example: "1KiB/s"),
        Field(
            "tunnel_idle_timeout", \.tunnelIdleTimeout, .duration(.seconds(1)...(.seconds(7 * 86_400))),
            reload: .newConnections,
            "Longest silence in both directions of an upgraded connection (WebSocket).", example: "10m"),
    ]

    private static let sizes: [Field<ClientLimitsSettings>] = [
        Field(
            "max_head", \.maxHead, .bytes(1024...65_535), reload: .newConnections,
            "Largest request head; then 431.", example: "32KiB"),
        Field(
            "max_body", \.maxBody, .bytes(0...(1 << 40)), reload: .live,
            "Largest request body, 0 for no limit; then 413. Routes may say otherwise.", example: "10MiB"),
        Field(
            "max_requests_per_connection", \.maxRequestsPerConnection, .count(1...1_000_000_000),
            reload: .newConnections, "Requests until a connection is closed.", example: "1000"),
        Field(
            "max_streams", \.maxStreams, .count(1...10_000), reload: .newConnections,
            "Streams of one HTTP/2 connection at once; a client that knows and opens more loses it.",
            example: "250"),
        Field(
            "handshakes_per_second", \.handshakesPerSecond, .optional(.count(1...1_000_000), none: "off"),
            reload: .live,
            "TLS handshakes that an address (IPv6: /56) may begin, four seconds' worth at once.",
            example: "20"),
        Field(
            "connections_per_second", \.connectionsPerSecond, .optional(.count(1...1_000_000), none: "off"),
            reload: .live,
            "Connections that an address (IPv6: /56) may begin, four seconds' worth at once; then 429.",
            example: "50"),
        Field(
            "max_message", \.maxMessage, .bytes(0...(1 << 30)), reload: .newConnections,
            "Largest message of a WebSocket, as it is on the wire, 0 for no limit; then it ends with 1009.",
            example: "1MiB"),
        Field(
            "max_tunnels", \.maxTunnels, .optional(.count(1...10_000_000), none: "off"), reload: .live,
            "Upgraded connections (WebSocket) per process, divided over the workers; then 503.",
            example: "20000"),
        Field(
            "max_connections", \.maxConnections, .optional(.count(1...10_000_000), none: "auto"),
            reload: .restart,
            "Client connections per process, divided over the workers; auto follows the limit of open files.",
            example: "50000"),
        Field(
            "max_connections_per_address", \.maxConnectionsPerAddress,
            .optional(.count(1...10_000_000), none: "auto"), reload: .restart,
            "Connections of one address (IPv6: /56) but trusted_proxies; then 429. Auto: an eighth of all.",
            example: "1000"),
    ]
}
