import Addressing
import Control
import Foundation
import Glibc
import Synchronization
import Telemetry

/// A client that sends whatever bytes a test wants. Blocking, each wait at most five seconds.
final class AdminTestClient {
    private(set) var descriptor: Int32

    enum Ending: Equatable {
        case closed, reset, timedOut
    }

    init(_ address: SocketAddress, receiveBuffer: Int32? = nil) {
        switch address {
        case .ip(let ip, let port):
            precondition(ip.isIPv4)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if let receiveBuffer { setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            withUnsafePointer(to: &raw) { connect(UnsafeRawPointer($0), MemoryLayout<sockaddr_in>.size) }
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: path.utf8) }
            withUnsafePointer(to: &raw) { connect(UnsafeRawPointer($0), MemoryLayout<sockaddr_un>.size) }
        }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    private func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func connect(_ pointer: UnsafeRawPointer, _ length: Int) {
        let result = Glibc.connect(
            descriptor, pointer.assumingMemoryBound(to: sockaddr.self), socklen_t(length))
        if result != 0 { close() }
    }

    var isConnected: Bool { descriptor >= 0 }

    func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// False where the peer no longer takes everything.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Bytes until the peer ends, or until `limit` are there.
    func receiveAll(limit: Int = .max) -> (bytes: [UInt8], ending: Ending) {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while result.count < limit {
            let count = recv(descriptor, &chunk, min(chunk.count, limit - result.count), 0)
            if count == 0 { return (result, .closed) }
            if count < 0 { return (result, errno == ECONNRESET ? .reset : .timedOut) }
            result += chunk[..<count]
        }
        return (result, .closed)
    }

    func receiveAnswer() -> AdminAnswer? { AdminAnswer(receiveAll().bytes) }
}

/// An answer as the wire has it.
struct AdminAnswer {
    let status: Int
    let head: String
    let body: String

    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        head = String(text[..<end.lowerBound])
        body = String(text[end.upperBound...])
        let words = head.split(separator: " ")
        guard words.count > 1, words[0] == "HTTP/1.1", let status = Int(words[1]) else { return nil }
        self.status = status
    }

    func field(_ name: String) -> String? {
        for line in head.components(separatedBy: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts[0].lowercased() == name.lowercased() {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }

    var json: [String: Any]? { try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] }
}

/// An admin listener on a free port, whose handler says what it got.
final class AdminTestServer {
    let server: AdminServer
    let handled: Counter
    let log: LogPipe

    final class Counter: Sendable {
        private let count = Mutex(0)
        func add() { count.withLock { $0 += 1 } }
        var value: Int { count.withLock { $0 } }
    }

    init(
        address: SocketAddress = .ip(.loopback, port: 0), token: String? = nil, hosts: [String] = [],
        limits: AdminLimits = AdminLimits(), handler: (@Sendable (AdminRequest) -> AdminResponse)? = nil
    ) throws {
        let handled = Counter()
        let log = LogPipe()
        self.handled = handled
        self.log = log
        server = try AdminServer(
            address: address, token: token, allowedHosts: hosts,
            events: EventLog(format: .text, descriptor: log.writer), limits: limits
        ) { request in
            handled.add()
            if let handler { return handler(request) }
            return .text("\(request.method) \(request.path) \(request.query) \(request.body.count)")
        }
    }

    deinit { server.stop() }

    var address: SocketAddress { server.addresses[0] }

    var port: UInt16 {
        guard case .ip(_, let port) = address else { return 0 }
        return port
    }

    func connect(receiveBuffer: Int32? = nil) -> AdminTestClient {
        AdminTestClient(address, receiveBuffer: receiveBuffer)
    }

    /// The answer to one request.
    func ask(_ request: String) -> AdminAnswer? {
        let client = connect()
        client.send(request)
        return client.receiveAnswer()
    }

    func get(_ path: String = "/", host: String = "localhost", _ fields: String = "") -> AdminAnswer? {
        ask("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
    }

    func post(_ path: String = "/", host: String = "localhost", _ fields: String = "", body: String = "")
        -> AdminAnswer?
    {
        ask(
            "POST \(path) HTTP/1.1\r\nHost: \(host)\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
        )
    }
}

/// Keeps what an event log wrote.
final class LogPipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        (reader, writer) = (ends[0], ends[1])
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// What was written and not yet read.
    func read() -> String {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(reader, &chunk, chunk.count)
        return String(decoding: chunk[..<max(0, count)], as: UTF8.self)
    }
}

/// An event log that nobody reads.
func silentEvents() -> EventLog {
    EventLog(format: .text, level: .error, descriptor: open("/dev/null", O_WRONLY))
}

/// Waits for what another thread does; false after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<10_000 {
        if condition() { return true }
        poll(nil, 0, 1)
    }
    return false
}
