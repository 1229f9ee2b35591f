import Addressing
import Bytes
import HTTP1
import Reactor
import Slots
import Time

/// One connection from a client. Idle, it holds no buffer.
struct ClientConnection: ~Copyable {
    enum Phase: Equatable {
        /// The PROXY protocol's head comes first.
        case proxyHeader
        /// Between requests, or in the middle of a request's head.
        case head
        /// A request is being served.
        case exchange(SlotID)
        /// The answer is complete; what is left of the request's body is read and thrown away, up to so many bytes.
        case discardingBody(left: Int)
        /// Our side has ended. What still comes is thrown away for a moment, so that no reset destroys the answer on its way.
        case lingering
    }

    let socket: Socket
    let listener: ListenerPlan
    /// The connection's other end, or whom a trusted proxy named in the PROXY protocol.
    var peer: IPAddress
    let accepted: Instant

    var phase: Phase
    /// What edges have said: reading, or writing, may work.
    var isReadable = true
    var isWritable = true
    /// The peer has ended its side, or the connection is broken.
    var peerHasEnded = false
    var parser: RequestParser
    /// Received and not used yet: part of a head, the beginning of a body, further requests.
    var received = ByteQueue()
    /// Written and not taken by the socket yet.
    var unsent = ByteQueue()
    /// What is left of a request's body after its answer.
    var leftover = BodyReader(.none)
    /// When the first byte of the head in work came; nil between requests.
    var headBegun: Instant?
    /// Requests so far.
    var requests = 0
    var deadline = Deadline()
    /// When the last request ended, or the connection was accepted.
    var quietSince: Instant

    init(
        socket: Socket, listener: ListenerPlan, peer: IPAddress, phase: Phase, parser: RequestParser, now: Instant
    ) {
        self.socket = socket
        self.listener = listener
        self.peer = peer
        self.phase = phase
        self.parser = parser
        accepted = now
        quietSince = now
    }
}
