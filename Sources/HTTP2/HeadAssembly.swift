import Bytes
import HTTPModel

/// Puts the fields of a header block together to a head as HTTP/1.1 writes it, which the rest of the gateway
/// reads: one parser judges all requests, whatever they came by.
///
/// What the block must not hold is refused here once more (RFC 9113 §8.2, §8.3; security.md 5): a name or
/// value with CR, LF or NUL in it would be another head.
struct HeadAssembly {
    enum Kind { case request, response }

    private static let longestOrigin = 320

    private(set) var isMalformed = false
    /// Bytes as SETTINGS_MAX_HEADER_LIST_SIZE counts them.
    private(set) var size = 0
    private var method: [UInt8] = []
    private var path: [UInt8] = []
    private var authority: [UInt8] = []
    private var protocolName: [UInt8] = []
    private var status: [UInt8] = []
    private var lines: [UInt8] = []
    private var cookie: [UInt8] = []
    /// Where the first of its crumbs stood among the lines.
    private var cookiePlace = 0
    private var host: [UInt8]?
    private var hasAuthority = false
    private(set) var hasPseudoFields = false

    /// Forgets everything and keeps the memory.
    mutating func reset() {
        isMalformed = false
        size = 0
        method.removeAll(keepingCapacity: true)
        path.removeAll(keepingCapacity: true)
        authority.removeAll(keepingCapacity: true)
        protocolName.removeAll(keepingCapacity: true)
        status.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        cookie.removeAll(keepingCapacity: true)
        host = nil
        hasAuthority = false
        hasPseudoFields = false
    }

    mutating func add(_ name: ByteView, _ value: ByteView, limit: Int) {
        size += name.count + value.count + 32
        // What is too large is not kept, only counted; but a page shall be able to read that it was.
        let isOrigin = name.count == 6 && value.count <= Self.longestOrigin && name.equals("origin")
        guard size <= limit || isOrigin, !name.isEmpty else { return }
        guard name[0] != 0x3A else { return addPseudo(name, value) }
        guard Self.isFieldValue(value) else { return isMalformed = true }
        switch name.count {
        case 4 where name.equals("host"):
            if host != nil { isMalformed = true }
            host = value.array()
        case 6 where name.equals("cookie"):
            // Crumbs of one field (RFC 9113 §8.2.3).
            if cookie.isEmpty { cookiePlace = lines.count } else { cookie += [0x3B, 0x20] }
            cookie.append(value)
        default:
            lines.append(name)
            lines.append(0x3A)
            lines.append(0x20)
            lines.append(value)
            lines.append(0x0D)
            lines.append(0x0A)
        }
    }

    private mutating func addPseudo(_ name: ByteView, _ value: ByteView) {
        hasPseudoFields = true
        // No blank and no control character: they would end the word in a request line.
        for index in 0..<value.count where value[index] <= 0x20 || value[index] == 0x7F {
            return isMalformed = true
        }
        switch name.count {
        case 5 where name.equals(":path"): path.append(value)
        case 7 where name.equals(":method"): method.append(value)
        case 7 where name.equals(":scheme"): break
        case 7 where name.equals(":status"): status.append(value)
        case 9 where name.equals(":protocol"): protocolName.append(value)
        case 10 where name.equals(":authority"):
            hasAuthority = true
            authority.append(value)
        default: isMalformed = true
        }
    }

    private static func isFieldValue(_ value: ByteView) -> Bool {
        for index in 0..<value.count where !ASCII.isFieldContent(value[index]) { return false }
        return true
    }

    /// What a request opens with.
    enum Opening { case plain, webSocket, otherProtocol }

    /// The request's head behind what `text` holds. False where it is malformed.
    ///
    /// - Parameter key: What a WebSocket's handshake over HTTP/1.1 needs and one over HTTP/2 lacks (RFC 8441
    ///   §5).
    mutating func writeRequest(to text: inout [UInt8], key: () -> [UInt8]) -> (
        isValid: Bool, opening: Opening
    ) {
        var opening = Opening.plain
        // RFC 9113 §8.3.1: a Host that differs from the authority would be another request behind us.
        if let host, hasAuthority, !host.elementsEqualIgnoringCase(authority) { isMalformed = true }
        guard !isMalformed, !method.isEmpty else { return (false, .plain) }
        if !protocolName.isEmpty {
            opening = protocolName.elementsEqual("websocket".utf8) ? .webSocket : .otherProtocol
        }
        if opening == .webSocket { text += "GET".utf8 } else { text += method }
        text.append(0x20)
        if path.isEmpty {
            // CONNECT names a host alone.
            text += authority
        } else {
            text += path
        }
        text += " HTTP/1.1\r\n".utf8
        if hasAuthority || host != nil {
            text += "host: ".utf8
            text += hasAuthority ? authority : host ?? []
            text += "\r\n".utf8
        }
        writeLines(to: &text)
        if opening == .webSocket {
            text += "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ".utf8
            text += key()
            text += "\r\n".utf8
        }
        text += "\r\n".utf8
        return (true, opening)
    }

    /// What was kept of a head that is too large, behind what `text` holds: enough to say who asked for what.
    func writeBeginning(to text: inout [UInt8]) {
        guard !isMalformed else { return }
        if !method.isEmpty {
            text += method
            text.append(0x20)
            text += path
            text += " HTTP/1.1\r\n".utf8
        }
        text += lines
    }

    /// The answer's head behind what `text` holds. False where it is malformed.
    func writeResponse(to text: inout [UInt8]) -> Bool {
        guard !isMalformed, status.count == 3 else { return false }
        text += "HTTP/1.1 ".utf8
        text += status
        text += " \r\n".utf8
        writeLines(to: &text)
        text += "\r\n".utf8
        return true
    }

    /// The trailers that may be passed on behind what `text` holds, as lines. False where they are malformed.
    func writeTrailers(to text: inout [UInt8]) -> Bool {
        guard !isMalformed, !hasPseudoFields else { return false }
        lines.withView { lines in
            var start = 0
            while start < lines.count {
                let end = (lines.firstIndex(of: 0x0A, from: start) ?? lines.count - 1) + 1
                let line = lines.slice(start, end)
                let name = line.prefix(line.firstIndex(of: 0x3A) ?? 0)
                if !FieldRules.isForbiddenTrailer(FieldName(lowercasing: name), name) { text.append(line) }
                start = end
            }
        }
        return true
    }

    private func writeLines(to text: inout [UInt8]) {
        guard !cookie.isEmpty else {
            text += lines
            return
        }
        text += lines[..<cookiePlace]
        text += "cookie: ".utf8
        text += cookie
        text += "\r\n".utf8
        text += lines[cookiePlace...]
    }
}

extension [UInt8] {
    // SAFETY: the view's bytes are copied while the caller keeps them.
    mutating func append(_ view: ByteView) {
        unsafe append(contentsOf: UnsafeRawBufferPointer(start: view.start, count: view.count))
    }

    fileprivate func elementsEqualIgnoringCase(_ other: [UInt8]) -> Bool {
        withView { left in other.withView { left.equalsIgnoringCases($0) } }
    }
}
