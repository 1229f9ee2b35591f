import Foundation

// Gateways that speak HTTP/2 in plain text to who knows it, beside HTTP/1.1.
extension GatewayProcess {
    static let http2 = "protocols: [h2, http/1.1]"

    convenience init(
        http2 origin: ScriptedOrigin, clients: String = "", upstream: String = "", route: String = "",
        top: String = ""
    ) throws {
        try self.init(
            before: origin, clients: clients, upstream: upstream, route: route, listener: Self.http2,
            top: top
        )
    }

    /// A client that has sent the preface and its settings.
    func http2(
        _ settings: [(UInt16, UInt32)] = [], limit: Duration = .seconds(10), receiveBuffer: Int32? = nil
    ) throws -> HTTP2Client {
        let client = try HTTP2Client(port: ports.gateway, limit: limit, receiveBuffer: receiveBuffer)
        try client.greet(settings)
        return client
    }
}

extension HTTP2Client {
    /// Opens a stream with a request.
    func request(
        _ stream: UInt32, _ method: String = "GET", _ path: String = "/", _ fields: [(String, String)] = [],
        _ flags: HTTP2Frame.Flags = .whole
    ) throws(SocketError) {
        let head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "here")]
        try send(.headers(stream, .fields(head + fields), flags))
    }

    /// Sends a request without a body and reads its answer.
    func ask(_ stream: UInt32, _ path: String = "/", _ fields: [(String, String)] = []) throws
        -> HTTP2Answer
    {
        try request(stream, "GET", path, fields)
        return try answer(stream)
    }

    /// Bytes that may still be sent, by what the server has granted; `sent` is what went already.
    func room(on stream: UInt32, sent: Int, inAll: Int) -> Int {
        let initial = Int(settings?[HTTP2Setting.window] ?? UInt32(Self.defaultWindow))
        let onStream = initial + (grants[stream] ?? 0) - sent
        return min(onStream, Self.defaultWindow + (grants[0] ?? 0) - inAll)
    }

    /// Sends so many bytes of the pattern, as fast as the server grants.
    ///
    /// - Returns: how many were sent before nothing was granted for a while; all, where that did not happen.
    func sendPattern(
        _ count: Int, from start: Int = 0, on stream: UInt32, stallingAfter pause: Duration = .seconds(10)
    ) throws -> Int {
        var position = start
        while position < count {
            takeWhatCame()
            let room = min(room(on: stream, sent: position, inAll: position), HTTP2Frame.largest)
            if room <= 0 {
                do {
                    try wait(for: "a grant", within: pause) {
                        self.room(on: stream, sent: position, inAll: position) > 0
                    }
                } catch is TimedOut {
                    return position
                }
                continue
            }
            let piece = min(room, count - position)
            let isLast = position + piece == count
            let bytes = Pattern.bytes(from: position, count: piece)
            try send(.data(stream, bytes, isLast ? .endStream : []))
            position += piece
        }
        return position
    }

    /// What came and was not yet looked at.
    func takeWhatCame() {
        do { try wait(for: "what came", within: .zero) { isClosed } } catch { return }
    }
}

extension HTTP2Client {
    /// Ends the connection with a reset.
    func reset() { socket.reset() }
}
