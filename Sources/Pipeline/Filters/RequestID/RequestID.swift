import Bytes
import HTTPModel
import Time

/// A request's id: a trusted peer's own, or one that the gateway made.
package enum RequestID: Sendable {
    case none
    /// Index of the X-Request-Id field line that is passed on.
    case taken(field: Int)
    /// A UUID of version 7 (RFC 9562 §5.7): time-ordered, so that logs sort.
    case made(UInt128)

    /// Milliseconds since 1970 in the first 48 bits, 74 random bits behind them.
    package static func make(_ time: WallTime, _ random: inout RandomSource) -> RequestID {
        let milliseconds = UInt128(truncatingIfNeeded: time.nanoseconds / 1_000_000) << 80
        let version: UInt128 = 7 << 76
        let high = UInt128(random.next() & 0x0FFF) << 64
        let variantAndLow = UInt128(random.next() >> 2 | 1 << 63)
        return .made(milliseconds | version | high | variantAndLow)
    }
}

extension ByteWriter {
    /// The id as text; nothing for `.none`.
    package mutating func write(_ id: RequestID, of head: borrowing RequestHead) {
        switch id {
        case .none: break
        case .taken(let field): write(head.value(at: field))
        case .made(let bits):
            let high = UInt64(truncatingIfNeeded: bits >> 64)
            let low = UInt64(truncatingIfNeeded: bits)
            let first = ByteWriter.hexDigits(UInt32(truncatingIfNeeded: high >> 32))
            let second = ByteWriter.hexDigits(UInt32(truncatingIfNeeded: high))
            let third = ByteWriter.hexDigits(UInt32(truncatingIfNeeded: low >> 32))
            write(word: first)
            write(UInt8(0x2D))
            write(halfWord: UInt32(truncatingIfNeeded: second))
            write(UInt8(0x2D))
            write(halfWord: UInt32(truncatingIfNeeded: second >> 32))
            write(UInt8(0x2D))
            write(halfWord: UInt32(truncatingIfNeeded: third))
            write(UInt8(0x2D))
            write(halfWord: UInt32(truncatingIfNeeded: third >> 32))
            write(word: ByteWriter.hexDigits(UInt32(truncatingIfNeeded: low)))
        }
    }
}
