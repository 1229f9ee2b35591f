import Synchronization

/// Names and workers that metrics are kept for: one per process, outliving every reload.
///
/// A name gets a slot when settings that hold it are compiled, and keeps it for the life of the process, so
/// that counters never go back and an exchange that began before a reload counts where it began. Names come
/// from settings only, and their number is bounded: those beyond the capacity share slot 0, whose label is
/// `-`.
package final class MetricRegistry: Sendable {
    private let state = Mutex(State())

    package init() {}

    package func routeSlot(_ name: String) -> RouteSlot {
        RouteSlot(number: state.withLock { $0.routes.slot(of: name) })
    }

    package func upstreamSlot(_ name: String) -> UpstreamSlot {
        UpstreamSlot(number: state.withLock { $0.upstreams.slot(of: name) })
    }

    package func limitSlot(_ name: String) -> LimitSlot {
        LimitSlot(number: state.withLock { $0.limits.slot(of: name) })
    }

    /// Names of routes by their slots.
    package var routeNames: [String] { state.withLock { $0.routes.names } }

    /// The cells of one more worker.
    package func makeWorkerMetrics() -> WorkerMetrics {
        let metrics = WorkerMetrics()
        state.withLock { $0.workers.append(metrics) }
        return metrics
    }

    /// All numbers, summed over the workers.
    package func snapshot() -> MetricsSnapshot {
        // Copied out, so that settings can be compiled while a scrape reads.
        let (workers, routes, upstreams, limits) = state.withLock {
            ($0.workers, $0.routes.names, $0.upstreams.names, $0.limits.names)
        }
        return MetricsSnapshot(workers: workers, routes: routes, upstreams: upstreams, limits: limits)
    }

    private struct State {
        var routes = SlotTable(capacity: MetricPlaces.routeCapacity)
        var upstreams = SlotTable(capacity: MetricPlaces.upstreamCapacity)
        var limits = SlotTable(capacity: MetricPlaces.limitCapacity)
        var workers: [WorkerMetrics] = []
    }

    private struct SlotTable {
        let capacity: Int
        var names = ["-"]
        var slots: [String: Int] = [:]

        init(capacity: Int) { self.capacity = capacity }

        mutating func slot(of name: String) -> Int {
            if let slot = slots[name] { return slot }
            guard names.count < capacity else { return 0 }
            names.append(name)
            slots[name] = names.count - 1
            return names.count - 1
        }
    }
}

extension LimitSlot {
    /// Rules that are counted elsewhere than among the limits.
    package static var unnamed: LimitSlot { LimitSlot(number: 0) }
}

extension RouteSlot {
    /// Requests that matched no route.
    package static var unmatched: RouteSlot { RouteSlot(number: 0) }
}
