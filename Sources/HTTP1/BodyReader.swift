import Bytes
import HTTPModel

/// Takes a message's body out of the bytes that follow its head, whatever its framing.
package struct BodyReader {
    private enum Framing {
        case none, length, chunked, untilClose
    }

    private let framing: Framing
    /// Bytes that are still to come of a body with a length.
    private var remaining: Int
    private var decoder = ChunkDecoder()
    /// Whether the body's last byte has been read.
    package private(set) var isEnded: Bool

    package init(_ framing: BodyFraming) {
        switch framing {
        case .none:
            self.framing = .none
            remaining = 0
            isEnded = true
        case .length(let length):
            self.framing = .length
            remaining = length
            isEnded = length == 0
        case .chunked:
            self.framing = .chunked
            remaining = 0
            isEnded = false
        case .untilClose:
            self.framing = .untilClose
            remaining = 0
            isEnded = false
        }
    }

    /// Bytes still to come, where the framing tells; nil where only the end itself will.
    package var announced: Int? {
        if isEnded { return 0 }
        switch framing {
        case .none, .length: return remaining
        case .chunked, .untilClose: return nil
        }
    }

    /// Trailers that may be passed on, as lines; once the body has ended.
    package var trailers: [UInt8] { decoder.trailers }

    /// Takes what belongs to the body out of `bytes`, which follow those of the last call. The payload is
    /// moved together in place.
    package mutating func read(_ bytes: MutableByteView) throws(ChunkError) -> ChunkDecoder.Step {
        switch framing {
        case .none:
            return ChunkDecoder.Step(payload: 0..<0, consumed: 0, ended: true)
        case .length:
            let taken = min(remaining, bytes.count)
            remaining &-= taken
            isEnded = remaining == 0
            return ChunkDecoder.Step(payload: 0..<taken, consumed: taken, ended: isEnded)
        case .chunked:
            let step = try decoder.decode(bytes)
            isEnded = step.ended
            return step
        case .untilClose:
            return ChunkDecoder.Step(payload: 0..<bytes.count, consumed: bytes.count, ended: false)
        }
    }

    /// The peer has ended its side. True where that is how this body ends, false where bytes are missing.
    package mutating func peerEnded() -> Bool {
        guard case .untilClose = framing else { return isEnded }
        isEnded = true
        return true
    }
}
