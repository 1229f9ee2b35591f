import Pipeline
import Settings
import Telemetry
import Upstream

extension GatewaySettings {
    /// Reads a file's text. Pure: sees only the variables and the files that it is given.
    ///
    /// - Parameter credentials: Nil leaves certificates and keys unread: for looking at settings, not for
    ///   serving.
    package static func load(
        text: String, file: String, environment: [String: String], credentials: CredentialFiles? = nil
    ) -> Loaded<GatewaySettings> {
        section.load(text: text, file: file, environment: environment) { settings, reader in
            settings.checkReferences(&reader)
            if let credentials {
                settings.loadCredentials(credentials, &reader)
                settings.loadAddressLists(credentials, &reader)
            }
        }
    }

    package static let section = Section(
        "Floodgate's settings: one YAML file.",
        initial: GatewaySettings(),
        fields: entrance + logs + policy + traffic,
        allowsExtensions: true,
        check: { settings, _, _ in settings.nameRoutes() })

    /// Gives a route without a name its path, and what follows with the same path a number: logs and metrics
    /// tell them apart.
    private mutating func nameRoutes() {
        var taken = Set(routes.map(\.name))
        // Counting goes on where it stopped, so that many routes of one path cost no more than others.
        var numbers: [String: Int] = [:]
        for index in routes.indices where routes[index].name.isEmpty {
            let path = routes[index].path.text
            var number = numbers[path, default: 1]
            while !taken.insert(Self.routeName(path, number)).inserted { number += 1 }
            numbers[path] = number
            routes[index].name = Self.routeName(path, number)
        }
    }

    private static func routeName(_ path: String, _ number: Int) -> String {
        number == 1 ? path : "\(path)#\(number)"
    }

    private static let entrance: [Field<GatewaySettings>] = [
        Field(
            "workers", \.workers, .optional(.count(1...64), none: "auto"), reload: .restart,
            "Event loops, each on a thread of its own; auto is one for each core.", example: "4"),
        Field(
            "listeners", \.listeners, ListenerSettings.section.list(limit: 64), reload: .newConnections,
            "Where clients connect; 127.0.0.1:8080 without it.", example: "[{ address: 127.0.0.1:8080 }]"),
        Field(
            "ticket_keys", \.ticketKeys, .list(of: .filePath, 0...16), reload: .live,
            "Files of 80 bytes that seal TLS session tickets, the first new ones: share them among gateways.",
            example: "[/run/secrets/tickets.1, /run/secrets/tickets.0]"),
        Field(
            "admin", \.admin, AdminSettings.section.kind(), reload: .restart,
            "The listener for operators: metrics, readiness, state.", example: "{ address: 127.0.0.1:9901 }"),
        Field(
            "trusted_proxies", \.trustedProxies, .list(of: .addressRange, 0...1024), reload: .live,
            "Peers whose forwarded headers, request ids and PROXY protocol are believed.",
            example: "[127.0.0.0/8, 10.0.0.0/8]"),
        Field(
            "addresses", \.addresses, AddressListSettings.section.kind(), reload: .live,
            "Who is served on any route, by address.", example: "{ deny_file: /etc/floodgate/blocked.txt }"),
        Field(
            "bans", \.bans, .optional(BanSettings.section.kind(), none: "off"), reload: .live,
            "Addresses that go on asking for what they do not get are not served for a while.",
            example: "{ watch: [401, 404, 429], count: 50, within: 1m, ban: 10m }"),
        Field(
            "clients", \.clients, ClientLimitsSettings.section.kind(), reload: .newConnections,
            "What a client may take: time, bytes and connections.", example: "{ head_timeout: 5s }"),
        Field(
            "memory_limit", \.memoryLimit, .optional(.bytes((16 << 20)...(1 << 44)), none: "auto"),
            reload: .live,
            "Resident memory: near it quiet connections, then requests (503) are given up; auto: 80 %.",
            example: "512MiB"),
    ]

    private static let logs: [Field<GatewaySettings>] = [
        Field(
            "log", \.log, EventLogSettings.section.kind(), reload: .restart,
            "The log of what happens to the gateway itself, on standard error.", example: "{ format: json }"),
        Field(
            "access_log", \.accessLog, AccessLogSettings.section.kind(), reload: .restart,
            "One JSON line for each request.", example: "{ path: /var/log/floodgate/access.log }"),
    ]

    private static let policy: [Field<GatewaySettings>] = [
        Field(
            "cors", \.cors, .optional(CORSSettings.section.kind(), none: "off"), reload: .live,
            "Which pages of other origins may read answers; off leaves that to the backends.",
            example: "{ origins: [https://app.example.com], credentials: true }"),
        Field(
            "security_headers", \.securityHeaders, SecurityHeadersSettings.section.kind(), reload: .live,
            "Fields of every answer that tell browsers what a page may do.", example: "{ preset: helmet }"),
        Field(
            "identity", \.identity, IdentitySettings.section.kind(), reload: .live,
            "Who asks: issuers of tokens, and what backends are told.", example: "{ default_plan: free }"),
        Field(
            "drain", \.drain, DrainSettings.section.kind(), reload: .live,
            "How the gateway ends on SIGTERM and SIGINT.",
            example: "{ deadline: 60s }"),
        Field(
            "redis", \.redis, RedisSettings.kind, reload: .live,
            "What several gateways share: the memory of each, or one Redis for all of them.",
            example: "\"${REDIS_URL:-memory}\""),
    ]

    private static let traffic: [Field<GatewaySettings>] = [
        Field(
            "limits", \.limits, RateLimitSettings.section.named(\.name, limit: 1000), reload: .live,
            "Limits on requests, by name; counters are kept across reloads while name and rate stay.",
            example: "{ everyone: { rate: 100 per 15m } }"),
        Field(
            "rate_limit_fields", \.rateLimitFields, .list(of: .choice, 0...3), reload: .live,
            "What answers tell of limits: RateLimit with its policy, X-RateLimit-*, or RateLimit-Limit etc.",
            example: "[standard, x]"),
        Field(
            "upstreams", \.upstreams, UpstreamSettings.section.named(\.name, limit: 1000), reload: .live,
            "Backends, by name; connections are kept across reloads while name and servers stay.",
            example: "{ app: { servers: [127.0.0.1:3000] } }"),
        Field(
            "routes", \.routes, RouteSettings.section.list(limit: 10_000), reload: .live,
            "What happens to requests; without a route that matches, 404.",
            example: "[{ path: /*, upstream: app }]"),
    ]
}
