import Glibc
import Synchronization

/// The numbers of one worker: cells that its thread alone writes and any thread reads.
///
/// One writer needs no read-modify-write: a relaxed load and a relaxed store cost what plain memory costs,
/// and a reader never sees half a number. Numbers of different cells may be a moment apart in a scrape.
// SAFETY: `cells` is one anonymous mapping of `MetricPlaces.end` atomics, zero as the kernel gives it, which
// is the representation of `Atomic<UInt64>(0)`. It is never unmapped but in `deinit`. Pages that no name uses
// are never touched and cost nothing. Every index is checked against `MetricPlaces.end`.
@safe
package final class WorkerMetrics: @unchecked Sendable {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        let length = MetricPlaces.end * MemoryLayout<UInt64>.stride
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0),
            unsafe memory != UnsafeMutableRawPointer(bitPattern: -1)
        else { preconditionFailure("no memory for the numbers of a worker") }
        unsafe cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: MetricPlaces.end)
    }

    deinit { unsafe munmap(UnsafeMutableRawPointer(cells), MetricPlaces.end * MemoryLayout<UInt64>.stride) }

    /// Adds to a number; gauges take negative amounts. Only on the worker's thread.
    @inlinable
    package func add(_ metric: Metric, _ amount: Int = 1) {
        bump(metric.index, UInt64(bitPattern: Int64(amount)))
    }

    /// Sets a gauge. Only on the worker's thread.
    @inlinable
    package func set(_ metric: Metric, to value: Int) {
        precondition(metric.index >= 0 && metric.index < MetricPlaces.end, "no such metric")
        unsafe cells[metric.index].store(UInt64(bitPattern: Int64(value)), ordering: .relaxed)
    }

    /// Counts a duration in nanoseconds. Only on the worker's thread.
    @inlinable
    package func observe(_ metric: DurationMetric, nanoseconds: Int64) {
        bump(metric.index &+ Histogram.bucket(of: nanoseconds), 1)
        bump(metric.index &+ Histogram.bucketCount, Histogram.microseconds(of: nanoseconds))
    }

    /// Counts an exchange that has ended: its class, its outcome, its bytes and its duration.
    package func exchangeEnded(
        route: RouteSlot, status: Int, outcome: Outcome, bytesIn: Int, bytesOut: Int, nanoseconds: Int64
    ) {
        add(.requests(route: route, class: StatusClass(status: status)))
        add(.outcome(outcome))
        add(.bytesIn, bytesIn)
        add(.bytesOut, bytesOut)
        observe(.request(route: route), nanoseconds: nanoseconds)
    }

    @inlinable
    func bump(_ index: Int, _ amount: UInt64) {
        precondition(index >= 0 && index < MetricPlaces.end, "no such metric")
        let value = unsafe cells[index].load(ordering: .relaxed)
        unsafe cells[index].store(value &+ amount, ordering: .relaxed)
    }

    /// A number now. On any thread.
    package func value(of metric: Metric) -> UInt64 { read(metric.index) }

    /// A histogram now. On any thread.
    package func histogram(_ metric: DurationMetric) -> Histogram {
        let first = metric.index
        let buckets = (0..<Histogram.bucketCount).map { read(first + $0) }
        return Histogram(buckets: buckets, sum: read(first + Histogram.bucketCount))
    }

    private func read(_ index: Int) -> UInt64 {
        precondition(index >= 0 && index < MetricPlaces.end, "no such metric")
        return unsafe cells[index].load(ordering: .relaxed)
    }
}
