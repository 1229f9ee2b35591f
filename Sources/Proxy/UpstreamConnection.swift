import Bytes
import HTTP1
import Reactor
import Slots
import Time
import Upstream

/// What a request travels on to a server of an upstream: a connection, or one stream of an HTTP/2 connection,
/// which carries a single one. Idle, it holds no buffer.
struct UpstreamConnection: ~Copyable {
    var transport: Transport
    /// The upstream whose pool counts it.
    let upstream: SlotID
    /// Its server among the pool's endpoints; nil once the name no longer has this address.
    var endpoint: Int?
    var machine = ClientConnectionMachine()
    /// The request that it carries or is made for; nil while it is idle in the pool.
    var exchange: SlotID?
    var isConnecting = true
    /// Settings have changed how servers are reached since it was made: it carries no further request.
    var isOutdated = false
    /// When it was last put into the pool.
    var idleSince = Instant.zero

    /// Of a stream: the answer has ended, with these trailers; or the stream was reset.
    var inputHasEnded = false
    var trailers: [UInt8] = []
    var wasReset = false
    /// Of a stream: its end is known to both sides.
    var isOver = false
    /// A send has failed. The kernel tells the error only once: a read finds an end where there was a reset.
    var isBroken = false
    var isRunnable = false

    var parser: ResponseParser
    /// Part of an answer's head.
    var received = ByteQueue()
    var deadline = Deadline()

    init(
        _ transport: consuming Transport, upstream: SlotID, endpoint: Int, exchange: SlotID,
        limits: HeadLimits
    ) {
        self.transport = transport
        self.upstream = upstream
        self.endpoint = endpoint
        self.exchange = exchange
        parser = ResponseParser(limits: limits)
    }

    /// The request has begun on its session's stream.
    mutating func sit(on stream: Int32) { transport.sit(on: stream) }

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
}

/// An upstream as one worker holds it from reload to reload: its plan in force and its connections.
struct UpstreamState: ~Copyable {
    var plan: UpstreamPlan
    var pool: ConnectionPool
    /// Connections that carry many requests at once.
    var sessions: [SlotID] = []
    /// Requests that a connection takes at once, as the servers have said last; nil before.
    var streamsPerSession: Int?
    /// The settings in force no longer name it; it goes with its last connection.
    var isRetired = false
}
