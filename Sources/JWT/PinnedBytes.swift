import Bytes

/// Bytes that never move and are never freed, for constants that code looks at as views.
// SAFETY: written once in `init`, read-only afterwards, never freed: for values as long-lived as the process.
@safe
struct PinnedBytes: @unchecked Sendable {
    private let start: UnsafeMutablePointer<UInt8>
    private let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        unsafe start = .allocate(capacity: max(1, bytes.count))
        for index in bytes.indices { unsafe start[index] = bytes[index] }
    }

    var view: ByteView { unsafe ByteView(start: start, count: count) }
}
