import Addressing
import Bytes
import HTTP1
import Reactor
import Slots
import TLS
import Time

/// What a client's requests come on: a connection of its own, or one stream of an HTTP/2 connection, which
/// carries a single one. Idle, it holds no buffer.
struct ClientConnection: ~Copyable {
    enum Mode: Equatable {
        /// The PROXY protocol's head comes first.
        case proxyHeader
        /// TLS is being agreed on.
        case handshake
        /// Whether the client speaks HTTP/2 without having said so before (RFC 9113 §3.3), its first bytes
        /// tell.
        case preface
        /// Requests and answers, as the machine says.
        case http
        /// Our side has ended. What still comes is thrown away for a moment, so that no reset destroys
        /// the answer on its way.
        case lingering
        /// The client has left; its request goes on to its end (`runOn`).
        case absent
    }

    var transport: Transport
    let listener: ListenerPlan
    /// The connection's other end, or whom a trusted proxy named in the PROXY protocol.
    var peer: IPAddress
    let accepted: Instant
    /// It counts among the connections of `peer`.
    var isCounted = false

    var mode: Mode
    var machine = ServerConnectionMachine()
    var parser: RequestParser
    /// The request that is being served.
    var exchange: SlotID?

    /// Of a stream: the request has ended, with these trailers.
    var inputHasEnded = false
    var trailers: [UInt8] = []
    /// Of a stream: its end is known to both sides.
    var isOver = false
    /// Of a stream: its connection is encrypted.
    var isBelowTLS = false
    /// Of a stream: it was opened to become a tunnel (RFC 8441).
    var opensTunnel = false
    /// Subject of the certificate that the client has shown, as its listener asks.
    var certificateSubject: [UInt8]?
    /// Waits for its turn in the list of connections with work left.
    var isRunnable = false

    /// Received and not used yet: part of a head, the beginning of a body, further requests.
    var received = ByteQueue()
    /// Bytes of `received` that the parser has found to be no whole head.
    var parsed = 0
    /// What is left of a request's body after its answer.
    var leftover = BodyReader(.none)

    /// When the first byte of the head in work came; nil between requests.
    var headBegun: Instant?
    /// When the connection was accepted or its last request ended.
    var quietSince: Instant
    /// Bytes of the last answer.
    var lastAnswer = 0
    var deadline = Deadline()

    init(
        _ transport: consuming Transport, listener: ListenerPlan, peer: IPAddress, mode: Mode,
        limits: HeadLimits,
        now: Instant
    ) {
        self.transport = transport
        self.listener = listener
        self.peer = peer
        self.mode = mode
        parser = RequestParser(limits: limits)
        accepted = now
        quietSince = now
    }

    /// The transport alone goes on: the connection speaks another protocol.
    consuming func intoTransport() -> Transport { transport }

    var isReadable: Bool {
        @inline(__always) get { transport.isReadable }
        @inline(__always) set { transport.isReadable = newValue }
    }
    var isWritable: Bool {
        @inline(__always) get { transport.isWritable }
        @inline(__always) set { transport.isWritable = newValue }
    }
    var peerHasEnded: Bool {
        @inline(__always) get { transport.peerHasEnded }
        @inline(__always) set { transport.peerHasEnded = newValue }
    }
    /// Written and not taken yet.
    var unsent: ByteQueue {
        @inline(__always) _read { yield transport.unsent }
        @inline(__always) _modify { yield &transport.unsent }
    }
    /// Where this is a stream.
    var seat: StreamSeat? {
        @inline(__always) get { transport.seat }
    }
    var isEncrypted: Bool { transport.tls != nil || isBelowTLS }
}
