import Bytes
import Fetch
import Proxy
import Settings
import Time

// The form of `/status`: written for programs, read back by `floodgate status`. Names carry their units; what
// is not known is left out.

extension GatewayStatus {
    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("version", .string(version)), ("pid", .number(pid)),
            ("uptime_seconds", .number(Int(uptime.components.seconds))), ("state", .string(state.rawValue)),
            ("ready", .bool(isReady)),
        ]
        var settings: [(String, JSONValue)] = [("generation", .number(generation))]
        if let settingsFile { settings.insert(("file", .string(settingsFile)), at: 0) }
        if let lastReload { settings.append(("last_reload", lastReload.json)) }
        members.append(("settings", .object(settings)))
        members.append(
            (
                "workers",
                .array(
                    workers.map {
                        .object([
                            ("index", .number($0.index)), ("connections_open", .number($0.openConnections)),
                        ])
                    })
            ))
        members += [
            ("requests", .number(requests)), ("outcomes", .counts(outcomes)),
            ("connections_open", .number(connectionsOpen)), ("tunnels_open", .number(tunnelsOpen)),
            ("upstreams", .array(upstreams.map(\.json))), ("routes", .array(routes.map(\.json))),
            ("limits", .array(limits.map(\.json))), ("bans", .number(bans)),
            ("findings", .array(findings.map(\.json))),
        ]
        if let redis { members.append(("redis", redis.json)) }
        if let accessLog {
            let counts: [(String, JSONValue)] = [
                ("written", .number(accessLog.written)), ("dropped", .number(accessLog.dropped)),
            ]
            members.append(("access_log", .object(counts)))
        }
        if let residentBytes { members.append(("resident_bytes", .number(residentBytes))) }
        if let memoryLimit { members.append(("memory_limit_bytes", .number(memoryLimit))) }
        if memoryLevel != .calm { members.append(("memory_level", .string(memoryLevel.name))) }
        if let openDescriptors { members.append(("open_descriptors", .number(openDescriptors))) }
        if let gateways { members.append(("gateways", .number(gateways))) }
        if let certificatesExpire {
            members.append(("certificate_expiry_seconds", .number(certificatesExpire)))
        }
        if !keySets.isEmpty { members.append(("key_sets", .array(keySets.map(\.json)))) }
        if let planLookups { members.append(("plan_lookups", planLookups.json)) }
        return .object(members)
    }

    /// Reads what `json` writes. Lenient with what a newer or older gateway says or leaves out, strict with
    /// what this is: nil where version, pid or state are missing.
    package init?(json: JSONValue) {
        guard let version = json["version"]?.textValue, let pid = json["pid"]?.integer,
            let state = json["state"]?.textValue.flatMap(State.init)
        else { return nil }
        self.init(
            version: version, pid: pid, uptime: .seconds(max(0, json["uptime_seconds"]?.integer ?? 0)),
            state: state,
            isReady: json["ready"] == .bool(true), settingsFile: json["settings"]?["file"]?.textValue,
            generation: json["settings"]?["generation"]?.integer ?? 0,
            lastReload: json["settings"]?["last_reload"].map(Reload.init),
            workers: (json["workers"]?.elements ?? []).map {
                Worker(
                    index: $0["index"]?.integer ?? 0, openConnections: $0["connections_open"]?.integer ?? 0)
            },
            accessLog: json["access_log"].map {
                AccessLog(written: $0["written"]?.count ?? 0, dropped: $0["dropped"]?.count ?? 0)
            })
        requests = json["requests"]?.count ?? 0
        outcomes = json["outcomes"]?.counts ?? []
        connectionsOpen = json["connections_open"]?.integer ?? 0
        tunnelsOpen = json["tunnels_open"]?.integer ?? 0
        upstreams = (json["upstreams"]?.elements ?? []).map(Upstream.init)
        routes = (json["routes"]?.elements ?? []).map(Route.init)
        limits = (json["limits"]?.elements ?? []).map {
            Limit(name: $0.name, allowed: $0["allowed"]?.count ?? 0, denied: $0["denied"]?.count ?? 0)
        }
        redis = json["redis"].map(Redis.init)
        bans = json["bans"]?.integer ?? 0
        findings = (json["findings"]?.elements ?? []).compactMap(Finding.init)
        residentBytes = json["resident_bytes"]?.integer
        memoryLimit = json["memory_limit_bytes"]?.integer
        memoryLevel = json["memory_level"]?.textValue.flatMap(MemoryLevel.init(name:)) ?? .calm
        openDescriptors = json["open_descriptors"]?.integer
        gateways = json["gateways"]?.integer
        certificatesExpire = json["certificate_expiry_seconds"]?.integer.map(Int64.init)
        keySets = (json["key_sets"]?.elements ?? []).map(KeySetStatus.init)
        planLookups = json["plan_lookups"].map(PlanLookups.Statistics.init)
    }
}

extension GatewayStatus.Reload {
    fileprivate var json: JSONValue {
        .object([
            ("time", .string(ByteWriter.text(capacity: 32) { $0.write(timestamp: time) })),
            ("unix_ms", .number(Int(time.nanoseconds / 1_000_000))), ("ok", .bool(errors.isEmpty)),
            ("errors", .array(errors.map(JSONValue.string))),
        ])
    }

    fileprivate init(_ json: JSONValue) {
        let (nanoseconds, overflow) = Int64(json["unix_ms"]?.integer ?? 0).multipliedReportingOverflow(
            by: 1_000_000)
        time = WallTime(nanoseconds: overflow ? 0 : nanoseconds)
        errors = (json["errors"]?.elements ?? []).compactMap { $0.textValue }
    }
}

extension GatewayStatus.Upstream {
    fileprivate var json: JSONValue {
        .object([
            ("name", .string(name)), ("endpoints", .array(endpoints.map(JSONValue.string))),
            ("connections_open", .number(open)), ("opened", .number(opened)), ("reused", .number(reused)),
            ("failed", .number(failed)),
        ])
    }

    fileprivate init(_ json: JSONValue) {
        self.init(
            name: json.name, endpoints: (json["endpoints"]?.elements ?? []).compactMap { $0.textValue },
            opened: json["opened"]?.count ?? 0, reused: json["reused"]?.count ?? 0,
            failed: json["failed"]?.count ?? 0,
            open: json["connections_open"]?.integer ?? 0)
    }
}

extension GatewayStatus.Route {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = [("name", .string(name)), ("requests", .counts(requests))]
        if let p50 { members.append(("p50_ms", .number(milliseconds: p50))) }
        if let p99 { members.append(("p99_ms", .number(milliseconds: p99))) }
        return .object(members)
    }

    fileprivate init(_ json: JSONValue) {
        self.init(
            name: json.name, requests: json["requests"]?.counts ?? [], p50: json["p50_ms"]?.double,
            p99: json["p99_ms"]?.double)
    }
}

extension KeySetStatus {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(name)), ("from", .string(place)), ("state", .string(state.rawValue)),
            ("keys", .number(keys)), ("fetched", .number(fetched)), ("failed", .number(failed)),
        ]
        if let age { members.append(("age_seconds", .number(Int(age.components.seconds)))) }
        if let lastSuccess { members.append(("last_success_seconds", .number(lastSuccess.seconds))) }
        if let reason { members.append(("reason", .string(reason))) }
        return .object(members)
    }

    fileprivate init(_ json: JSONValue) {
        self.init(
            name: json.name, place: json["from"]?.textValue ?? "-",
            state: json["state"]?.textValue.flatMap(State.init) ?? .never, keys: json["keys"]?.integer ?? 0,
            age: json["age_seconds"]?.integer.map { .seconds($0) }, fetched: json["fetched"]?.count ?? 0,
            failed: json["failed"]?.count ?? 0,
            lastSuccess: json["last_success_seconds"]?.integer.map { seconds in
                let (nanoseconds, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
                return WallTime(nanoseconds: overflow ? 0 : nanoseconds)
            }, reason: json["reason"]?.textValue)
    }
}

extension PlanLookups.Statistics {
    fileprivate var json: JSONValue {
        .object([
            ("users", .number(users)), ("hits", .number(hits)), ("found", .number(found)),
            ("none", .number(none)), ("failed", .number(failed)),
        ])
    }

    fileprivate init(_ json: JSONValue) {
        self.init(
            users: json["users"]?.integer ?? 0, hits: json["hits"]?.count ?? 0,
            found: json["found"]?.count ?? 0, none: json["none"]?.count ?? 0,
            failed: json["failed"]?.count ?? 0)
    }
}

extension GatewayStatus.Redis {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("address", .string(address)), ("ok", .bool(lostBecause == nil)), ("losses", .number(losses)),
            ("shared", .bool(isShared)), ("changes_waiting", .number(waiting)),
            ("commands", .number(commands)), ("failed", .number(failed)),
        ]
        if let lostBecause { members.append(("reason", .string(lostBecause))) }
        if let p50 { members.append(("p50_ms", .number(milliseconds: p50))) }
        if let p99 { members.append(("p99_ms", .number(milliseconds: p99))) }
        return .object(members)
    }

    fileprivate init(_ json: JSONValue) {
        address = json["address"]?.textValue ?? "-"
        if json["ok"] == .bool(false) { lostBecause = json["reason"]?.textValue ?? "unknown" }
        losses = json["losses"]?.integer ?? 0
        isShared = json["shared"] == .bool(true)
        waiting = json["changes_waiting"]?.integer ?? 0
        commands = json["commands"]?.count ?? 0
        failed = json["failed"]?.count ?? 0
        p50 = json["p50_ms"]?.double
        p99 = json["p99_ms"]?.double
    }
}

extension Finding {
    fileprivate var json: JSONValue {
        .object([
            ("kind", .string(kind.rawValue)), ("about", .string(subject)),
            ("message", .string("\(kind.message)")), ("advice", .string(kind.advice)),
        ])
    }

    /// Nil for a kind that a newer gateway knows.
    fileprivate init?(_ json: JSONValue) {
        guard let kind = json["kind"]?.textValue.flatMap(Kind.init) else { return nil }
        self.init(kind, json["about"]?.textValue ?? "-")
    }
}

extension GatewayStatus.Limit {
    fileprivate var json: JSONValue {
        .object([("name", .string(name)), ("allowed", .number(allowed)), ("denied", .number(denied))])
    }
}

extension JSONValue {
    fileprivate static func number(_ value: some BinaryInteger) -> JSONValue { .number("\(value)") }

    /// To the microsecond.
    fileprivate static func number(milliseconds value: Double) -> JSONValue {
        .number("\((value * 1000).rounded() / 1000)")
    }

    fileprivate static func counts(_ counts: [GatewayStatus.Count]) -> JSONValue {
        .object(counts.map { ($0.name, .number($0.count)) })
    }

    fileprivate var name: String { self["name"]?.textValue ?? "-" }

    /// The members of an object whose values are counts.
    fileprivate var counts: [GatewayStatus.Count] {
        guard case .object(let members) = self else { return [] }
        return members.compactMap { name, value in
            value.count.map { GatewayStatus.Count(name: name, count: $0) }
        }
    }
}
