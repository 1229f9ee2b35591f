import Bytes

/// Reads one answer, strictly. It shares no code with the gateway's parsers: what they get wrong must show
/// here.
struct AnswerReader {
    enum Progress: Equatable {
        case more
        case complete
        case malformed
    }

    /// Part of a head that came in pieces.
    private var head: [UInt8] = []
    private var left = -1
    private(set) var status = 0
    private(set) var length = 0
    private(set) var keepsAlive = true

    /// Whether any byte of the answer has come.
    var hasBegun: Bool { left >= 0 || !head.isEmpty }

    mutating func reset() {
        head.removeAll(keepingCapacity: true)
        left = -1
        status = 0
        length = 0
        keepsAlive = true
    }

    /// - Parameter hasBody: False for the answer to HEAD.
    mutating func read(_ bytes: ByteView, hasBody: Bool) -> Progress {
        if left >= 0 { return take(bytes.count) }
        if !head.isEmpty {
            head += bytes.array()
            let whole = head
            return whole.withView { readHead($0, hasBody: hasBody, isStored: true) }
        }
        return readHead(bytes, hasBody: hasBody, isStored: false)
    }

    private mutating func readHead(_ bytes: ByteView, hasBody: Bool, isStored: Bool) -> Progress {
        guard let end = Self.endOfHead(bytes) else {
            guard bytes.count <= 65536 else { return .malformed }
            if !isStored { head = bytes.array() }
            return .more
        }
        guard parse(bytes.prefix(end)) else { return .malformed }
        left = hasBody ? length : 0
        return take(bytes.count - end)
    }

    private mutating func take(_ count: Int) -> Progress {
        guard count <= left else { return .malformed }
        left -= count
        return left == 0 ? .complete : .more
    }

    private static func endOfHead(_ bytes: ByteView) -> Int? {
        var from = 0
        while let found = bytes.firstIndex(of: 0x0D, from: from) {
            guard found + 4 <= bytes.count else { return nil }
            if bytes.slice(found, found + 4).equals("\r\n\r\n") { return found + 4 }
            from = found + 1
        }
        return nil
    }

    /// Status line and fields, up to and with the empty line. False where they are not as they should be.
    private mutating func parse(_ bytes: ByteView) -> Bool {
        guard bytes.count > 15, bytes.prefix(9).equals("HTTP/1.1 "), let code = bytes.slice(9, 12).decimal()
        else {
            return false
        }
        status = code
        var lengths = 0
        var lineStart = (bytes.firstIndex(of: 0x0A) ?? 0) + 1
        while lineStart < bytes.count - 2 {
            guard let lineEnd = bytes.firstIndex(of: 0x0D, from: lineStart),
                let colon = bytes.firstIndex(of: 0x3A, from: lineStart), colon < lineEnd
            else { return false }
            let name = bytes.slice(lineStart, colon)
            let value = bytes.slice(colon + 1, lineEnd).trimmed()
            if name.equalsIgnoringCase("content-length") {
                guard let announced = value.decimal() else { return false }
                length = announced
                lengths += 1
            } else if name.equalsIgnoringCase("transfer-encoding") {
                return false
            } else if name.equalsIgnoringCase("connection") {
                keepsAlive = !value.equalsIgnoringCase("close")
            }
            lineStart = lineEnd + 2
        }
        return lengths == 1 || (lengths == 0 && (status == 204 || status == 304))
    }
}
