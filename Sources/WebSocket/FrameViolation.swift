/// How a peer broke RFC 6455, or a limit of ours.
package enum FrameViolation: Error, Equatable, Sendable {
    /// A reserved bit that no extension of this connection gives a meaning (§5.2); all three, as they stood.
    case reservedBits(UInt8)
    case unknownOpcode(UInt8)
    /// A client's frame without a mask (§5.1).
    case unmasked
    /// A server's frame with one (§5.1).
    case masked
    /// A control frame that is not whole (§5.5).
    case fragmentedControl(Opcode)
    /// A control frame of more than 125 bytes (§5.5).
    case longControl(Opcode)
    /// A Close frame with half a code (§5.5.1).
    case closeOfOneByte
    /// A continuation, and no message that it goes on with (§5.4).
    case continuationOfNothing
    /// A new message before the last one has ended (§5.4).
    case messageInsideMessage(Opcode)
    /// Text, binary or continuation behind a Close frame (§5.5.1).
    case dataAfterClose(Opcode)
    /// A length of 64 bits, where 63 are allowed (§5.2).
    case lengthOf64Bits
    /// A length in more bytes than it needs (§5.2).
    case lengthNotMinimal(UInt64)
    /// Payload bytes of a frame, and how many may be.
    case frameTooBig(UInt64, limit: UInt64)
    /// Payload bytes that a message would have with this frame, and how many may be.
    case messageTooBig(UInt64, limit: UInt64)

    /// What the connection is to be closed with.
    package var code: CloseCode {
        switch self {
        case .frameTooBig, .messageTooBig: .messageTooBig
        case .reservedBits, .unknownOpcode, .unmasked, .masked, .fragmentedControl, .longControl,
            .closeOfOneByte, .continuationOfNothing, .messageInsideMessage, .dataAfterClose, .lengthOf64Bits,
            .lengthNotMinimal:
            .protocolError
        }
    }

    /// A constant word for logs and for the Close frame's reason.
    package var reason: StaticString {
        switch self {
        case .reservedBits: "reserved bit set"
        case .unknownOpcode: "unknown opcode"
        case .unmasked: "client frame without mask"
        case .masked: "server frame with mask"
        case .fragmentedControl: "control frame in fragments"
        case .longControl: "control frame too long"
        case .closeOfOneByte: "close frame with half a code"
        case .continuationOfNothing: "continuation of no message"
        case .messageInsideMessage: "message inside of a message"
        case .dataAfterClose: "data after close"
        case .lengthOf64Bits: "length beyond 63 bits"
        case .lengthNotMinimal: "length in too many bytes"
        case .frameTooBig: "frame too big"
        case .messageTooBig: "message too big"
        }
    }
}
