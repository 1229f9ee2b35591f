import Addressing
import Pipeline
import Slots
import Testing
import Time
import Upstream

/// A worker that uses a pool at random, and its own simple books beside.
private struct PoolModel {
    var pool: ConnectionPool
    var random: RandomSource
    var now = Instant(nanoseconds: 1_000_000_000)
    /// Connections that are out and their endpoints.
    var out: [SlotID: Int?] = [:]
    var idle: [SlotID: Int] = [:]
    var waiting: [SlotID] = []
    var cap: Int
    let queue: Int
    private var next: UInt32 = 0

    init(seed: UInt64) {
        random = RandomSource(seed: seed)
        cap = 1 + Int(random.next() % 5)
        queue = Int(random.next() % 4)
        let policy: Balancer.Policy = random.next() % 2 == 0 ? .roundRobin : .leastRequests
        pool = ConnectionPool(
            limits: ConnectionPool.Limits(
                connections: cap, idle: Int(random.next() % 4), idleTimeout: .seconds(5), waiting: queue,
                coolDown: .seconds(2)),
            balancer: Balancer(policy: policy))
        renewEndpoints()
    }

    mutating func name() -> SlotID {
        next += 1
        return SlotID(index: next, generation: 0)
    }

    mutating func step() {
        now = now + .milliseconds(Int(random.next() % 1500))
        switch random.next() % 10 {
        case 0...3: acquire(name())
        case 4...6: release()
        case 7: close()
        case 8: if random.next() % 4 == 0 { renewEndpoints() } else { expire() }
        default: giveUp()
        }
        serveWaiting()
        check()
    }

    mutating func acquire(_ exchange: SlotID) {
        let isFresh = random.next() % 5 == 0
        switch pool.acquire(for: exchange, avoiding: nil, fresh: isFresh, now: now) {
        case .reuse(let connection, let endpoint):
            verify(!isFresh && idle[connection] == endpoint, "only an idle connection is used again")
            idle[connection] = nil
            out[connection] = endpoint
        case .connect(let endpoint):
            verify(out.count + idle.count < cap, "no connection above the cap")
            out[name()] = endpoint
        case .replace(let connection, let endpoint):
            verify(isFresh && out.count + idle.count == cap, "only for a fresh one, and only at the cap")
            let known = idle.removeValue(forKey: connection)
            verify(known != nil)
            out[name()] = endpoint
        case .wait:
            verify(idle.isEmpty, "nobody waits while a connection is idle")
            verify(waiting.count < queue)
            waiting.append(exchange)
        case .queueFull: verify(waiting.count == queue)
        case .noEndpoint: verify(pool.states.isEmpty)
        }
    }

    mutating func release() {
        guard let (connection, endpoint) = anyOut() else { return }
        switch pool.release(connection, endpoint: endpoint, now: now) {
        case .keep:
            out[connection] = nil
            idle[connection] = endpoint
        case .close:
            out[connection] = nil
            pool.closed(endpoint: nil, wasInFlight: false)
        case .handTo(let exchange):
            verify(waiting.removeFirst() == exchange, "the first that waited is served")
        }
    }

    /// In a fixed order, so that a seed tells all.
    private mutating func anyOut() -> (SlotID, Int?)? {
        let sorted = out.sorted { $0.key.index < $1.key.index }
        return sorted.isEmpty ? nil : sorted[Int(random.next() % UInt64(sorted.count))]
    }

    mutating func close() {
        if random.next() % 3 == 0, let connection = idle.keys.min(by: { $0.index < $1.index }) {
            expectEqual(pool.idleClosed(connection), true)
            idle[connection] = nil
        } else if let (connection, endpoint) = anyOut() {
            expectEqual(pool.idleClosed(connection), false)
            out[connection] = nil
            pool.closed(endpoint: endpoint, wasInFlight: true)
        }
    }

    mutating func expire() {
        while let connection = pool.popExpired(now: now) {
            let known = idle.removeValue(forKey: connection)
            verify(known != nil)
        }
    }

    mutating func giveUp() {
        guard !waiting.isEmpty else { return }
        pool.stopWaiting(waiting.remove(at: Int(random.next() % UInt64(waiting.count))))
    }

    mutating func serveWaiting() {
        while let exchange = pool.nextWaiter() {
            expectEqual(waiting.removeFirst(), exchange)
            acquire(exchange)
        }
    }

    mutating func renewEndpoints() {
        let numbers = (0..<4).filter { _ in random.next() % 3 != 0 }
        let (closed, remap) = pool.replaceEndpoints(
            numbers.map {
                ServerEndpoint(address: .ip(IPAddress(ipv4: UInt32($0)), port: 80), label: "\($0)")
            })
        for connection in closed {
            let known = idle.removeValue(forKey: connection)
            verify(known != nil)
        }
        idle = idle.mapValues { remap[$0] ?? -1 }
        out = out.mapValues { $0.flatMap { remap[$0] } }
    }

    func check() {
        verify(pool.open == out.count + idle.count)
        verify(pool.open <= cap)
        verify(pool.idleCount == idle.count)
        verify(pool.idleCount <= pool.limits.idle)
        verify(pool.waitingCount == waiting.count)
        for (endpoint, state) in pool.states.enumerated() {
            verify(state.inFlight == out.values.count { $0 == endpoint })
        }
    }
}

@Suite struct ConnectionPoolModelTests {
    @Test(arguments: 1...40) func `the pool's books agree with a simple model`(seed: Int) {
        var model = PoolModel(seed: UInt64(seed))
        for _ in 0..<200 { model.step() }
    }
}
