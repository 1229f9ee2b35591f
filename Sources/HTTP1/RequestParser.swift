import Bytes
import HTTPModel

/// Parses request heads of HTTP/1.0 and HTTP/1.1 (RFC 9112), strictly: what two readers could take for two
/// different requests is refused. Allocates nothing.
package struct RequestParser {
    private let limits: HeadLimits
    private var progress = HeadProgress()

    package init(limits: HeadLimits) { self.limits = limits }

    /// Forgets the head in work. Not needed after a head that was complete.
    package mutating func reset() { progress = HeadProgress() }

    /// Parses the head that `bytes` begins with.
    ///
    /// `bytes` is everything received since the end of the last message, and may go on behind the head with a
    /// body or with more requests. Returns the head's length, or nil where it is not complete; call again
    /// with more bytes then. `head` has a meaning only where a length is returned, and need not be the same
    /// one in every call. `head.bytes` is the end of the returned length: it leaves out empty lines before
    /// the request line, so that a caller whose buffer moves finds it again as `slice(length -
    /// head.bytes.count, length)`.
    package mutating func parse(_ bytes: ByteView, into head: inout RequestHead) throws(HeadError) -> Int? {
        let isFull = bytes.count >= limits.maximumBytes
        let window = isFull ? bytes.prefix(limits.maximumBytes) : bytes
        guard progress.isWorthParsing(window, full: isFull) else { return nil }
        guard let start = try emptyLines(window) else { return nil }
        let region = window.dropFirst(start)
        guard let fieldsStart = try RequestLine.parse(region, limits, into: &head) else {
            if isFull { throw .headTooLarge }
            return nil
        }
        head.fieldsStart = fieldsStart
        head.fields.removeAll()
        var notes = HeadNotes()
        let length = try FieldLines.parse(
            region, from: fieldsStart, maximum: limits.maximumFields, singletons: .refuseAll,
            into: &head.fields,
            notes: &notes)
        guard let length else {
            if isFull { throw .headTooLarge }
            return nil
        }
        head.bytes = region.prefix(length)
        try settle(&head, notes)
        reset()
        return start &+ length
    }

    /// Length of the empty lines before the request line, or nil where no request line has begun (RFC 9112
    /// §2.2).
    @inline(__always)
    private func emptyLines(_ bytes: ByteView) throws(HeadError) -> Int? {
        var index = 0
        while index < bytes.count {
            guard bytes[index] == ASCII.carriageReturn else {
                if bytes[index] == ASCII.lineFeed { throw .bareLineFeed }
                return index
            }
            guard index < HeadLimits.maximumEmptyLines &* 2 else { throw .tooManyEmptyLines }
            guard index &+ 1 < bytes.count else { return nil }
            guard bytes[index &+ 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
            index &+= 2
        }
        return nil
    }

    /// Sets what follows from the fields together.
    @inline(__always)
    private func settle(_ head: inout RequestHead, _ notes: HeadNotes) throws(HeadError) {
        try settleHost(&head, notes)
        head.framing = try notes.framing(head.bytes, minorVersion: head.minorVersion) ?? .none
        head.keepAlive = notes.keepAlive(minorVersion: head.minorVersion)
        head.connectionListsOthers = notes.connection?.others ?? false
        // RFC 9110 §7.8 and §10.1.1: an upgrade and an expectation from an HTTP/1.0 client mean nothing.
        let isCurrent = head.minorVersion >= 1
        head.wantsUpgrade =
            isCurrent && (notes.connection?.upgrade ?? false) && head.fields.contains(.upgrade)
        head.expectsContinue = false
        if isCurrent, let expect = notes.expect {
            guard expect.value(in: head.bytes).equalsIgnoringCase("100-continue") else {
                throw .unknownExpectation
            }
            if case .none = head.framing { return }
            head.expectsContinue = true
        }
    }

    /// RFC 9112 §3.2: exactly one valid Host with HTTP/1.1, even where an absolute target wins over it
    /// (§3.2.2).
    @inline(__always)
    private func settleHost(_ head: inout RequestHead, _ notes: HeadNotes) throws(HeadError) {
        guard let host = notes.host else {
            if head.minorVersion >= 1 { throw .missingHost }
            return
        }
        guard Authority.isValid(host.value(in: head.bytes)) else { throw .invalidHost }
        // An absolute target has set it.
        guard head.authority == nil else { return }
        let start = Int(host.valueStart)
        head.authority = (start, start &+ Int(host.valueLength))
    }
}
