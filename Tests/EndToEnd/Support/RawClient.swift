import Foundation

/// A client that sends exactly the bytes it is told to, and reads with a deadline on every call.
final class RawClient {
    let socket: TestSocket
    /// What was read from the socket and not yet asked for.
    private(set) var buffered: [UInt8] = []
    private let limit: Duration

    /// - Parameter limit: how long each call may take.
    init(port: UInt16, limit: Duration = .seconds(10), receiveBuffer: Int32? = nil) throws(SocketError) {
        socket = try .connect(port: port, receiveBuffer: receiveBuffer)
        self.limit = limit
    }

    /// - Parameter socket: connected already: over a unix socket, IPv6 or from another address.
    init(socket: TestSocket, limit: Duration = .seconds(10)) {
        self.socket = socket
        self.limit = limit
    }

    func send(_ text: String) throws(SocketError) { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws(SocketError) { try socket.send(bytes, Deadline(in: limit)) }

    /// Exactly so many bytes.
    func read(_ count: Int) throws -> [UInt8] {
        let deadline = Deadline(in: limit)
        while buffered.count < count { try fill(deadline) }
        defer { buffered.removeFirst(count) }
        return Array(buffered.prefix(count))
    }

    /// Reads what comes next, and leaves it to be asked for.
    func peek() throws -> [UInt8] {
        try fill(Deadline(in: limit))
        return buffered
    }

    /// Everything up to and with `end`.
    func read(through end: String) throws -> String {
        let deadline = Deadline(in: limit)
        let pattern = Array(end.utf8)
        while true {
            if let found = buffered.firstRange(of: pattern) {
                defer { buffered.removeSubrange(..<found.upperBound) }
                return String(decoding: buffered[..<found.upperBound], as: UTF8.self)
            }
            try fill(deadline)
        }
    }

    /// Everything until the peer closes in an orderly way; a reset throws.
    func readToEnd() throws(SocketError) -> [UInt8] {
        let deadline = Deadline(in: limit)
        while true {
            let bytes = try socket.receive(deadline)
            if bytes.isEmpty { break }
            buffered += bytes
        }
        defer { buffered = [] }
        return buffered
    }

    /// A whole response. Interim responses are read and kept in its `interim`.
    ///
    /// - Parameter method: of the request that is answered: an answer to HEAD has no body.
    func response(to method: String = "GET") throws -> RawResponse {
        var reader = ResponseReader(method: method)
        let deadline = Deadline(in: limit)
        while true {
            if let (response, length) = try reader.parse(buffered) {
                buffered.removeFirst(length)
                return response
            }
            let bytes = try socket.receive(deadline)
            if bytes.isEmpty {
                let response = try reader.end(buffered)
                buffered = []
                return response
            }
            buffered += bytes
        }
    }

    /// Sends a request and reads its response.
    func ask(_ request: String) throws -> RawResponse {
        try send(request)
        return try response(to: String(request.prefix { $0 != " " }))
    }

    func close() { socket.close() }

    /// Closes so that the peer gets a reset.
    func reset() { socket.reset() }

    private func fill(_ deadline: Deadline) throws {
        let bytes = try socket.receive(deadline)
        guard !bytes.isEmpty else {
            throw MalformedMessage.ended(after: String(decoding: buffered, as: UTF8.self))
        }
        buffered += bytes
    }
}
