import Foundation

/// An origin that does on each connection exactly what its script says, on a thread of its own, and remembers
/// every byte it received.
///
/// The first connection runs the first script, the second the second, and all later ones the last. A
/// connection whose script is through is closed.
final class ScriptedOrigin: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    enum Step: Sendable {
        /// Reads a whole request, its body included.
        case expectRequest
        /// Reads a request's head and leaves its body unread.
        case expectHead
        /// Reads so many bytes.
        case expectBytes(Int)
        case send(String)
        /// Agrees to the WebSocket handshake that the last request was.
        case agreeToWebSocket
        case sendBytes([UInt8])
        /// Sends and closes in one packet: the peer sees both at once.
        case sendLast(String)
        /// Sends byte by byte with a pause behind each.
        case drip(String, every: Duration)
        /// Sends so many bytes of the pattern, or receives them and fails where one differs; neither is
        /// recorded.
        case sendPattern(Int)
        case expectPattern(Int)
        /// Goes on when the test says so.
        case waitFor(Gate)
        /// Does nothing for a while, or until the peer leaves.
        case wait(Duration)
        /// Never answers: waits until the peer closes or resets.
        case waitUntilPeerLeaves
        /// Waits until the peer has ended its sending direction, which may be all that it has ended.
        case waitUntilHalfClosed
        /// Ends the sending direction only.
        case finishSending
        /// Closes with a reset.
        case reset
        case close
        /// Runs the steps again and again until the peer leaves.
        case forever([Step])

        /// A response with a body and its length.
        static func respond(_ status: Int = 200, fields: [String] = [], body: String = "") -> Step {
            let lines =
                ["HTTP/1.1 \(status) Scripted"] + fields + ["Content-Length: \(body.utf8.count)", "", body]
            return .send(lines.joined(separator: "\r\n"))
        }
    }

    /// How a connection ended, as the origin saw it.
    enum End: Equatable {
        case running
        /// The script was through.
        case finished
        case peerClosed
        case peerReset
        /// The script could not go on: what it waited for did not come, or was malformed.
        case failed(String)
    }

    struct Record {
        /// Every byte that came on the connection and was read.
        var received: [UInt8] = []
        /// What `expectRequest` and `expectHead` read.
        var requests: [RawRequest] = []
        var end = End.running
    }

    let port: UInt16
    private let listener: Int32
    private let scripts: [[Step]]
    private let limit: Duration
    private let lock = NSLock()
    private var records: [Record] = []
    private var sockets: [Int: TestSocket] = [:]
    private var isAccepting = true

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - limit: how long each step may take.
    init(port: UInt16 = 0, limit: Duration = .seconds(10), scripts: [[Step]]) throws(SocketError) {
        (listener, self.port) = try Loopback.listen(port: port)
        self.scripts = scripts
        self.limit = limit
        Thread.detachNewThread { self.acceptConnections() }
    }

    convenience init(_ script: Step...) throws(SocketError) { try self.init(scripts: [script]) }

    /// Behind a unix socket; `port` is 0.
    init(unix path: String, scripts: [[Step]]) throws(SocketError) {
        (listener, port) = (try Loopback.listen(unix: path), 0)
        self.scripts = scripts
        limit = .seconds(10)
        Thread.detachNewThread { self.acceptConnections() }
    }

    convenience init(unix path: String, _ script: Step...) throws(SocketError) {
        try self.init(unix: path, scripts: [script])
    }

    /// Behind a free port of [::1].
    init(ipv6 scripts: [[Step]]) throws(SocketError) {
        (listener, port) = try Loopback.listenIPv6()
        self.scripts = scripts
        limit = .seconds(10)
        Thread.detachNewThread { self.acceptConnections() }
    }

    /// Answers every request on every connection alike.
    static func answering(
        _ status: Int = 200, fields: [String] = [], body: String = ""
    ) throws(SocketError) -> ScriptedOrigin {
        try ScriptedOrigin(.forever([.expectRequest, .respond(status, fields: fields, body: body)]))
    }

    /// One record for each connection, in the order in which they came.
    var connections: [Record] { lock.withLock { records } }

    /// All requests of all connections, by connection.
    var requests: [RawRequest] { connections.flatMap(\.requests) }

    /// Waits until so many requests were read, and gives them.
    func requests(_ count: Int, within limit: Duration = .seconds(5)) throws -> [RawRequest] {
        try eventually("\(count) requests at the origin", within: limit) {
            let requests = self.requests
            return requests.count >= count ? requests : nil
        }
    }

    /// Waits until a connection ended, and says how.
    func end(ofConnection index: Int = 0, within limit: Duration = .seconds(5)) throws -> End {
        try eventually("the end of connection \(index) at the origin", within: limit) {
            let records = connections
            guard records.count > index, records[index].end != .running else { return nil }
            return records[index].end
        }
    }

    /// Stops listening and ends every connection.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        let left = lock.withLock {
            defer { isAccepting = false }
            return Array(sockets.values)
        }
        for socket in left { socket.shutdownBoth() }
    }

    private func acceptConnections() {
        Loopback.acceptAll(listener) { socket in
            let index: Int? = lock.withLock {
                guard isAccepting else { return nil }
                records.append(Record())
                sockets[records.count - 1] = socket
                return records.count - 1
            }
            guard let index else { return false }
            Thread.detachNewThread { self.serve(socket, index: index) }
            return true
        }
    }

    private func serve(_ socket: TestSocket, index: Int) {
        let connection = ScriptedConnection(socket: socket, limit: limit) { [self] change in
            lock.withLock { change(&records[index]) }
        }
        let script = scripts.isEmpty ? [] : scripts[min(index, scripts.count - 1)]
        let end = connection.run(script)
        // Closed before the end is told: who has seen the end may rely on the peer seeing it too.
        socket.close()
        lock.withLock {
            records[index].end = end
            sockets[index] = nil
        }
    }
}
