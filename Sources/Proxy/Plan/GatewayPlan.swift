import Addressing
import HTTP1
import HTTP2
import Pipeline
import TLS
import Telemetry
import Upstream

/// Settings as compiled for one worker: immutable, and shared with nobody, so that counting references to it
/// never makes two cores wait for each other. An exchange keeps the plan that it began with.
package final class GatewayPlan: Sendable {
    package let clientAddress: ClientAddressFilter
    package let requestID = RequestIDFilter()
    /// Who is served on any route; nil for everybody.
    package let addressList: AddressListFilter?
    package let bans: BanPolicy
    package let route: RouteFilter
    package let limits: RateLimitTable
    /// Fields that answers tell limits with.
    package let limitFields: RateLimitFields
    package let securityHeaders: SecurityHeadersPlan
    package let identity: IdentityPlan
    package let clients: ClientLimitsSettings
    package let headLimits: HeadLimits
    /// How slowly clients may send bodies and read answers.
    package let bodyPace: PaceLimit
    package let readingPace: PaceLimit
    package let upstreams: [UpstreamPlan]
    package let http2Limits: HTTP2Limits
    /// Bounds the TLS handshakes of one address; nil bounds nobody.
    package let handshakes: AddressRate?
    /// Bounds the connections that an address begins; nil bounds nobody.
    package let connectionRate: AddressRate?
    /// Upgraded connections of this worker at once; nil for no limit.
    package let maximumTunnels: Int?
    /// The Redis that gateways share; nil for this process' memory.
    package let redis: RedisPlan?

    package init(
        clientAddress: ClientAddressFilter, addressList: AddressListFilter? = nil,
        bans: BanPolicy = BanPolicy(nil), route: RouteFilter, limits: RateLimitTable = RateLimitTable([]),
        limitFields: RateLimitFields = .standard, securityHeaders: SecurityHeadersPlan,
        clients: ClientLimitsSettings, identity: IdentityPlan = IdentityPlan(IdentitySettings()),
        upstreams: [UpstreamPlan], share: WorkerShare, redis: RedisPlan? = nil
    ) {
        self.clientAddress = clientAddress
        self.addressList = addressList
        self.bans = bans
        self.route = route
        self.limits = limits
        self.limitFields = limitFields
        self.securityHeaders = securityHeaders
        self.clients = clients
        self.identity = identity
        headLimits = HeadLimits(maximumBytes: clients.maxHead, maximumTarget: min(8192, clients.maxHead))
        let rate = clients.minimumRate?.bytesPerSecond
        bodyPace = PaceLimit(patience: clients.bodyTimeout, minimumRate: rate)
        readingPace = PaceLimit(patience: clients.writeTimeout, minimumRate: rate)
        self.upstreams = upstreams
        var http2Limits = HTTP2Limits()
        http2Limits.streams = clients.maxStreams
        http2Limits.head = clients.maxHead
        self.http2Limits = http2Limits
        maximumTunnels = clients.maxTunnels.map(share.part)
        self.redis = redis
        handshakes = clients.handshakesPerSecond.map { AddressRate(of: "handshakes", perSecond: $0) }
        connectionRate = clients.connectionsPerSecond.map { AddressRate(of: "connections", perSecond: $0) }
    }
}

/// How often one address may begin something, in the terms of the counter store.
package struct AddressRate: Sendable {
    private let subject: Int
    private let interval: Int64
    private let burst: Int64

    init(of subject: String, perSecond: Int) {
        self.subject = subject.hashValue
        interval = 1_000_000_000 / Int64(perSecond)
        burst = Int64(perSecond) * 4
    }

    /// What one takes.
    package func demand(of address: IPAddress) -> TokenDemand {
        let holder = address.isIPv4 ? address : address.masked(to: 56)
        return TokenDemand(TokenDemand.Bucket(of: subject, for: holder, interval: interval, burst: burst))
    }
}

/// An upstream as one worker uses it.
package final class UpstreamPlan: Sendable {
    /// What servers see as Host.
    package enum Host: Sendable {
        case fromClient
        /// The server as `servers` writes it.
        case server
        case fixed([UInt8])
    }

    package struct Reach: Equatable, Sendable {
        let version: UpstreamSettings.Version
        /// What its files hold included.
        let tls: UpstreamTLSSettings?
    }

    package let name: PinnedText
    package let slot: UpstreamSlot
    package let limits: ConnectionPool.Limits
    package let policy: Balancer.Policy
    package let queueWait: Duration
    package let connectTimeout: Duration
    package let responseTimeout: Duration
    package let readTimeout: Duration
    package let writeTimeout: Duration
    package let host: Host
    package let headLimits: HeadLimits
    /// Many requests share a connection.
    package let speaksHTTP2: Bool
    /// TLS to the servers; nil for none, or where it cannot be set up.
    package let tls: ClientContext?
    package var isEncrypted: Bool { reach.tls != nil }
    /// How servers are reached: connections may outlive a reload that leaves it as it is.
    package let reach: Reach
    /// Servers whose addresses the settings give.
    package let fixedEndpoints: [ServerEndpoint]
    /// Servers whose addresses the resolver finds.
    package let names: [ServerName]

    /// - Parameter share: This worker's part of what the settings allow the process.
    package init(_ settings: UpstreamSettings, slot: UpstreamSlot, share: WorkerShare) {
        name = PinnedText(settings.name)
        self.slot = slot
        limits = ConnectionPool.Limits(
            connections: settings.connections == 0 ? .max : share.part(of: settings.connections),
            idle: settings.idleConnections == 0 ? 0 : share.part(of: settings.idleConnections),
            idleTimeout: settings.idleTimeout,
            waiting: settings.queue.size == 0 ? 0 : share.part(of: settings.queue.size),
            coolDown: .seconds(10))
        policy =
            switch settings.balance {
            case .roundRobin: .roundRobin
            case .leastRequests: .leastRequests
            }
        queueWait = settings.queue.wait
        connectTimeout = settings.connectTimeout
        responseTimeout = settings.responseTimeout
        readTimeout = settings.readTimeout
        writeTimeout = settings.writeTimeout
        host =
            switch settings.host {
            case .preserve: .fromClient
            case .upstream: .server
            case .name(let name): .fixed(Array(name.utf8))
            }
        headLimits = HeadLimits(maximumBytes: settings.maxResponseHead)
        speaksHTTP2 = settings.version == .http2
        tls = settings.tls.flatMap { try? ClientContext($0.material) }
        reach = Reach(version: settings.version, tls: settings.tls)
        fixedEndpoints = settings.servers.compactMap(ServerEndpoint.init(fixed:))
        names = settings.servers.compactMap(ServerName.init)
    }

    /// What a server's certificate must be for. `label` is `host:port` as the settings have it.
    package func serverName(_ label: String) -> (text: String, isAddress: Bool) {
        if let name = reach.tls?.name { return (name, false) }
        var host = label[...]
        if let colon = host.lastIndex(of: ":") { host = host[..<colon] }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return (String(host), IPAddress(host) != nil)
    }

    /// All addresses to use: the fixed ones, and those of `known` that the plan's names have resolved to.
    package func endpoints(resolved known: [ServerEndpoint]) -> [ServerEndpoint] {
        fixedEndpoints + known.filter { endpoint in names.contains { $0.label == endpoint.label } }
    }
}

/// Which of the process' workers this is, for what is divided among them.
package struct WorkerShare: Sendable {
    package let index: Int
    package let count: Int

    package init(index: Int, of count: Int) {
        self.index = index
        self.count = count
    }

    /// This worker's part of a whole, at least one: the parts add up to the whole wherever it is not smaller
    /// than the number of workers.
    package func part(of whole: Int) -> Int {
        max(1, whole / count + (index < whole % count ? 1 : 0))
    }
}

/// A listener as connections remember it.
package final class ListenerPlan: Sendable {
    package let address: SocketAddress
    package let proxyProtocol: ListenerSettings.ProxyProtocol
    /// This worker's own.
    package let tls: ServerContext?
    /// Whether clients may be told apart by their first bytes: with TLS, ALPN does that.
    package let speaksHTTP2: Bool
    package let asksForCertificates: Bool
    /// Port of https that requests are redirected to; nil serves them.
    package let redirectPort: UInt16?

    package init(address: SocketAddress, settings: ListenerSettings, tls: ServerContext?) {
        self.address = address
        proxyProtocol = settings.proxyProtocol
        self.tls = tls
        speaksHTTP2 = settings.spoken.contains(.http2)
        asksForCertificates = settings.tls.map { $0.clientCertificates != .off } ?? false
        redirectPort = if case .https(let port) = settings.redirect { port } else { nil }
    }

    /// A plain one: for simulations.
    package convenience init(address: SocketAddress, proxyProtocol: ListenerSettings.ProxyProtocol) {
        var settings = ListenerSettings()
        settings.proxyProtocol = proxyProtocol
        self.init(address: address, settings: settings, tls: nil)
    }

    package var port: UInt16? {
        switch address {
        case .ip(_, let port): port
        case .unix: nil
        }
    }
}
