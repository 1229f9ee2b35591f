import Addressing
import Bytes
import Control
import Fetch
import Telemetry
import Time

/// The page of `/metrics` with every family on it.
enum MetricsPage {
    struct Family {
        var name: String
        var kind = ""
        var help: String
        /// `{route,status}`; empty where there are none.
        var labels = ""
    }

    static func text() -> String {
        let routes = AdminRoutes(source: Source(), clock: { WallTime(nanoseconds: 0) })
        return String(
            decoding: routes.answer(AdminRequest(method: .get, path: "/metrics")).body, as: UTF8.self)
    }

    /// Families in the page's order; labels are those of a family's first sample.
    static func families(of page: String) -> [Family] {
        var families: [Family] = []
        for line in page.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            switch words.prefix(2) {
            case ["#", "HELP"]: families.append(Family(name: String(words[2]), help: String(words[3])))
            case ["#", "TYPE"]: families[families.count - 1].kind = String(words[3])
            default:
                let names = line.matches(of: /(\w+)="/).map { String($0.1) }.filter { $0 != "le" }
                guard !names.isEmpty, families[families.count - 1].labels.isEmpty else { continue }
                families[families.count - 1].labels = "{\(names.joined(separator: ","))}"
            }
        }
        return families
    }

    /// A gateway of which everything is known that may be known.
    private struct Source: AdminSource {
        let registry = MetricRegistry()

        init() {
            _ = registry.routeSlot("route")
            _ = registry.upstreamSlot("upstream")
            _ = registry.limitSlot("limit")
        }

        var isReady: Bool { true }
        func metrics() -> MetricsSnapshot { registry.snapshot() }
        func reload() -> ReloadReport { ReloadReport(isApplied: true, generation: 1) }
        func currentBans() -> [Ban] { [] }
        func ban(_ address: IPAddress, lasting: Duration) -> BanChange { .full }
        func liftBan(_ who: String) -> Bool { false }
        func counters(
            of limit: String, holder: String, _ action: LimitAction
        ) throws(LimitProblem) -> LimitCounters {
            throw .unknownLimit(suggestion: nil)
        }
        func status() -> GatewayStatus {
            var status = GatewayStatus(
                version: "1.2.3", pid: 1, uptime: .zero, state: .running, isReady: true, settingsFile: nil,
                generation: 1, lastReload: GatewayStatus.Reload(time: WallTime(nanoseconds: 0), errors: []),
                accessLog: GatewayStatus.AccessLog(written: 0, dropped: 0))
            status.residentBytes = 0
            status.openDescriptors = 0
            status.memoryLimit = 0
            status.certificatesExpire = 0
            status.gateways = 1
            status.keySets = [KeySetStatus(name: "source", place: "", state: .fresh, age: .zero)]
            status.planLookups = PlanLookups.Statistics()
            return status
        }
    }
}

/// An exchange that has a value for every field of the access log.
enum FullRecord {
    static func line() -> String {
        var record = AccessRecord()
        record.requestID = ByteView("id")
        record.traceID = ByteView("trace")
        record.client = ByteView("203.0.113.7")
        record.method = ByteView("GET")
        record.host = ByteView("example.com")
        record.path = ByteView("/")
        record.query = ByteView("a=b")
        record.route = ByteView("route")
        record.limitRule = ByteView("limit")
        record.upstream = ByteView("upstream")
        record.server = ByteView("server")
        record.upstreamConnection = .fresh
        record.user = ByteView("user")
        record.userAgent = ByteView("agent")
        record.referer = ByteView("/")
        record.grpcStatus = 0
        let now = Instant(nanoseconds: 1)
        record.timings.headBegun = now
        record.timings.headComplete = now
        record.timings.policyDone = now
        record.timings.upstreamChosen = now
        record.timings.connected = now
        record.timings.requestSent = now
        record.timings.responseHead = now
        record.timings.responseEnd = now
        var encoder = AccessLogEncoder(query: .presence)
        return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { region in
            let length = encoder.encode(record, into: region) ?? 0
            return String(decoding: region[..<length], as: UTF8.self)
        }
    }
}
