import Bytes
import CNghttp2

/// The fields of a head that was written as HTTP/1.1 writes it, as nghttp2 takes them.
// SAFETY: `pairs` is `capacity` cells that this value alone owns; their pointers are into the head that is
// being submitted, which nghttp2 copies before the call returns.
@safe
struct NameValues: ~Copyable {
    /// Fields of a head: what the gateway adds comes beside what an origin may send.
    static let capacity = 192

    private let pairs: UnsafeMutablePointer<nghttp2_nv>
    private(set) var count = 0
    private(set) var overflowed = false

    init() { unsafe pairs = .allocate(capacity: NameValues.capacity) }

    deinit { unsafe pairs.deallocate() }

    /// The fields of an answer's head. False where it cannot be said in HTTP/2.
    mutating func readResponse(_ head: MutableByteView) -> Bool {
        reset()
        // `HTTP/1.1 200 `: the status stands at a fixed place.
        guard head.count > 13 else { return false }
        add(ByteView(":status"), head.view.slice(9, 12), isSecret: false)
        return readLines(head, from: Self.endOfLine(head.view, from: 0))
    }

    /// The fields of a request's head.
    mutating func readRequest(_ head: MutableByteView, scheme: ByteView) -> Bool {
        reset()
        let lineEnd = Self.endOfLine(head.view, from: 0)
        let line = head.view.prefix(max(0, lineEnd - 2))
        guard let methodEnd = line.firstIndex(of: 0x20),
            let targetEnd = line.firstIndex(of: 0x20, from: methodEnd + 1)
        else { return false }
        add(ByteView(":method"), line.prefix(methodEnd), isSecret: false)
        add(ByteView(":scheme"), scheme, isSecret: false)
        add(ByteView(":path"), line.slice(methodEnd + 1, targetEnd), isSecret: false)
        return readLines(head, from: lineEnd)
    }

    /// Trailers: lines alone.
    mutating func readTrailers(_ lines: MutableByteView) -> Bool {
        reset()
        return readLines(lines, from: 0)
    }

    private mutating func reset() {
        count = 0
        overflowed = false
    }

    private mutating func readLines(_ head: MutableByteView, from start: Int) -> Bool {
        let bytes = head.view
        var start = start
        while start < bytes.count {
            let end = Self.endOfLine(bytes, from: start)
            // The empty line.
            guard end - start > 2 else { break }
            guard let colon = bytes.slice(start, end).firstIndex(of: 0x3A) else { return false }
            var valueStart = start + colon + 1
            while valueStart < end - 2, bytes[valueStart] == 0x20 { valueStart += 1 }
            for index in start..<start + colon { head[index] = ASCII.lowercased(head[index]) }
            let name = bytes.slice(start, start + colon)
            addField(name, bytes.slice(valueStart, end - 2))
            start = end
        }
        return !overflowed
    }

    /// Leaves out what HTTP/2 does without (RFC 9113 §8.2.2).
    private mutating func addField(_ name: ByteView, _ value: ByteView) {
        switch name.count {
        case 2 where name.equals("te") && !value.equalsIgnoringCase("trailers"): return
        case 4 where name.equals("host"): return add(ByteView(":authority"), value, isSecret: false)
        case 7 where name.equals("upgrade"): return
        case 10 where name.equals("connection") || name.equals("keep-alive"): return
        case 20 where name.equals("sec-websocket-accept"): return
        case 16 where name.equals("proxy-connection"): return
        case 17 where name.equals("transfer-encoding"): return
        default: break
        }
        add(name, value, isSecret: Self.isSecret(name))
    }

    /// Fields that are no use in a table of earlier ones, because they never come again, or should not be
    /// guessed at through its size (RFC 7541 §7.1.3).
    private static func isSecret(_ name: ByteView) -> Bool {
        switch name.count {
        case 6: name.equals("cookie")
        case 10: name.equals("set-cookie")
        case 11: name.equals("traceparent")
        case 12: name.equals("x-request-id")
        case 13: name.equals("authorization")
        default: false
        }
    }

    private mutating func add(_ name: ByteView, _ value: ByteView, isSecret: Bool) {
        guard count < NameValues.capacity else { return overflowed = true }
        let flags = isSecret ? NGHTTP2_NV_FLAG_NO_INDEX.rawValue : NGHTTP2_NV_FLAG_NONE.rawValue
        // A pseudo-field that comes late (Host may stand anywhere) goes before all others.
        if name[0] == 0x3A, count > 0, unsafe !Self.isPseudo(pairs[count - 1]) {
            unsafe (pairs + 1).update(from: pairs, count: count)
            unsafe pairs[0] = Self.pair(name, value, flags)
        } else {
            unsafe pairs[count] = Self.pair(name, value, flags)
        }
        count += 1
    }

    private static func isPseudo(_ pair: nghttp2_nv) -> Bool { unsafe pair.name[0] == 0x3A }

    private static func pair(_ name: ByteView, _ value: ByteView, _ flags: UInt32) -> nghttp2_nv {
        unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.start.assumingMemoryBound(to: UInt8.self)),
            value: UnsafeMutablePointer(mutating: value.start.assumingMemoryBound(to: UInt8.self)),
            namelen: name.count, valuelen: value.count, flags: UInt8(flags))
    }

    private static func endOfLine(_ bytes: ByteView, from start: Int) -> Int {
        bytes.firstIndex(of: 0x0A, from: start).map { $0 + 1 } ?? bytes.count
    }

    @unsafe
    var pointer: UnsafeMutablePointer<nghttp2_nv> { unsafe pairs }
}
