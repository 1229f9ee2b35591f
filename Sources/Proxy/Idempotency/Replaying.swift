import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Slots
import Telemetry

/// An answer that was kept, on its way to a client: the message, and what of it has been sent.
struct Replay {
    let message: [UInt8]
    var sent: Int
}

// Answers that were kept and are given again.
extension ProxyCore where Net: ~Copyable {
    /// Gives a kept answer to the client: its head like one that comes from a server, with the fields that
    /// this request gets, its body as the client takes it.
    mutating func replay(_ message: [UInt8], to id: SlotID) {
        let first = min(message.count, Exchange.firstRead)
        message.withView { body.view.write($0.prefix(first), at: Layout.headroom) }
        var head = ResponseHead(fields: tables.take())
        let length = parseKept(first, for: id, into: &head)
        if let length, announces(head, message.count - length) {
            beginReplay(message, head, length: length, first: first, to: id)
        } else {
            respond(.notKept, to: id, outcome: Outcome(endedBy: .gateway, in: .policy))
        }
        tables.give(head.intoFields())
    }

    private func parseKept(_ count: Int, for id: SlotID, into head: inout ResponseHead) -> Int? {
        var parser = ResponseParser(limits: HeadLimits(maximumBytes: .max))
        let bytes = body.view.view.slice(Layout.headroom, Layout.headroom + count)
        return try? parser.parse(bytes, answering: exchanges[id].state.head.method, into: &head)
    }

    /// Whether a head that was kept tells of as many bytes as were kept behind it. It is written here; from a
    /// store that others write to anything may come.
    private func announces(_ head: borrowing ResponseHead, _ count: Int) -> Bool {
        guard head.status >= 200 else { return false }
        switch head.framing {
        case .none: return count == 0
        case .length(let length): return length == count
        case .chunked, .untilClose: return false
        }
    }

    /// The message's beginning stands in the read region.
    private mutating func beginReplay(
        _ message: [UInt8], _ head: borrowing ResponseHead, length: Int, first: Int, to id: SlotID
    ) {
        let client = exchanges[id].client
        let persists = clients[client].machine.responseDecided(
            framing: head.framing, keepAlive: mayDropBody(of: id) && mayServeMore(client))
        exchanges[id].phase = .body
        exchanges[id].held.bytes.removeAll(pool: &buffers)
        exchanges[id].status = head.status
        exchanges[id].timings.responseHead = now
        exchanges[id].replay = Replay(message: message, sent: first)
        var writer = ByteWriter(heads.view)
        ClientHeadWriter.write(
            head, to: exchanges[id].state, coding: .asIs, persists: persists,
            cors: exchanges[id].cors, securityHeaders: exchanges[id].securityHeaders,
            limits: limitLines(of: id), date: dateLine.bytes(at: wallTime), writer: &writer)
        releaseClaim(of: id)
        precondition(!writer.overflowed, "the headroom is longer than any head")
        let end = Layout.headroom + first
        if clients[client].seat != nil {
            guard
                sendStreamHead(
                    heads.view.slice(0, writer.count), of: id, hasBody: message.count > length),
                sendReplayed(body.view.view.slice(Layout.headroom + length, end), to: id)
            else { return }
        } else {
            let start = Layout.headroom + length - writer.count
            body.view.write(writer.view, at: start)
            guard sendReplayed(body.view.view.slice(start, end), to: id) else { return }
        }
        advanceReplay(id)
    }

    /// Sends what the client takes of the rest. Also for who has taken the last piece.
    mutating func advanceReplay(_ id: SlotID) {
        while let replay = exchanges[id].replay, clients[exchanges[id].client].unsent.isEmpty {
            let end = min(replay.sent + Exchange.firstRead, replay.message.count)
            guard end > replay.sent else { return complete(id) }
            replay.message.withView {
                body.view.write($0.slice(replay.sent, end), at: Layout.headroom)
            }
            exchanges[id].replay?.sent = end
            let piece = body.view.view.slice(Layout.headroom, Layout.headroom + end - replay.sent)
            guard sendReplayed(piece, to: id) else { return }
        }
    }

    /// Sends a piece. The end goes with the last one. False where the client was lost.
    private mutating func sendReplayed(_ piece: ByteView, to id: SlotID) -> Bool {
        guard let replay = exchanges[id].replay else { return false }
        if !piece.isEmpty {
            guard send(piece, toClientOf: id) else { return false }
        }
        guard replay.sent == replay.message.count else { return true }
        exchanges[id].phase = .done
        exchanges[id].outcome = Outcome(endedBy: .gateway, in: .done)
        endStreamBody(of: id, trailers: [])
        return true
    }
}
