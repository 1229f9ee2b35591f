import Addressing
import Bytes
import Pipeline
import Proxy
import Reactor
import Settings
import Telemetry
import Time

extension Gateway: AdminSource {
    /// The product's version, as `floodgate --version` prints it.
    package static let version = "0.4.0"

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
        status.bans = bans.count
        status.findings = sentinel.findings
        status.certificatesExpire = settings.certificatesExpire
        status.gateways = settings.redis.target == nil ? nil : fleet.size
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
        var redis = GatewayStatus.Redis(address: target.description)
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

// Bans
extension Gateway {
    package func currentBans() -> [Ban] {
        bans.entries(now: SystemClock.wallTime()).map { entry in
            Ban(
                who: String(decoding: entry.key, as: UTF8.self),
                cause: String(decoding: entry.value, as: UTF8.self), expires: entry.expires)
        }
    }

    package func ban(_ address: IPAddress, lasting: Duration) -> BanChange {
        let settings = settings
        if settings.trustedProxies.contains(where: { $0.contains(address) }) { return .trusted }
        if let exempt = settings.bans?.exempt, exempt.contains(where: { $0.contains(address) }) {
            return .exempt
        }
        let now = SystemClock.wallTime()
        let who = BanKey.text(address, ipv6Prefix: settings.banPrefix)
        let expires = WallTime(nanoseconds: now.nanoseconds + lasting.nanoseconds)
        let change = Array(who.utf8).withView { key in
            bans.put(key, ByteView("operator"), expires: expires, now: now)
        }
        guard change == .stored else { return .full }
        events.info("an operator banned an address", ["address": who])
        return .banned(Ban(who: who, cause: "operator", expires: expires))
    }

    package func liftBan(_ who: String) -> Bool {
        var keys = [who]
        if let address = IPAddress(who) {
            keys.append(BanKey.text(address, ipv6Prefix: settings.banPrefix))
        }
        let isLifted = keys.map { key in Array(key.utf8).withView { bans.remove($0) } }.contains(true)
        if isLifted { events.info("an operator lifted a ban", ["address": who]) }
        return isLifted
    }
}

extension GatewaySettings {
    fileprivate var banPrefix: Int { (bans ?? BanSettings()).ipv6Prefix }
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
