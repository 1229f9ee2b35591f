import Bytes
import HTTPModel

/// Parses response heads of HTTP/1.0 and HTTP/1.1 (RFC 9112 §4) from origins. As strict as `RequestParser`
/// about lines and framing; tolerant about the reason phrase, which nothing depends on. Allocates nothing.
package struct ResponseParser {
    private let limits: HeadLimits
    private var progress = HeadProgress()

    package init(limits: HeadLimits) { self.limits = limits }

    /// Forgets the head in work. Not needed after a head that was complete.
    package mutating func reset() { progress = HeadProgress() }

    /// Parses the head that `bytes` begins with, the answer to a request with `method`.
    ///
    /// Shaped like `RequestParser.parse`; `head.bytes` is exactly the returned length.
    package mutating func parse(
        _ bytes: ByteView, answering method: Method, into head: inout ResponseHead
    ) throws(HeadError) -> Int? {
        let isFull = bytes.count >= limits.maximumBytes
        let window = isFull ? bytes.prefix(limits.maximumBytes) : bytes
        guard progress.isWorthParsing(window, full: isFull) else { return nil }
        guard let fieldsStart = try statusLine(window, into: &head) else {
            if isFull { throw .headTooLarge }
            return nil
        }
        head.fieldsStart = fieldsStart
        head.fields.removeAll()
        var notes = HeadNotes()
        let length = try FieldLines.parse(
            window, from: fieldsStart, maximum: limits.maximumFields, singletons: .refuseFraming,
            into: &head.fields,
            notes: &notes)
        guard let length else {
            if isFull { throw .headTooLarge }
            return nil
        }
        head.bytes = window.prefix(length)
        head.keepAlive = notes.keepAlive(minorVersion: head.minorVersion)
        head.connectionListsOthers = notes.connection?.others ?? false
        try settleFraming(&head, notes, method)
        reset()
        return length
    }

    /// `HTTP/1.1 200 reason` (RFC 9112 §4). The space behind the status may be missing where the reason is
    /// empty.
    @inline(__always)
    private func statusLine(_ bytes: ByteView, into head: inout ResponseHead) throws(HeadError) -> Int? {
        guard let minor = try HTTPVersion.minor(bytes, at: 0) else { return nil }
        head.minorVersion = minor
        var index = HTTPVersion.length
        guard index < bytes.count else { return nil }
        guard bytes[index] == ASCII.space else { throw .badVersion }
        index &+= 1
        var status = 0
        for _ in 0..<3 {
            guard index < bytes.count else { return nil }
            guard ASCII.isDigit(bytes[index]) else { throw .badStatus }
            status = status &* 10 &+ Int(bytes[index] &- 0x30)
            index &+= 1
        }
        guard status >= 100, status <= 599 else { throw .badStatus }
        head.status = status
        guard index < bytes.count else { return nil }
        if bytes[index] == ASCII.space {
            index &+= 1
        } else if bytes[index] != ASCII.carriageReturn {
            throw bytes[index] == ASCII.lineFeed ? .bareLineFeed : .badStatus
        }
        let end = FieldLines.endOfText(bytes, from: index)
        head.reason = (index, end)
        guard end < bytes.count else { return nil }
        guard bytes[end] == ASCII.carriageReturn else {
            throw bytes[end] == ASCII.lineFeed ? .bareLineFeed : .badReason
        }
        guard end &+ 1 < bytes.count else { return nil }
        guard bytes[end &+ 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
        return end &+ 2
    }

    /// RFC 9112 §6.3, in its order.
    @inline(__always)
    private func settleFraming(
        _ head: inout ResponseHead, _ notes: HeadNotes, _ method: Method
    ) throws(HeadError) {
        // Also where there is no body: an origin that contradicts itself is not trusted with the next answer.
        let declared = try notes.framing(head.bytes, minorVersion: head.minorVersion)
        switch head.status {
        case 100...199, 204:
            head.framing = .none
            // These have no body whatever the fields say. Who declares one here may also send it.
            switch declared {
            case nil, .some(.none): break
            case .length, .chunked, .untilClose: head.keepAlive = false
            }
        case 304: head.framing = .none
        default:
            if case .head = method {
                head.framing = .none
                return
            }
            head.framing = declared ?? .untilClose
            if declared == nil { head.keepAlive = false }
        }
    }
}
