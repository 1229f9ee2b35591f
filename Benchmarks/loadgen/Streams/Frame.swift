/// Frames of HTTP/2, made and taken apart by the smallest means (RFC 9113, 4.1 and 6). It shares no code with
/// the gateway: what that gets wrong must show here.
struct Frame {
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 1
    static let acknowledges: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8
    static let hasPriority: UInt8 = 32

    static let headLength = 9
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Nil for kinds that are not known here, which are to be ignored.
    let kind: Kind?
    let flags: UInt8
    let stream: UInt32
    /// What stands behind the head, without its padding.
    let payload: ArraySlice<UInt8>

    /// The first frame in `bytes`, with what it takes of them; nil where it is not whole yet.
    static func first(in bytes: ArraySlice<UInt8>) -> (frame: Frame, length: Int)? {
        guard bytes.count >= headLength else { return nil }
        let start = bytes.startIndex
        let size = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        guard bytes.count >= headLength + size else { return nil }
        let kind = Kind(rawValue: bytes[start + 3])
        let flags = bytes[start + 4]
        let stream = number(bytes[(start + 5)...]) & 0x7FFF_FFFF
        var payload = bytes[(start + headLength)..<(start + headLength + size)]
        if kind == .data || kind == .headers, flags & padded != 0, let padding = payload.popFirst() {
            payload = payload.dropLast(Int(padding))
        }
        if kind == .headers, flags & hasPriority != 0 { payload = payload.dropFirst(5) }
        return (Frame(kind: kind, flags: flags, stream: stream, payload: payload), headLength + size)
    }

    /// Four octets as a number; 0 where there are fewer.
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        guard bytes.count >= 4 else { return 0 }
        return bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    static func bytes(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8]
    {
        octets(UInt32(payload.count)).dropFirst() + [kind.rawValue, flags] + octets(stream) + payload
    }

    static func windowUpdate(stream: UInt32, by count: UInt32) -> [UInt8] {
        bytes(.windowUpdate, stream: stream, octets(count))
    }

    /// The client's first words: no pushes, and so many bytes in flight on each stream and on all of them.
    static func greeting(window: UInt32) -> [UInt8] {
        let settings: [UInt8] = [0, 2] + octets(0) + [0, 4] + octets(window)
        let more = window > 65_535 ? windowUpdate(stream: 0, by: window - 65_535) : []
        return preface + bytes(.settings, settings) + more
    }

    // MARK: Field blocks (RFC 7541)

    /// Literals that are never put into the table.
    static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0] + string(name) + string(value)
    }

    static func string(_ text: String) -> [UInt8] {
        integer(text.utf8.count, prefix: 7) + Array(text.utf8)
    }

    /// A number in so many bits of the first octet, and further octets where they are not enough.
    static func integer(_ value: Int, prefix: Int) -> [UInt8] {
        let most = 1 << prefix - 1
        guard value >= most else { return [UInt8(value)] }
        var octets = [UInt8(most)]
        var left = value - most
        while left >= 128 {
            octets.append(UInt8(left & 127 | 128))
            left >>= 7
        }
        return octets + [UInt8(left)]
    }

    /// The fields that begin every request. GET, POST and https stand in the static table.
    static func requestFields(path: String, authority: String, isPost: Bool = false) -> [UInt8] {
        [isPost ? 0x83 : 0x82, 0x87] + literal(":path", path) + literal(":authority", authority)
            + literal("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
            + literal("accept", "*/*")
    }

    /// Whether a field block begins with the static table's `:status: 200`, behind changes of the table's
    /// size.
    static func saysGood(_ block: ArraySlice<UInt8>) -> Bool {
        var block = block
        while let first = block.first, first & 0xE0 == 0x20 {
            block = block.dropFirst()
            guard first == 0x3F else { continue }
            while let next = block.popFirst(), next & 128 != 0 {}
        }
        return block.first == 0x88
    }
}
