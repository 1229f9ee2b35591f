import Bytes
import Reactor
import Time

/// One of the load's connections.
struct LoadConnection {
    enum Phase: Equatable {
        case connecting
        /// The TLS handshake is under way.
        case securing
        case exchanging
        /// The next request begins a little later: the last one failed, or the client thinks.
        case pausing(until: Instant)
        /// Nothing is left to ask.
        case resting
    }

    var socket: Socket?
    var tls: TLSSession?
    /// From an earlier connection's TLS.
    var ticket: TLSTicket?
    /// Tells late events of an earlier socket from this one's.
    var generation: UInt32 = 0
    var phase = Phase.resting
    var isReadable = false
    var isWritable = false
    var peerHasEnded = false
    /// Bytes of the request that are on their way.
    var sent = 0
    /// Answers that this socket has brought.
    var answers = 0
    var reader = AnswerReader()
    /// Bytes that may be read now, where reading is limited.
    var allowance = 0
    var begun = Instant.zero
    /// When bytes last moved.
    var progress = Instant.zero

    // SAFETY: `region` is the caller's for the length of the call.
    func receive(into region: UnsafeMutableRawBufferPointer, on socket: Socket) -> Transfer {
        if let tls { return unsafe tls.receive(into: region) }
        return unsafe socket.receive(into: region)
    }

    func send(_ bytes: ByteView, on socket: Socket) -> Transfer {
        tls?.send(bytes) ?? socket.send(bytes)
    }
}
