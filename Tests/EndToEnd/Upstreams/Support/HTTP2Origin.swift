import Foundation

/// A server of HTTP/2 that a test drives by itself: it takes connections when the test says so, and sends on
/// them exactly what the test wants.
final class HTTP2Origin: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    let port: UInt16
    private let listener: TestSocket
    private let lock = NSLock()
    private var accepted = 0
    private var answered = 0
    private var faults: [String] = []

    init(port: UInt16 = 0) throws {
        let (descriptor, port) = try Loopback.listen(port: port)
        self.port = port
        listener = TestSocket(adopting: descriptor)
    }

    /// Connections that were taken so far.
    var connections: Int { lock.withLock { accepted } }
    /// Requests that `serve` has answered.
    var answers: Int { lock.withLock { answered } }
    /// What connections of `serve` have run into.
    var failures: [String] { lock.withLock { faults } }

    /// The next connection, its preface read, and greeted with settings.
    func accept(
        _ settings: [(UInt16, UInt32)] = [], grants: Bool = true, within limit: Duration = .seconds(10)
    ) throws -> HTTP2OriginConnection {
        let connection = HTTP2OriginConnection(try take(limit), grants: grants)
        try connection.greet(settings)
        return connection
    }

    /// The next connection as it comes.
    func take(_ limit: Duration = .seconds(10)) throws -> TestSocket {
        let socket = try listener.accept(Deadline(in: limit))
        lock.withLock { accepted += 1 }
        return socket
    }

    /// Whether nobody connects for a moment in which everybody would.
    var isLeftAlone: Bool {
        do { _ = try take(.milliseconds(100)) } catch { return true }
        return false
    }

    /// Takes all connections on threads of their own, and answers whole requests as `respond` says.
    func serve(
        _ settings: [(UInt16, UInt32)] = [],
        _ respond: @escaping @Sendable (HTTP2OriginConnection, HTTP2Request) throws -> Void
    ) {
        Thread.detachNewThread { [self] in
            while let socket = try? take(.seconds(60)) {
                Thread.detachNewThread {
                    let connection = HTTP2OriginConnection(socket, grants: true)
                    do {
                        try connection.greet(settings)
                        while true {
                            let request = try connection.request()
                            try respond(connection, try connection.whole(request.stream))
                            self.lock.withLock { self.answered += 1 }
                        }
                    } catch is HTTP2Left {
                        self.note(connection.violations)
                    } catch {
                        self.note(["\(error)"] + connection.violations)
                    }
                    connection.close()
                }
            }
        }
    }

    private func note(_ words: [String]) { lock.withLock { faults += words } }

    func stop() { listener.shutdownBoth() }
}

extension TestSocket {
    /// The next connection of a listener.
    func accept(_ deadline: Deadline) throws(SocketError) -> TestSocket {
        while true {
            let descriptor = withDescriptor { Glibc.accept($0, nil, nil) }
            if descriptor >= 0 { return TestSocket(adopting: descriptor) }
            try waitOrThrow(errno, for: Int16(POLLIN), deadline, "for a connection")
        }
    }
}

/// A request as it came on a stream.
struct HTTP2Request {
    let stream: UInt32
    var fields: [HPACKDecoder.Field]
    var body: [UInt8] = []
    var trailers: [HPACKDecoder.Field]?
    var hasEnded = false
    var reset: UInt32?

    var path: String { value(":path") ?? "" }
    var text: String { String(latin1: body) }

    /// Of the field that is there once.
    func value(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// Trailers as lines.
    var trailerLines: [String] { (trailers ?? []).map { "\($0.name): \($0.value)" } }
}

/// The gateway left before what a test waited for.
struct HTTP2Left: Error, CustomStringConvertible {
    let what: String
    var description: String { "the gateway closed its connection to the origin before \(what)" }
}
