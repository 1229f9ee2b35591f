import Bytes
import HTTP1
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// What the client machine's decisions come to, sending to clients, and clients' deadlines.
extension ProxyCore where Net: ~Copyable {
    /// How long a connection lingers after our side has ended: time for an answer to be read, however fast
    /// the client goes on sending.
    static var lingerTime: Duration { .seconds(2) }

    mutating func perform(_ action: ServerConnectionMachine.Action, on id: SlotID) {
        switch action {
        case .proceed:
            break
        case .awaitRequest:
            clients[id].quietSince = now
            moveClientDeadline(id)
        case .parseRest:
            // A client that has sent FIN may have sent whole requests before; they are served in turn.
            clients[id].quietSince = now
            if clients[id].received.isEmpty, !clients[id].isReadable { clients[id].isReadable = true }
            runLater(client: id)
        case .dropRequestBody:
            clients[id].quietSince = now
            moveClientDeadline(id)
        case .refuse(let status):
            guard let exchange = clients[id].exchange else { return removeClient(id, closing: .plainly) }
            fail(exchange, status == 504 ? .responseTimeout : status == 408 ? .bodyTimeout : .badBody)
        case .cancel:
            removeClient(id, closing: .withReset)
        case .close:
            removeClient(id, closing: .plainly)
        case .linger:
            linger(id)
        case .abort:
            removeClient(id, closing: .withReset)
        }
    }

    private mutating func linger(_ id: SlotID) {
        // A stream's end says by itself what a connection's cannot.
        guard let socket = clients[id].transport.socket else { return removeClient(id, closing: .plainly) }
        clients[id].received.removeAll(pool: &buffers)
        clients[id].transport.sayClosed(&network, encryption, &buffers)
        network.shutdownWrite(socket)
        clients[id].mode = .lingering
        if clients[id].deadline.move(to: now + Self.lingerTime) {
            timers.add(Token(.client, id), at: now + Self.lingerTime)
        }
        if clients[id].isReadable { runLater(client: id) }
    }

    /// Closes a client's connection and cancels whatever it had asked for.
    mutating func removeClient(_ id: SlotID, closing: Ending) {
        if let exchange = clients[id].exchange {
            clients[id].exchange = nil
            if mayRunOn(exchange) { runOn(exchange) } else { cancel(exchange, of: id) }
        }
        var client = clients.remove(id)
        client.received.removeAll(pool: &buffers)
        if let seat = client.seat {
            leaveStream(client, seat, closing)
            client.transport.release(&buffers)
            return
        }
        guard client.mode != .absent else {
            absentClients -= 1
            if client.isCounted { leave(client.peer) }
            return client.transport.release(&buffers)
        }
        if closing == .plainly { client.transport.sayClosed(&network, encryption, &buffers) }
        close(client.transport, closing)
        client.transport.release(&buffers)
        if client.isCounted { leave(client.peer) }
        metrics.add(.connectionsClosed)
        metrics.add(.connectionsOpen, -1)
    }

    /// What a client asked for is over with it.
    private mutating func cancel(_ exchange: SlotID, of id: SlotID) {
        var outcome =
            exchanges[exchange].outcome ?? Outcome(endedBy: .client, in: exchanges[exchange].phase)
        // Complete on the server's side, but not with the client.
        if outcome == .ok, !clients[id].unsent.isEmpty { outcome = .clientBody }
        releaseUpstream(of: exchange)
        finish(exchange, outcome)
    }

    /// Sends bytes of an answer, and keeps what the socket does not take. False where the connection broke;
    /// the exchange is gone then, unless it goes on without its client.
    mutating func send(_ bytes: ByteView, toClientOf exchange: SlotID) -> Bool {
        let id = exchanges[exchange].client
        exchanges[exchange].bytesOut += bytes.count
        if let seat = clients[id].seat {
            clients[id].unsent.append(bytes, pool: &buffers)
            queue(bytes.count, on: seat)
            return true
        }
        let wasWaiting = !clients[id].unsent.isEmpty || !clients[id].isWritable
        switch clients[id].transport.send(bytes, &network, encryption, &buffers) {
        case .taken: return true
        case .kept: if wasWaiting { return true }
        case .failed:
            perform(clients[id].machine.clientLeft(), on: id)
            return exchanges.contains(exchange)
        }
        noteTaken(exchange)
        exchanges[exchange].readSize = Exchange.smallestRead
        moveClientDeadline(id)
        return true
    }

    /// The socket takes bytes again.
    mutating func flushClient(_ id: SlotID) {
        let before = clients[id].unsent.count
        if clients[id].transport.flush(&network, &buffers) == .failed {
            return perform(clients[id].machine.clientLeft(), on: id)
        }
        guard clients[id].unsent.count < before else { return }
        clientTook(id)
    }

    /// What waited for a client, or a part of it, is on its way.
    mutating func clientTook(_ id: SlotID) {
        if let exchange = clients[id].exchange { noteTaken(exchange) }
        moveClientDeadline(id)
        guard clients[id].unsent.isEmpty, let exchange = clients[id].exchange else { return }
        if exchanges[exchange].outcome != nil {
            complete(exchange)
        } else if exchanges[exchange].replay != nil {
            advanceReplay(exchange)
        } else if let connection = exchanges[exchange].connection {
            // Nobody counted the server's silence while the client had enough to read.
            moveConnectionDeadline(connection)
            advanceConnection(connection)
        }
    }

    /// All of the answer has been handed to the kernel: the exchange is over, and the client may go on.
    mutating func complete(_ id: SlotID) {
        let client = exchanges[id].client
        guard let outcome = exchanges[id].outcome else {
            preconditionFailure("an answer without an end is complete")
        }
        clients[client].exchange = nil
        clients[client].leftover = exchanges[id].requestBody
        clients[client].lastAnswer = exchanges[id].bytesOut
        finish(id, outcome)
        let hasSurplus = !clients[client].received.isEmpty || clients[client].isReadable
        perform(clients[client].machine.responseEnded(surplus: hasSurplus), on: client)
        // The caller may be the upstream's side: what the client has sent meanwhile must not be forgotten.
        if clients.contains(client), hasSurplus { runLater(client: client) }
    }
}

extension LocalResponse {
    static let headTimeout = LocalResponse(
        status: 408, title: "Request timeout", detail: "The request's head did not arrive in time.")
}

extension HeadError {
    /// A short name of the error's status.
    var title: StaticString {
        switch status {
        case 414: "URI too long"
        case 417: "Expectation failed"
        case 431: "Request header fields too large"
        case 501: "Not implemented"
        case 505: "HTTP version not supported"
        default: "Bad request"
        }
    }

    /// Where the metrics count it.
    var fault: HeadFault {
        switch self {
        case .bareLineFeed, .bareCarriageReturn, .tooManyEmptyLines, .foldedLine, .badTarget, .badStatus,
            .badReason,
            .badFieldName, .spaceBeforeColon, .badFieldValue, .duplicateField, .tooManyConnectionOptions,
            .unknownExpectation, .badMethod:
            .malformed
        case .contentLengthWithTransferEncoding, .invalidContentLength, .duplicateContentLength,
            .invalidTransferEncoding, .transferEncodingInHTTP10:
            .framing
        case .missingHost, .duplicateHost, .invalidHost: .host
        case .tooManyFields, .headTooLarge, .fieldNameTooLong: .fieldsTooLarge
        case .targetTooLong: .targetTooLong
        case .badVersion, .unsupportedVersion: .version
        case .methodTooLong, .connectRefused: .method
        }
    }
}
