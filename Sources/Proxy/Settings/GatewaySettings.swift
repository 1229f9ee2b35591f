import Addressing
import Pipeline
import Settings
import TLS
import Telemetry
import Upstream

/// Everything that one file says. A plain value: the compiler of snapshots turns it into what workers use.
package struct GatewaySettings: Equatable, Sendable {
    /// 1 to 64; nil is one for each core that the process may use.
    package var workers: Int?
    package var listeners: [ListenerSettings] = [ListenerSettings()]
    /// Files of keys for TLS session tickets; empty for keys of the process' own.
    package var ticketKeys: [String] = []
    /// What they hold; read with the settings.
    package var sharedTicketKeys: [TicketKeys.Key] = []
    package var admin = AdminSettings()
    package var trustedProxies: [AddressRange] = []
    package var addresses = AddressListSettings()
    /// Nil bans nobody but whom operators ban.
    package var bans: BanSettings?
    package var clients = ClientLimitsSettings()
    /// Bytes; nil is a share of what there is.
    package var memoryLimit: Int?
    package var log = EventLogSettings()
    package var accessLog = AccessLogSettings()
    /// Nil leaves it to backends which pages may read answers.
    package var cors: CORSSettings?
    package var securityHeaders = SecurityHeadersSettings()
    package var drain = DrainSettings()
    package var identity = IdentitySettings()
    package var redis = RedisSettings()
    /// In the order of the file; names are unique.
    package var limits: [RateLimitSettings] = []
    /// What answers tell clients of their limits.
    package var rateLimitFields: [RateLimitFields.Name] = [.standard]
    package var upstreams: [UpstreamSettings] = []
    package var routes: [RouteSettings] = []

    package init() {}

    /// Claims that limits count by, each once.
    package var countedClaims: [String] {
        let paths = limits.flatMap(\.holders).compactMap { holder in
            if case .claim(let path) = holder { path } else { nil as String? }
        }
        return Array(Set(paths)).sorted()
    }

    /// What can show who a client is.
    package var credentials: [RouteSettings.Credential] {
        (identity.tokens.isEmpty ? [] : [.token]) + (identity.apiKeys == nil ? [] : [.apiKey])
    }
}
