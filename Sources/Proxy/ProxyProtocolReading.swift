import Bytes
import HTTP1
import Reactor
import Slots
import Telemetry

extension ProxyCore where Net: ~Copyable {
    /// Reads the PROXY protocol's head. True where it is complete and requests may follow. A stranger who
    /// sends one, and a trusted peer that sends none, are closed: who a connection is for is never guessed.
    mutating func readProxyHeader(_ id: SlotID) -> Bool {
        guard clients[id].isReadable else { return false }
        guard clients[id].listener.port == nil || plan.clientAddress.isTrusted(clients[id].peer) else {
            return refuseProxyHeader(id)
        }
        clients[id].received.reserve(ProxyProtocol.longestV2, pool: &buffers)
        let room = clients[id].received.tail
        switch receive(client: id, into: room) {
        case .moved(let count):
            clients[id].received.commit(count)
        case .blocked:
            clients[id].received.trim(pool: &buffers)
            return false
        case .ended, .failed:
            removeClient(id, closing: .plainly)
            return false
        }
        switch ProxyProtocol.parse(clients[id].received.view, clients[id].listener.proxyProtocol) {
        case .incomplete:
            return clients[id].isReadable
        case .invalid:
            return refuseProxyHeader(id)
        case .complete(let length, let source):
            clients[id].received.consume(length, pool: &buffers)
            if let source {
                clients[id].peer = source
                switch enter(source) {
                case .counted: clients[id].isCounted = true
                case .uncounted: break
                case .banned:
                    removeClient(id, closing: .withReset)
                    return false
                case .refused:
                    clients[id].mode = .http
                    // The balancer's connection: it stays for as long as an answer takes.
                    refuseAddress(id)
                    return false
                }
            }
            // Only now: handshakes are counted for whom the connection is for.
            open(id)
            guard clients.contains(id) else { return false }
            moveClientDeadline(id)
            return true
        }
    }

    private mutating func refuseProxyHeader(_ id: SlotID) -> Bool {
        metrics.add(.refused(.proxyProtocol))
        removeClient(id, closing: .withReset)
        return false
    }
}
