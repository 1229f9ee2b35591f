import Bytes
import Time

/// A worker's end of the access log: gathers lines in a block and hands full or old blocks to the writer.
///
/// Never waits and makes no system call but the wake of the writer's thread, once a block. Where no block is
/// free, because the disk is full or nobody reads the pipe, records are dropped and counted: serving goes
/// before logging.
package struct AccessLogBuffer: ~Copyable {
    package enum Appended: Sendable { case kept, dropped }

    private let writer: AccessLogWriter
    private var encoder: AccessLogEncoder
    private var block: LogBlock?

    /// A buffer for one worker, to be used on its thread.
    package init(writer: AccessLogWriter, query: AccessLogEncoder.Query) {
        self.writer = writer
        encoder = AccessLogEncoder(query: query)
    }

    deinit { if let block { writer.take(block) } }

    /// Writes a record down. The views in `record` are not needed afterwards.
    package mutating func append(_ record: borrowing AccessRecord, now: Instant) -> Appended {
        if let block, block.append(record, with: &encoder, now: now) { return .kept }
        guard let next = nextBlock(), next.append(record, with: &encoder, now: now) else { return .dropped }
        return .kept
    }

    /// Hands over what has waited for the flush interval. The worker calls it from a timer, once per interval
    /// or oftener.
    package mutating func flush(now: Instant) {
        guard let block, block.records > 0, now - block.begun >= writer.flushInterval.nanoseconds else {
            return
        }
        handOver()
    }

    /// Hands over everything; for the worker's end.
    package mutating func handOver() {
        guard let full = block else { return }
        block = nil
        writer.take(full)
    }

    /// Gives the current block away and takes a free one.
    private mutating func nextBlock() -> LogBlock? {
        handOver()
        block = writer.freeBlock()
        return block
    }
}
