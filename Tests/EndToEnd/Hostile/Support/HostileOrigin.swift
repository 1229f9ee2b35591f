import Foundation

/// An origin that remembers every byte and whose it was: by the mark in it.
///
/// It reads strictly, answers each request with 200 or with what was laid down for its mark, and keeps its
/// connections open.
final class HostileOrigin: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    /// An answer for one mark.
    struct Answer: Sendable {
        enum End: Sendable { case stays, closes, resets }

        let bytes: [UInt8]
        var end = End.stays
        /// Sent behind the first bytes, in a packet of its own, once the gate is open.
        var rest: (gate: Gate, bytes: [UInt8])?
    }

    let port: UInt16
    private let listener: Int32
    private let lock = NSLock()
    private var requests: [String: [RawRequest]] = [:]
    private var answers: [String: Answer] = [:]
    /// What came and was no whole request when its connection ended.
    private var fragments: [[UInt8]] = []
    private var malformed: [String] = []
    /// Marks of requests that have begun to come.
    private var begun: Set<String> = []
    private var sockets: [Int: TestSocket] = [:]
    private var accepted = 0
    private var isAccepting = true

    init() throws(SocketError) {
        (listener, port) = try Loopback.listen()
        Thread.detachNewThread { self.acceptConnections() }
    }

    /// The requests with a mark, as they came.
    func requests(_ mark: String) -> [RawRequest] { lock.withLock { requests[mark] ?? [] } }

    /// Whether a request with a mark has begun to come.
    func hasBegun(_ mark: String) -> Bool { lock.withLock { begun.contains(mark) } }

    /// Every mark that was seen.
    var marks: Set<String> { lock.withLock { Set(requests.keys) } }

    /// Ends of connections that were no whole request; complete once all connections have ended.
    var leftovers: [[UInt8]] { lock.withLock { fragments } }

    /// What could not be read as a request at all.
    var faults: [String] { lock.withLock { malformed } }

    func lay(_ answer: Answer, for mark: String) { lock.withLock { answers[mark] = answer } }

    /// Stops listening, ends every connection, and returns when the last one has told what it saw.
    func stop() throws {
        shutdown(listener, Int32(SHUT_RDWR))
        let open = lock.withLock {
            isAccepting = false
            return Array(sockets.values)
        }
        for socket in open { socket.finishSending() }
        try eventually("the end of the origin's connections") { lock.withLock { sockets.isEmpty } }
    }

    /// The first mark in some bytes: Q, a digit, and two more characters.
    static func mark(in bytes: [UInt8]) -> String {
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || (0x41...0x5A).contains(byte) }
        for start in bytes.indices.dropLast(3) where bytes[start] == 0x51 && isDigit(bytes[start + 1]) {
            if isPart(bytes[start + 2]), isPart(bytes[start + 3]) {
                return String(latin1: bytes[start..<start + 4])
            }
        }
        return ""
    }

    private func acceptConnections() {
        Loopback.acceptAll(listener) { socket in
            let index: Int? = lock.withLock {
                guard isAccepting else { return nil }
                accepted += 1
                sockets[accepted] = socket
                return accepted
            }
            guard let index else { return false }
            Thread.detachNewThread { self.serve(socket, index) }
            return true
        }
    }

    private func serve(_ socket: TestSocket, _ index: Int) {
        var buffered: [UInt8] = []
        do {
            while try answerNext(socket, &buffered) {}
        } catch let error as MalformedMessage {
            lock.withLock { malformed.append("\(error) in \(String(latin1: buffered).debugDescription)") }
        } catch {
            // The gateway has left.
        }
        socket.close()
        lock.withLock {
            if !buffered.isEmpty { fragments.append(buffered) }
            sockets[index] = nil
        }
    }

    /// Reads a request and answers it. False where the connection ends.
    private func answerNext(_ socket: TestSocket, _ buffered: inout [UInt8]) throws -> Bool {
        let deadline = Deadline(in: .seconds(60))
        var isInvited = false
        while true {
            if let (request, length) = try RawRequest.parse(buffered) {
                buffered.removeFirst(length)
                return try answer(request, socket)
            }
            if !isInvited, let (head, _) = try RawRequest.head(buffered), head.value("Expect") != nil {
                isInvited = true
                try socket.send("HTTP/1.1 100 Continue\r\n\r\n".latin1, deadline)
            }
            let bytes = try socket.receive(deadline)
            guard !bytes.isEmpty else { return false }
            buffered += bytes
            let mark = Self.mark(in: buffered)
            lock.withLock { _ = begun.insert(mark) }
        }
    }

    private func answer(_ request: RawRequest, _ socket: TestSocket) throws -> Bool {
        let mark = Self.mark(in: request.bytes)
        let answer = lock.withLock {
            requests[mark, default: []].append(request)
            return answers.removeValue(forKey: mark)
        }
        let deadline = Deadline(in: .seconds(20))
        let body = request.method == "HEAD" ? "" : "ok"
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(body)".latin1
        try socket.send(answer?.bytes ?? plain, deadline)
        if let rest = answer?.rest {
            try rest.gate.wait(deadline)
            try socket.send(rest.bytes, deadline)
        }
        switch answer?.end {
        case nil, .stays: return true
        case .closes: return false
        case .resets:
            socket.reset()
            return false
        }
    }
}
