import Foundation
import TestServers

// Gateways that limit what they answer themselves.
extension GatewayProcess {
    /// - Parameters:
    ///   - limits: by name, each a line of `limits`.
    ///   - routes: each a flow map without its braces and what it answers; all of them answer `ok`.
    ///   - origin: who answers instead.
    ///   - redis: what stands behind `redis:`.
    ///   - top: further keys of the file.
    convenience init(
        limits: [String], routes: [String], workers: Int = 2, redis: String = "memory", top: String = "",
        before origin: ScriptedOrigin? = nil
    ) throws {
        try self.init {
            Self.limiting(
                $0, limits: limits, routes: routes, workers: workers, redis: redis, top: top, before: origin)
        }
    }

    /// One limit, on everything.
    convenience init(
        limit: String, workers: Int = 2, redis: String = "memory", top: String = ""
    ) throws {
        try self.init(
            limits: ["few: { \(limit) }"], routes: ["path: /*, limits: [few]"], workers: workers,
            redis: redis, top: top)
    }

    static func limiting(
        _ ports: Ports, limits: [String], routes: [String], workers: Int = 2, redis: String = "memory",
        top: String = "", before origin: ScriptedOrigin? = nil
    ) -> String {
        let action = origin == nil ? "respond: { status: 200, text: ok }" : "upstream: app"
        let answered = routes.map { "  - { \($0), \(action) }" }
        let upstreams = origin.map { "upstreams: { app: { servers: [127.0.0.1:\($0.port)] } }" } ?? ""
        return """
            workers: \(workers)
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            access_log: { flush: 10ms }
            drain: { announce: 0s, deadline: 1s }
            trusted_proxies: [127.0.0.1]
            clients: { max_connections_per_address: 1000 }
            redis: \(redis)
            limits:
              \(limits.joined(separator: "\n  "))
            routes:
            \(answered.joined(separator: "\n"))
            \(upstreams)
            \(top)
            """
    }

    /// Statuses of so many requests, one after the other on one connection.
    func statuses(_ count: Int, _ request: String = get("/")) throws -> [Int] {
        let client = try client()
        defer { client.close() }
        return try (0..<count).map { _ in try client.ask(request).status }
    }

    /// Asks once, with fields, on a connection of its own.
    func ask(_ path: String, fields: [String]) throws -> RawResponse {
        let client = try client()
        defer { client.close() }
        return try client.ask(request("GET \(path) HTTP/1.1", fields))
    }

    /// How often a rule has decided so.
    func decided(_ decision: String, by rule: String) throws -> Int {
        try metric("floodgate_limit_decisions_total{limit=\"\(rule)\",decision=\"\(decision)\"}") ?? 0
    }

    /// Whether it counts in Redis now.
    func hasRedis() throws -> Bool {
        let page = Data(try adminPage("/status").utf8)
        let status = try JSONSerialization.jsonObject(with: page) as? [String: Any]
        return (status?["redis"] as? [String: Any])?["ok"] as? Bool == true
    }

    func waitForRedis() throws {
        try eventually("Redis to count", within: .seconds(20)) { try hasRedis() ? true : nil }
    }

    /// All count in Redis, and each knows how many they are: or it would take the whole limit for its own
    /// while Redis is away.
    static func waitUntilTheyShare(_ gateways: [GatewayProcess]) throws {
        for gateway in gateways { try gateway.waitForRedis() }
        try eventually("\(gateways.count) gateways", within: .seconds(20)) {
            try gateways.allSatisfy { try $0.metric("floodgate_redis_gateways") == gateways.count }
                ? true : nil
        }
    }
}

/// Statuses as they are compared: so many 200, then so many 429.
func admitted(_ count: Int, refused: Int) -> [Int] {
    Array(repeating: 200, count: count) + Array(repeating: 429, count: refused)
}
