import Bytes
import HTTPModel

/// The request line (RFC 9112 §3).
enum RequestLine {
    /// Sets method, target and version of `head`, and returns the offset behind the line, or nil where it is
    /// not complete.
    @inline(__always)
    static func parse(_ bytes: ByteView, _ limits: HeadLimits, into head: inout RequestHead) throws(HeadError)
        -> Int?
    {
        guard let targetStart = try method(bytes, into: &head), targetStart < bytes.count else { return nil }
        guard let targetEnd = try target(bytes, from: targetStart, limits, into: &head) else { return nil }
        return try version(bytes, from: targetEnd &+ 1, into: &head)
    }

    @inline(__always)
    private static func method(_ bytes: ByteView, into head: inout RequestHead) throws(HeadError) -> Int? {
        var end = 0
        // Most methods are known after this; the general rule is that of a token.
        while end < bytes.count, ASCII.isToken(bytes[end]) {
            end &+= 1
            guard end <= HeadLimits.maximumMethod else { throw .methodTooLong }
        }
        guard end < bytes.count else { return nil }
        guard end > 0, bytes[end] == ASCII.space else { throw .badMethod }
        head.method = Method(bytes.prefix(end))
        head.methodLength = end
        if case .connect = head.method { throw .connectRefused }
        return end &+ 1
    }

    /// Returns the offset of the space behind the target.
    @inline(__always)
    private static func target(
        _ bytes: ByteView, from start: Int, _ limits: HeadLimits, into head: inout RequestHead
    ) throws(HeadError) -> Int? {
        var pathStart = start
        head.query = nil
        head.authority = nil
        switch bytes[start] {
        case 0x2F: head.form = .origin
        case 0x2A: return try asterisk(bytes, at: start, into: &head)
        default:
            guard let behindAuthority = try absolute(bytes, from: start, limits, into: &head) else {
                return nil
            }
            pathStart = behindAuthority
        }
        let pathEnd = endOfTarget(bytes, from: pathStart, isQuery: false)
        var end = pathEnd
        head.path = (pathStart, pathEnd)
        if pathEnd < bytes.count, bytes[pathEnd] == 0x3F {
            end = endOfTarget(bytes, from: pathEnd &+ 1, isQuery: true)
            head.query = (pathEnd &+ 1, end)
        }
        if end &- start > limits.maximumTarget { throw .targetTooLong }
        guard end < bytes.count else { return nil }
        guard bytes[end] == ASCII.space else { throw .badTarget }
        return end
    }

    /// `*`, which only OPTIONS may ask for (RFC 9112 §3.2.4).
    private static func asterisk(_ bytes: ByteView, at start: Int, into head: inout RequestHead)
        throws(HeadError) -> Int?
    {
        head.form = .asterisk
        head.path = (start, start)
        guard start &+ 1 < bytes.count else { return nil }
        guard bytes[start &+ 1] == ASCII.space else { throw .badTarget }
        return start &+ 1
    }

    /// `http://authority` or `https://authority` (RFC 9112 §3.2.2). Returns the offset behind the authority.
    private static func absolute(
        _ bytes: ByteView, from start: Int, _ limits: HeadLimits, into head: inout RequestHead
    ) throws(HeadError) -> Int? {
        guard let authorityStart = try scheme(bytes, from: start) else { return nil }
        var end = authorityStart
        while end < bytes.count, bytes[end] != 0x2F, bytes[end] != 0x3F, bytes[end] > 0x20 { end &+= 1 }
        if end &- start > limits.maximumTarget { throw .targetTooLong }
        guard end < bytes.count else { return nil }
        guard Authority.isValid(bytes.slice(authorityStart, end)) else { throw .badTarget }
        head.form = .absolute
        head.authority = (authorityStart, end)
        return end
    }

    /// Offset behind `http://` or `https://` in any case, nil where it is not all there.
    private static func scheme(_ bytes: ByteView, from start: Int) throws(HeadError) -> Int? {
        let rest = bytes.dropFirst(start)
        for scheme: StaticString in ["http://", "https://"] {
            let scheme = ByteView(scheme)
            let length = min(scheme.count, rest.count)
            guard rest.prefix(length).equalsIgnoringCase(scheme.prefix(length)) else { continue }
            return length == scheme.count ? start &+ length : nil
        }
        throw .badTarget
    }

    /// `HTTP/1.1` or `HTTP/1.0` and CRLF at `start`. Returns the offset behind the line.
    @inline(__always)
    private static func version(_ bytes: ByteView, from start: Int, into head: inout RequestHead)
        throws(HeadError) -> Int?
    {
        guard let minor = try HTTPVersion.minor(bytes, at: start) else { return nil }
        head.minorVersion = minor
        // Checked behind the version, so that the preface of HTTP/2 is told that its version is the reason.
        if case .asterisk = head.form {
            guard case .options = head.method else { throw .badTarget }
        }
        let end = start &+ HTTPVersion.length
        guard end < bytes.count else { return nil }
        guard bytes[end] == ASCII.carriageReturn else {
            throw bytes[end] == ASCII.lineFeed ? .bareLineFeed : .badVersion
        }
        guard end &+ 1 < bytes.count else { return nil }
        guard bytes[end &+ 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
        return end &+ 2
    }

    /// Index of the first byte that a target cannot have: not visible ASCII, or `#`; `?` too where `isQuery`
    /// is false.
    ///
    /// Wider than RFC 3986 by the visible characters that browsers leave as they are in queries; what the
    /// path may have is narrowed by `PathNormaliser`.
    @inline(__always)
    private static func endOfTarget(_ bytes: ByteView, from start: Int, isQuery: Bool) -> Int {
        let question: UInt8 = isQuery ? 0x23 : 0x3F
        var index = start
        while index &+ 16 <= bytes.count {
            let block = bytes.block(at: index)
            let outside = (block &- Block.all(0x21)) .> Block.all(0x5D)
            let ends = (block .== Block.all(0x23)) .| (block .== Block.all(question))
            if let offset = (outside .| ends).firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < bytes.count, bytes[index] &- 0x21 <= 0x5D, bytes[index] != 0x23,
            bytes[index] != question
        {
            index &+= 1
        }
        return index
    }
}

/// The version in a request line or a status line (RFC 9112 §2.3).
enum HTTPVersion {
    /// Bytes of `HTTP/1.1`.
    static let length = 8

    /// The `x` of `HTTP/1.x` at `start`; nil where it is not all there.
    @inline(__always)
    static func minor(_ bytes: ByteView, at start: Int) throws(HeadError) -> Int? {
        guard start &+ length <= bytes.count else { return try partial(bytes, at: start) }
        // "HTTP/1.1" and "HTTP/1.0", the first byte lowest.
        switch bytes.word(at: start) {
        case 0x312E_312F_5054_5448: return 1
        case 0x302E_312F_5054_5448: return 0
        default: throw isOther(bytes.slice(start, start &+ length)) ? .unsupportedVersion : .badVersion
        }
    }

    private static func partial(_ bytes: ByteView, at start: Int) throws(HeadError) -> Int? {
        guard start < bytes.count else { return nil }
        let received = bytes.dropFirst(start)
        let known = ByteView("HTTP/").prefix(min(5, received.count))
        guard received.prefix(known.count).equals(known) else { throw .badVersion }
        return nil
    }

    /// `HTTP/` digit `.` digit, but neither 1.0 nor 1.1.
    private static func isOther(_ bytes: ByteView) -> Bool {
        bytes.hasPrefix(ByteView("HTTP/")) && ASCII.isDigit(bytes[5]) && bytes[6] == 0x2E
            && ASCII.isDigit(bytes[7])
    }
}
