import Bytes
import Time

/// A gateway's state as aligned text, for people.
package struct StatusReport {
    package enum Style: Sendable {
        /// For files, pipes and tests: no escape codes.
        case plain
        /// For terminals: headings bold, states coloured.
        case terminal
    }

    private let status: GatewayStatus
    private let style: Style
    /// Columns that a line may have; what is longer is cut.
    private let width: Int

    private static let nameLimit = 32

    package init(_ status: GatewayStatus, style: Style = .plain, width: Int = 100) {
        self.status = status
        self.style = style
        self.width = max(60, width)
    }

    /// Everything, the last line ended.
    package var text: String {
        let tables = [workers, upstreams, routes, limits, keySets, findings].compactMap { $0 }
        return ([summary] + tables).joined(separator: "\n")
    }

    // MARK: The process

    private var summary: String {
        var lines = [headline, ""]
        let file = status.settingsFile.map { "\($0), " } ?? ""
        lines.append(fact("Settings", "\(file)generation \(status.generation)"))
        lines += reload
        lines.append(fact("Open", "\(status.connectionsOpen) connections, \(status.tunnelsOpen) tunnels"))
        let outcomes = status.outcomes.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        lines.append(
            fact("Requests", outcomes.isEmpty ? "\(status.requests)" : "\(status.requests): \(outcomes)"))
        if let plans = status.planLookups {
            lines.append(
                fact(
                    "Plans",
                    "\(plans.users) users known, \(plans.found + plans.none) looked up, "
                        + "\(plans.failed) failed"))
        }
        if status.bans > 0 { lines.append(fact("Bans", "\(status.bans) addresses; floodgate bans list")) }
        if let log = status.accessLog {
            lines.append(fact("Access log", "\(log.written) records written, \(log.dropped) dropped"))
        }
        lines += redis
        var process: [String] = []
        if let bytes = status.residentBytes {
            process.append("\(StatusReport.mebibytes(bytes)) MiB resident")
        }
        if status.memoryLevel != .calm, let limit = status.memoryLimit {
            process.append("memory \(status.memoryLevel.name) of \(StatusReport.mebibytes(limit)) MiB")
        }
        if let count = status.openDescriptors { process.append("\(count) descriptors open") }
        if !process.isEmpty { lines.append(fact("Process", process.joined(separator: ", "))) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var headline: String {
        let state: String =
            switch status.state {
            case .running: status.isReady ? paint("running, ready", .good) : paint("running, not ready", .bad)
            case .draining: paint("draining", .bad)
            }
        let uptime = StatusReport.duration(seconds: status.uptime.components.seconds)
        return
            "Floodgate \(cut(status.version, to: Self.nameLimit)): \(state), pid \(status.pid), up \(uptime)"
    }

    private var reload: [String] {
        guard let reload = status.lastReload else { return [] }
        let time = ByteWriter.text(capacity: 32) { $0.write(timestamp: reload.time) }
        guard !reload.errors.isEmpty else { return [fact("Reloaded", "\(time), taken over")] }
        let refused = paint("refused, the settings before it hold", .bad)
        // Whole: a place in a file and what is wrong there are of no use when they are cut.
        return [fact("Reloaded", time) + ", " + refused]
            + reload.errors.map { "            " + $0.withoutControls }
    }

    private var redis: [String] {
        guard let redis = status.redis else { return [] }
        let state = redis.lostBecause.map { paint("lost: \($0)", .bad) } ?? paint("asked", .good)
        var parts = ["\(redis.commands) commands, \(redis.failed) failed"]
        if let p50 = redis.p50, let p99 = redis.p99 {
            let times = [p50, p99].map(StatusReport.milliseconds)
            parts.append("p50 \(times[0]) ms, p99 \(times[1]) ms")
        }
        if redis.waiting > 0 { parts.append("\(redis.waiting) changes wait") }
        // The state has codes of its own for a terminal and is not cut among them.
        return [fact("Redis", redis.address) + ", " + state, "            " + parts.joined(separator: "; ")]
    }

    private func fact(_ name: String, _ value: String) -> String {
        let label = name + String(repeating: " ", count: max(0, 12 - name.count))
        return label + cut(value, to: width - 12)
    }

    // MARK: Tables

    private var workers: String? {
        table(["WORKER", "CONNECTIONS"], status.workers.map { ["\($0.index)", "\($0.openConnections)"] })
    }

    private var upstreams: String? {
        table(
            ["UPSTREAM", "OPEN", "OPENED", "REUSED", "FAILED", "SERVERS"],
            status.upstreams.map {
                [
                    $0.name, "\($0.open)", "\($0.opened)", "\($0.reused)", "\($0.failed)",
                    $0.endpoints.isEmpty ? "none" : $0.endpoints.joined(separator: ", "),
                ]
            }, lastIsText: true)
    }

    /// A column for each class that occurred anywhere.
    private var routes: String? {
        let order = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"]
        let seen = order.filter { name in status.routes.contains { $0.requests.contains { $0.name == name } }
        }
        let rows = status.routes.map { route in
            let counts = Dictionary(route.requests.map { ($0.name, $0.count) }) { first, _ in first }
            let total = route.requests.reduce(UInt64(0)) { $0 &+ $1.count }
            let times = [route.p50, route.p99].map { $0.map(StatusReport.milliseconds) ?? "-" }
            return [route.name == "-" ? "(no route)" : route.name, "\(total)"]
                + seen.map { "\(counts[$0] ?? 0)" } + times
        }
        return table(["ROUTE", "REQUESTS"] + seen.map { $0.uppercased() } + ["P50 MS", "P99 MS"], rows)
    }

    private var limits: String? {
        table(
            ["LIMIT", "ALLOWED", "DENIED"], status.limits.map { [$0.name, "\($0.allowed)", "\($0.denied)"] })
    }

    private var keySets: String? {
        table(
            ["KEY SET", "STATE", "KEYS", "AGE", "FAILED", "FROM"],
            status.keySets.map { set in
                let age = set.age.map { StatusReport.duration(seconds: $0.components.seconds) } ?? "-"
                let reason = set.reason.map { ": \($0)" } ?? ""
                return [
                    set.name, set.state.rawValue, "\(set.keys)", age, "\(set.failed)", set.place + reason,
                ]
            }, lastIsText: true)
    }

    /// Whole lines: advice is of no use when it is cut.
    private var findings: String? {
        guard !status.findings.isEmpty else { return nil }
        let lines = status.findings.flatMap { finding in
            [
                "\(finding.subject.withoutControls): \(finding.kind.message)",
                "            \(finding.kind.advice)",
            ]
        }
        return ([paint("FINDINGS", .heading)] + lines).joined(separator: "\n") + "\n"
    }

    /// The first column is a name and stands left, numbers stand right, and a last column of text stands
    /// left. Nil without rows.
    private func table(_ headings: [String], _ rows: [[String]], lastIsText: Bool = false) -> String? {
        guard !rows.isEmpty else { return nil }
        let cells = rows.map { row in row.map { cut($0, to: $0 == row.first ? Self.nameLimit : width) } }
        let widths = headings.indices.map { column in
            ([headings] + cells).map { $0[column].count }.max() ?? 0
        }
        func line(_ row: [String]) -> String {
            let parts = row.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                if lastIsText, column == row.count - 1 { return row[column] }
                return column == 0 ? row[column] + padding : padding + row[column]
            }
            return cut(parts.joined(separator: "  "), to: width)
        }
        return ([paint(line(headings), .heading)] + cells.map(line)).joined(separator: "\n") + "\n"
    }

    // MARK: Words

    private enum Paint: String {
        case heading = "1"
        case good = "32"
        case bad = "31"
    }

    private func paint(_ text: String, _ paint: Paint) -> String {
        switch style {
        case .plain: text
        case .terminal: "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m"
        }
    }

    /// Without control characters, an ellipsis in place of what is too long.
    private func cut(_ text: String, to limit: Int) -> String {
        let text = text.withoutControls
        return text.count <= limit ? text : text.prefix(limit - 1) + "…"
    }

    /// The two largest units: `3 d 4 h`, `12 min 5 s`, `7 s`.
    static func duration(seconds: Int64) -> String {
        let units = [
            ("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("min", seconds / 60 % 60),
            ("s", seconds % 60),
        ]
        guard let first = units.firstIndex(where: { $0.1 > 0 }) else { return "0 s" }
        return units[first...].prefix(2).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: " ")
    }

    /// To a tenth.
    static func mebibytes(_ bytes: Int) -> String {
        let tenths = (max(0, bytes) / 1024 * 10 + 512) / 1024
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// Three digits that count: `0.213`, `4.21`, `42.1`, `421`.
    static func milliseconds(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1e12 else { return "-" }
        let digits = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0
        let scale = [1, 10, 100, 1000][digits]
        let scaled = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
