import Addressing
import Bytes
import HTTPModel
import Time

/// What the stages know of one request and what they have found out about it.
package struct ExchangeState: ~Copyable {
    package var head = RequestHead()
    /// The stage that comes next or waits for its answer; nil behind the last.
    package var stage: Stage? = .first

    /// Address of the connection's other end; loopback for unix sockets.
    package var peer: IPAddress
    /// Whether the peer is one of `trusted_proxies`, whose forwarding fields are believed.
    package var peerIsTrusted = false
    /// The client that limits and logs speak of.
    package var client: IPAddress
    package var isEncrypted: Bool
    /// Port that the connection came in at; nil for unix sockets.
    package var localPort: UInt16?

    package var requestID = RequestID.none
    package var trace = TraceContext.none
    /// The path that was matched and is forwarded; stands in the exchange's head buffer.
    package var path: ByteView = .empty
    package var plan: RoutePlan?
    /// The rule that refused, for log and metrics.
    package var refusedBy: RuleName?

    package init(peer: IPAddress, isEncrypted: Bool, localPort: UInt16?) {
        self.peer = peer
        client = peer
        self.isEncrypted = isEncrypted
        self.localPort = localPort
    }
}
