import Addressing
import Bytes
import HTTP1
import HTTPModel
import Reactor
import Time

/// Asks an admin listener, as a command does: one request, waiting for its answer, all of it within a
/// deadline.
package struct AdminClient {
    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    /// Why there is no answer.
    package enum Failure: Error, Equatable, Sendable {
        case unreachable(SystemError)
        case timedOut
        /// The connection ended before the answer was whole.
        case cutOff
        /// What came is not HTTP, or more than any admin listener sends.
        case notHTTP
        case badToken
    }

    private let address: SocketAddress
    private let token: String?
    private let deadline: Instant

    /// - Parameter limit: for everything together.
    package init(address: SocketAddress, token: String?, within limit: Duration = .seconds(3)) {
        self.address = address
        self.token = token
        deadline = SystemClock.now() + limit
    }

    package func get(_ path: String) throws(Failure) -> Reply { try ask(.get, path, []) }

    package func post(_ path: String, _ body: [UInt8] = []) throws(Failure) -> Reply {
        try ask(.post, path, body)
    }

    private func ask(_ method: Method, _ path: String, _ body: [UInt8]) throws(Failure) -> Reply {
        let request = try message(method, path, body)
        var conversation = try Conversation(with: address, until: deadline)
        try conversation.send(request)
        return try conversation.receive(answering: method)
    }

    private func message(_ method: Method, _ path: String, _ body: [UInt8]) throws(Failure) -> [UInt8] {
        let name: StaticString = method.token ?? "GET"
        var text = "\(name) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n"
        if let token {
            guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .badToken }
            text += "Authorization: Bearer \(token)\r\n"
        }
        if case .post = method { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + body
    }

    private var host: String {
        switch address {
        case .ip: address.description
        case .unix: "unix"
        }
    }
}

/// A connection on which every wait ends at a deadline.
private struct Conversation: ~Copyable {
    private var network: LinuxNetwork
    private let socket: Socket
    private let deadline: Instant

    /// Bytes of an answer: a status with all names that metrics are kept for stays well below.
    private static let answerLimit = 16 << 20

    init(with address: SocketAddress, until deadline: Instant) throws(AdminClient.Failure) {
        do throws(SystemError) {
            var network = try LinuxNetwork()
            let socket = try network.connect(to: address)
            do throws(SystemError) {
                try network.watch(socket, token: 0)
            } catch {
                socket.close()
                throw error
            }
            self.network = network
            self.socket = socket
            self.deadline = deadline
        } catch {
            throw .unreachable(error)
        }
    }

    deinit { socket.close() }

    mutating func send(_ bytes: [UInt8]) throws(AdminClient.Failure) {
        var sent = 0
        while sent < bytes.count {
            if let code = network.connectError(socket) {
                throw .unreachable(SystemError("connect", code: code))
            }
            switch bytes.withView({ network.send(socket, $0.dropFirst(sent)) }) {
            case .moved(let count): sent += count
            case .blocked: try wait()
            case .ended: throw .cutOff
            case .failed(let code): throw .unreachable(SystemError("send", code: code))
            }
        }
    }

    mutating func receive(answering method: Method) throws(AdminClient.Failure) -> AdminClient.Reply {
        var reader = ReplyReader(method: method)
        let scratch = Scratch(size: 65_536)
        while true {
            switch network.receive(socket, into: scratch.view) {
            case .moved(let count):
                guard reader.received.count + count <= Self.answerLimit else { throw .notHTTP }
                if let reply = try reader.take(scratch.view.view.prefix(count)) { return reply }
            case .blocked: try wait()
            case .ended: return try reader.ended()
            case .failed: throw .cutOff
            }
        }
    }

    /// Until the socket is ready for something that it was not ready for before.
    private func wait() throws(AdminClient.Failure) {
        let left = deadline - SystemClock.now()
        guard left > 0 else { throw .timedOut }
        _ = network.epoll.wait(milliseconds: Int32(clamping: (left + 999_999) / 1_000_000))
    }
}

/// Puts an answer together from what arrives.
private struct ReplyReader {
    private(set) var received: [UInt8] = []
    private let method: Method
    private var parser = ResponseParser(limits: HeadLimits())
    private var head: (status: Int, framing: BodyFraming)?

    init(method: Method) { self.method = method }

    /// The reply once it is whole.
    mutating func take(_ bytes: ByteView) throws(AdminClient.Failure) -> AdminClient.Reply? {
        received += bytes.array()
        while head == nil {
            guard try readHead() else { return nil }
        }
        guard let head else { return nil }
        switch head.framing {
        case .none: return AdminClient.Reply(status: head.status, body: [])
        case .length(let length):
            guard received.count >= length else { return nil }
            return AdminClient.Reply(status: head.status, body: Array(received.prefix(length)))
        case .untilClose: return nil
        case .chunked: throw .notHTTP
        }
    }

    func ended() throws(AdminClient.Failure) -> AdminClient.Reply {
        guard let head, case .untilClose = head.framing else { throw .cutOff }
        return AdminClient.Reply(status: head.status, body: received)
    }

    /// Takes a head from what was received; false where it is not complete.
    private mutating func readHead() throws(AdminClient.Failure) -> Bool {
        enum Parsed {
            case incomplete, failed
            case read(length: Int, status: Int, framing: BodyFraming, isInterim: Bool)
        }
        var parser = parser
        let method = method
        let parsed: Parsed = received.withView { view in
            var head = ResponseHead()
            do throws(HeadError) {
                guard let length = try parser.parse(view, answering: method, into: &head) else {
                    return .incomplete
                }
                return .read(
                    length: length, status: head.status, framing: head.framing, isInterim: head.isInterim)
            } catch {
                return .failed
            }
        }
        self.parser = parser
        switch parsed {
        case .incomplete: return false
        case .failed: throw .notHTTP
        case .read(let length, let status, let framing, let isInterim):
            received.removeFirst(length)
            if !isInterim { head = (status, framing) }
            return true
        }
    }
}
