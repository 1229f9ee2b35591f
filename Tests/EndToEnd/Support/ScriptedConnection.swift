import Foundation

/// One connection of a scripted origin, on its own thread.
final class ScriptedConnection {
    private let socket: TestSocket
    private let limit: Duration
    private let record: ((inout ScriptedOrigin.Record) -> Void) -> Void
    /// Read and not yet expected.
    private var buffered: [UInt8] = []
    private var lastRequest: RawRequest?

    private enum Stop: Error {
        case ended(ScriptedOrigin.End)
    }

    init(
        socket: TestSocket, limit: Duration, record: @escaping ((inout ScriptedOrigin.Record) -> Void) -> Void
    ) {
        self.socket = socket
        self.limit = limit
        self.record = record
    }

    func run(_ script: [ScriptedOrigin.Step]) -> ScriptedOrigin.End {
        do {
            for step in script { try perform(step) }
            return .finished
        } catch Stop.ended(let end) {
            return end
        } catch SocketError.reset {
            return .peerReset
        } catch {
            return .failed("\(error)")
        }
    }

    private func perform(_ step: ScriptedOrigin.Step) throws {
        let deadline = Deadline(in: limit)
        switch step {
        case .expectRequest: try expect(deadline, RawRequest.parse)
        case .expectHead: try expect(deadline, RawRequest.head)
        case .expectBytes(let count):
            while buffered.count < count { try fill(deadline) }
            buffered.removeFirst(count)
        case .agreeToWebSocket:
            guard let lastRequest else { throw MalformedMessage.chunk("no request to agree to") }
            try socket.send(Array(WebSocketOrigin.agreement(to: lastRequest).utf8), deadline)
        case .send(let text): try socket.send(Array(text.utf8), deadline)
        case .sendBytes(let bytes): try socket.send(bytes, deadline)
        case .sendLast(let text):
            socket.holdBack()
            try socket.send(Array(text.utf8), deadline)
            throw Stop.ended(.finished)
        case .drip(let text, let pause):
            for byte in text.utf8 {
                try socket.send([byte], Deadline(in: limit))
                try wait(pause)
            }
        case .sendPattern(let count): try socket.sendPattern(count, within: limit)
        case .expectPattern(let count): try expectPattern(count)
        case .waitFor(let gate): try gate.wait(deadline)
        case .wait(let duration): try wait(duration)
        case .waitUntilPeerLeaves:
            try socket.waitUntilPeerLeaves(deadline)
            // Reading tells an orderly end from a reset.
            while true { try fill(deadline) }
        case .waitUntilHalfClosed: try socket.waitUntilPeerLeaves(deadline)
        case .finishSending: socket.finishSending()
        case .reset:
            socket.reset()
            throw Stop.ended(.finished)
        case .close: throw Stop.ended(.finished)
        case .forever(let steps):
            while true { for step in steps { try perform(step) } }
        }
    }

    private func expectPattern(_ count: Int) throws {
        var position = 0
        var bytes = buffered
        buffered = []
        while true {
            let taken = min(bytes.count, count - position)
            guard Pattern.matches(bytes.prefix(taken), at: position) else {
                throw MalformedMessage.chunk("the body differs behind byte \(position)")
            }
            position += taken
            if position == count {
                buffered = Array(bytes.dropFirst(taken))
                return
            }
            bytes = try socket.receive(atMost: Pattern.piece, Deadline(in: limit))
            guard !bytes.isEmpty else { throw Stop.ended(.peerClosed) }
        }
    }

    private func wait(_ duration: Duration) throws {
        do { try socket.waitUntilPeerLeaves(Deadline(in: duration)) } catch SocketError.timedOut { return }
    }

    private func expect(
        _ deadline: Deadline,
        _ parse: ([UInt8]) throws(MalformedMessage) -> (request: RawRequest, length: Int)?
    ) throws {
        while true {
            if let (request, length) = try parse(buffered) {
                buffered.removeFirst(length)
                lastRequest = request
                record { $0.requests.append(request) }
                return
            }
            try fill(deadline)
        }
    }

    private func fill(_ deadline: Deadline) throws {
        let bytes = try socket.receive(deadline)
        guard !bytes.isEmpty else { throw Stop.ended(.peerClosed) }
        buffered += bytes
        record { $0.received += bytes }
    }
}
