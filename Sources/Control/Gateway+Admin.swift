import Addressing
import Proxy
import Reactor
import Settings
import Telemetry
import Time

extension Gateway: AdminSource {
    /// The product's version, as `floodgate --version` prints it.
    package static let version = "0.2.0"

    package func metrics() -> MetricsSnapshot { registry.snapshot() }

    package var isReady: Bool { !isDraining }

    package func status() -> GatewayStatus {
        let settings = settings
        let numbers = ProcessNumbers.now()
        var status = GatewayStatus(
            version: Gateway.version, pid: ProcessLimits.processID,
            uptime: .nanoseconds(SystemClock.wallTime().nanoseconds - started.nanoseconds),
            state: isDraining ? .draining : .running, isReady: isReady, settingsFile: file.path,
            generation: generation,
            lastReload: lastReload.map { GatewayStatus.Reload(time: $0.time, errors: $0.report.errors) },
            workers: workers.map {
                GatewayStatus.Worker(index: $0.index, openConnections: $0.openConnections)
            },
            accessLog: accessLog.map { log in
                let statistics = log.statistics
                return GatewayStatus.AccessLog(written: statistics.records, dropped: statistics.dropped)
            })
        status.residentBytes = numbers.residentBytes
        status.openDescriptors = numbers.openDescriptors
        status.memoryLimit = memoryLimit
        status.memoryLevel = memory.current
        status.certificatesExpire = settings.certificatesExpire
        status.keySets = services.keySets.status()
        if settings.identity.planLookup != nil { status.planLookups = services.plans.statistics }
        let metrics = metrics()
        status.redis = redis(settings, metrics)
        status.take(
            metrics, routes: settings.routes.map(\.name),
            endpoints: settings.upstreams.map { ($0.name, $0.servers.map(\.text)) },
            limits: settings.limits.map(\.name))
        return status
    }

    private func redis(_ settings: GatewaySettings, _ metrics: MetricsSnapshot) -> GatewayStatus.Redis? {
        guard let target = settings.redis.target else { return nil }
        var redis = GatewayStatus.Redis(address: target.address.description)
        let health = redisHealth.reading
        let replica = replica.reading
        redis.lostBecause = health.reason
        redis.losses = health.losses
        redis.isShared = replica.isConnected
        redis.waiting = replica.waiting
        redis.commands = metrics.value(of: .commands)
        redis.failed = [StoreCounter.errors, .expired, .failed, .refused].reduce(0) {
            $0 + metrics.value(of: $1)
        }
        redis.p50 = metrics.storeRoundTrips.quantile(0.5).map { $0 / 1_000_000 }
        redis.p99 = metrics.storeRoundTrips.quantile(0.99).map { $0 / 1_000_000 }
        return redis
    }
}

extension ListenAddress {
    /// "Everywhere" is one listener of each family.
    var adminAddresses: [SocketAddress] {
        switch self {
        case .ip, .unix: [socket.0]
        case .everywhere(let port):
            [.ip(IPAddress(bits: 0), port: port), .ip(IPAddress(ipv4: 0), port: port)]
        }
    }
}
