import Foundation

/// An origin that agrees to a WebSocket as RFC 6455 asks, then sends every byte back, until the peer ends its
/// direction.
final class WebSocketOrigin: @unchecked Sendable {
    // Unchecked: what changes is behind `lock`.
    let port: UInt16
    private let listener: Int32
    private let lock = NSLock()
    private var heads: [RawRequest] = []
    private var finished = 0

    init() throws {
        (listener, port) = try Loopback.listen()
        Thread.detachNewThread { self.acceptConnections() }
    }

    var requests: [RawRequest] { lock.withLock { heads } }

    /// Connections whose peer has ended its direction, or all.
    var ends: Int { lock.withLock { finished } }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func acceptConnections() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let socket = TestSocket(adopting: descriptor)
            Thread.detachNewThread {
                try? self.serve(socket)
                socket.close()
                self.lock.withLock { self.finished += 1 }
            }
        }
        close(listener)
    }

    private func serve(_ socket: TestSocket) throws {
        let deadline = Deadline(in: .seconds(20))
        var bytes: [UInt8] = []
        while true {
            let piece = try socket.receive(deadline)
            guard !piece.isEmpty else { return }
            bytes += piece
            guard let (request, length) = try RawRequest.head(bytes) else { continue }
            lock.withLock { heads.append(request) }
            try socket.send(Self.agreement(to: request).latin1 + bytes[length...], deadline)
            break
        }
        while true {
            let piece = try socket.receive(deadline)
            guard !piece.isEmpty else { return }
            try socket.send(piece, deadline)
        }
    }

    /// The answer that agrees to a handshake (RFC 6455 §4.2.2).
    static func agreement(to request: RawRequest) -> String {
        let key = request.value("sec-websocket-key") ?? ""
        let answer = base64(SHA1.digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").latin1))
        return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Accept: \(answer)\r\n\r\n"
    }

    private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}

/// FIPS 180-4, as RFC 6455 needs it.
enum SHA1 {
    static func digest(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let length = UInt64(message.count) * 8
        padded += (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(56 - $0 * 8)) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            add(Array(padded[start..<start + 64]), to: &state)
        }
        return state.flatMap(HTTP2Frame.big)
    }

    private static func add(_ block: [UInt8], to state: inout [UInt32]) {
        var words = stride(from: 0, to: 64, by: 4).map { HTTP2Frame.number(block[$0..<$0 + 4]) }
        for index in 16..<80 {
            words.append(
                rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (mixed, constant): (UInt32, UInt32) =
                switch index / 20 {
                case 0: (b & c | ~b & d, 0x5A82_7999)
                case 1: (b ^ c ^ d, 0x6ED9_EBA1)
                case 2: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotated(a, 5) &+ mixed &+ e &+ constant &+ words[index]
            (a, b, c, d, e) = (next, a, rotated(b, 30), c, d)
        }
        for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }

    private static func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value << count | value >> (32 - count)
    }
}
