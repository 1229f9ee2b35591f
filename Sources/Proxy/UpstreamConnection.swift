import Bytes
import HTTP1
import Reactor
import Slots
import Time
import Upstream

/// One connection to a server of an upstream. Idle, it holds no buffer.
struct UpstreamConnection: ~Copyable {
    let socket: Socket
    /// The upstream whose pool counts it.
    let upstream: SlotID
    /// Its server among the pool's endpoints; nil once the name no longer has this address.
    var endpoint: Int?
    var machine = ClientConnectionMachine()
    /// The request that it carries or is made for; nil while it is idle in the pool.
    var exchange: SlotID?
    var isConnecting = true
    /// When it was last put into the pool.
    var idleSince = Instant.zero

    var isReadable = false
    var isWritable = false
    var peerHasEnded = false
    /// A send has failed. The kernel tells the error only once: a read finds an end where there was a reset.
    var isBroken = false
    var isRunnable = false

    var parser: ResponseParser
    /// Part of an answer's head.
    var received = ByteQueue()
    /// Written and not taken by the socket yet.
    var unsent = ByteQueue()
    var deadline = Deadline()

    init(socket: Socket, upstream: SlotID, endpoint: Int, exchange: SlotID, limits: HeadLimits) {
        self.socket = socket
        self.upstream = upstream
        self.endpoint = endpoint
        self.exchange = exchange
        parser = ResponseParser(limits: limits)
    }
}

/// An upstream as one worker holds it from reload to reload: its plan in force and its connections.
struct UpstreamState: ~Copyable {
    var plan: UpstreamPlan
    var pool: ConnectionPool
    /// The settings in force no longer name it; it goes with its last connection.
    var isRetired = false
}
