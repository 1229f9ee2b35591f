import Bytes

/// The value of a string's content, piece by piece. The content was checked by a scanner; of bytes that were
/// not, the reader makes something, but never more than there is.
struct EscapeReader {
    private let content: ByteView
    private var position = 0
    /// What `nextByte` has not given out yet.
    private var pending = Piece()

    init(_ content: ByteView) { self.content = content }

    /// One to four bytes of the value.
    struct Piece {
        private var bytes: UInt32 = 0
        private(set) var count = 0

        init() {}

        init(_ byte: UInt8) { append(byte) }

        /// The UTF-8 bytes of a code point (RFC 3629 §3).
        init(scalar: UInt32) {
            switch scalar {
            case ..<0x80: append(UInt8(truncatingIfNeeded: scalar))
            case ..<0x800:
                append(0xC0 | UInt8(truncatingIfNeeded: scalar &>> 6))
                append(tail: scalar)
            case ..<0x10000:
                append(0xE0 | UInt8(truncatingIfNeeded: scalar &>> 12))
                append(tail: scalar &>> 6)
                append(tail: scalar)
            default:
                append(0xF0 | UInt8(truncatingIfNeeded: scalar &>> 18))
                append(tail: scalar &>> 12)
                append(tail: scalar &>> 6)
                append(tail: scalar)
            }
        }

        subscript(index: Int) -> UInt8 { UInt8(truncatingIfNeeded: bytes &>> UInt32(index &* 8)) }

        mutating func takeFirst() -> UInt8? {
            guard count > 0 else { return nil }
            let first = self[0]
            bytes &>>= 8
            count &-= 1
            return first
        }

        private mutating func append(_ byte: UInt8) {
            bytes |= UInt32(byte) &<< UInt32(count &* 8)
            count &+= 1
        }

        private mutating func append(tail bits: UInt32) {
            append(0x80 | UInt8(truncatingIfNeeded: bits & 0x3F))
        }
    }

    mutating func nextByte() -> UInt8? {
        if let byte = pending.takeFirst() { return byte }
        guard let piece = next() else { return nil }
        pending = piece
        return pending.takeFirst()
    }

    mutating func next() -> Piece? {
        guard position < content.count else { return nil }
        let byte = content[position]
        position &+= 1
        guard byte == UInt8(ascii: "\\"), position < content.count else { return Piece(byte) }
        let escape = content[position]
        position &+= 1
        return switch escape {
        case UInt8(ascii: "b"): Piece(0x08)
        case UInt8(ascii: "f"): Piece(0x0C)
        case UInt8(ascii: "n"): Piece(0x0A)
        case UInt8(ascii: "r"): Piece(0x0D)
        case UInt8(ascii: "t"): Piece(0x09)
        case UInt8(ascii: "u"): unicode()
        default: Piece(escape)
        }
    }

    /// Four digits, or twelve bytes of a surrogate pair (RFC 8259 §7).
    private mutating func unicode() -> Piece {
        let first = content.codeUnit(at: position) ?? 0xFFFD
        position = min(position &+ 4, content.count)
        guard first & 0xFC00 == 0xD800, let second = content.codeUnit(at: position &+ 2) else {
            return Piece(scalar: first)
        }
        position = min(position &+ 6, content.count)
        return Piece(scalar: 0x10000 &+ (first & 0x3FF) &<< 10 &+ (second & 0x3FF))
    }
}

extension ByteView {
    /// The value of four hexadecimal digits.
    func codeUnit(at index: Int) -> UInt32? {
        guard index &+ 4 <= count else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            guard let digit = ASCII.hexValue(self[index &+ offset]) else { return nil }
            value = value &<< 4 | UInt32(digit)
        }
        return value
    }
}
