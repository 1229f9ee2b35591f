import Addressing
import Bytes
import Pipeline
import Reactor
import Slots
import Stores
import Telemetry
import Time
import Upstream

/// What a request looks something up in.
enum Tables {
    /// A request among 100 routes, the third segment a variable.
    static func router(_ rounds: Int) -> Int {
        let plan = MiddlingGateway.plan()
        return Stages.withState { state in
            var sum = 0
            for _ in 0..<rounds {
                if case .found(let found) = plan.route.table.match(state.head, path: state.head.pathBytes) {
                    sum &+= found.stripPrefix.count &+ 1
                }
            }
            return sum
        }
    }

    /// A kept connection taken out of a pool and given back.
    static func pool(_ rounds: Int) -> Int {
        let limits = ConnectionPool.Limits(
            connections: .max, idle: 64, idleTimeout: .seconds(60), waiting: 0, coolDown: .seconds(10))
        var pool = ConnectionPool(limits: limits, balancer: Balancer(policy: .roundRobin))
        _ = pool.replaceEndpoints([
            ServerEndpoint(address: .ip(.loopback, port: 3000), label: "127.0.0.1:3000")
        ])
        var connections = SlotTable<Int>(minimumCapacity: 64)
        let exchange = connections.insert(0)
        let now = Instant(nanoseconds: 1_000_000_000)
        for _ in 0..<16 { _ = pool.acquire(for: exchange, avoiding: nil, fresh: false, now: now) }
        for _ in 0..<16 { _ = pool.release(connections.insert(0), endpoint: 0, now: now) }
        var sum = 0
        for _ in 0..<rounds {
            guard
                case .reuse(let connection, let endpoint) = pool.acquire(
                    for: exchange, avoiding: nil, fresh: false, now: now)
            else {
                continue
            }
            _ = pool.release(connection, endpoint: endpoint, now: now)
            sum &+= 1
        }
        return sum
    }

    /// A deadline set and, 64 deadlines later, looked after.
    static func timers(_ rounds: Int) -> Int {
        var now = Instant(nanoseconds: 1_000_000_000)
        var wheel = TimerWheel<Int>(now: now)
        var sum = 0
        for round in 0..<rounds {
            now = now + .milliseconds(1)
            wheel.add(round, at: now + .milliseconds(64))
            while let owner = wheel.popExpired(now) { sum &+= owner & 1 &+ 1 }
        }
        return sum
    }

    static func accessLogLine(_ rounds: Int) -> Int {
        var encoder = AccessLogEncoder(query: .presence)
        var record = AccessRecord()
        record.requestID = ByteView("01a1fc41-082b-7d87-8295-091d8a907729")
        record.traceID = ByteView("461661aeaefd406845212af6a8b6e0fd")
        record.client = ByteView("198.51.100.7")
        record.method = ByteView("GET")
        record.host = ByteView("shop.example.com")
        record.path = ByteView("/api/orders/4711")
        record.route = ByteView("/api/orders/{id}")
        record.upstream = ByteView("app")
        record.server = ByteView("127.0.0.1:3000")
        record.userAgent = ByteView("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
        record.status = 200
        record.upstreamConnection = .reused
        let region = Scratch(size: 4096)
        var sum = 0
        for round in 0..<rounds {
            record.time = WallTime(nanoseconds: 1_767_225_600_000_000_000 &+ Int64(round) &* 20_000)
            record.bytesIn = 353 &+ round & 15
            sum &+= unsafe encoder.encode(record, into: region.view.region) ?? 0
        }
        return sum
    }
}
