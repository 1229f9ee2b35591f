import Foundation
import Telemetry
import Testing

@Suite struct MetricsTests {
    /// Every metric that there is for the first and the last name of each table.
    static func everyMetric() -> [Metric] {
        var metrics = WorkerCounter.allCases.map { Metric.counter($0) }
        metrics += WorkerGauge.allCases.map { .gauge($0) }
        metrics += ConnectionRefusal.allCases.map { .refused($0) }
        metrics += HeadFault.allCases.map { .headFault($0) }
        metrics += Outcome.allCases.map { .outcome($0) }
        let registry = MetricRegistry()
        var routes = [RouteSlot.unmatched]
        for number in 0..<MetricPlaces.routeCapacity - 1 {
            routes.append(registry.routeSlot("route \(number)"))
        }
        var upstreams: [UpstreamSlot] = []
        for number in 0..<MetricPlaces.upstreamCapacity - 1 {
            upstreams.append(registry.upstreamSlot("upstream \(number)"))
        }
        var limits: [LimitSlot] = []
        for number in 0..<MetricPlaces.limitCapacity - 1 {
            limits.append(registry.limitSlot("limit \(number)"))
        }
        for route in [routes[0], routes[1], routes[2], routes[routes.count - 1]] {
            metrics += StatusClass.allCases.map { .requests(route: route, class: $0) }
        }
        for upstream in [upstreams[0], upstreams[1], upstreams[upstreams.count - 1]] {
            metrics += UpstreamCounter.allCases.map { .upstream(upstream, $0) }
        }
        for limit in [limits[0], limits[1], limits[limits.count - 1]] {
            metrics += LimitDecision.allCases.map { .limit(limit, $0) }
        }
        return metrics
    }

    @Test func `no two metrics share a cell`() {
        let worker = MetricRegistry().makeWorkerMetrics()
        let metrics = Self.everyMetric()
        for (number, metric) in metrics.enumerated() {
            #expect(worker.value(of: metric) == 0, "metric \(number) shares a cell")
            worker.add(metric, number + 1)
        }
        for (number, metric) in metrics.enumerated() {
            #expect(worker.value(of: metric) == UInt64(number + 1))
        }
    }

    @Test func `histograms and counters do not touch each other`() {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        let route = registry.routeSlot("a")
        let next = registry.routeSlot("b")
        let upstream = registry.upstreamSlot("app")
        let metrics = Self.everyMetric()
        for value: Int64 in [0, 10_000, .max] {
            worker.observe(.loopTurn, nanoseconds: value)
            worker.observe(.request(route: .unmatched), nanoseconds: value)
            worker.observe(.request(route: route), nanoseconds: value)
            worker.observe(.firstByte(upstream: upstream), nanoseconds: value)
        }
        #expect(metrics.allSatisfy { worker.value(of: $0) == 0 })
        for metric in metrics { worker.add(metric, 1_000_000) }
        var expected = Histogram()
        for value: Int64 in [0, 10_000, .max] { expected.record(nanoseconds: value) }
        #expect(worker.histogram(.loopTurn) == expected)
        #expect(worker.histogram(.request(route: route)) == expected)
        #expect(worker.histogram(.firstByte(upstream: upstream)) == expected)
        #expect(worker.histogram(.request(route: next)).count == 0)
    }

    @Test func `numbers are summed over workers, gauges below zero in one of them included`() {
        let registry = MetricRegistry()
        let workers = [registry.makeWorkerMetrics(), registry.makeWorkerMetrics()]
        let route = registry.routeSlot("api")
        let upstream = registry.upstreamSlot("app")
        let limit = registry.limitSlot("everyone")
        for worker in workers {
            worker.exchangeEnded(
                route: route, status: 404, outcome: .gatewayPolicy, bytesIn: 10, bytesOut: 20,
                nanoseconds: 5000)
            worker.add(.limit(limit, .denied))
            worker.observe(.firstByte(upstream: upstream), nanoseconds: 1_000_000)
        }
        // Opened by one worker's exchange and closed by another's, were that to happen: the sum is what is
        // true.
        workers[0].add(.connectionsOpen, -1)
        workers[1].add(.connectionsOpen, 3)
        workers[0].set(.bufferBytes, to: 4096)
        workers[1].set(.bufferBytes, to: 100)
        workers[1].set(.bufferBytes, to: 8192)
        let snapshot = registry.snapshot()
        #expect(snapshot.requests == 2)
        #expect(snapshot.count(of: Outcome.gatewayPolicy) == 2)
        #expect(snapshot.routes.map(\.name) == ["-", "api"])
        #expect(snapshot.routes[1].requests[StatusClass.clientError.rawValue] == 2)
        #expect(snapshot.routes[1].duration.count == 2)
        #expect(snapshot.upstreams.map(\.name) == ["app"])
        #expect(snapshot.upstreams[0].firstByte.sum == 2000)
        #expect(snapshot.limits[0].decisions[LimitDecision.denied.rawValue] == 2)
        #expect(snapshot.value(of: WorkerCounter.bytesIn) == 20)
        #expect(snapshot.value(of: WorkerCounter.bytesOut) == 40)
        #expect(snapshot.value(of: WorkerGauge.connectionsOpen) == 2)
        #expect(snapshot.value(of: WorkerGauge.bufferBytes) == 12_288)
    }

    @Test func `counters go on through a reload that adds, removes and reorders names`() {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        func load(_ names: [String]) -> [RouteSlot] { names.map { registry.routeSlot($0) } }
        let first = load(["a", "b"])
        worker.add(.requests(route: first[0], class: .success), 5)
        worker.add(.requests(route: first[1], class: .success), 7)
        let second = load(["c", "b"])
        #expect(second[1] == first[1])
        worker.add(.requests(route: second[0], class: .success), 1)
        worker.add(.requests(route: second[1], class: .success), 1)
        // An exchange that began before the reload ends after it.
        worker.add(.requests(route: first[0], class: .success))
        let counts = registry.snapshot().routes.map { ($0.name, $0.requests[StatusClass.success.rawValue]) }
        #expect(counts.map(\.0) == ["-", "a", "b", "c"])
        #expect(counts.map(\.1) == [0, 6, 8, 1])
        #expect(load(["a"]) == [first[0]])
    }

    @Test func `names beyond the capacity count together`() {
        let registry = MetricRegistry()
        let worker = registry.makeWorkerMetrics()
        var last = registry.upstreamSlot("first")
        let first = last
        for number in 0..<MetricPlaces.upstreamCapacity + 10 {
            last = registry.upstreamSlot("upstream \(number)")
        }
        #expect(registry.upstreamSlot("first") == first)
        worker.add(.upstream(last, .opened), 3)
        worker.add(.upstream(registry.upstreamSlot("one more"), .opened), 4)
        let snapshot = registry.snapshot()
        #expect(snapshot.upstreams.count == MetricPlaces.upstreamCapacity)
        #expect(snapshot.upstreams[0].name == "-")
        #expect(snapshot.upstreams[0].opened == 7)
    }

    @Test func `statuses fall into their classes`() {
        let cases: [(Int, StatusClass)] = [
            (0, .none), (99, .none), (101, .informational), (200, .success), (299, .success),
            (304, .redirection),
            (429, .clientError), (500, .serverError), (599, .serverError), (600, .none), (-1, .none),
        ]
        for (status, expected) in cases { #expect(StatusClass(status: status) == expected) }
    }

    @Test(.timeLimit(.minutes(20)))
    func `two workers write while a scrape reads, and nothing goes back or is lost`() {
        let registry = MetricRegistry()
        let route = registry.routeSlot("api")
        let rounds = 200_000
        let threads = (0..<2).map { _ in
            let worker = registry.makeWorkerMetrics()
            return Thread {
                for round in 0..<rounds {
                    worker.exchangeEnded(
                        route: route, status: 200, outcome: .ok, bytesIn: 1, bytesOut: 2,
                        nanoseconds: Int64(round))
                }
            }
        }
        for thread in threads { thread.start() }
        var last: UInt64 = 0
        while last < UInt64(2 * rounds) {
            let snapshot = registry.snapshot()
            let now = snapshot.requests
            #expect(now >= last)
            last = now
        }
        #expect(eventually { threads.allSatisfy(\.isFinished) })
        let snapshot = registry.snapshot()
        #expect(snapshot.requests == UInt64(2 * rounds))
        #expect(snapshot.routes[1].duration.count == UInt64(2 * rounds))
        #expect(snapshot.value(of: WorkerCounter.bytesOut) == UInt64(4 * rounds))
    }
}
