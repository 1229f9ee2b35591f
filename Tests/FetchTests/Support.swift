import Addressing
import Bytes
import Certificates
import Foundation
import Synchronization
import TLS
import Telemetry
import Testing
import Time

@testable import Fetch

/// A service that does what a test's script says with each connection, by TLS where it has a certificate.
final class ScriptedService: Sendable {
    typealias Script = @Sendable (ScriptedPeer, _ number: Int) -> Void

    let port: UInt16
    private let descriptor: Int32
    private let accepted = Atomic<Int>(0)

    /// Connections so far.
    var connections: Int { accepted.load(ordering: .sequentiallyConsistent) }

    /// - Parameter port: 0 for any that is free.
    init(port: UInt16 = 0, tls: ServerContext? = nil, _ script: @escaping Script) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, raw, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        self.descriptor = descriptor
        self.port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in accept(tls, script) }
    }

    private func accept(_ tls: ServerContext?, _ script: @escaping Script) {
        while true {
            let connection = Glibc.accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            let number = accepted.add(1, ordering: .sequentiallyConsistent).newValue
            Thread.detachNewThread {
                let peer = ScriptedPeer(connection, tls)
                script(peer, number)
                peer.close()
            }
        }
    }

    /// Nobody listens any more.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    func url(_ target: String = "/", scheme: String = "http", host: String = "127.0.0.1") -> HTTPURL {
        do { return try HTTPURL("\(scheme)://\(host):\(port)\(target)") } catch {
            preconditionFailure("\(error)")
        }
    }
}

/// The service's end of a connection. Blocking, each wait at most twenty minutes; on its own thread.
final class ScriptedPeer {
    private let descriptor: Int32
    private var isOpen = true
    private let wire = Wire(longestMessage: 65_536)
    private var session: TLSSession?
    private let input = Scratch(size: 16_384)
    private let plain = Scratch(size: 16_384 + Wire.slack)
    private var received: [UInt8] = []

    init(_ descriptor: Int32, _ tls: ServerContext?) {
        self.descriptor = descriptor
        session = tls?.makeSession(wire)
        var limit = timeval(tv_sec: 1200, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// The next request's head, as text; nil where the client has gone.
    func readHead() -> String? {
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.upperBound])
                received.removeFirst(head.utf8.count)
                return head
            }
            guard receive() else { return nil }
        }
    }

    func readBody(_ count: Int) -> [UInt8]? {
        while received.count < count { guard receive() else { return nil } }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Waits until the client has gone, dropping what it says.
    func waitForEnd() { while receive() {} }

    private func receive() -> Bool {
        let count = recv(descriptor, input.view.region.baseAddress, input.view.count, 0)
        guard count > 0 else { return false }
        guard let session else {
            received += input.view.view.prefix(count).array()
            return true
        }
        let reading = session.read(input.view.view.prefix(count), into: plain.view, wire)
        received += plain.view.view.prefix(reading.count).array()
        sendOutput()
        return reading.end == .none
    }

    private func sendOutput() {
        let output = wire.output.array()
        wire.clearOutput()
        sendRaw(output)
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        guard let session else { return sendRaw(bytes) }
        for start in stride(from: 0, to: bytes.count, by: 16_384) {
            let isWritten = Array(bytes[start..<min(start + 16_384, bytes.count)]).withView {
                session.write($0, wire)
            }
            guard isWritten else { return }
            sendOutput()
        }
    }

    /// As it is, whatever the connection speaks.
    func sendRaw(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    func answer(_ body: String, status: Int = 200, _ fields: String...) {
        let lines = fields.map { $0 + "\r\n" }.joined()
        send("HTTP/1.1 \(status) Status\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)")
    }

    /// Says that nothing more comes, where TLS lets it.
    func sayClosed() {
        session?.close(wire)
        sendOutput()
    }

    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        session?.free()
        session = nil
        _ = Glibc.close(descriptor)
    }
}

/// A certificate for a service, and who has signed it.
struct Papers {
    let authority: [UInt8]
    let server: ServerContext

    init(_ names: String...) throws {
        let now = Int64(Date().timeIntervalSince1970)
        func serial() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }
        let authority = try DevelopmentAuthority.make(now: now, serial: serial())
        let leaf = try authority.leaf(
            names: names.map { try AlternativeName(wanted: $0) }, now: now, serial: serial())
        var material = ServerMaterial()
        material.certificates = [
            ServerMaterial.Certificate(
                chain: Array(leaf.certificatePEM.utf8), key: Array(leaf.keyPEM.utf8), names: names)
        ]
        server = try ServerContext(material, ticketKeys: TicketKeys())
        self.authority = Array(authority.certificatePEM.utf8)
    }
}

extension FetchLoop {
    /// Asks and waits.
    func ask(_ request: FetchRequest) async -> Answer {
        await withCheckedContinuation { continuation in
            fetch(request) { continuation.resume(returning: $0) }
        }
    }
}

extension FetchLoop.Answer {
    var body: String? {
        guard case .success(let response) = self else { return nil }
        return String(decoding: response.body, as: UTF8.self)
    }

    var failure: FetchFailure? {
        guard case .failure(let failure) = self else { return nil }
        return failure
    }
}

/// A request that may go to this machine.
func local(_ url: HTTPURL, _ change: (inout FetchRequest) -> Void = { _ in }) -> FetchRequest {
    var request = FetchRequest(url)
    request.reach = .local
    change(&request)
    return request
}

/// A clock that a test sets.
final class VirtualClock: Sendable {
    private let instant = Mutex(Instant(nanoseconds: 1_000_000_000_000))

    var now: Instant { instant.withLock { $0 } }

    /// Seconds since the test began.
    func set(_ second: Int64) {
        instant.withLock { $0 = Instant(nanoseconds: (1000 + second) * 1_000_000_000) }
    }
}

/// An event log and what was written to it.
final class LogCapture: Sendable {
    let events: EventLog
    private let reader: Int32
    private let writer: Int32
    private let read = Mutex("")

    init() {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        (reader, writer) = (ends[0], ends[1])
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
        events = EventLog(format: .text, descriptor: writer)
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// Everything so far.
    var text: String {
        read.withLock { text in
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = Glibc.read(reader, &chunk, chunk.count)
            if count > 0 { text += String(decoding: chunk[..<count], as: UTF8.self) }
            return text
        }
    }

    /// Level and message of each line, without its details.
    var messages: [String] {
        text.split(separator: "\n").map { line in
            let words = line.split(separator: " ").dropFirst()
            return words.prefix { !$0.contains("=") }.joined(separator: " ")
        }
    }
}

/// Waits for something that another thread does, up to twenty minutes: what answers may wait for a thread.
func until(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ holds: () -> Bool
) async {
    let limit = ContinuousClock.now + .seconds(1200)
    while !holds() {
        guard ContinuousClock.now < limit else {
            Issue.record("waited too long until \(what)", sourceLocation: sourceLocation)
            return
        }
        await Task.yield()
    }
}

final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "floodgate-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Replaces a file as an editor does; returns its path.
    func write(_ text: String, to name: String) -> String {
        let file = "\(path)/\(name)"
        _ = FileManager.default.createFile(atPath: file, contents: Data(text.utf8))
        return file
    }
}

extension FetchCapacity {
    /// Keeps what it has for as long as a test has to wait for its turn.
    static var patient: FetchCapacity {
        var capacity = FetchCapacity()
        (capacity.idle, capacity.age, capacity.names) = (.seconds(3600), .seconds(3600), .seconds(3600))
        return capacity
    }
}
