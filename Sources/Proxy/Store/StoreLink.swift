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
    /// Which of several servers it is; nil where the settings name the only one.
    let node: RedisNode?
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
    /// It has commands that leave with the turn.
    var isDirty = false

    init(_ plan: RedisPlan, node: RedisNode? = nil, addresses: [SocketAddress], seed: UInt64) {
        self.plan = plan
        self.node = node
        self.addresses = addresses
        var settings = SessionSettings(plan.target.address)
        settings.patience = plan.target.timeout
        settings.followsRedirections = plan.target.isDivided
        settings.needsMaster = plan.target.isSearched && !plan.target.isDivided
        // A long answer that was kept must come back whole.
        settings.replies = ReplyLimits(bytes: 2 << 20)
        session = RedisSession(settings, seed: seed)
    }

    /// Of a cluster, whose nodes come and go by themselves; nil is the one that is asked.
    var nodeByItself: RedisNode? { plan.target.isDivided ? node : nil }

    /// What the server's certificate must be for.
    var serverName: (text: String, isAddress: Bool) {
        node.map { plan.target.serverName(of: $0.host) } ?? plan.target.serverName
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
