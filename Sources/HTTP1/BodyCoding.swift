import Bytes

/// How a body is framed for the next hop. Messages are serialised anew; the framing of the other side is
/// never relayed.
package enum BodyCoding: Equatable, Sendable {
    /// The head has said how long it is, or there is none.
    case asIs
    case chunked
    /// HTTP/1.0: the end of the connection is the end of the body.
    case untilClose

    /// Puts the frame of one chunk around `payload`, which stands inside `region` with room on both sides.
    /// Returns the frame's range.
    package func frame(_ payload: Range<Int>, in region: MutableByteView) -> Range<Int> {
        guard self == .chunked, !payload.isEmpty else { return payload }
        var start = payload.lowerBound &- 2
        region[start] = 0x0D
        region[start &+ 1] = 0x0A
        var size = payload.count
        repeat {
            start &-= 1
            region[start] = ASCII.hexDigit(UInt8(truncatingIfNeeded: size))
            size &>>= 4
        } while size != 0
        region[payload.upperBound] = 0x0D
        region[payload.upperBound &+ 1] = 0x0A
        return start..<payload.upperBound &+ 2
    }

    /// Puts the last chunk behind `end`; trailers, if there are any, follow by themselves. Returns the end of
    /// what was written.
    package func close(at end: Int, in region: MutableByteView, hasTrailers: Bool) -> Int {
        guard self == .chunked else { return end }
        let last: StaticString = hasTrailers ? "0\r\n" : "0\r\n\r\n"
        region.write(ByteView(last), at: end)
        return end &+ ByteView(last).count
    }
}
