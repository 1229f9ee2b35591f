import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy
import Reactor
import Stores
import Time

/// A whole worker between a client that speaks something like HTTP/2 and servers of HTTP/1.1: the client sees
/// nothing but frames, servers see nothing but requests, and everything is given back.
///
/// The input's first byte chooses a schedule, as in `ConnectionProperties`. The next two are the length of
/// what the client sends behind the preface; what servers say stands behind that, one server after another,
/// with the byte 0xFF between them.
enum HTTP2Properties {
    private static let metrics = Gateway.registry.makeWorkerMetrics()
    private static let store = MemoryCounterStore(maximumKeys: 64)
    private static let listener = {
        var settings = Gateway.settings.listeners[0]
        settings.protocols = [.http2, .http11]
        return ListenerPlan(address: .ip(.loopback, port: 8080), settings: settings, tls: nil)
    }()

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func check(_ bytes: [UInt8]) throws(Violation) {
        guard bytes.count >= 3 else { return }
        let length = min(Int(bytes[1]) << 8 | Int(bytes[2]), bytes.count - 3)
        let servers = bytes.dropFirst(3 + length).split(separator: 0xFF, omittingEmptySubsequences: false)
        let world = VirtualWorld(servers: servers.map(Array.init)[...], cuts: Cuts([bytes[0]]))
        let client = world.add(
            script: preface + bytes[3..<3 + length], isPaused: false, isConnecting: false, pauses: false)
        var core = ProxyCore(
            network: VirtualNetwork(world: world), plan: Gateway.plan, store: store, metrics: metrics,
            log: nil, random: RandomSource(seed: 1), now: Instant(nanoseconds: 1_000_000_000),
            wallTime: WallTime(nanoseconds: 0))
        core.accept(
            Accepted(socket: Socket(descriptor: client.descriptor), peer: (Gateway.stranger, 40_000)),
            on: listener)
        try ConnectionProperties.run(&core, world, client, isDrip: bytes[0] & 1 == 1)
        if let misuse = world.misuse { throw Violation(description: misuse) }
        let census = core.census
        try hold(census == (0, 0, 0, 0), "left behind: \(census)")
        try hold(core.openClients == 0, "\(core.openClients) clients are counted and gone")
        try hold(core.books.pooled == 0, "pools count \(core.books.pooled) connections")
        try hold(world.open.isEmpty, "\(world.open.count) sockets were never closed")
        try checkFrames(client.received)
        for server in world.sockets.dropFirst() { try checkRequests(server.received) }
    }

    /// Frames that a client may take: none longer than it has allowed, SETTINGS first (RFC 9113 §3.4, §4.2).
    private static func checkFrames(_ bytes: [UInt8]) throws(Violation) {
        var index = 0
        while index + 9 <= bytes.count {
            let length = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
            // A client that has left may have got the beginning of one.
            try hold(length <= 16_384, "a frame of \(length) bytes at \(index)")
            try hold(index > 0 || bytes[3] == 4, "the first frame is of type \(bytes[3])")
            try hold(bytes[index + 3] <= 9, "a frame of type \(bytes[index + 3]) at \(index)")
            try hold(bytes[index + 5] & 0x80 == 0, "the reserved bit is set at \(index)")
            index += 9 + length
        }
    }

    /// Heads of requests one after another, as strictly as the gateway itself reads them; the last may be
    /// cut.
    private static func checkRequests(_ bytes: [UInt8]) throws(Violation) {
        guard !bytes.isEmpty else { return }
        var head = RequestHead()
        var parser = RequestParser(limits: HeadLimits(maximumBytes: 65_535))
        let result: Result<Int?, HeadError> = bytes.withView { view in
            do throws(HeadError) { return .success(try parser.parse(view, into: &head)) } catch {
                return .failure(error)
            }
        }
        guard case .failure(let error) = result else { return }
        throw Violation(description: "a server got what is no request (\(error.detail)): \(shown(bytes))")
    }
}
