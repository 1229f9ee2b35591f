import Addressing
import Bytes
import Redis
import Slots
import Stores
import TLS
import Time

/// The Redis that gateways share, as one worker uses it.
package final class RedisPlan: Sendable {
    package let target: RedisTarget
    let prefix: [UInt8]
    /// Nil for none, or where it cannot be set up.
    let tls: ClientContext?

    package init(_ target: RedisTarget) {
        self.target = target
        prefix = Array(target.prefix.utf8)
        tls = target.material.flatMap { try? ClientContext($0) }
    }
}

/// A worker's conversation with Redis: the session, over connections that come and go.
struct StoreLink: ~Copyable {
    let plan: RedisPlan
    var session: RedisSession
    /// Where the server is; empty until its name is resolved.
    var addresses: [SocketAddress]
    /// Attempts so far: they go through the addresses in turn.
    var attempts = 0
    /// Nil between two connections.
    var connection: SlotID?
    var deadline = Deadline()
    /// It was told as lost.
    var isLost = false

    init(_ plan: RedisPlan, addresses: [SocketAddress], seed: UInt64) {
        self.plan = plan
        self.addresses = addresses
        var settings = SessionSettings(plan.target.address)
        settings.patience = plan.target.timeout
        // A long answer that was kept must come back whole.
        settings.replies = ReplyLimits(bytes: 2 << 20)
        session = RedisSession(settings, seed: seed)
    }
}

/// One of those connections.
struct StoreConnection: ~Copyable {
    var transport: Transport
    let link: SlotID
    var isConnecting = true
    var isRunnable = false

    init(_ transport: consuming Transport, link: SlotID) {
        self.transport = transport
        self.link = link
    }
}
