/// Sends every message back (RFC 6455): whole, fragments put together, text checked to be UTF-8.
struct WebSocketEcho {
    /// Bytes of a message, its fragments together.
    static let messageLimit = 1024 * 1024

    private enum Opcode: UInt8 {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        var isControl: Bool { rawValue >= 0x8 }
    }

    private struct Frame {
        let isFinal: Bool
        let opcode: Opcode
        let payload: [UInt8]
    }

    /// The codes of RFC 6455 §7.4.1 that the echo closes with.
    private enum CloseCode: UInt16 {
        case protocolError = 1002
        case invalidText = 1007
        case tooBig = 1009
    }

    /// Ends the loop: a close frame has been sent, or must be.
    private enum End: Error {
        case closed
        case failed(CloseCode)
        case lost(ConnectionEnd)
    }

    private let connection: Connection
    /// The message that is being put together: its opcode and what came so far.
    private var message: (opcode: Opcode, bytes: [UInt8])?

    init(_ connection: Connection) { self.connection = connection }

    /// Runs until either side closes.
    consuming func run() throws(ConnectionEnd) {
        do throws(End) {
            while true { try handle(try readFrame()) }
        } catch {
            switch error {
            case .closed: return
            case .failed(let code): try connection.write(Self.frame(.close, Self.bytes(of: code.rawValue)))
            case .lost(let end): throw end
            }
        }
    }

    private mutating func handle(_ frame: Frame) throws(End) {
        switch frame.opcode {
        case .ping: try send(.pong, frame.payload)
        case .pong: return
        case .close:
            try check(close: frame.payload)
            try send(.close, frame.payload)
            throw .closed
        case .text, .binary:
            guard message == nil else { throw .failed(.protocolError) }
            message = (frame.opcode, [])
            try extend(by: frame)
        case .continuation:
            guard message != nil else { throw .failed(.protocolError) }
            try extend(by: frame)
        }
    }

    /// Adds a fragment and sends the message back once it is whole.
    private mutating func extend(by frame: Frame) throws(End) {
        guard var current = message else { return }
        guard current.bytes.count + frame.payload.count <= Self.messageLimit else { throw .failed(.tooBig) }
        current.bytes += frame.payload
        message = frame.isFinal ? nil : current
        guard frame.isFinal else { return }
        if current.opcode == .text, String(validating: current.bytes, as: UTF8.self) == nil {
            throw .failed(.invalidText)
        }
        try send(current.opcode, current.bytes)
    }

    private func readFrame() throws(End) -> Frame {
        let head = try read(2)
        let isFinal = head[0] & 0x80 != 0
        // No extension was agreed on, so reserved bits are an error; a client's frames are always masked
        // (§5.1, §5.2).
        guard head[0] & 0x70 == 0, let opcode = Opcode(rawValue: head[0] & 0x0F), head[1] & 0x80 != 0 else {
            throw .failed(.protocolError)
        }
        var length = Int(head[1] & 0x7F)
        // Control frames are short and whole (§5.5).
        if opcode.isControl, !isFinal || length > 125 { throw .failed(.protocolError) }
        if length == 126 { length = try read(2).reduce(0) { $0 << 8 | Int($1) } }
        if length == 127 {
            let bytes = try read(8)
            guard bytes[0] & 0x80 == 0 else { throw .failed(.protocolError) }
            length = bytes.reduce(0) { $0 << 8 | Int($1) }
        }
        guard length <= Self.messageLimit else { throw .failed(.tooBig) }
        let mask = try read(4)
        var payload = try read(length)
        for index in payload.indices { payload[index] ^= mask[index & 3] }
        return Frame(isFinal: isFinal, opcode: opcode, payload: payload)
    }

    /// A close frame is empty or holds a code that may be sent, and UTF-8 (§5.5.1, §7.4).
    private func check(close payload: [UInt8]) throws(End) {
        guard !payload.isEmpty else { return }
        guard payload.count >= 2 else { throw .failed(.protocolError) }
        switch UInt16(payload[0]) << 8 | UInt16(payload[1]) {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw .failed(.protocolError)
        }
        guard String(validating: payload.dropFirst(2), as: UTF8.self) != nil else {
            throw .failed(.invalidText)
        }
    }

    private func send(_ opcode: Opcode, _ payload: [UInt8]) throws(End) {
        do { try connection.write(Self.frame(opcode, payload)) } catch { throw .lost(error) }
    }

    private func read(_ count: Int) throws(End) -> [UInt8] {
        do { return try connection.readExactly(count) } catch { throw .lost(error) }
    }

    /// A whole frame, unmasked as a server's frames are.
    private static func frame(_ opcode: Opcode, _ payload: [UInt8]) -> [UInt8] {
        let first = 0x80 | opcode.rawValue
        switch payload.count {
        case 0...125: return [first, UInt8(payload.count)] + payload
        case 126...0xFFFF: return [first, 126] + bytes(of: UInt16(payload.count)) + payload
        default: return [first, 127] + bytes(of: UInt64(payload.count)) + payload
        }
    }

    private static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
