import Bytes
import HTTP1
import Reactor
import Slots
import Time

/// One connection to a server of an upstream.
struct UpstreamConnection: ~Copyable {
    enum Phase: Equatable {
        case connecting(SlotID)
        /// In the pool.
        case idle
        /// Carries an exchange.
        case exchange(SlotID)
    }

    let socket: Socket
    /// The pool that counts it.
    let pool: SlotID
    /// Its server among the pool's endpoints; nil once the name no longer has this address.
    var endpoint: Int?
    var phase: Phase
    var isReadable = false
    var isWritable = false
    var peerHasEnded = false
    var parser: ResponseParser
    /// Part of an answer's head.
    var received = ByteQueue()
    var unsent = ByteQueue()
    /// Exchanges that it has carried before.
    var uses = 0
    var idleSince = Instant.zero
    var deadline = Deadline()

    init(socket: Socket, pool: SlotID, endpoint: Int, exchange: SlotID, parser: ResponseParser) {
        self.socket = socket
        self.pool = pool
        self.endpoint = endpoint
        phase = .connecting(exchange)
        self.parser = parser
    }
}

/// An upstream's connections and plan, as one worker holds them from reload to reload.
struct UpstreamState: ~Copyable {
    var plan: UpstreamPlan
    var pool: ConnectionPool
    /// The settings in force no longer name it; it goes when its last connection has gone.
    var isRetired = false
}
