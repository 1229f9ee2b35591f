import HTTPModel
import Reactor
import Settings
import Telemetry
import Time

/// What the admin listener answers: paths to what `AdminSource` says.
package struct AdminRoutes: Sendable {
    private let source: any AdminSource
    private let credentials: (any CredentialSource)?
    private let clock: @Sendable () -> WallTime

    package init(
        source: any AdminSource, credentials: (any CredentialSource)? = nil,
        clock: @escaping @Sendable () -> WallTime = { SystemClock.wallTime() }
    ) {
        self.source = source
        self.credentials = credentials
        self.clock = clock
    }

    private enum Endpoint: String, CaseIterable {
        case index = "/"
        case metrics = "/metrics"
        case health = "/healthz"
        case readiness = "/readyz"
        case status = "/status"
        case reload = "/reload"
        case bans = "/bans"
        case addBan = "/bans/add"
        case liftBan = "/bans/lift"
        case limits = "/limits"
        case resetLimit = "/limits/reset"

        /// What changes something is only done by POST; what does not, never.
        var changesState: Bool {
            switch self {
            case .index, .metrics, .health, .readiness, .status, .bans, .limits: false
            case .reload, .addBan, .liftBan, .resetLimit: true
            }
        }

        var guide: String {
            switch self {
            case .index: "this list"
            case .metrics: "numbers in Prometheus' text format"
            case .health: "200 as long as the process answers"
            case .readiness: "200 while new requests are welcome, 503 from the start of a drain on"
            case .status:
                "state, workers, upstreams, routes and limits as JSON; `floodgate status` shows it as tables"
            case .reload:
                "reads the settings again: 200 where they hold, 422 with every error where the old ones stay"
            case .bans: "addresses that are not served, why and until when, as JSON"
            case .addBan: "?address=192.0.2.7&for=10m bans an address"
            case .liftBan: "?address=192.0.2.7 ends its ban"
            case .limits: "?limit=chat&holder=ip=192.0.2.7 shows what is left of a limit"
            case .resetLimit: "?limit=chat&holder=ip=192.0.2.7 lets it begin anew, on all gateways"
            }
        }
    }

    package func answer(_ request: AdminRequest) -> AdminResponse {
        if let credentials,
            let response = CredentialRoutes(source: credentials, now: clock()).answer(request)
        {
            return response
        }
        guard let endpoint = Endpoint(rawValue: request.path) else {
            return .problem(404, "Nothing is here. GET / lists what is.")
        }
        guard AdminRoutes.isAllowed(request.method, at: endpoint) else {
            let allowed = endpoint.changesState ? "POST" : "GET, HEAD"
            return .problem(405, "This path answers to \(allowed).", fields: [("Allow", allowed)])
        }
        return switch endpoint {
        case .index: .text(AdminRoutes.index + (credentials == nil ? "" : CredentialRoutes.index))
        case .metrics: metrics()
        case .health: probe(isGood: true, status: 200)
        case .readiness: readiness()
        case .status: .json(source.status().json)
        case .reload: AdminRoutes.answer(to: source.reload())
        case .bans: BanRoutes(source: source, now: clock()).list()
        case .addBan: BanRoutes(source: source, now: clock()).add(request)
        case .liftBan: BanRoutes(source: source, now: clock()).lift(request)
        case .limits: LimitRoutes(source: source).answer(.show, request)
        case .resetLimit: LimitRoutes(source: source).answer(.reset, request)
        }
    }

    private static func isAllowed(_ method: Method, at endpoint: Endpoint) -> Bool {
        switch method {
        case .get, .head: !endpoint.changesState
        case .post: endpoint.changesState
        case .put, .delete, .options, .patch, .trace, .connect, .other: false
        }
    }

    private static let index: String = {
        let lines = Endpoint.allCases.map { endpoint in
            let method = endpoint.changesState ? "POST" : "GET "
            let padding = String(repeating: " ", count: 15 - endpoint.rawValue.count)
            return "\(method) \(endpoint.rawValue)\(padding)\(endpoint.guide)\n"
        }
        return "Floodgate, admin listener\n\n" + lines.joined()
    }()

    private func readiness() -> AdminResponse {
        let isReady = source.isReady
        return probe(isGood: isReady, status: isReady ? 200 : 503)
    }

    /// `ts` in milliseconds since 1970, as on the gateway's own listeners.
    private func probe(isGood: Bool, status: Int) -> AdminResponse {
        .json(
            .object([("ok", .bool(isGood)), ("ts", .number(String(clock().nanoseconds / 1_000_000)))]),
            status: status)
    }

    private func metrics() -> AdminResponse {
        var page = PrometheusEncoder()
        page.floodgate(source.metrics())
        let status = source.status()
        page.process(status)
        page.keySets(status.keySets)
        if let plans = status.planLookups { page.plans(plans) }
        return AdminResponse(contentType: "\(PrometheusEncoder.contentType)", body: page.text)
    }

    private static func answer(to report: ReloadReport) -> AdminResponse {
        let members: [(String, JSONValue)] = [
            ("applied", .bool(report.isApplied)), ("generation", .number(String(report.generation))),
            ("problems", .array(report.problems.map(JSONValue.string))),
            ("diagnostics", .array(report.diagnostics.map(\.json))),
        ]
        guard !report.isApplied else { return .json(.object(members)) }
        return .problem(422, "The settings were not taken over; the old ones hold.", members: members)
    }
}

extension Diagnostic {
    /// With the line as it stands in the file, secrets masked.
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("severity", .string(severity.rawValue)), ("file", .string(file)),
            ("line", .number(String(mark.line))),
            ("column", .number(String(mark.column))), ("message", .string(message)),
        ]
        if let suggestion { members.append(("suggestion", .string(suggestion))) }
        if !excerpt.isEmpty { members.append(("excerpt", .string(excerpt))) }
        return .object(members)
    }
}

extension PrometheusEncoder {
    /// What the process as a whole has to say.
    fileprivate mutating func process(_ status: GatewayStatus) {
        family("floodgate_info", .gauge, "1, with the version that runs.")
        sample(level: 1, ["version": status.version])
        family("floodgate_uptime_seconds", .gauge, "Seconds since the start.")
        sample(fraction: Double(status.uptime.nanoseconds) / 1e9)
        family("floodgate_ready", .gauge, "1 while new requests are welcome.")
        sample(level: status.isReady ? 1 : 0)
        family(
            "floodgate_settings_generation", .gauge,
            "Settings taken over since the start, those of the start included.")
        sample(level: status.generation)
        family(
            "floodgate_settings_last_reload_ok", .gauge,
            "0 while the last reload was refused and older settings hold.")
        sample(level: status.lastReload?.errors.isEmpty ?? true ? 1 : 0)
        if let time = status.lastReload?.time {
            family(
                "floodgate_settings_last_reload_seconds", .gauge,
                "When the last reload was, in seconds since 1970.")
            sample(level: Int(time.seconds))
        }
        family("floodgate_bans_active", .gauge, "Addresses that are not served now.")
        sample(level: status.bans)
        family("floodgate_findings", .gauge, "What traffic says is wrong with the settings; see status.")
        for kind in Finding.Kind.allCases {
            sample(level: status.findings.count { $0.kind == kind }, ["kind": kind.rawValue])
        }
        if let gateways = status.gateways {
            family(
                "floodgate_redis_gateways", .gauge,
                "Gateways that share the Redis; while it is away, as many as there were.")
            sample(level: gateways)
        }
        if let end = status.certificatesExpire {
            family(
                "floodgate_certificate_expiry_seconds", .gauge,
                "When the first of the listeners' certificates ends, in seconds since 1970.")
            sample(level: Int(end))
        }
        if let log = status.accessLog {
            family("floodgate_access_log_written_total", .counter, "Records that the access log has written.")
            sample(log.written)
            family("floodgate_access_log_lost_total", .counter, "Records that could not be written.")
            sample(log.dropped)
        }
        if let bytes = status.residentBytes {
            family("process_resident_memory_bytes", .gauge, "Resident memory in bytes.")
            sample(level: bytes)
        }
        if let limit = status.memoryLimit {
            family(
                "floodgate_memory_limit_bytes", .gauge, "Resident memory that the process is to stay below.")
            sample(level: limit)
            family(
                "floodgate_memory_level", .gauge,
                "0 calm, 1 tight (quiet connections are closed), 2 full (requests are refused).")
            sample(level: Int(status.memoryLevel.rawValue))
        }
        if let count = status.openDescriptors {
            family("process_open_fds", .gauge, "Open file descriptors.")
            sample(level: count)
        }
    }
}
