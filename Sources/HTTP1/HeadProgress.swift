import Bytes

/// How far a head that arrives in pieces has been looked at, so that one dripped byte by byte costs time in
/// proportion to its length, not to the square of it.
///
/// A parse goes through all that is there and keeps nothing. It is worth repeating when the head may be
/// complete, and also whenever the bytes have doubled since the last time, which finds errors early and costs
/// at most as much again.
struct HeadProgress {
    /// Bytes that were there at the last parse.
    private var parsed = 0
    /// Bytes in which the end of the head has been looked for.
    private var searched = 0

    /// Whether to parse `bytes` now. `full` where no more bytes can be waited for.
    mutating func isWorthParsing(_ bytes: ByteView, full: Bool) -> Bool {
        if bytes.count < parsed &* 2, !full {
            guard findsEnd(bytes) else { return false }
        }
        parsed = bytes.count
        searched = max(searched, bytes.count)
        return true
    }

    /// Looks for an empty line in what is new, and for an LF without CR: the parse then finds the first of
    /// all errors, which is so the same one however the head was cut.
    private mutating func findsEnd(_ bytes: ByteView) -> Bool {
        while let index = bytes.firstIndex(of: ASCII.lineFeed, from: searched) {
            searched = index &+ 1
            if index == 0 || bytes[index &- 1] != ASCII.carriageReturn { return true }
            if index >= 3, bytes[index &- 2] == ASCII.lineFeed { return true }
        }
        searched = bytes.count
        return false
    }
}

extension ASCII {
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    static var space: UInt8 { 0x20 }
    static var colon: UInt8 { 0x3A }
}
