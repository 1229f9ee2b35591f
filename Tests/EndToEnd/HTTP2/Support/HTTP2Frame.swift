/// Error codes (RFC 9113 §7).
enum HTTP2Code {
    static let none: UInt32 = 0x0
    static let protocolError: UInt32 = 0x1
    static let internalError: UInt32 = 0x2
    static let flowControl: UInt32 = 0x3
    static let settingsTimeout: UInt32 = 0x4
    static let streamClosed: UInt32 = 0x5
    static let frameSize: UInt32 = 0x6
    static let refused: UInt32 = 0x7
    static let cancel: UInt32 = 0x8
    static let compression: UInt32 = 0x9
    static let connect: UInt32 = 0xA
    static let calm: UInt32 = 0xB

    private static let names = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
        "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
        "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    static func name(_ code: UInt32) -> String {
        code < names.count ? names[Int(code)] : "error \(code)"
    }
}

/// Settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
enum HTTP2Setting {
    static let tableSize: UInt16 = 0x1
    static let push: UInt16 = 0x2
    static let streams: UInt16 = 0x3
    static let window: UInt16 = 0x4
    static let frameSize: UInt16 = 0x5
    static let headerList: UInt16 = 0x6
    static let connectProtocol: UInt16 = 0x8
    static let noPriorities: UInt16 = 0x9
}

/// A frame as it stands on the wire, well-formed or not (RFC 9113 §4.1).
struct HTTP2Frame: Equatable, Sendable {
    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let push: UInt8 = 5
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let window: UInt8 = 8
        static let continuation: UInt8 = 9
        static let priorityUpdate: UInt8 = 16
        /// No frame of any document that this gateway knows.
        static let unknown: UInt8 = 0xBE
    }

    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let endStream = Flags(rawValue: 0x1)
        static let ack = Flags(rawValue: 0x1)
        static let endHeaders = Flags(rawValue: 0x4)
        static let padded = Flags(rawValue: 0x8)
        static let priority = Flags(rawValue: 0x20)
        /// A whole request without a body.
        static let whole: Flags = [.endHeaders, .endStream]
        /// Bits without a meaning on any frame.
        static let undefined = Flags(rawValue: 0xD2)
    }

    var kind: UInt8
    var flags: Flags = []
    /// 32 bits: the highest is reserved, and sent as it stands here.
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    static let headerLength = 9
    /// Of any frame, until settings say otherwise.
    static let largest = 16_384

    var bytes: [UInt8] { Self.header(payload.count, kind, flags, stream) + payload }

    /// The nine bytes before a payload.
    static func header(_ length: Int, _ kind: UInt8, _ flags: Flags, _ stream: UInt32) -> [UInt8] {
        [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), kind, flags.rawValue]
            + big(stream)
    }

    /// The first whole frame and how many bytes it takes; nil while it is not whole.
    static func parse(_ bytes: ArraySlice<UInt8>) -> (frame: HTTP2Frame, length: Int)? {
        guard bytes.count >= headerLength else { return nil }
        let start = bytes.startIndex
        let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        guard bytes.count >= headerLength + length else { return nil }
        let frame = HTTP2Frame(
            kind: bytes[start + 3], flags: Flags(rawValue: bytes[start + 4]),
            stream: number(bytes[(start + 5)..<(start + 9)]) & 0x7FFF_FFFF,
            payload: Array(bytes[(start + headerLength)..<(start + headerLength + length)]))
        return (frame, headerLength + length)
    }

    static func big(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    static func number(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }
}

// Frames as clients send them.
extension HTTP2Frame {
    static func headers(
        _ stream: UInt32, _ block: HPACKBlock, _ flags: Flags = .whole
    ) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.headers, flags: flags, stream: stream, payload: block.bytes)
    }

    static func continuation(
        _ stream: UInt32, _ block: HPACKBlock, _ flags: Flags = .endHeaders
    ) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.continuation, flags: flags, stream: stream, payload: block.bytes)
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], _ flags: Flags = []) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.data, flags: flags, stream: stream, payload: bytes)
    }

    static func reset(_ stream: UInt32, _ code: UInt32 = HTTP2Code.cancel) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.reset, stream: stream, payload: big(code))
    }

    static func priority(_ stream: UInt32, on other: UInt32 = 0, weight: UInt8 = 15) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.priority, stream: stream, payload: big(other) + [weight])
    }

    static func settings(_ values: [(UInt16, UInt32)] = []) -> HTTP2Frame {
        let payload = values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + big($0.1) }
        return HTTP2Frame(kind: Kind.settings, payload: payload)
    }

    static let settingsAck = HTTP2Frame(kind: Kind.settings, flags: .ack)

    static func ping(_ payload: [UInt8], _ flags: Flags = []) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.ping, flags: flags, payload: payload)
    }

    static func goAway(
        last: UInt32 = 0, _ code: UInt32 = HTTP2Code.none, debug: [UInt8] = []
    ) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.goAway, payload: big(last) + big(code) + debug)
    }

    static func window(_ stream: UInt32, _ increment: UInt32) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.window, stream: stream, payload: big(increment))
    }

    /// RFC 9218 §7.1.
    static func priorityUpdate(of stream: UInt32, _ value: String) -> HTTP2Frame {
        HTTP2Frame(kind: Kind.priorityUpdate, payload: big(stream) + Array(value.utf8))
    }
}
