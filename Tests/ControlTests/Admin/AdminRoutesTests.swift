import Addressing
import Fetch
import Foundation
import HTTPModel
import Synchronization
import Telemetry
import Testing
import Time

@testable import Control
@testable import Settings

/// A gateway that says what a test wants.
final class StubSource: AdminSource {
    let registry = MetricRegistry()
    let state = Mutex(State())

    struct State {
        var isReady = true
        var reloads = 0
        var bans: [Ban] = []
        var resets: [String] = []
        var report = ReloadReport(isApplied: true, generation: 2)
        var status = StubSource.ordinaryStatus()
    }

    func metrics() -> MetricsSnapshot { registry.snapshot() }
    var isReady: Bool { state.withLock { $0.isReady } }
    func status() -> GatewayStatus { state.withLock { $0.status } }
    func reload() -> ReloadReport {
        state.withLock {
            $0.reloads += 1
            return $0.report
        }
    }

    func currentBans() -> [Ban] { state.withLock { $0.bans } }
    func ban(_ address: IPAddress, lasting: Duration) -> BanChange {
        if address == .loopback { return .trusted }
        let ban = Ban(
            who: "\(address)", cause: "operator", expires: WallTime(nanoseconds: lasting.nanoseconds))
        state.withLock { $0.bans.append(ban) }
        return .banned(ban)
    }
    func counters(
        of limit: String, holder: String, _ action: LimitAction
    ) throws(LimitProblem) -> LimitCounters {
        guard limit == "chat" else { throw .unknownLimit(suggestion: "chat") }
        guard holder.hasPrefix("ip=") else { throw .holder("the limit counts by ip=…") }
        if action == .reset { state.withLock { $0.resets.append(holder) } }
        return LimitCounters(
            limit: limit, holder: holder, origin: .memory,
            counters: [
                LimitCounters.Counter(
                    name: "chat/g", limit: 10, remaining: 3, resetSeconds: 42,
                    redisKey: "floodgate:limit:{ip=192.0.2.7}:chat/g")
            ])
    }
    func liftBan(_ who: String) -> Bool {
        state.withLock { state in
            let before = state.bans.count
            state.bans.removeAll { $0.who == who }
            return state.bans.count < before
        }
    }

    static func ordinaryStatus() -> GatewayStatus {
        var status = GatewayStatus(
            version: "1.2.3", pid: 4242, uptime: .seconds(273_907), state: .running, isReady: true,
            settingsFile: "/etc/floodgate/gateway.yaml", generation: 3,
            lastReload: GatewayStatus.Reload(
                time: WallTime(nanoseconds: 1_767_182_400_123_000_000), errors: []),
            workers: [
                GatewayStatus.Worker(index: 0, openConnections: 31),
                GatewayStatus.Worker(index: 1, openConnections: 33),
            ], accessLog: GatewayStatus.AccessLog(written: 1_234_000, dropped: 7))
        status.requests = 1_234_567
        status.outcomes = [
            GatewayStatus.Count(name: "ok", count: 1_234_500),
            GatewayStatus.Count(name: "client.body", count: 67),
        ]
        status.connectionsOpen = 64
        status.tunnelsOpen = 3
        status.upstreams = [
            GatewayStatus.Upstream(
                name: "app", endpoints: ["127.0.0.1:3000", "127.0.0.1:3001"], opened: 12, reused: 1_234_555,
                failed: 1,
                open: 8),
            GatewayStatus.Upstream(name: "video", endpoints: [], opened: 0, reused: 0, failed: 0, open: 0),
        ]
        status.routes = [
            GatewayStatus.Route(
                name: "api",
                requests: [
                    GatewayStatus.Count(name: "2xx", count: 1_234_000),
                    GatewayStatus.Count(name: "4xx", count: 567),
                ], p50: 0.4217, p99: 42.06),
            GatewayStatus.Route(name: "video", requests: [], p50: nil, p99: nil),
        ]
        status.limits = [GatewayStatus.Limit(name: "everyone", allowed: 1_234_000, denied: 560)]
        status.residentBytes = 24_536_678
        status.openDescriptors = 120
        status.gateways = 2
        status.certificatesExpire = 1_774_958_400
        status.keySets = [
            KeySetStatus(
                name: "users", place: "https://id.example.com/keys", state: .stale, keys: 2,
                age: .seconds(3661), fetched: 7, failed: 3,
                lastSuccess: WallTime(nanoseconds: 1_767_182_400_000_000_000), reason: "cannot be reached"),
            KeySetStatus(name: "partners", place: "http://10.0.0.1/keys", state: .never),
        ]
        status.planLookups = PlanLookups.Statistics(users: 12, hits: 345, found: 40, none: 2, failed: 1)
        return status
    }
}

@Suite struct AdminRoutesTests {
    private let source = StubSource()
    private var routes: AdminRoutes {
        AdminRoutes(source: source, clock: { WallTime(nanoseconds: 1_767_182_400_123_999_999) })
    }

    private func get(_ path: String) -> AdminResponse {
        routes.answer(AdminRequest(method: .get, path: path))
    }
    private func post(_ path: String) -> AdminResponse {
        routes.answer(AdminRequest(method: .post, path: path))
    }

    private func json(_ response: AdminResponse) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
    }

    @Test func `health is good as long as anybody answers`() throws {
        source.state.withLock { $0.isReady = false }
        let response = get("/healthz")
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == "{\"ok\":true,\"ts\":1767182400123}\n")
    }

    @Test func `readiness follows the gateway`() throws {
        #expect(get("/readyz").status == 200)
        source.state.withLock { $0.isReady = false }
        let response = get("/readyz")
        #expect(response.status == 503)
        #expect(try json(response)["ok"] as? Bool == false)
    }

    @Test func `the index names every path`() {
        let text = String(decoding: get("/").body, as: UTF8.self)
        for path in ["/metrics", "/healthz", "/readyz", "/status", "/reload"] {
            #expect(text.contains(" \(path) "))
        }
        #expect(text.contains("POST /reload"))
    }

    @Test(arguments: ["/nothing", "/status/", "/metrics/../status", "", "*", "/%73tatus"])
    func `other paths are not found`(path: String) { #expect(get(path).status == 404) }

    @Test(arguments: ["/", "/metrics", "/healthz", "/readyz", "/status"])
    func `what only shows is only asked for`(path: String) {
        for method in Method.allCases where method != .get && method != .head {
            let response = routes.answer(AdminRequest(method: method, path: path))
            #expect(response.status == 405)
            #expect(response.fields.contains { $0 == ("Allow", "GET, HEAD") })
        }
        #expect(routes.answer(AdminRequest(method: .head, path: path)).status == 200)
    }

    @Test func `only a post changes anything`() {
        for method in Method.allCases where method != .post {
            let response = routes.answer(AdminRequest(method: method, path: "/reload"))
            #expect(response.status == 405)
            #expect(response.fields.contains { $0 == ("Allow", "POST") })
        }
        #expect(source.state.withLock { $0.reloads } == 0)
        #expect(post("/reload").status == 200)
        #expect(source.state.withLock { $0.reloads } == 1)
    }

    @Test func `a reload that is refused answers with everything that was wrong`() throws {
        let diagnostics = [
            Diagnostic(
                severity: .error, file: "gateway.yaml", mark: Mark(line: 11, column: 7),
                message: "unknown key \"burts\"",
                suggestion: "burst", excerpt: "      burts: 3"),
            Diagnostic(
                severity: .warning, file: "gateway.yaml", mark: Mark(line: 12, column: 1), message: "odd",
                suggestion: nil,
                excerpt: ""),
        ]
        source.state.withLock {
            $0.report = ReloadReport(
                isApplied: false, generation: 1, diagnostics: diagnostics,
                problems: ["gateway.yaml changed while read"])
        }
        let response = post("/reload")
        #expect(response.status == 422)
        #expect(response.contentType == "application/problem+json")
        let object = try json(response)
        #expect(object["applied"] as? Bool == false)
        #expect(object["generation"] as? Int == 1)
        #expect(object["problems"] as? [String] == ["gateway.yaml changed while read"])
        let found = try #require(object["diagnostics"] as? [[String: Any]])
        #expect(found.count == 2)
        #expect(found[0]["line"] as? Int == 11 && found[0]["column"] as? Int == 7)
        #expect(found[0]["message"] as? String == "unknown key \"burts\"")
        #expect(found[0]["suggestion"] as? String == "burst")
        #expect(found[1]["severity"] as? String == "warning" && found[1]["excerpt"] == nil)
    }

    @Test func `errors of a report are its problems and errors, not its warnings`() {
        let report = ReloadReport(
            isApplied: false, generation: 1,
            diagnostics: [
                Diagnostic(
                    severity: .warning, file: "a", mark: Mark(line: 1, column: 1), message: "w",
                    suggestion: nil, excerpt: ""),
                Diagnostic(
                    severity: .error, file: "a", mark: Mark(line: 2, column: 3), message: "e",
                    suggestion: nil, excerpt: ""),
            ], problems: ["p"])
        #expect(report.errors == ["p", "a:2:3: error: e"])
    }

    @Test func `the metrics page holds the workers' numbers and those of the process, each family once`()
        throws
    {
        let worker = source.registry.makeWorkerMetrics()
        let route = source.registry.routeSlot("api")
        worker.exchangeEnded(
            route: route, status: 200, outcome: .ok, bytesIn: 1, bytesOut: 2, nanoseconds: 5_000_000)
        let response = get("/metrics")
        #expect(response.contentType == "text/plain; version=0.0.4; charset=utf-8")
        let lines = String(decoding: response.body, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines.contains("floodgate_requests_total{route=\"api\",status=\"2xx\"} 1"))
        #expect(lines.contains("floodgate_info{version=\"1.2.3\"} 1"))
        #expect(lines.contains("floodgate_settings_generation 3"))
        #expect(lines.contains("floodgate_settings_last_reload_ok 1"))
        #expect(lines.contains("process_resident_memory_bytes 24536678"))
        #expect(lines.contains("floodgate_uptime_seconds 273907.0"))
        let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        #expect(Set(types).count == types.count)
        for line in lines where !line.hasPrefix("#") {
            let value = line.split(separator: " ").last.flatMap { Double($0) }
            #expect(types.contains { line.hasPrefix($0) } && value != nil, "\(line)")
        }
    }

    @Test func `the metrics tell when the first certificate ends, where there is one`() {
        let text = String(decoding: get("/metrics").body, as: UTF8.self)
        #expect(text.contains("\n# TYPE floodgate_certificate_expiry_seconds gauge\n"))
        #expect(text.contains("\nfloodgate_certificate_expiry_seconds 1774958400\n"))
        source.state.withLock { $0.status.certificatesExpire = nil }
        let plain = String(decoding: get("/metrics").body, as: UTF8.self)
        #expect(!plain.contains("floodgate_certificate_expiry_seconds"))
    }

    @Test func `the metrics tell of key sets and of plans, where there are some`() {
        let text = String(decoding: get("/metrics").body, as: UTF8.self)
        for line in [
            #"floodgate_jwks_state{source="users",state="stale"} 1"#,
            #"floodgate_jwks_state{source="users",state="fresh"} 0"#,
            #"floodgate_jwks_state{source="partners",state="never"} 1"#,
            #"floodgate_jwks_keys{source="users"} 2"#, #"floodgate_jwks_age_seconds{source="users"} 3661.0"#,
            #"floodgate_jwks_last_success_seconds{source="users"} 1767182400"#,
            #"floodgate_jwks_last_success_seconds{source="partners"} 0"#,
            #"floodgate_jwks_fetches_total{source="users",result="ok"} 7"#,
            #"floodgate_jwks_fetches_total{source="users",result="failed"} 3"#,
            #"floodgate_plan_lookups_total{result="remembered"} 345"#, "floodgate_plan_users 12",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
        #expect(!text.contains(#"floodgate_jwks_age_seconds{source="partners"}"#))
        source.state.withLock { ($0.status.keySets, $0.status.planLookups) = ([], nil) }
        let plain = String(decoding: get("/metrics").body, as: UTF8.self)
        #expect(!plain.contains("jwks") && !plain.contains("plan"))
    }

    @Test func `a refused reload shows in the metrics`() {
        source.state.withLock { $0.status.lastReload?.errors = ["gateway.yaml:1:1: error: no"] }
        let text = String(decoding: get("/metrics").body, as: UTF8.self)
        #expect(text.contains("\nfloodgate_settings_last_reload_ok 0\n"))
        #expect(!text.contains("gateway.yaml"))
    }
}
