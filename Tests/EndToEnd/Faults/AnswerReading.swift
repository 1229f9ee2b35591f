import Foundation

/// What a client found on its connection: every byte, and how it went on behind them.
struct AnswerReading {
    enum End: Equatable {
        /// A whole answer is here and the connection is open.
        case open
        case closed, reset
    }

    private(set) var bytes: [UInt8] = []
    private(set) var end = End.open
    /// The answer, where what came is a whole one and nothing else.
    private(set) var response: RawResponse?

    /// Reads on until an answer is whole or the connection has ended.
    ///
    /// - Parameter headArrived: called once, when the final head is here.
    init(
        from socket: TestSocket, to method: String, within limit: Duration = .seconds(10),
        headArrived: () -> Void = {}
    ) throws {
        let deadline = Deadline(in: limit)
        var reader = ResponseReader(method: method)
        var hasHead = false
        while true {
            if !hasHead, Self.holdsFinalHead(bytes) {
                hasHead = true
                headArrived()
            }
            if let (response, length) = try reader.parse(bytes) {
                self.response = length == bytes.count ? response : nil
                return
            }
            do throws(SocketError) {
                let more = try socket.receive(deadline)
                if more.isEmpty {
                    end = .closed
                    response = try? reader.end(bytes)
                    return
                }
                bytes += more
            } catch {
                guard error == .reset else { throw error }
                end = .reset
                return
            }
        }
    }

    /// What came, with the values masked that the gateway draws or the time makes.
    var masked: String {
        var lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
        for (index, line) in lines.enumerated() {
            if line.isEmpty, lines[..<index].contains(where: { $0.hasPrefix("X-Request-Id: ") }) { break }
            for name in ["X-Request-Id", "Date"] where line.hasPrefix("\(name): ") {
                lines[index] = "\(name): *"
            }
        }
        return lines.joined(separator: "\r\n")
    }

    private static func holdsFinalHead(_ bytes: [UInt8]) -> Bool {
        var parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
        parts.removeLast()
        return parts.contains { !$0.hasPrefix("HTTP/1.1 1") }
    }
}
