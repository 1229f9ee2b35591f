import Bytes
import Time

/// Lines of the access log on their way from a worker to the writer.
// SAFETY: `base` is `LogBlock.size` bytes that the block alone owns. A block is in the hands of one thread at
// a time: its worker's, or the writer's; it changes hands under the writer's lock only.
@safe
final class LogBlock: @unchecked Sendable {
    /// Bytes of a block. The longest possible line fits into an empty one.
    static let size = 65_536

    private let base: UnsafeMutableRawPointer
    private(set) var count = 0
    private(set) var records = 0
    /// When the first of its records was written.
    private(set) var begun = Instant.unset

    init() { unsafe base = .allocate(byteCount: LogBlock.size, alignment: 64) }

    deinit { unsafe base.deallocate() }

    var view: ByteView { unsafe ByteView(start: base, count: count) }

    /// False where the record does not fit behind the others.
    func append(_ record: borrowing AccessRecord, with encoder: inout AccessLogEncoder, now: Instant) -> Bool
    {
        let room = unsafe UnsafeMutableRawBufferPointer(start: base + count, count: LogBlock.size &- count)
        guard let length = unsafe encoder.encode(record, into: room) else { return false }
        if records == 0 { begun = now }
        count &+= length
        records &+= 1
        return true
    }

    func clear() {
        count = 0
        records = 0
        begun = .unset
    }
}
