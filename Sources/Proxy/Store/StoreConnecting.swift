import Addressing
import Bytes
import Reactor
import Redis
import Slots
import Stores
import TLS
import Telemetry
import Time

// The connection to Redis: made, used, and ended as its session wants it.
extension ProxyCore where Net: ~Copyable {
    /// Reads of one turn, so that a flood of replies leaves others their turn.
    private static var readsPerTurn: Int { 16 }
    /// Bytes that are sent at once.
    private static var longestSend: Int { 65_536 }

    // MARK: Events

    mutating func linkReady(_ id: SlotID, _ readiness: Readiness) {
        guard linkConnections.contains(id) else { return }
        if readiness.contains(.readable) { linkConnections[id].transport.isReadable = true }
        if readiness.contains(.peerEnded) { linkConnections[id].transport.peerHasEnded = true }
        if readiness.contains(.writable) { linkConnections[id].transport.isWritable = true }
        advanceLink(id)
    }

    /// Does whatever can be done on a connection now.
    mutating func advanceLink(_ id: SlotID) {
        guard linkConnections.contains(id) else { return }
        linkConnections[id].isRunnable = false
        let link = linkConnections[id].link
        if linkConnections[id].isConnecting {
            let hasTurned =
                linkConnections[id].transport.isWritable || linkConnections[id].transport.peerHasEnded
            if linkConnections[id].transport.tls == nil {
                guard hasTurned else { return }
                linkConnectEnded(id)
            }
        }
        if linkConnections.contains(id) { receiveReplies(id) }
        if links.contains(link) { drive(link) }
    }

    private mutating func linkConnectEnded(_ id: SlotID) {
        let link = linkConnections[id].link
        guard let socket = linkConnections[id].transport.socket else { return }
        if let code = network.connectError(socket) {
            let reason = SystemError("connect", code: code).description
            return links[link].session.connectionEnded(.connectFailed(reason), now: now)
        }
        guard linkConnections[id].transport.isWritable else { return }
        guard links[link].plan.target.material != nil else { return linkConnected(id) }
        guard let context = links[link].plan.tls else {
            return links[link].session.connectionEnded(.encryption("TLS cannot be set up"), now: now)
        }
        let name = links[link].serverName
        let tls = context.makeSession(name: name.text, isAddress: name.isAddress, encryption.wire)
        linkConnections[id].transport.tls = tls
        if case .failed(let failure) = tls.begin(encryption.wire) {
            return links[link].session.connectionEnded(.encryption(failure.description), now: now)
        }
        let sending = linkConnections[id].transport.sendOutput(socket, &network, encryption, &buffers)
        if sending == .failed { links[link].session.connectionEnded(.broken, now: now) }
    }

    private mutating func linkConnected(_ id: SlotID) {
        linkConnections[id].isConnecting = false
        metrics.add(.store(.connects))
        let link = linkConnections[id].link
        // At the first connection there is nothing yet that it could lack.
        if links[link].session.counts.connects > 0 { storeIsNewUntil = now + .seconds(1) }
        links[link].session.connected(now: now)
    }

    /// Takes in what has come.
    private mutating func receiveReplies(_ id: SlotID) {
        let link = linkConnections[id].link
        for _ in 0..<Self.readsPerTurn {
            guard linkConnections.contains(id), linkConnections[id].transport.isReadable else { return }
            let region = body.view.slice(
                0, Exchange.smallestRead + linkConnections[id].transport.slack)
            let transfer = linkConnections[id].transport.receive(
                into: region, &network, encryption, &buffers)
            if linkConnections[id].isConnecting, let tls = linkConnections[id].transport.tls,
                tls.isEstablished
            {
                linkConnected(id)
            }
            switch transfer {
            case .moved(let count):
                links[link].session.received(region.view.prefix(count), now: now)
                drainEvents(of: link)
            case .blocked: return
            case .ended: return links[link].session.connectionEnded(.closedByServer, now: now)
            case .failed:
                let failure = linkConnections[id].transport.lastFailure
                let loss = failure.map { Loss.encryption($0.description) } ?? .broken
                return links[link].session.connectionEnded(loss, now: now)
            }
        }
        guard linkConnections.contains(id), !linkConnections[id].isRunnable else { return }
        linkConnections[id].isRunnable = true
        runnable.append(Token(.store, id))
    }

    mutating func linkTimerFired(_ id: SlotID) {
        let (passed, rearm) = links[id].deadline.check(now)
        if let rearm { timers.add(Token(.store, id), at: rearm) }
        guard passed else { return }
        links[id].session.advance(now: now)
        drive(id)
    }

    /// What the turn has asked leaves in one write to each server.
    mutating func flushLinks() {
        guard !dirtyLinks.isEmpty else { return }
        swap(&dirtyLinks, &flushingLinks)
        for id in flushingLinks where links.contains(id) {
            links[id].isDirty = false
            drive(id)
        }
        flushingLinks.removeAll(keepingCapacity: true)
    }

    mutating func markDirty(_ id: SlotID) {
        guard !links[id].isDirty else { return }
        links[id].isDirty = true
        dirtyLinks.append(id)
    }

    // MARK: The session's wishes

    /// Does what the session wants, sends what it has to send, and looks when it wants to be asked again.
    private mutating func drive(_ id: SlotID) {
        drainEvents(of: id)
        guard links.contains(id) else { return }
        sendCommands(of: id)
        drainEvents(of: id)
        guard links.contains(id) else { return }
        let deadline = links[id].session.nextDeadline
        if links[id].deadline.move(to: deadline) { timers.add(Token(.store, id), at: deadline) }
    }

    mutating func drainEvents(of id: SlotID) {
        while links.contains(id), let event = links[id].session.next(now: now) {
            switch event {
            case .connect: connectLink(id)
            case .close: closeConnection(of: id)
            case .reply(let ticket, let reply, let nanoseconds):
                metrics.observe(.storeRoundTrip, nanoseconds: nanoseconds)
                if reply.kind == .error { noteError(reply, of: id) }
                if ticket.kind & Self.tokenTicket != 0 {
                    tokensReplied(ticket, reply, asked: Instant(nanoseconds: now.nanoseconds - nanoseconds))
                } else {
                    storeReplied(ticket, answer(reply, to: ticket))
                }
            case .redirected(let redirection, let stray): redirect(stray, redirection, from: id)
            case .expired(let ticket):
                metrics.add(.store(.expired))
                storeFailed(ticket)
            case .failed(let ticket):
                metrics.add(.store(.failed))
                storeFailed(ticket)
            case .lost(let loss): linkLost(id, loss)
            case .returned: linkReturned(id)
            }
        }
    }

    private mutating func linkLost(_ id: SlotID, _ loss: Loss) {
        links[id].isLost = true
        metrics.add(.store(.lost))
        health?.lost(index, at: links[id].nodeByItself, loss, now: wallTime)
        if links[id].plan.target.isSearched { directory?.search() }
    }

    mutating func linkReturned(_ id: SlotID) {
        links[id].isLost = false
        metrics.add(.store(.lost), -1)
        health?.returned(index, at: links[id].nodeByItself, now: wallTime)
    }

    /// An error of Redis itself: it is there, and does not do what it is asked.
    private mutating func noteError(_ reply: Reply, of id: SlotID) {
        metrics.add(.store(.errors))
        let fault = ServerFault(reply)
        note(.storeError(reply.words, advice: fault?.advice))
        guard links[id].plan.target.isSearched, fault?.callsForSearch == true else { return }
        directory?.search()
        // Whom the sentinels have made a replica is asked no more; the greeting of a new connection says
        // whether it still is one.
        guard links[id].session.settings.needsMaster, fault == .isReplica else { return }
        links[id].session.connectionEnded(.refused("the server is a replica now"), now: now)
    }

    private mutating func connectLink(_ id: SlotID) {
        guard !links[id].addresses.isEmpty else {
            return links[id].session.connectionEnded(.unresolved, now: now)
        }
        let address = links[id].addresses[links[id].attempts % links[id].addresses.count]
        links[id].attempts += 1
        do throws(SystemError) {
            let socket = try network.connect(to: address)
            let connection = linkConnections.insert(
                StoreConnection(Transport(.socket(socket), isReady: false), link: id))
            links[id].connection = connection
            try network.watch(socket, token: Token(.store, connection).word)
        } catch {
            links[id].session.connectionEnded(.connectFailed(error.description), now: now)
        }
    }

    private mutating func closeConnection(of id: SlotID) {
        guard let connection = links[id].connection else { return }
        links[id].connection = nil
        var closed = linkConnections.remove(connection)
        closed.transport.sayClosed(&network, encryption, &buffers)
        close(closed.transport, .plainly)
        closed.transport.release(&buffers)
    }

    private mutating func sendCommands(of id: SlotID) {
        guard let connection = links[id].connection, !linkConnections[connection].isConnecting else { return }
        if !linkConnections[connection].transport.unsent.isEmpty {
            guard linkConnections[connection].transport.isWritable else { return }
            let sending = linkConnections[connection].transport.flush(&network, &buffers)
            if sending == .failed { return links[id].session.connectionEnded(.broken, now: now) }
            guard sending == .taken else { return }
        }
        while !links[id].session.outgoing.isEmpty {
            let outgoing = links[id].session.outgoing
            let part = outgoing.prefix(min(outgoing.count, Self.longestSend))
            let sending = linkConnections[connection].transport.send(part, &network, encryption, &buffers)
            if sending == .failed { return links[id].session.connectionEnded(.broken, now: now) }
            links[id].session.sent(part.count)
            guard sending == .taken else { return }
        }
    }
}
