import Addressing
import HTTP1
import Pipeline
import Telemetry
import Upstream

/// Settings as compiled for one worker: immutable, and shared with nobody, so that counting references to it
/// never makes two cores wait for each other. An exchange keeps the plan that it began with.
package final class GatewayPlan: Sendable {
    package let clientAddress: ClientAddressFilter
    package let requestID = RequestIDFilter()
    package let route: RouteFilter
    package let securityHeaders: SecurityHeadersPlan
    package let clients: ClientLimitsSettings
    package let headLimits: HeadLimits
    /// How slowly clients may send bodies and read answers.
    package let bodyPace: PaceLimit
    package let readingPace: PaceLimit
    package let upstreams: [UpstreamPlan]

    package init(
        clientAddress: ClientAddressFilter, route: RouteFilter, securityHeaders: SecurityHeadersPlan,
        clients: ClientLimitsSettings, upstreams: [UpstreamPlan]
    ) {
        self.clientAddress = clientAddress
        self.route = route
        self.securityHeaders = securityHeaders
        self.clients = clients
        headLimits = HeadLimits(maximumBytes: clients.maxHead, maximumTarget: min(8192, clients.maxHead))
        let rate = clients.minimumRate?.bytesPerSecond
        bodyPace = PaceLimit(patience: clients.bodyTimeout, minimumRate: rate)
        readingPace = PaceLimit(patience: clients.writeTimeout, minimumRate: rate)
        self.upstreams = upstreams
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
        fixedEndpoints = settings.servers.compactMap(ServerEndpoint.init(fixed:))
        names = settings.servers.compactMap(ServerName.init)
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

    package init(address: SocketAddress, proxyProtocol: ListenerSettings.ProxyProtocol) {
        self.address = address
        self.proxyProtocol = proxyProtocol
    }

    package var port: UInt16? {
        switch address {
        case .ip(_, let port): port
        case .unix: nil
        }
    }
}
