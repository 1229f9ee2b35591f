import Bytes

/// Writes one JSON line into a region of fixed size. Overflow is sticky, as in `ByteWriter`: the caller looks
/// once at the end.
///
/// Beside `ByteWriter` because the access log is written for every request: text is checked for bytes to
/// escape and copied sixteen at a time, and numbers are written without a detour.
// SAFETY: `base` is `capacity` bytes that the caller owns for the writer's life. Every write is checked
// against `capacity` first; loads from views stay inside `count` (blocks of 16, or two overlapping halves
// where the view is shorter).
@safe
struct LineWriter: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var count = 0
    private(set) var overflowed = false

    init(_ region: UnsafeMutableRawBufferPointer) {
        guard let address = region.baseAddress else { preconditionFailure("a writer needs memory") }
        unsafe base = address
        capacity = region.count
    }

    /// What has been written. Valid as long as the region.
    var view: ByteView { unsafe ByteView(start: base, count: count) }

    /// Text that needs no escaping: keys and punctuation.
    @inline(__always)
    mutating func write(_ literal: StaticString) {
        let length = literal.utf8CodeUnitCount
        guard length <= capacity &- count else { return overflowed = true }
        unsafe (base + count).copyMemory(from: literal.utf8Start, byteCount: length)
        count &+= length
    }

    mutating func write(byte: UInt8) {
        guard count < capacity else { return overflowed = true }
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// Bytes as they are, for what has been encoded before.
    mutating func write(encoded bytes: ByteView) {
        guard bytes.count <= capacity &- count else { return overflowed = true }
        unsafe (base + count).copyMemory(from: bytes.start, byteCount: bytes.count)
        count &+= bytes.count
    }

    /// `value` in decimal; a negative one as 0, since nothing that is logged can be below.
    mutating func write(number value: Int) {
        var rest = UInt64(truncatingIfNeeded: max(0, value))
        var length = 1
        var bound: UInt64 = 10
        while rest >= bound, length < 19 {
            length &+= 1
            bound = bound &* 10
        }
        guard length <= capacity &- count else { return overflowed = true }
        var position = count &+ length
        count = position
        repeat {
            position &-= 1
            let quotient = rest / 10
            let digit = UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            unsafe base.storeBytes(of: 0x30 &+ digit, toByteOffset: position, as: UInt8.self)
            rest = quotient
        } while rest != 0
    }

    /// The inside of a JSON string: `bytes` with what JSON, terminals and UTF-8 forbid escaped; at most
    /// `limit` bytes of it.
    ///
    /// Valid UTF-8 stays as it is. A byte that is not part of any is written as the `\u00XX` of its value, so
    /// that the line is valid whatever a client sends and nothing is lost. What was cut ends in `…`.
    mutating func write(string bytes: ByteView, limit: Int) {
        guard bytes.count > limit else { return write(escaped: bytes) }
        var end = limit
        // Not inside of a sequence: its rest would look like stray bytes.
        while end > 0, end &+ 3 > limit, bytes[end] & 0xC0 == 0x80 { end &-= 1 }
        write(escaped: bytes.prefix(end))
        write("…")
    }

    private mutating func write(escaped bytes: ByteView) {
        let length = bytes.count
        // Clean text needs its own length only; escapes check for theirs.
        guard length <= capacity &- count else { return overflowed = true }
        guard length >= 16 else { return write(short: bytes) }
        var index = 0
        while index &+ 16 <= length {
            let block = unsafe bytes.start.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            guard LineWriter.isClean(block) else {
                count &+= index
                return write(careful: bytes.dropFirst(index))
            }
            unsafe (base + count + index).storeBytes(of: block, as: SIMD16<UInt8>.self)
            index &+= 16
        }
        if index < length {
            // The last block overlaps the one before: both write the same bytes there.
            let block = unsafe bytes.start.loadUnaligned(fromByteOffset: length &- 16, as: SIMD16<UInt8>.self)
            guard LineWriter.isClean(block) else {
                count &+= index
                return write(careful: bytes.dropFirst(index))
            }
            unsafe (base + count + length - 16).storeBytes(of: block, as: SIMD16<UInt8>.self)
        }
        count &+= length
    }

    /// Fewer than sixteen bytes, of which the caller has checked that they fit: two overlapping halves.
    private mutating func write(short bytes: ByteView) {
        let length = bytes.count
        if length >= 8 {
            let low = unsafe bytes.start.loadUnaligned(as: UInt64.self)
            let high = unsafe bytes.start.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
            guard LineWriter.isClean(low, high) else { return write(careful: bytes) }
            unsafe (base + count).storeBytes(of: low, as: UInt64.self)
            unsafe (base + count + length - 8).storeBytes(of: high, as: UInt64.self)
        } else if length >= 4 {
            let low = unsafe bytes.start.loadUnaligned(as: UInt32.self)
            let high = unsafe bytes.start.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self)
            let both = UInt64(low) | UInt64(high) &<< 32
            guard LineWriter.isClean(both, both) else { return write(careful: bytes) }
            unsafe (base + count).storeBytes(of: low, as: UInt32.self)
            unsafe (base + count + length - 4).storeBytes(of: high, as: UInt32.self)
        } else if length > 0 {
            // First, middle and last cover one to three bytes; the rest of the word is made of clean ones.
            let first = unsafe bytes.start.load(as: UInt8.self)
            let middle = unsafe bytes.start.load(fromByteOffset: length / 2, as: UInt8.self)
            let last = unsafe bytes.start.load(fromByteOffset: length &- 1, as: UInt8.self)
            let all = UInt64(first) | UInt64(middle) &<< 8 | UInt64(last) &<< 16 | 0x3030_3030_3000_0000
            guard LineWriter.isClean(all, all) else { return write(careful: bytes) }
            unsafe base.storeBytes(of: first, toByteOffset: count, as: UInt8.self)
            unsafe base.storeBytes(of: middle, toByteOffset: count &+ length / 2, as: UInt8.self)
            unsafe base.storeBytes(of: last, toByteOffset: count &+ length &- 1, as: UInt8.self)
        }
        count &+= length
    }

    /// Byte by byte, for text that holds something to escape.
    private mutating func write(careful bytes: ByteView) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x80 {
                let length = bytes.lengthOfSequence(at: index)
                let isControl = length == 2 && byte == 0xC2 && bytes[index &+ 1] < 0xA0
                if length == 0 || isControl {
                    // C1 controls start escape sequences in some terminals, as ESC does.
                    write(escape: isControl ? bytes[index &+ 1] : byte)
                    index &+= max(1, length)
                } else {
                    write(encoded: bytes.slice(index, index &+ length))
                    index &+= length
                }
                continue
            }
            switch byte {
            case 0x22: write("\\\"")
            case 0x5C: write("\\\\")
            case 0x0A: write("\\n")
            case 0x0D: write("\\r")
            case 0x09: write("\\t")
            case 0x20..<0x7F: write(byte: byte)
            default: write(escape: byte)
            }
            index &+= 1
        }
    }

    private mutating func write(escape byte: UInt8) {
        write("\\u00")
        write(byte: ASCII.hexDigit(byte &>> 4))
        write(byte: ASCII.hexDigit(byte))
    }

    /// Whether all bytes are printable ASCII and neither `"` nor `\`.
    @inline(__always)
    private static func isClean(_ block: SIMD16<UInt8>) -> Bool {
        // Below 0x20 wraps to 0xE0 and above. Spelled with whole vectors: the forms with a scalar are not
        // specialised.
        let shifted = block &- SIMD16<UInt8>(repeating: 0x20)
        let unprintable = shifted .>= SIMD16<UInt8>(repeating: 0x5F)
        let quote = block .== SIMD16<UInt8>(repeating: 0x22)
        let backslash = block .== SIMD16<UInt8>(repeating: 0x5C)
        let dirty = words(of: unprintable) | words(of: quote) | words(of: backslash)
        return dirty[0] | dirty[1] == 0
    }

    @inline(__always)
    private static func words(of mask: SIMDMask<SIMD16<Int8>>) -> SIMD2<UInt64> {
        unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    }

    @inline(__always)
    private static func isClean(_ low: UInt64, _ high: UInt64) -> Bool {
        isClean(unsafe unsafeBitCast(SIMD2(low, high), to: SIMD16<UInt8>.self))
    }
}

extension ByteView {
    /// Length of the valid UTF-8 sequence of two to four bytes that begins at `index` (RFC 3629 §4); 0 where
    /// there is none.
    func lengthOfSequence(at index: Int) -> Int {
        let length: Int
        // Bounds of the second byte: they shut out overlong forms, surrogates and what is beyond U+10FFFF.
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch self[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, low) = (3, 0xA0)
        case 0xED: (length, high) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, low) = (4, 0x90)
        case 0xF4: (length, high) = (4, 0x8F)
        case 0xF1...0xF3: length = 4
        default: return 0
        }
        guard index &+ length <= count, self[index &+ 1] >= low, self[index &+ 1] <= high else { return 0 }
        var position = index &+ 2
        while position < index &+ length {
            guard self[position] & 0xC0 == 0x80 else { return 0 }
            position &+= 1
        }
        return length
    }
}
