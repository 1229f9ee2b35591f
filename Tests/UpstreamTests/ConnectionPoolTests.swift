import Addressing
import Slots
import Testing
import Time
import Upstream

private func endpoint(_ number: Int) -> ServerEndpoint {
    ServerEndpoint(address: .ip(IPAddress(ipv4: UInt32(number)), port: 80), label: "server \(number)")
}

private func id(_ number: Int) -> SlotID { SlotID(index: UInt32(number), generation: 0) }

private func pool(connections: Int = 2, idle: Int = 2, waiting: Int = 2, servers: Int = 1) -> ConnectionPool {
    var pool = ConnectionPool(
        limits: ConnectionPool.Limits(
            connections: connections, idle: idle, idleTimeout: .seconds(30), waiting: waiting,
            coolDown: .seconds(10)),
        balancer: Balancer(policy: .roundRobin))
    _ = pool.replaceEndpoints((0..<servers).map(endpoint))
    return pool
}

@Suite struct ConnectionPoolTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    @Test func `without an address there is nothing to connect to`() {
        var pool = pool(servers: 0)
        expectEqual(pool.acquire(for: id(1), avoiding: nil, fresh: false, now: now), .noEndpoint)
        #expect(pool.open == 0)
    }

    @Test func `up to the cap connections are made, then requests wait, then they are refused`() {
        var pool = pool(connections: 1, waiting: 1)
        expectEqual(pool.acquire(for: id(1), avoiding: nil, fresh: false, now: now), .connect(endpoint: 0))
        expectEqual(pool.acquire(for: id(2), avoiding: nil, fresh: false, now: now), .wait)
        expectEqual(pool.acquire(for: id(3), avoiding: nil, fresh: false, now: now), .queueFull)
        expectEqual(pool.release(id(100), endpoint: 0, now: now), .handTo(id(2)))
        expectEqual(pool.release(id(100), endpoint: 0, now: now), .keep)
        expectEqual(
            pool.acquire(for: id(4), avoiding: nil, fresh: false, now: now), .reuse(id(100), endpoint: 0))
    }

    @Test func `a fresh connection never comes out of the pool`() {
        var pool = pool()
        _ = pool.acquire(for: id(1), avoiding: nil, fresh: false, now: now)
        _ = pool.release(id(100), endpoint: 0, now: now)
        expectEqual(pool.acquire(for: id(2), avoiding: nil, fresh: true, now: now), .connect(endpoint: 0))
    }

    @Test func `the youngest idle connection is used first, and the oldest grow old`() {
        var pool = pool(connections: 3, idle: 3)
        for number in 1...3 { _ = pool.acquire(for: id(number), avoiding: nil, fresh: false, now: now) }
        for number in 1...3 { _ = pool.release(id(100 + number), endpoint: 0, now: now + .seconds(number)) }
        expectEqual(
            pool.acquire(for: id(4), avoiding: nil, fresh: false, now: now), .reuse(id(103), endpoint: 0))
        expectEqual(pool.popExpired(now: now + .seconds(30)), nil)
        expectEqual(pool.popExpired(now: now + .seconds(31)), id(101))
        expectEqual(pool.popExpired(now: now + .seconds(31)), nil)
        #expect(pool.open == 2)
    }

    @Test func `a closed connection makes room for the one that has waited longest`() {
        var pool = pool(connections: 1)
        _ = pool.acquire(for: id(1), avoiding: nil, fresh: false, now: now)
        _ = pool.acquire(for: id(2), avoiding: nil, fresh: false, now: now)
        _ = pool.acquire(for: id(3), avoiding: nil, fresh: false, now: now)
        expectEqual(pool.nextWaiter(), nil)
        pool.stopWaiting(id(2))
        pool.closed(endpoint: 0, wasInFlight: true)
        expectEqual(pool.nextWaiter(), id(3))
        expectEqual(pool.nextWaiter(), nil)
    }

    @Test func `an endpoint that refused is left alone until its time is over or it is reached`() {
        var pool = pool(connections: 9, servers: 2)
        pool.connectFailed(endpoint: 0, now: now)
        for number in 1...3 {
            let acquired = pool.acquire(for: id(number), avoiding: nil, fresh: true, now: now + .seconds(9))
            #expect(acquired == .connect(endpoint: 1))
        }
        pool.connectSucceeded(endpoint: 0)
        expectEqual(pool.acquire(for: id(4), avoiding: nil, fresh: true, now: now), .connect(endpoint: 0))
    }

    @Test func `connections above a lowered cap close as they come back`() {
        var pool = pool(connections: 2)
        for number in 1...2 { _ = pool.acquire(for: id(number), avoiding: nil, fresh: false, now: now) }
        var limits = pool.limits
        limits.connections = 1
        pool.update(limits: limits, policy: .leastRequests)
        expectEqual(pool.release(id(100), endpoint: 0, now: now), .close)
        pool.closed(endpoint: nil, wasInFlight: false)
        expectEqual(pool.release(id(101), endpoint: 0, now: now), .keep)
    }

    @Test
    func
        `known addresses keep their load, and idle connections to old ones are to be closed`()
    {
        var pool = pool(connections: 9, servers: 3)
        for number in 0..<3 { _ = pool.acquire(for: id(number), avoiding: nil, fresh: false, now: now) }
        _ = pool.release(id(100), endpoint: 0, now: now)
        _ = pool.release(id(102), endpoint: 2, now: now)
        let (close, remap) = pool.replaceEndpoints([endpoint(2), endpoint(1), endpoint(7)])
        #expect(close == [id(100)])
        #expect(remap == [nil, 1, 0])
        #expect(pool.states.map(\.inFlight) == [0, 1, 0])
        #expect(pool.open == 2)
        #expect(pool.idleCount == 1)
        // Out on an address that is gone: it serves nobody else.
        expectEqual(pool.release(id(101), endpoint: nil, now: now), .close)
    }
}
