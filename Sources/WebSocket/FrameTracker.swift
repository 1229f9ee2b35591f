import Bytes

/// Watches one direction of a WebSocket as its bytes pass, in whatever pieces: where frames begin and end,
/// and whether they keep to RFC 6455 §5. It holds no payload, and a call allocates nothing.
///
/// Every rule is decided in a frame's head, so a violation is found before any of the frame's payload. The
/// gateway that also holds back `unfinishedHead` bytes passes nothing of a frame that breaks a rule, and can
/// always say its own Close frame behind the frame before.
package struct FrameTracker: Equatable, Sendable {
    package let direction: Direction
    package let compression: Compression
    package let limits: Limits

    /// Complete frames, messages and bytes so far.
    package private(set) var counts = Counts()
    package private(set) var close = Close.none

    private var place = Place.boundary
    /// The frame whose head or payload is being read.
    private var frame = Frame()
    /// The message whose fragments are coming; nil between messages.
    private var message: Message?

    package init(
        direction: Direction, limits: Limits = .none, compression: Compression = .none
    ) {
        self.direction = direction
        self.limits = limits
        self.compression = compression
    }

    /// Whether the last byte was a frame's last (or none came yet), so that a frame may be put in here. It
    /// may stand inside of a message: only control frames fit everywhere.
    package var isAtBoundary: Bool { place == .boundary }

    /// Whether a Close frame may be put in here. After a violation the answer is no: then it may stand in
    /// the place of the frame that broke a rule, if nothing of that frame was passed on.
    package var mayClose: Bool { isAtBoundary && close == .none }

    /// Whether a message has begun whose last byte has not passed yet.
    package var isInsideMessage: Bool { message != nil }

    /// Bytes at the end of what was taken that belong to a head which is not complete, 0 to 13.
    package var unfinishedHead: Int {
        switch place {
        case .second, .length, .mask: frame.headLength
        case .boundary, .payload, .broken: 0
        }
    }

    /// What broke; nothing is taken any more then.
    package var violation: FrameViolation? {
        switch place {
        case .broken(let violation): violation
        case .boundary, .second, .length, .mask, .payload: nil
        }
    }

    /// Takes the bytes that come next.
    package mutating func pass(_ bytes: ByteView) -> Passage {
        if let violation { return .broken(violation, at: 0) }
        var index = 0
        // A head that began earlier began before this view.
        var frameStart = -unfinishedHead
        while index < bytes.count {
            if case .payload(let left) = place {
                let length = Int(truncatingIfNeeded: min(left, UInt64(bytes.count &- index)))
                takePayload(bytes.slice(index, index &+ length), left: left)
                index &+= length
                continue
            }
            if case .boundary = place { frameStart = index }
            do throws(FrameViolation) {
                try takeHead(bytes[index])
            } catch {
                place = .broken(error)
                return .broken(error, at: frameStart)
            }
            index &+= 1
        }
        return .passed
    }

    private mutating func takeHead(_ byte: UInt8) throws(FrameViolation) {
        switch place {
        case .boundary:
            frame = try firstByte(byte)
            place = .second
        case .second:
            frame.headLength = 2
            try secondByte(byte)
        case .length(let left):
            frame.headLength &+= 1
            frame.length = frame.length &<< 8 | UInt64(byte)
            if left > 1 { place = .length(left: left &- 1) } else { try extendedLengthEnded() }
        case .mask(let left):
            frame.headLength &+= 1
            frame.mask = frame.mask &<< 8 | UInt32(byte)
            if left > 1 { place = .mask(left: left &- 1) } else { headEnded() }
        case .payload, .broken: preconditionFailure("no head is read at \(place)")
        }
    }

    /// FIN, the reserved bits and the opcode.
    private func firstByte(_ byte: UInt8) throws(FrameViolation) -> Frame {
        guard let opcode = Opcode(rawValue: byte & 0x0F) else { throw .unknownOpcode(byte & 0x0F) }
        let isFinal = byte & 0x80 != 0
        let reserved = byte & 0x70
        // RSV1 marks a compressed message, on its first frame alone (RFC 7692 §6).
        let startsMessage = opcode == .text || opcode == .binary
        let allowed: UInt8 = compression == .perMessageDeflate && startsMessage ? 0x40 : 0
        guard reserved & ~allowed == 0 else { throw .reservedBits(reserved &>> 4) }
        if opcode.isControl {
            guard isFinal else { throw .fragmentedControl(opcode) }
        } else {
            guard close == .none else { throw .dataAfterClose(opcode) }
            if startsMessage {
                guard message == nil else { throw .messageInsideMessage(opcode) }
            } else {
                guard message != nil else { throw .continuationOfNothing }
            }
        }
        return Frame(opcode: opcode, isFinal: isFinal)
    }

    /// MASK and the length, or how many bytes it takes.
    private mutating func secondByte(_ byte: UInt8) throws(FrameViolation) {
        switch (direction, byte & 0x80 != 0) {
        case (.fromClient, false): throw .unmasked
        case (.fromServer, true): throw .masked
        case (.fromClient, true), (.fromServer, false): break
        }
        let short = byte & 0x7F
        if frame.opcode.isControl {
            guard short <= 125 else { throw .longControl(frame.opcode) }
            if frame.opcode == .close, short == 1 { throw .closeOfOneByte }
        }
        switch short {
        case 127: place = .length(left: 8)
        case 126: place = .length(left: 2)
        default:
            frame.length = UInt64(short)
            try lengthEnded()
        }
    }

    private mutating func extendedLengthEnded() throws(FrameViolation) {
        let isLong = frame.headLength == 10
        guard frame.length &>> 63 == 0 else { throw .lengthOf64Bits }
        guard frame.length > (isLong ? 0xFFFF : 125) else { throw .lengthNotMinimal(frame.length) }
        try lengthEnded()
    }

    private mutating func lengthEnded() throws(FrameViolation) {
        if !frame.opcode.isControl {
            guard frame.length <= limits.frame else {
                throw .frameTooBig(frame.length, limit: limits.frame)
            }
            let before = message?.payload ?? 0
            // Both are below 2^63: their sum does not overflow.
            guard before &+ frame.length <= limits.message else {
                throw .messageTooBig(before &+ frame.length, limit: limits.message)
            }
            message = Message(payload: before &+ frame.length)
        }
        switch direction {
        case .fromClient: place = .mask(left: 4)
        case .fromServer: headEnded()
        }
    }

    private mutating func headEnded() {
        counts.bytes &+= UInt64(frame.headLength)
        if frame.length == 0 { frameEnded() } else { place = .payload(left: frame.length) }
    }

    private mutating func takePayload(_ bytes: ByteView, left: UInt64) {
        let count = UInt64(bytes.count)
        counts.bytes &+= count
        if frame.opcode.isControl {
            if frame.opcode == .close { readCode(bytes, at: frame.length &- left) }
        } else {
            counts.payload &+= count
        }
        if left == count { frameEnded() } else { place = .payload(left: left &- count) }
    }

    /// The first two bytes of a Close frame's payload are its code, masked as all of it is.
    private mutating func readCode(_ bytes: ByteView, at start: UInt64) {
        let mask = MaskingKey(bits: frame.mask)
        var offset = Int(truncatingIfNeeded: start)
        var index = 0
        while offset < 2, index < bytes.count {
            frame.code = frame.code &<< 8 | UInt16(bytes[index] ^ mask[offset])
            offset &+= 1
            index &+= 1
        }
    }

    private mutating func frameEnded() {
        place = .boundary
        counts.frames &+= 1
        if frame.opcode.isControl { counts.controls &+= 1 }
        switch frame.opcode {
        case .close:
            // The first one counts: what follows answers to nothing.
            guard close == .none else { return }
            close = .passed(frame.length == 0 ? nil : CloseCode(rawValue: frame.code))
        case .ping, .pong: break
        case .text, .binary, .continuation:
            guard frame.isFinal else { return }
            message = nil
            counts.messages &+= 1
        }
    }
}

extension FrameTracker {
    /// Whose bytes these are.
    package enum Direction: Sendable {
        /// All its frames are masked.
        case fromClient
        /// None of its frames is.
        case fromServer
    }

    /// What was agreed on in the handshake.
    package enum Compression: Sendable {
        case none
        /// RFC 7692: RSV1 may stand on the first frame of a message. Limits count compressed bytes then.
        case perMessageDeflate
    }

    /// Payload bytes that a peer may send at a time.
    package struct Limits: Equatable, Sendable {
        /// Of one frame; control frames have their own 125.
        package var frame: UInt64
        /// Of all fragments of a message together; below 2^63.
        package var message: UInt64

        package init(frame: UInt64, message: UInt64) {
            precondition(message >> 63 == 0, "a message limit of more than 63 bits")
            self.frame = frame
            self.message = message
        }

        /// What 63 bits can say.
        package static let none = Limits(frame: .max >> 1, message: .max >> 1)
    }

    /// What became of the bytes of a call.
    package enum Passage: Equatable, Sendable {
        /// All of them are right so far.
        case passed
        /// The frame that breaks a rule begins at this index of the view; below zero where bytes of its head
        /// came in views before this one.
        case broken(FrameViolation, at: Int)
    }

    /// Whether a Close frame has passed, whole.
    package enum Close: Equatable, Sendable {
        case none
        /// With its code, unchecked, where it held one.
        case passed(CloseCode?)
    }

    package struct Counts: Equatable, Sendable {
        /// Complete frames of every kind.
        package var frames: UInt64 = 0
        /// Complete frames among them that are Close, Ping or Pong.
        package var controls: UInt64 = 0
        /// Complete messages: text or binary, in one frame or in fragments.
        package var messages: UInt64 = 0
        /// Bytes of complete heads and of payload, as on the wire.
        package var bytes: UInt64 = 0
        /// Payload bytes of messages, control frames not counted.
        package var payload: UInt64 = 0
    }

    /// What the next byte is.
    private enum Place: Equatable {
        /// The first of a frame.
        case boundary
        case second
        case length(left: Int)
        case mask(left: Int)
        case payload(left: UInt64)
        case broken(FrameViolation)
    }

    private struct Frame: Equatable {
        var opcode = Opcode.continuation
        var isFinal = true
        /// Bytes of the head that were read, 1 to 14.
        var headLength = 1
        /// Payload bytes, once the length was read.
        var length: UInt64 = 0
        var mask: UInt32 = 0
        /// A Close frame's, as far as it was read.
        var code: UInt16 = 0
    }

    private struct Message: Equatable {
        /// Payload bytes of its frames so far, that of the frame being read counted whole.
        var payload: UInt64
    }
}
