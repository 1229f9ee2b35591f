import Fetch
import Proxy
import Telemetry
import Time

/// The gateway at one moment, for operators. Holds names from the settings and numbers, no secrets.
package struct GatewayStatus: Sendable, Equatable {
    package enum State: String, Sendable {
        case running, draining
    }

    package var version: String
    package var pid: Int
    package var uptime: Duration
    package var state: State
    /// Whether new requests are welcome; off before the drain is seen elsewhere.
    package var isReady: Bool
    /// Nil where the settings came from somewhere else than a file.
    package var settingsFile: String?
    /// 1 for the settings of the start, one more for every reload that was taken over.
    package var generation: Int
    /// Nil where there was none.
    package var lastReload: Reload?
    package var workers: [Worker]
    /// Exchanges that have ended.
    package var requests: UInt64 = 0
    /// Exchanges that have ended, by who ended them in which phase; only those that occurred.
    package var outcomes: [Count] = []
    package var connectionsOpen = 0
    package var tunnelsOpen = 0
    package var upstreams: [Upstream] = []
    package var routes: [Route] = []
    package var limits: [Limit] = []
    /// Nil without Redis.
    package var redis: Redis?
    /// Nil where no access log is written.
    package var accessLog: AccessLog?
    package var residentBytes: Int?
    /// Bytes.
    package var memoryLimit: Int?
    package var memoryLevel = MemoryLevel.calm
    package var openDescriptors: Int?
    /// Addresses that are banned now.
    package var bans = 0
    /// What traffic says is wrong with the settings.
    package var findings: [Finding] = []
    /// Gateways that share the Redis; nil without one.
    package var gateways: Int?
    /// When the first of the listeners' certificates ends, in seconds since 1970; nil without TLS.
    package var certificatesExpire: Int64?
    /// Those that are fetched.
    package var keySets: [KeySetStatus] = []
    /// Nil where plans are not looked up.
    package var planLookups: PlanLookups.Statistics?

    package init(
        version: String, pid: Int, uptime: Duration, state: State, isReady: Bool, settingsFile: String?,
        generation: Int, lastReload: Reload? = nil, workers: [Worker] = [], accessLog: AccessLog? = nil
    ) {
        self.version = version
        self.pid = pid
        self.uptime = uptime
        self.state = state
        self.isReady = isReady
        self.settingsFile = settingsFile
        self.generation = generation
        self.lastReload = lastReload
        self.workers = workers
        self.accessLog = accessLog
    }

    package struct Reload: Sendable, Equatable {
        package var time: WallTime
        /// Why the old settings were kept; empty where the new ones hold.
        package var errors: [String]

        package init(time: WallTime, errors: [String]) {
            self.time = time
            self.errors = errors
        }
    }

    package struct Worker: Sendable, Equatable {
        package var index: Int
        package var openConnections: Int

        package init(index: Int, openConnections: Int) {
            self.index = index
            self.openConnections = openConnections
        }
    }

    package struct Count: Sendable, Equatable {
        package var name: String
        package var count: UInt64

        package init(name: String, count: UInt64) {
            self.name = name
            self.count = count
        }
    }

    package struct Upstream: Sendable, Equatable {
        package var name: String
        /// As the settings write them.
        package var endpoints: [String]
        /// Connections that were made, requests that used one again, and connections that could not be made.
        package var opened: UInt64, reused: UInt64, failed: UInt64
        package var open: Int
    }

    package struct Route: Sendable, Equatable {
        package var name: String
        /// By class of the status: `2xx`, … `none` where the client was gone; only those that occurred.
        package var requests: [Count]
        /// Milliseconds from a request's first byte to the end of its answer; nil where none has ended.
        package var p50: Double?, p99: Double?
    }

    package struct Limit: Sendable, Equatable {
        package var name: String
        package var allowed: UInt64, denied: UInt64
    }

    package struct Redis: Sendable, Equatable {
        /// Without the password.
        package var address: String
        /// Why it is not asked now; nil where it is.
        package var lostBecause: String?
        /// Losses since the start.
        package var losses = 0
        /// Whether shared tables are told and heard of.
        package var isShared = false
        /// Changes that it has not been told of.
        package var waiting = 0
        package var commands: UInt64 = 0
        /// Commands without a useful answer, whatever the reason.
        package var failed: UInt64 = 0
        /// Milliseconds from a command to its answer; nil before the first.
        package var p50: Double?, p99: Double?

        package init(address: String) { self.address = address }
    }

    package struct AccessLog: Sendable, Equatable {
        /// Records.
        package var written: UInt64, dropped: UInt64

        package init(written: UInt64, dropped: UInt64) {
            self.written = written
            self.dropped = dropped
        }
    }
}

extension GatewayStatus {
    /// Takes over what the workers counted. `endpoints` are those of each upstream that the settings have
    /// now; names that only earlier settings had are left out, though the metrics keep their numbers.
    package mutating func take(
        _ metrics: MetricsSnapshot, routes routeNames: [String],
        endpoints: [(upstream: String, labels: [String])],
        limits limitNames: [String]
    ) {
        requests = metrics.requests
        outcomes = Outcome.allCases.compactMap { outcome in
            let count = metrics.count(of: outcome)
            return count > 0 ? Count(name: "\(outcome.code)", count: count) : nil
        }
        connectionsOpen = metrics.value(of: .connectionsOpen)
        tunnelsOpen = metrics.value(of: .tunnelsOpen)
        let counted = Dictionary(metrics.upstreams.map { ($0.name, $0) }) { first, _ in first }
        upstreams = endpoints.map { upstream, labels in
            let numbers = counted[upstream]
            return Upstream(
                name: upstream, endpoints: labels, opened: numbers?.opened ?? 0, reused: numbers?.reused ?? 0,
                failed: numbers?.failed ?? 0, open: numbers?.open ?? 0)
        }
        takeRoutes(metrics, routeNames)
        let decided = Dictionary(metrics.limits.map { ($0.name, $0.decisions) }) { first, _ in first }
        limits = limitNames.map { name in
            let decisions = decided[name]
            return Limit(
                name: name, allowed: decisions?[LimitDecision.allowed.rawValue] ?? 0,
                denied: decisions?[LimitDecision.denied.rawValue] ?? 0)
        }
    }

    /// Requests that matched no route stand last, where there were any.
    private mutating func takeRoutes(_ metrics: MetricsSnapshot, _ names: [String]) {
        let counted = Dictionary(metrics.routes.map { ($0.name, $0) }) { first, _ in first }
        routes = names.map { name in
            counted[name].map(Route.init) ?? Route(name: name, requests: [], p50: nil, p99: nil)
        }
        if let unmatched = metrics.routes.first.map(Route.init), !unmatched.requests.isEmpty {
            routes.append(unmatched)
        }
    }
}

extension GatewayStatus.Route {
    fileprivate init(_ route: MetricsSnapshot.Route) {
        name = route.name
        requests = StatusClass.allCases.compactMap { status in
            let count = route.requests[status.rawValue]
            return count > 0 ? GatewayStatus.Count(name: "\(status.label)", count: count) : nil
        }
        p50 = route.duration.quantile(0.5).map { $0 / 1_000_000 }
        p99 = route.duration.quantile(0.99).map { $0 / 1_000_000 }
    }
}
