import Addressing
import Bytes
import HTTPModel
import Telemetry
import Time

/// What the stages know of one request and what they have found out about it.
package struct ExchangeState: ~Copyable {
    /// Holds the head's bytes, and behind them the normalised path where it differs from the one received.
    package var buffer: Buffer
    package var head: RequestHead
    /// The stage that comes next or waits for its answer; nil behind the last.
    package var stage: Stage? = .first

    /// Address of the connection's other end; loopback for unix sockets.
    package var peer: IPAddress
    /// Whether the peer is one of `trusted_proxies`, whose forwarding fields are believed.
    package var peerIsTrusted = false
    /// The client that limits and logs speak of.
    package var client: IPAddress
    package var isEncrypted: Bool
    /// Port that the connection came in at; nil for unix sockets.
    package var localPort: UInt16?

    /// Subject of the client's certificate, for upstreams.
    package var certificateSubject: [UInt8]?
    /// Port of https that the listener sends its clients to.
    package var redirectPort: UInt16?

    /// Who asks, as the credentials have shown; nil for anybody.
    package var identity: Identity?
    /// The plan that was looked up for the identity, whose credential tells none.
    package var lookedUpPlan: PinnedText?
    /// The plan of whom the exchange is from, wherever it is known from; nil for none.
    package var userPlan: PinnedText? { lookedUpPlan ?? identity?.plan }
    /// Whether it was asked for.
    package var hasAskedForPlan = false
    /// Whether the Authorization field was for the gateway alone.
    package var hidesAuthorization = false
    /// How far the request is with its Idempotency-Key; nil where it has none that counts.
    package var idempotency: IdempotentRequest?
    package var requestID = RequestID.none
    package var trace = TraceContext.none
    /// The path that was matched and is forwarded; stands in the exchange's head buffer.
    package var path: ByteView = .empty
    package var plan: RoutePlan?
    /// Origin in a head that was refused, as far as one could be found; stands in the exchange's buffer.
    package var refusedOrigin: ByteView?
    /// The rule that refused, for log and metrics.
    package var refusedBy: RuleName?

    /// - Parameters:
    ///   - head: Parsed; its bytes stand in `buffer`. Or empty, where none was understood.
    ///   - buffer: The head's bytes, with room behind them for the longest normal form of the path.
    package init(
        head: consuming RequestHead, buffer: consuming Buffer, peer: IPAddress, isEncrypted: Bool,
        localPort: UInt16?
    ) {
        self.head = head
        self.head.bytes = buffer.view
        self.buffer = buffer
        self.peer = peer
        client = peer
        self.isEncrypted = isEncrypted
        self.localPort = localPort
    }

    /// The origin of the page that asks; nil where none is named.
    @inline(__always)
    package var origin: ByteView? { head.fields.contains(.origin) ? head.value(of: .origin) : refusedOrigin }

    /// Gives back what the state held, and ends it.
    package consuming func giveBack(to buffers: inout BufferPool, _ tables: inout FieldTablePool) {
        buffers.give(buffer)
        tables.give(head.intoFields())
    }

    /// Puts the host into its one form, lower case without a final dot: routes, the upstream and the log all
    /// see this one (security.md 10).
    package mutating func normaliseAuthority() {
        guard let range = head.authority else { return }
        buffer.lowercase(range.start, range.end)
        let authority = head.bytes.slice(range.start, range.end)
        guard let hostEnd = Authority.hostEnd(authority), hostEnd > 1, authority[hostEnd - 1] == 0x2E else {
            return
        }
        if hostEnd == authority.count {
            head.authority = (range.start, range.end - 1)
        } else {
            // The port stays where it is, and the host comes up to it.
            buffer.shiftRight(range.start, range.start + hostEnd - 1)
            head.authority = (range.start + 1, range.end)
        }
    }

    /// Sets `path` to the one normal form of the path received.
    mutating func normalisePath() throws(PathError) {
        let received = head.pathBytes
        if PathNormaliser.isNormal(received) {
            path = received
            return
        }
        path = try buffer.appendNormalised(received)
    }
}

extension Buffer {
    fileprivate mutating func appendNormalised(_ path: ByteView) throws(PathError) -> ByteView {
        var writer = ByteWriter(spare)
        try PathNormaliser.normalise(path, into: &writer)
        precondition(!writer.overflowed, "there is room for the longest normal form")
        let written = writer.view
        commit(written.count)
        return written
    }
}
