import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy
import Settings
import Telemetry
import Time

/// The gateway that the targets' bytes go through: routes of the kinds that change what is passed on.
enum Gateway {
    static let trustedPeer = IPAddress(ipv4: 0x0A01_0203)
    static let stranger = IPAddress(ipv4: 0xCB00_7109)

    static let registry = MetricRegistry()

    /// A trusted proxy's network, a route that strips a prefix, one that lets WebSockets through, and an
    /// answer of the gateway's own.
    static let settings: GatewaySettings = {
        let text = """
            trusted_proxies: [10.0.0.0/8]
            clients: { max_body: 4KiB, max_requests_per_connection: 8 }
            upstreams:
              app: { servers: [127.0.0.1:3000], connections: 2, queue: { size: 4, wait: 1s } }
            routes:
              - { path: /fixed, respond: { status: 200, text: fixed } }
              - { path: /api/*, upstream: app, strip_prefix: /api }
              - { path: /*, upstream: app, upgrade: [websocket] }
            """
        let loaded = GatewaySettings.load(text: text, file: "fuzz.yaml", environment: [:])
        guard let settings = loaded.settings else { preconditionFailure(loaded.diagnostics.text) }
        return settings
    }()

    static let plan = PlanCompiler(settings, registry: registry).plan(for: WorkerShare(index: 0, of: 1))

    /// The exchange that a core makes of the request that `bytes` begin with, its address and id decided; nil
    /// where there is none.
    static func exchange(_ bytes: [UInt8], from peer: IPAddress) -> ExchangeState? {
        var parser = RequestParser(limits: HeadLimits())
        var head = RequestHead()
        var pool = BufferPool(keep: 0)
        var found: Buffer?
        bytes.withView { view in
            guard let length = try? parser.parse(view, into: &head), length > 0 else { return }
            let longestPath = PathNormaliser.longestNormalForm(ofPath: head.path.end - head.path.start)
            var buffer = pool.take(holding: head.bytes.count + longestPath)
            buffer.append(head.bytes)
            found = consume buffer
        }
        guard let buffer = found.take() else { return nil }
        var exchange = ExchangeState(
            head: head, buffer: buffer, peer: peer, isEncrypted: false, localPort: 8080)
        exchange.normaliseAuthority()
        var random = RandomSource(seed: 1)
        _ = plan.clientAddress.decide(&exchange)
        _ = plan.requestID.decide(&exchange, time: WallTime(nanoseconds: 0), random: &random)
        return exchange
    }

    /// Whether a request may turn its connection into a tunnel, as the core decides it.
    static func switches(_ exchange: borrowing ExchangeState) -> Bool {
        guard exchange.head.wantsUpgrade, exchange.plan?.allowsWebSocket == true,
            exchange.head.framing == .none, let protocolName = exchange.head.value(of: .upgrade)
        else { return false }
        return protocolName.equalsIgnoringCase("websocket")
    }
}

/// What `write` writes, at most `capacity` bytes.
func written(capacity: Int, _ write: (inout ByteWriter) throws(Violation) -> Void) throws(Violation)
    -> [UInt8]
{
    let region = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer { region.deallocate() }
    var writer = ByteWriter(region)
    try write(&writer)
    try hold(!writer.overflowed, "what was written does not fit into \(capacity) bytes")
    return writer.view.array()
}
