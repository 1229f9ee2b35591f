import Bytes
import HTTP1
import Pipeline
import Reactor
import Slots
import TLS
import Telemetry
import Time

// From a connection's first byte to its first request: TLS, and which HTTP is spoken.
extension ProxyCore where Net: ~Copyable {
    /// A client's connection begins with what its listener speaks.
    mutating func open(_ id: SlotID) {
        if let tls = clients[id].listener.tls {
            guard mayShakeHands(id) else { return refuseHandshake(id) }
            // Behind a PROXY protocol's head, TLS may have begun already.
            clients[id].transport.early.append(clients[id].received.view, pool: &buffers)
            clients[id].received.removeAll(pool: &buffers)
            clients[id].transport.tls = tls.makeSession(encryption.wire)
            clients[id].mode = .handshake
        } else {
            clients[id].mode = clients[id].listener.speaksHTTP2 ? .preface : .http
        }
    }

    /// Whether the client's address may begin one more handshake now: each costs as much as a dozen requests.
    private mutating func mayShakeHands(_ id: SlotID) -> Bool {
        guard let limit = plan.handshakes, !plan.clientAddress.isTrusted(clients[id].peer) else {
            return true
        }
        return !store.refuses(limit.demand(of: clients[id].peer), now: now)
    }

    private mutating func refuseHandshake(_ id: SlotID) {
        metrics.add(.handshake(.refused))
        note(.handshakesRefused(clients[id].peer))
        removeClient(id, closing: .withReset)
    }

    /// Goes on with a client's handshake. True where it is done, and there may be more to do.
    mutating func advanceHandshake(_ id: SlotID) -> Bool {
        guard clients[id].isReadable || !clients[id].transport.early.isEmpty else { return false }
        let region = readRegion(Exchange.smallestRead, of: id)
        switch receive(client: id, into: region) {
        case .moved(let count): clients[id].received.append(region.view.prefix(count), pool: &buffers)
        case .blocked: break
        case .ended:
            metrics.add(.handshake(.abandoned))
            removeClient(id, closing: .plainly)
            return false
        case .failed:
            handshakeFailed(id)
            return false
        }
        guard let tls = clients[id].transport.tls, tls.isEstablished else { return false }
        metrics.add(.handshake(tls.isResumed ? .resumed : .full))
        if clients[id].listener.asksForCertificates {
            clients[id].certificateSubject = tls.peerSubject.map { Array($0.utf8) }
        }
        guard !tls.speaksHTTP2 else {
            beginSession(id)
            return false
        }
        clients[id].mode = .http
        moveClientDeadline(id)
        return true
    }

    private mutating func handshakeFailed(_ id: SlotID) {
        metrics.add(.handshake(.failed))
        let failure = clients[id].transport.lastFailure
        if let failure { note(.handshakeFailed(clients[id].peer, failure)) }
        guard failure?.kind == .plainHTTP else { return removeClient(id, closing: .plainly) }
        // What a person sees who has typed http:// before a port of https.
        clients[id].transport.release(&buffers)
        _ = clients[id].transport.send(
            ByteView(
                """
                HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\
                Content-Length: 125\r\n\r\n{"type":"about:blank","title":"Bad request","status":400,\
                "detail":"This port speaks HTTPS; the request came as plain HTTP."}\n
                """), &network, encryption, &buffers)
        clients[id].mode = .lingering
        if let socket = clients[id].transport.socket { network.shutdownWrite(socket) }
        if clients[id].deadline.move(to: now + Self.lingerTime) {
            timers.add(Token(.client, id), at: now + Self.lingerTime)
        }
        if clients[id].isReadable { runLater(client: id) }
    }

    /// Reads as much as tells whether HTTP/2 is spoken (RFC 9113 §3.4). True where HTTP/1.1 goes on.
    mutating func readPreface(_ id: SlotID) -> Bool {
        let preface = ByteView("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        if clients[id].isReadable {
            clients[id].received.reserve(1024, pool: &buffers)
            switch receive(client: id, into: clients[id].received.tail) {
            case .moved(let count): clients[id].received.commit(count)
            case .blocked: clients[id].received.trim(pool: &buffers)
            case .ended, .failed:
                removeClient(id, closing: .plainly)
                return false
            }
        }
        let count = min(clients[id].received.count, preface.count)
        guard count > 0 else { return false }
        guard clients[id].received.view.prefix(count).equals(preface.prefix(count)) else {
            clients[id].mode = .http
            clients[id].headBegun = now
            return true
        }
        if count == preface.count { beginSession(id) }
        return false
    }

    // MARK: Servers

    /// A connection to a server of an upstream with TLS is made: the handshake begins.
    mutating func beginHandshake(connection id: SlotID) {
        guard let exchange = connections[id].exchange else { return removeConnection(id) }
        guard let context = upstreams[connections[id].upstream].plan.tls else {
            return upstreamHandshakeFailed(id, .noContext)
        }
        let name = upstreams[connections[id].upstream].plan.serverName(exchanges[exchange].server)
        let tls = context.makeSession(name: name.text, isAddress: name.isAddress, encryption.wire)
        connections[id].transport.tls = tls
        if case .failed(let failure) = tls.begin(encryption.wire) {
            return upstreamHandshakeFailed(id, failure)
        }
        guard let socket = connections[id].transport.socket else { return }
        let sending = connections[id].transport.sendOutput(socket, &network, encryption, &buffers)
        if sending == .failed { return connectionFailed(id, .connectFailed) }
        moveConnectionDeadline(id)
        if connections[id].isReadable { advanceHandshake(connection: id) }
    }

    mutating func advanceHandshake(connection id: SlotID) {
        if connections[id].isWritable, !connections[id].unsent.isEmpty,
            connections[id].transport.flush(&network, &buffers) == .failed
        {
            return connectionFailed(id, .connectFailed)
        }
        guard connections[id].isReadable else { return }
        let region = body.view.slice(0, Exchange.smallestRead + connections[id].transport.slack)
        let transfer = receive(connection: id, into: region)
        switch transfer {
        // A server that speaks before it was asked: its bytes would be nobody's answer.
        case .moved: return connectionFailed(id, .badResponse)
        case .blocked: break
        case .ended:
            return upstreamHandshakeFailed(id, TLSFailure(.refused, "the server closed during the handshake"))
        case .failed:
            let failure = connections[id].transport.lastFailure
            return upstreamHandshakeFailed(id, failure ?? TLSFailure(.refused, "the connection broke"))
        }
        guard let tls = connections[id].transport.tls, tls.isEstablished else { return }
        connectionReady(id)
    }

    /// Whether what an idle connection has to say is TLS' own: new session tickets and the like. What it was
    /// is read away.
    mutating func isOnlyTLS(_ id: SlotID) -> Bool {
        guard connections[id].transport.tls != nil else { return false }
        let region = body.view.slice(0, Exchange.smallestRead + connections[id].transport.slack)
        return receive(connection: id, into: region) == .blocked
    }

    /// A server may say only behind its handshake what it did not like in it: that it wants a certificate
    /// (RFC 8446 §4.4.2.4).
    mutating func noteFailure(of id: SlotID) {
        guard let failure = connections[id].transport.lastFailure, connections[id].machine.awaitsHead,
            let exchange = connections[id].exchange
        else { return }
        let name = upstreams[connections[id].upstream].plan.name
        note(.upstreamHandshakeFailed(name, exchanges[exchange].server, failure))
    }

    mutating func upstreamHandshakeFailed(_ id: SlotID, _ failure: TLSFailure) {
        let upstream = connections[id].upstream
        if let exchange = connections[id].exchange {
            note(.upstreamHandshakeFailed(upstreams[upstream].plan.name, exchanges[exchange].server, failure))
        }
        connectionFailed(id, failure.kind == .unverified ? .unverified : .handshakeFailed)
    }
}

extension TLSFailure {
    /// Settings that were checked are set up again for each worker, which memory may not suffice for.
    static let noContext = TLSFailure(.own, "TLS cannot be set up")
}
