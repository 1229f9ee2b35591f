import Bytes
import Glibc
import Synchronization
import Time

/// The access log's own thread: takes blocks from all workers and writes them, so that no loop ever waits for
/// a disk.
///
/// Memory is bounded by the number of blocks. What cannot be written is dropped and counted, and an event
/// tells when that begins and when it is over.
// SAFETY: `ready`, `free`, `made` and the flags are touched under `monitor` only; `sink` by the writer's
// thread only.
package final class AccessLogWriter: @unchecked Sendable {
    /// Numbers for metrics and status.
    package struct Statistics: Equatable, Sendable {
        package var records: UInt64
        package var bytes: UInt64
        /// Records that were handed over and could not be written.
        package var dropped: UInt64

        package init(records: UInt64, bytes: UInt64, dropped: UInt64) {
            self.records = records
            self.bytes = bytes
            self.dropped = dropped
        }
    }

    /// How long a line may wait in a worker's block.
    package let flushInterval: Duration

    private let monitor = Monitor()
    private var ready: [LogBlock] = []
    private var free: [LogBlock] = []
    private var made = 0
    private let blockLimit: Int
    private var isWaiting = false
    private var reopenAsked = false
    private var isStopped = false
    private var isFinished = false
    private var lostWhileStopping = false
    private var sink: LogSink

    /// Free blocks and blocks yet to be made: read without the lock, so that a worker that drops does so
    /// cheaply.
    private let available: Atomic<Int>
    private let stopDeadline = Atomic<Int64>(.max)
    private let recordsWritten = Atomic<UInt64>(0)
    private let bytesWritten = Atomic<UInt64>(0)
    private let recordsDropped = Atomic<UInt64>(0)

    /// Opens the destination and starts the thread. `blocks` of 64 KiB is all memory that the log may hold,
    /// the workers' own blocks included: at least two for each worker.
    package init(
        to destination: AccessLogDestination, blocks: Int, flushInterval: Duration, events: EventLog
    ) throws(AccessLogError) {
        precondition(blocks > 0, "an access log needs blocks")
        self.flushInterval = flushInterval
        blockLimit = blocks
        available = Atomic(blocks)
        sink = try LogSink(destination: destination, events: events)
        ready.reserveCapacity(blocks)
        free.reserveCapacity(blocks)
        try startThread()
    }

    /// Closes the file and opens its path anew, once what was handed over before the call is written or after
    /// it; what is handed over afterwards goes to the new file. For log rotation, on SIGUSR1.
    package func reopen() {
        monitor.withLock {
            reopenAsked = true
            monitor.wake()
        }
    }

    /// Writes what was handed over, closes the file and ends the thread. False where that was not done whole
    /// after `limit`: what remains is then lost. Blocks handed over afterwards are dropped.
    package func stop(within limit: Duration) -> Bool {
        let deadline = Clock.monotonic + limit
        return monitor.withLock {
            stopDeadline.store(deadline.nanoseconds, ordering: .relaxed)
            isStopped = true
            monitor.wake()
            while !isFinished {
                guard monitor.wait(until: deadline) else { break }
            }
            return isFinished && !lostWhileStopping
        }
    }

    package var statistics: Statistics {
        Statistics(
            records: recordsWritten.load(ordering: .relaxed), bytes: bytesWritten.load(ordering: .relaxed),
            dropped: recordsDropped.load(ordering: .relaxed))
    }

    /// A block for a worker to fill, or nil where all are in use.
    func freeBlock() -> LogBlock? {
        guard available.load(ordering: .relaxed) > 0 else { return nil }
        return monitor.withLock {
            if let block = free.popLast() {
                available.subtract(1, ordering: .relaxed)
                return block
            }
            guard made < blockLimit else { return nil }
            made += 1
            available.subtract(1, ordering: .relaxed)
            return LogBlock()
        }
    }

    /// Takes a block over from a worker.
    func take(_ block: LogBlock) {
        monitor.withLock {
            guard block.records > 0 else { return giveBack(block) }
            guard !isStopped else {
                recordsDropped.add(UInt64(block.records), ordering: .relaxed)
                return giveBack(block)
            }
            ready.append(block)
            if isWaiting { monitor.wake() }
        }
    }

    /// The caller holds the lock.
    private func giveBack(_ block: LogBlock) {
        block.clear()
        free.append(block)
        available.add(1, ordering: .relaxed)
    }

    private func startThread() throws(AccessLogError) {
        var thread = pthread_t()
        let retained = unsafe Unmanaged.passRetained(self).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<AccessLogWriter>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained)
        guard result == 0 else {
            unsafe Unmanaged<AccessLogWriter>.fromOpaque(retained).release()
            throw .thread(errorNumber: result)
        }
        pthread_detach(thread)
    }

    private func run() {
        LogSink.blockSignals()
        while let work = nextWork() {
            if work.reopen { sink.reopen() }
            if let block = work.block { write(block) }
        }
        sink.close()
        monitor.withLock {
            isFinished = true
            monitor.wake()
        }
    }

    /// Waits for something to do; nil at the end.
    private func nextWork() -> (block: LogBlock?, reopen: Bool)? {
        monitor.withLock {
            while ready.isEmpty, !reopenAsked, !isStopped {
                isWaiting = true
                monitor.wait()
                isWaiting = false
            }
            let reopen = reopenAsked
            reopenAsked = false
            // At most `blockLimit` references move up.
            let block = ready.isEmpty ? nil : ready.removeFirst()
            return block == nil && !reopen ? nil : (block, reopen)
        }
    }

    private func write(_ block: LogBlock) {
        let result = sink.write(block.view) {
            Clock.monotonic.nanoseconds >= self.stopDeadline.load(ordering: .relaxed)
        }
        let dropped = result.linesLost
        recordsWritten.add(UInt64(block.records - dropped), ordering: .relaxed)
        bytesWritten.add(UInt64(result.bytes), ordering: .relaxed)
        recordsDropped.add(UInt64(dropped), ordering: .relaxed)
        monitor.withLock {
            // At the deadline the thread gives up and ends: that is no good end.
            if isStopped && dropped > 0 { lostWhileStopping = true }
            giveBack(block)
        }
    }
}
