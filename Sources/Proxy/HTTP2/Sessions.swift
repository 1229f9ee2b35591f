import Bytes
import HTTP1
import HTTP2
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// HTTP/2 connections: what they receive goes to their streams, what streams have to say gathers during a turn
// and leaves in one write.
extension ProxyCore where Net: ~Copyable {
    /// Reads of one connection before others get their turn.
    private static var readsPerTurn: Int { 4 }
    /// Writes likewise: what was written sets more in motion, for as long as the peer takes it.
    private static var writesPerTurn: Int { 8 }
    /// Bytes that one connection is written at once: what gathers beyond waits for the socket to take more.
    static var sessionWrite: Int { 65536 }

    mutating func sessionReady(_ id: SlotID, _ readiness: Readiness) {
        guard sessions.contains(id) else { return }
        if readiness.contains(.readable) { sessions[id].transport.isReadable = true }
        if readiness.contains(.peerEnded) { sessions[id].transport.peerHasEnded = true }
        if readiness.contains(.writable) {
            sessions[id].transport.isWritable = true
            makeDirty(id)
        }
        advanceSession(id)
    }

    /// Takes in what has come, as long as what this has to say in return is taken too: a peer that only sends
    /// would fill the memory with answers.
    mutating func advanceSession(_ id: SlotID) {
        if sessions[id].progress == .connecting {
            guard advanceConnecting(session: id) else { return }
        }
        for _ in 0..<Self.readsPerTurn {
            guard sessions[id].transport.isReadable, sessions[id].transport.unsent.isEmpty else { return }
            let region = incomingFrames.view.slice(0, Self.sessionRead + sessions[id].transport.slack)
            switch sessions[id].transport.receive(into: region, &network, encryption, &buffers) {
            case .moved(let count):
                guard takeIn(region.view.prefix(count), on: id) else { return }
            case .blocked: return
            case .ended: return loseSession(id)
            case .failed:
                noteFailure(ofSession: id)
                return loseSession(id)
            }
        }
        guard !sessions[id].isRunnable else { return }
        sessions[id].isRunnable = true
        runnable.append(Token(.session, id))
    }

    static var sessionRead: Int { 65536 }

    /// Bytes from the peer. False where the connection is over.
    mutating func takeIn(_ bytes: ByteView, on id: SlotID) -> Bool {
        frames.forgetEvents()
        let reception = sessions[id].engine.receive(bytes, now: now.nanoseconds)
        for index in 0..<frames.eventCount {
            guard sessions.contains(id), !sessions[id].isGivenUp else { break }
            if sessions[id].isFromClient {
                clientEvent(frames.event(index), on: id, bytes)
            } else {
                upstreamEvent(frames.event(index), on: id, bytes)
            }
        }
        frames.forgetEvents()
        guard sessions.contains(id) else { return false }
        makeDirty(id)
        sessions[id].headSince = sessions[id].engine.isReadingHead ? sessions[id].headSince ?? now : nil
        switch reception {
        case .fine: break
        case .flooded: giveUp(id)
        case .broken(let error):
            sessions[id].engine.terminate(error)
            sessions[id].isClosing = true
        }
        moveSessionDeadline(id)
        return true
    }

    /// Ends a connection whose peer does too much of what costs it nothing.
    mutating func giveUp(_ id: SlotID) {
        guard !sessions[id].isGivenUp else { return }
        metrics.add(.counter(.http2Floods))
        switch sessions[id].side {
        case .client: note(.flooded(sessions[id].peer))
        case .upstream(let upstream, let server):
            note(.serverFlooded(upstreams[upstream].plan.name, server))
        }
        sessions[id].engine.terminate(.enhanceYourCalm)
        sessions[id].isClosing = true
        sessions[id].isGivenUp = true
        makeDirty(id)
    }

    // MARK: Sending

    mutating func makeDirty(_ id: SlotID) {
        guard sessions.contains(id), !sessions[id].isDirty else { return }
        sessions[id].isDirty = true
        dirty.append(id)
    }

    /// More bytes of a stream's body wait in its `unsent`.
    mutating func queue(_ count: Int, on seat: StreamSeat) {
        guard count > 0, sessions.contains(seat.session) else { return }
        frames.add(count, to: seat.outgoing)
        sessions[seat.session].engine.resume(seat.stream)
        makeDirty(seat.session)
    }

    /// A stream's body ends behind what waits.
    mutating func end(_ seat: StreamSeat, trailers: [UInt8]) {
        guard sessions.contains(seat.session) else { return }
        frames.end(seat.outgoing, trailers: trailers)
        sessions[seat.session].engine.resume(seat.stream)
        makeDirty(seat.session)
    }

    /// Sends what has gathered during the turn. What this sets in motion is sent in the next one.
    mutating func flushSessions() {
        guard !dirty.isEmpty else { return }
        swap(&dirty, &flushing)
        for id in flushing where sessions.contains(id) {
            sessions[id].isDirty = false
            flushSession(id)
        }
        flushing.removeAll(keepingCapacity: true)
    }

    mutating func flushSession(_ id: SlotID) {
        if sessions[id].progress == .connecting { return }
        if !sessions[id].transport.unsent.isEmpty {
            guard sessions[id].transport.isWritable else { return moveSessionDeadline(id) }
            let before = sessions[id].transport.unsent.count
            if sessions[id].transport.flush(&network, &buffers) == .failed { return loseSession(id) }
            if sessions[id].transport.unsent.count < before { sessions[id].stuckSince = nil }
        }
        var writes = 0
        while sessions[id].transport.unsent.isEmpty, sessions[id].transport.isWritable,
            sessions[id].engine.wantsToWrite
        {
            guard writes < Self.writesPerTurn else {
                makeDirty(id)
                break
            }
            writes += 1
            let region = outgoingFrames.view.slice(0, Self.sessionWrite)
            frames.forgetEvents()
            guard let count = sessions[id].engine.write(into: region) else { return loseSession(id) }
            guard fillGaps(of: id, in: region) else { return loseSession(id) }
            if count > 0 {
                let bytes = region.view.prefix(count)
                switch sessions[id].transport.send(bytes, &network, encryption, &buffers) {
                case .taken: sessions[id].stuckSince = nil
                case .kept: break
                case .failed: return loseSession(id)
                }
            }
            settleStreams(of: id)
            guard sessions.contains(id) else { return }
            if count == 0 { break }
        }
        endSessionIfOver(id)
        guard sessions.contains(id) else { return }
        moveSessionDeadline(id)
        // Reading had stopped while nothing was taken.
        if sessions[id].transport.isReadable, sessions[id].transport.unsent.isEmpty, !sessions[id].isRunnable
        {
            sessions[id].isRunnable = true
            runnable.append(Token(.session, id))
        }
    }

    /// Puts the bytes of bodies into the DATA frames that were written, and remembers whose have all gone.
    /// False where a frame's owner is gone: its bytes cannot be given.
    private mutating func fillGaps(of id: SlotID, in region: MutableByteView) -> Bool {
        let isFromClient = sessions[id].isFromClient
        moved.removeAll(keepingCapacity: true)
        for index in 0..<frames.fillCount {
            let fill = frames.fill(index)
            let owner = SlotID(word: fill.owner)
            if isFromClient {
                guard clients.contains(owner), clients[owner].unsent.count >= fill.range.count else {
                    return false
                }
                region.write(clients[owner].unsent.view.prefix(fill.range.count), at: fill.range.lowerBound)
                clients[owner].unsent.consume(fill.range.count, pool: &buffers)
            } else {
                guard connections.contains(owner), connections[owner].unsent.count >= fill.range.count else {
                    return false
                }
                region.write(
                    connections[owner].unsent.view.prefix(fill.range.count), at: fill.range.lowerBound)
                connections[owner].unsent.consume(fill.range.count, pool: &buffers)
            }
            if moved.last != owner { moved.append(owner) }
        }
        return true
    }

    /// Tells streams what has become of their bytes, and forgets those that have ended.
    private mutating func settleStreams(of id: SlotID) {
        let isFromClient = sessions[id].isFromClient
        swap(&moved, &settling)
        for owner in settling {
            if isFromClient {
                guard clients.contains(owner) else { continue }
                clientTook(owner)
            } else {
                guard connections.contains(owner) else { continue }
                serverTook(owner)
                if connections.contains(owner) { advanceConnection(owner) }
            }
        }
        settling.removeAll(keepingCapacity: true)
        // After what was sent has been told: a stream whose last byte has gone is not a broken one.
        for index in 0..<frames.eventCount {
            guard case .closed(let stream, let code) = frames.event(index) else { continue }
            streamClosed(stream, code, on: id)
        }
        frames.forgetEvents()
    }

    /// A stream has ended on both sides, or was reset by either.
    mutating func streamClosed(_ stream: Int32, _ code: UInt32, on id: SlotID) {
        guard sessions.contains(id) else { return }
        guard let position = sessions[id].position(of: stream) else {
            // It never became a request: its head was not one.
            if sessions[id].isFromClient, code != 0, !sessions[id].engine.noteReset() { giveUp(id) }
            return
        }
        let entry = sessions[id].streams.remove(at: position)
        frames.freeOutgoing(entry.outgoing)
        if sessions[id].streams.isEmpty { sessions[id].quietSince = now }
        if sessions[id].isFromClient {
            metrics.add(.gauge(.streamsOpen), -1)
            guard clients.contains(entry.slot) else {
                sessions[id].engine.noteCompleted()
                return
            }
            // Before its answer was out.
            let mayGoOn = sessions[id].engine.noteReset()
            clients[entry.slot].isOver = true
            perform(clients[entry.slot].machine.clientLeft(), on: entry.slot)
            if !mayGoOn, sessions.contains(id) { giveUp(id) }
        } else if connections.contains(entry.slot) {
            let hasBegun = sessions[id].engine.hasBegun(stream)
            upstreamStreamClosed(entry.slot, hasBegun ? code : HTTP2Error.refusedStream.rawValue)
        }
    }

    // MARK: Ends

    private mutating func endSessionIfOver(_ id: SlotID) {
        guard sessions[id].transport.unsent.isEmpty else { return }
        let isSilent = !sessions[id].engine.wantsToWrite
        let isUnused = sessions[id].streams.isEmpty && sessions[id].waiting.isEmpty
        let isOver = sessions[id].isClosing && isUnused && isSilent
        let isBroken = isSilent && !sessions[id].engine.wantsToRead
        guard isOver || isBroken else { return }
        if isBroken, sessions[id].progress == .greeting { noteNoHTTP2(id) }
        removeSession(id, closing: .plainly)
    }

    /// The connection is broken or its peer has left.
    mutating func loseSession(_ id: SlotID) { removeSession(id, closing: .plainly) }

    mutating func removeSession(_ id: SlotID, closing: Ending) {
        var session = sessions.remove(id)
        let isFromClient = session.isFromClient
        let begun = session.streams.filter { session.engine.hasBegun($0.id) }.count
        for stream in session.streams {
            frames.freeOutgoing(stream.outgoing)
            if isFromClient { metrics.add(.gauge(.streamsOpen), -1) }
        }
        session.engine.close()
        if closing == .plainly { session.transport.sayClosed(&network, encryption, &buffers) }
        close(session.transport, closing)
        session.transport.release(&buffers)
        if isFromClient {
            if session.isCounted { leave(session.peer) }
            metrics.add(.connectionsClosed)
            metrics.add(.connectionsOpen, -1)
            clientSessions -= 1
        }
        if case .upstream(let upstream, _) = session.side {
            upstreams[upstream].sessions.removeAll { $0 == id }
            metrics.add(.upstream(upstreams[upstream].plan.slot, .open), -1)
        }
        for (index, stream) in session.streams.enumerated() {
            if isFromClient {
                guard clients.contains(stream.slot) else { continue }
                clients[stream.slot].isOver = true
                perform(clients[stream.slot].machine.clientLeft(), on: stream.slot)
            } else if connections.contains(stream.slot) {
                if index < begun { upstreamStreamLost(stream.slot) } else { refuseStream(stream.slot) }
            }
        }
        for connection in session.waiting where connections.contains(connection) {
            connectionFailed(connection, .connectFailed)
        }
    }

    // MARK: Time

    mutating func moveSessionDeadline(_ id: SlotID) {
        let instant = sessionDeadline(id)
        if sessions[id].deadline.move(to: instant) { timers.add(Token(.session, id), at: instant) }
    }

    private mutating func sessionDeadline(_ id: SlotID) -> Instant {
        if case .upstream(let upstream, _) = sessions[id].side {
            if sessions[id].progress != .ready {
                return sessions[id].accepted + upstreams[upstream].plan.connectTimeout
            }
            if !sessions[id].transport.unsent.isEmpty {
                return stuckSince(id) + upstreams[upstream].plan.writeTimeout
            }
            return sessions[id].streams.isEmpty
                ? sessions[id].quietSince + upstreams[upstream].plan.limits.idleTimeout : .distantFuture
        }
        if !sessions[id].transport.unsent.isEmpty { return stuckSince(id) + plan.clients.writeTimeout }
        if let since = sessions[id].headSince { return since + plan.clients.headTimeout }
        guard sessions[id].streams.isEmpty else { return .distantFuture }
        return sessions[id].quietSince
            + (sessions[id].requests == 0 ? plan.clients.headTimeout : plan.clients.idleTimeout)
    }

    private mutating func stuckSince(_ id: SlotID) -> Instant {
        let since = sessions[id].stuckSince ?? now
        sessions[id].stuckSince = since
        return since
    }

    mutating func sessionTimerFired(_ id: SlotID) {
        let (passed, rearm) = sessions[id].deadline.check(now)
        if let rearm { timers.add(Token(.session, id), at: rearm) }
        guard passed else { return }
        if sessions[id].progress != .ready {
            return sessionConnectFailed(id, .connectTimeout)
        }
        guard sessions[id].transport.unsent.isEmpty else {
            if sessions[id].isFromClient { metrics.add(.slow(.reader)) }
            return removeSession(id, closing: .withReset)
        }
        sessions[id].engine.terminate(.none)
        sessions[id].isClosing = true
        makeDirty(id)
    }
}
