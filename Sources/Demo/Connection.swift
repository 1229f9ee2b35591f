/// How serving a connection ends before its client asks for it.
enum ConnectionEnd: Error, Equatable {
    /// The client is gone, idled too long, or the origin stops.
    case closed
    /// What came in cannot be understood: answered so, then closed.
    case refused(Status)
    /// On purpose: the client gets a reset.
    case reset
}

/// One client's connection: reads requests and lets an endpoint answer each, until either side ends it. Lives
/// on one thread.
final class Connection {
    /// Bytes of a request's head, and of a trailer section.
    static let headLimit = 16 * 1024
    /// Bytes of a chunk's size line, its extensions included.
    static let chunkLineLimit = 4096
    /// Bytes of an unread body that are read and dropped to keep the connection.
    static let drainLimit = 1024 * 1024

    let socket: BlockingSocket
    private var input: [UInt8] = []
    private var position = 0
    private var body: Body = .ended
    private var awaitsContinue = false

    private enum Body: Equatable {
        case ended
        case length(Int)
        /// Bytes left in the current chunk; zero means that a size line comes next.
        case chunk(Int)
    }

    init(socket: BlockingSocket) { self.socket = socket }

    /// Serves until the end; the caller closes the socket.
    func serve(_ endpoints: Endpoints) {
        do throws(ConnectionEnd) {
            while true {
                let request = try readRequest()
                let keeps = try endpoints.answer(request, on: self)
                guard keeps, request.keepsAlive, try drainBody() else { return }
            }
        } catch {
            switch error {
            case .closed: return
            case .reset: socket.resetOnClose()
            case .refused(let status):
                let answer = Answer.problem(status)
                _ = socket.write(answer.head(for: nil, keepsAlive: false) + answer.body)
            }
        }
    }

    /// The next request's head; its body, if any, is there for `readBody`.
    private func readRequest() throws(ConnectionEnd) -> DemoRequest {
        // An empty line before a request line is skipped (RFC 9112 §2.2).
        while try startsWithEmptyLine() { position += 2 }
        let head = try readThrough([0x0D, 0x0A, 0x0D, 0x0A], limit: Self.headLimit, beyond: .fieldsTooLarge)
        let request = try DemoRequest(head: Array(head.dropLast(4)))
        awaitsContinue = !request.isHTTP10 && request.lists("100-continue", in: "expect")
        switch request.framing {
        case .none: body = .ended
        case .length(let count): body = .length(count)
        case .chunked: body = .chunk(0)
        }
        return request
    }

    private func startsWithEmptyLine() throws(ConnectionEnd) -> Bool {
        while input.count - position < 2 { try fill() }
        return input[position] == 0x0D && input[position + 1] == 0x0A
    }

    /// Bytes of the body, at most `limit`; empty at its end.
    func readBody(atMost limit: Int = 64 * 1024) throws(ConnectionEnd) -> [UInt8] {
        if awaitsContinue, body != .ended {
            awaitsContinue = false
            try write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        switch body {
        case .ended:
            return []
        case .length(let left):
            let bytes = try take(atMost: min(left, limit))
            body = bytes.count == left ? .ended : .length(left - bytes.count)
            return bytes
        case .chunk(0):
            let size = try readChunkSize()
            guard size > 0 else {
                try readTrailers()
                body = .ended
                return []
            }
            body = .chunk(size)
            return try readBody(atMost: limit)
        case .chunk(let left):
            let bytes = try take(atMost: min(left, limit))
            body = .chunk(left - bytes.count)
            if bytes.count == left { try expectLineEnd() }
            return bytes
        }
    }

    /// Reads what is left of the body so that the next request can be read; false where that is too much.
    private func drainBody() throws(ConnectionEnd) -> Bool {
        // A client that waits for "100 Continue" and got its answer instead may send the body or not: nobody
        // can tell.
        guard !awaitsContinue || body == .ended else { return false }
        var dropped = 0
        while body != .ended {
            dropped += try readBody().count
            guard dropped <= Self.drainLimit else { return false }
        }
        return true
    }

    /// Exactly `count` bytes as they come, past any HTTP: for an upgraded connection.
    func readExactly(_ count: Int) throws(ConnectionEnd) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += try take(atMost: count - bytes.count) }
        return bytes
    }

    func write(_ bytes: [UInt8]) throws(ConnectionEnd) {
        guard socket.write(bytes) else { throw .closed }
    }

    /// Waits, or ends where the client leaves meanwhile.
    func wait(milliseconds: Int) throws(ConnectionEnd) {
        guard case .timedOut = socket.wait(milliseconds: Int32(clamping: milliseconds)) else { throw .closed }
    }

    private func readChunkSize() throws(ConnectionEnd) -> Int {
        let line = try readThrough([0x0A], limit: Self.chunkLineLimit, beyond: .badRequest)
        guard line.suffix(2) == [0x0D, 0x0A], line.count(where: { $0 == 0x0D }) == 1 else {
            throw .refused(.badRequest)
        }
        let text = String(decoding: line.dropLast(2), as: UTF8.self)
        let digits = DemoRequest.trimmed(text.prefix { $0 != ";" })
        // Fifteen hexadecimal digits cannot overflow; a sign is no digit.
        guard (1...15).contains(digits.utf8.count), digits.allSatisfy(\.isHexDigit),
            let size = Int(digits, radix: 16)
        else { throw .refused(.badRequest) }
        return size
    }

    private func readTrailers() throws(ConnectionEnd) {
        var read = 0
        while true {
            let line = try readThrough([0x0A], limit: Self.headLimit - read, beyond: .fieldsTooLarge)
            guard line.suffix(2) == [0x0D, 0x0A] else { throw .refused(.badRequest) }
            if line.count == 2 { return }
            read += line.count
        }
    }

    private func expectLineEnd() throws(ConnectionEnd) {
        guard try readExactly(2) == [0x0D, 0x0A] else { throw .refused(.badRequest) }
    }

    /// Everything up to and with `end`, or a refusal where it does not come within `limit` bytes.
    private func readThrough(
        _ end: [UInt8], limit: Int, beyond status: Status
    ) throws(ConnectionEnd) -> ArraySlice<UInt8> {
        var searched = position
        while true {
            if let found = firstIndex(of: end, from: searched) {
                guard found + end.count - position <= limit else { throw .refused(status) }
                defer { position = found + end.count }
                return input[position..<(found + end.count)]
            }
            guard input.count - position <= limit else { throw .refused(status) }
            let unsearched = input.count - position - end.count + 1
            try fill()
            searched = position + max(0, unsearched)
        }
    }

    private func firstIndex(of pattern: [UInt8], from start: Int) -> Int? {
        guard let last = pattern.last else { return nil }
        var index = start + pattern.count - 1
        while index < input.count {
            if input[index] == last, input[(index - pattern.count + 1)...index].elementsEqual(pattern) {
                return index - pattern.count + 1
            }
            index += 1
        }
        return nil
    }

    private func take(atMost limit: Int) throws(ConnectionEnd) -> [UInt8] {
        if position == input.count { try fill() }
        let end = min(input.count, position + limit)
        defer { position = end }
        return Array(input[position..<end])
    }

    /// Appends what the client sends next, behind what is unread.
    private func fill() throws(ConnectionEnd) {
        let bytes = socket.read(atMost: 64 * 1024)
        guard !bytes.isEmpty else { throw .closed }
        input = position == input.count ? bytes : Array(input[position...]) + bytes
        position = 0
    }
}
