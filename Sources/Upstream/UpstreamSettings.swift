import Settings

/// One upstream: servers that answer the same requests.
package struct UpstreamSettings: Equatable, Sendable {
    package enum Balance: String, CaseIterable, Sendable {
        case roundRobin = "round_robin"
        case leastRequests = "least_requests"
    }

    /// The Host that servers see.
    package enum Host: Hashable, Sendable {
        /// What the client sent.
        case preserve
        /// The server's own address as it is written in `servers`.
        case upstream
        case name(String)
    }

    /// How servers are spoken to.
    package enum Version: String, CaseIterable, Sendable {
        case http11 = "http/1.1"
        case http2 = "h2"
    }

    /// Requests that wait for a connection when all are busy.
    package struct Queue: Equatable, Sendable {
        /// Requests per process, divided over the workers. 0 refuses at once.
        package var size = 200
        package var wait: Duration = .seconds(5)

        package init() {}
    }

    /// What routes call it, and its identity across reloads.
    package var name = ""
    /// At least one.
    package var servers: [ServerAddress] = []
    package var version: Version = .http11
    package var tls: UpstreamTLSSettings?
    package var balance: Balance = .roundRobin
    /// Connections per process to all servers together, with HTTP/2 requests at once, divided over the
    /// workers. 0 is no limit.
    package var connections = 0
    /// Idle connections kept for reuse, per process, divided over the workers.
    package var idleConnections = 1024
    /// An idle connection is closed after this.
    package var idleTimeout: Duration = .seconds(30)
    package var connectTimeout: Duration = .seconds(5)
    /// From the request's last byte to the end of the answer's head.
    package var responseTimeout: Duration = .seconds(60)
    /// Longest silence inside an answer's body.
    package var readTimeout: Duration = .seconds(60)
    /// Longest wait for the server to take more of a request.
    package var writeTimeout: Duration = .seconds(30)
    package var queue = Queue()
    /// How often names among `servers` are resolved again.
    package var resolveEvery: Duration = .seconds(30)
    package var host: Host = .preserve
    /// Bytes of an answer's head; more is answered with 502.
    package var maxResponseHead = 32 << 10

    package init() {}
}

extension UpstreamSettings {
    package static let section = Section(
        "Servers that answer the same requests, by a name that routes use.",
        initial: UpstreamSettings(),
        fields: connections + times,
        check: { settings, node, reader in
            let encrypted = settings.servers.filter(\.isEncrypted)
            guard !encrypted.isEmpty else { return }
            if encrypted.count < settings.servers.count {
                reader.report(
                    at: node.mark,
                    "\(reader.path.text): servers by https:// beside others: all are reached alike"
                )
            }
            if settings.tls == nil { settings.tls = UpstreamTLSSettings() }
            settings.servers = settings.servers.map(\.plain)
        })

    private static let connections: [Field<UpstreamSettings>] = [
        Field(
            "servers", \.servers, .list(of: .server, 1...256), .required, reload: .live,
            "Where the servers are: addresses, names or unix sockets; https:// for TLS.",
            example: "[127.0.0.1:3000, app.internal:3000, unix:/run/app.sock]"),
        Field(
            "protocol", \.version, .choice, reload: .live,
            "How servers are spoken to; h2 carries many requests on a connection, gRPC among them.",
            example: "h2"),
        Field(
            "tls", \.tls, .optional(UpstreamTLSSettings.section.kind()), reload: .live,
            "TLS to the servers, verified; https:// before a server says the same.",
            example: "{ authorities: Certs/authority.pem }"),
        Field(
            "balance", \.balance, .choice, reload: .live, "How a server is chosen for a request.",
            example: "least_requests"),
        Field(
            "connections", \.connections, .count(0...1_000_000), reload: .live,
            "Connections per process to all servers, or with h2 requests at once; 0 for no limit.",
            example: "20"),
        Field(
            "idle_connections", \.idleConnections, .count(0...1_000_000), reload: .live,
            "Idle connections kept for reuse per process, divided over the workers.", example: "128"),
        Field(
            "queue", \.queue, Queue.section.kind(), reload: .live,
            "Requests that wait when every connection is busy; only with connections above 0.",
            example: "{ size: 500, wait: 2s }"),
        Field(
            "host", \.host, .upstreamHost, reload: .live,
            "The Host that servers see: the client's, the server's own, or a name.",
            example: "app.example.com"),
        Field(
            "max_response_head", \.maxResponseHead, .bytes(1024...65_535), reload: .live,
            "Largest head of an answer; then 502.", example: "32KiB"),
    ]

    private static let times: [Field<UpstreamSettings>] = [
        Field(
            "idle_timeout", \.idleTimeout, .duration(.milliseconds(100)...(.seconds(86_400))), reload: .live,
            "Longest time that an idle connection is kept; less than what the servers keep.", example: "4s"),
        Field(
            "connect_timeout", \.connectTimeout, .duration(.milliseconds(10)...(.seconds(600))),
            reload: .live,
            "Longest time to connect.", example: "1s"),
        Field(
            "response_timeout", \.responseTimeout, .duration(.milliseconds(10)...(.seconds(86_400))),
            reload: .live,
            "Longest time from the request's end to the end of the answer's head; then 504.", example: "3s"),
        Field(
            "read_timeout", \.readTimeout, .duration(.milliseconds(10)...(.seconds(86_400))), reload: .live,
            "Longest silence inside an answer's body; event streams need more than their heartbeat.",
            example: "5m"),
        Field(
            "write_timeout", \.writeTimeout, .duration(.milliseconds(10)...(.seconds(86_400))), reload: .live,
            "Longest wait for a server to take more of a request.", example: "10s"),
        Field(
            "resolve_every", \.resolveEvery, .duration(.seconds(1)...(.seconds(86_400))), reload: .live,
            "How often names are resolved again.", example: "10s"),
    ]
}

extension UpstreamSettings.Queue {
    fileprivate static let section = Section(
        "Requests that wait for a connection.",
        initial: UpstreamSettings.Queue(),
        fields: [
            Field(
                "size", \.size, .count(0...1_000_000), reload: .live,
                "Requests that may wait per process, divided over the workers; 0 refuses at once with 503.",
                example: "500"),
            Field(
                "wait", \.wait, .duration(.milliseconds(1)...(.seconds(600))), reload: .live,
                "Longest wait; then 503.", example: "2s"),
        ])
}

extension Kind where Value == UpstreamSettings.Host {
    fileprivate static var upstreamHost: Kind {
        .scalar("preserve, upstream or a host name") { text throws(Refusal) in
            switch text {
            case "preserve": return .preserve
            case "upstream": return .upstream
            default:
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                // A single word is more often one of the two misspelt than a host.
                let meant =
                    text.contains(".") ? nil : Suggestion.nearest(to: text, among: ["preserve", "upstream"])
                let port = parts.count == 2 ? Quantity.digits(parts[1]).flatMap { UInt16(exactly: $0) } : 0
                guard meant == nil, parts.count <= 2, Endpoint.isHostName(String(parts[0])), port != nil
                else {
                    throw Refusal(suggestion: meant)
                }
                return .name(text.lowercased())
            }
        } write: {
            switch $0 {
            case .preserve: "preserve"
            case .upstream: "upstream"
            case .name(let name): name
            }
        }
    }
}

extension ServerAddress {
    fileprivate var isEncrypted: Bool { if case .encrypted = self { true } else { false } }

    fileprivate var plain: ServerAddress { if case .encrypted(let server) = self { server } else { self } }
}
