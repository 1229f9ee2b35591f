import Addressing
import Bytes
import HTTP1
import Reactor
import Slots
import Time

/// One connection from a client. Idle, it holds no buffer.
struct ClientConnection: ~Copyable {
    enum Mode: Equatable {
        /// The PROXY protocol's head comes first.
        case proxyHeader
        /// Requests and answers, as the machine says.
        case http
        /// Our side has ended. What still comes is thrown away for a moment, so that no reset destroys
        /// the answer on its way.
        case lingering
    }

    let socket: Socket
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

    /// What edges have said: reading, or writing, may work.
    var isReadable = true
    var isWritable = true
    /// The peer has ended its side, or the connection is broken.
    var peerHasEnded = false
    /// Waits for its turn in the list of connections with work left.
    var isRunnable = false

    /// Received and not used yet: part of a head, the beginning of a body, further requests.
    var received = ByteQueue()
    /// Bytes of `received` that the parser has found to be no whole head.
    var parsed = 0
    /// Written and not taken by the socket yet.
    var unsent = ByteQueue()
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
        socket: Socket, listener: ListenerPlan, peer: IPAddress, mode: Mode, limits: HeadLimits, now: Instant
    ) {
        self.socket = socket
        self.listener = listener
        self.peer = peer
        self.mode = mode
        parser = RequestParser(limits: limits)
        accepted = now
        quietSince = now
    }
}
