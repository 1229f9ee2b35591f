import Addressing
import Bytes
import HTTP2
import Reactor
import Slots
import Time

/// One HTTP/2 connection, from a client or to a server, that many exchanges share. Their streams stand among
/// the clients and the upstream connections.
struct HTTP2Connection: ~Copyable {
    enum Side {
        case client(ListenerPlan)
        case upstream(SlotID, server: String)
    }

    /// How far a connection to a server has come; clients' are ready from their beginning on.
    enum Progress {
        /// To the socket's connect, and through TLS.
        case connecting
        /// The server's settings are awaited, which bound how many requests may begin.
        case greeting
        case ready
    }

    struct Stream {
        let id: Int32
        /// Among the clients, or the upstream connections; may be gone while the stream ends.
        let slot: SlotID
        let outgoing: Int32
    }

    var transport: Transport
    let engine: HTTP2Session
    let side: Side
    var progress: Progress
    /// Of a server: its place among the pool's endpoints; nil once the name no longer has this address.
    var endpoint: Int?

    /// The client's address, or the one that a trusted proxy named.
    let peer: IPAddress
    let accepted: Instant
    /// It counts among the connections of `peer`.
    let isCounted: Bool
    let certificateSubject: [UInt8]?

    /// Ascending by id.
    var streams: [Stream] = []
    /// Streams of an upstream connection that is not ready: they begin when it is.
    var waiting: [SlotID] = []
    /// Requests that have begun on it.
    var requests = 0
    var deadline = Deadline()
    /// When it last had nothing to do.
    var quietSince: Instant
    /// Since when a head is on its way that has not come to its end.
    var headSince: Instant?
    /// Since when the socket has taken nothing of what waits for it.
    var stuckSince: Instant?
    /// There is something to send.
    var isDirty = false
    var isRunnable = false
    /// No new streams; it closes when the last one has ended.
    var isClosing = false
    /// It is ended for a flood: nothing that it says counts any more.
    var isGivenUp = false

    init(
        _ transport: consuming Transport, engine: HTTP2Session, side: Side, peer: IPAddress,
        accepted: Instant,
        isCounted: Bool, certificateSubject: [UInt8]?, now: Instant
    ) {
        self.transport = transport
        self.engine = engine
        self.side = side
        progress = if case .client = side { .ready } else { .connecting }
        self.peer = peer
        self.accepted = accepted
        self.isCounted = isCounted
        self.certificateSubject = certificateSubject
        quietSince = now
    }

    var isFromClient: Bool {
        if case .client = side { true } else { false }
    }

    mutating func add(_ stream: Stream) {
        // Streams begin in the order of their ids.
        precondition(streams.last.map { $0.id < stream.id } ?? true)
        streams.append(stream)
    }

    /// Where a stream stands in `streams`, by halves.
    func position(of id: Int32) -> Int? {
        var low = 0
        var high = streams.count
        while low < high {
            let middle = (low + high) / 2
            if streams[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < streams.count && streams[low].id == id ? low : nil
    }
}
