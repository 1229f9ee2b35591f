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
    package var balance: Balance = .roundRobin
    /// Connections per process to all servers together, divided over the workers. 0 is no limit.
    package var connections = 0
    /// Idle connections kept for reuse, per process, divided over the workers.
    package var idleConnections = 64
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
