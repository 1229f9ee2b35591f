import Bytes
import Reactor
import TLS
import Time

// Requests out, answers in.
extension FetchEngine {
    /// Sends the request that the connection was given.
    mutating func sendRequest(_ slot: Int) {
        guard let job = slots[slot].connection?.job else { return close(slot) }
        slots[slot].connection?.reader = ResponseReader(bodyLimit: job.request.bodyLimit)
        slots[slot].connection?.phase = .head
        slots[slot].connection?.deadline = min(job.deadline, now + job.request.deadlines.head)
        guard let tls = slots[slot].connection?.tls else {
            slots[slot].connection?.unsent += job.message
            return flush(slot)
        }
        var rest = job.message[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.pieceSize))
            rest = rest.dropFirst(piece.count)
            guard piece.withView({ tls.write($0, wire) }) else {
                wire.clearOutput()
                return broken(slot, .cutOff)
            }
            takeOutput(slot)
        }
        flush(slot)
    }

    /// What the session has written waits to be sent.
    mutating func takeOutput(_ slot: Int) {
        slots[slot].connection?.unsent += wire.output.array()
        wire.clearOutput()
    }

    mutating func flush(_ slot: Int) {
        while let socket = slots[slot].connection?.socket, let unsent = slots[slot].connection?.unsent,
            !unsent.isEmpty
        {
            switch unsent.withView({ network.send(socket, $0) }) {
            case .moved(let count): slots[slot].connection?.unsent.removeFirst(count)
            case .blocked: return
            case .ended: return broken(slot, .cutOff)
            case .failed(let code): return broken(slot, .unreachable(SystemError("send", code: code)))
            }
        }
    }

    /// Reads until nothing is there, or until the slot is another connection's.
    mutating func read(_ slot: Int, _ generation: UInt32) {
        // No copy of the connection is held meanwhile: its answer's body would be copied with each piece.
        while slots[slot].generation == generation, let socket = slots[slot].connection?.socket {
            if case .connect = slots[slot].connection?.phase { return }
            switch network.receive(socket, into: input.view) {
            case .moved(let count): received(slot, input.view.slice(0, count))
            case .blocked: return
            case .ended: return ended(slot, clean: slots[slot].connection?.tls == nil)
            case .failed(let code):
                return broken(slot, .unreachable(SystemError("receive", code: code)))
            }
        }
    }

    private mutating func received(_ slot: Int, _ bytes: MutableByteView) {
        guard let tls = slots[slot].connection?.tls else { return take(slot, bytes) }
        let generation = slots[slot].generation
        let reading = tls.read(bytes.view, into: plain.view, wire)
        takeOutput(slot)
        flush(slot)
        guard slots[slot].generation == generation else { return }
        if case .handshake = slots[slot].connection?.phase, tls.isEstablished { sendRequest(slot) }
        if reading.count > 0, slots[slot].generation == generation {
            take(slot, plain.view.slice(0, reading.count))
        }
        guard slots[slot].generation == generation else { return }
        switch reading.end {
        case .none: break
        case .closed: ended(slot, clean: true)
        case .failed(let failure): broken(slot, .tls(failure))
        }
    }

    /// Takes a piece of an answer.
    private mutating func take(_ slot: Int, _ bytes: MutableByteView) {
        guard let job = slots[slot].connection?.job else {
            // Nobody has asked: it would be taken for the answer to the next request.
            return close(slot)
        }
        guard let step = slots[slot].connection?.reader.take(bytes) else { return }
        switch step {
        case .more:
            guard slots[slot].connection?.reader.hasHead == true else { return }
            slots[slot].connection?.phase = .body
            slots[slot].connection?.deadline = job.deadline
        case .failed(let failure): fail(slot, failure)
        case .complete(let response, let reusable): complete(slot, response, reusable: reusable)
        }
    }

    private mutating func complete(_ slot: Int, _ response: FetchResponse, reusable: Bool) {
        answer(slot, .success(response))
        guard reusable, let connection = slots[slot].connection, connection.unsent.isEmpty,
            now < connection.made + capacity.age
        else { return close(slot) }
        slots[slot].connection?.answered += 1
        slots[slot].connection?.phase = .idle
        slots[slot].connection?.deadline = now + capacity.idle
    }

    /// The service has ended its side.
    private mutating func ended(_ slot: Int, clean: Bool) {
        guard let connection = slots[slot].connection, !connection.isIdle else { return close(slot) }
        if case .handshake = connection.phase { return fail(slot, .cutOff) }
        guard let step = slots[slot].connection?.reader.ended(clean: clean) else { return }
        switch step {
        case .complete(let response, _): complete(slot, response, reusable: false)
        case .more: broken(slot, .cutOff)
        case .failed(let failure): broken(slot, failure)
        }
    }

    /// The connection is gone. A request that a kept connection took with it is sent once more.
    private mutating func broken(_ slot: Int, _ failure: FetchFailure) {
        guard let connection = slots[slot].connection, connection.mayRetry, var job = connection.job else {
            return fail(slot, failure)
        }
        slots[slot].connection?.job = nil
        close(slot)
        job.needsNewConnection = true
        waiting.insert(job, at: 0)
    }
}
