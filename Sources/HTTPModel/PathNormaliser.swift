import Bytes

/// Brings a path into the one form that match, authentication, limits, cache key and upstream all see
/// (security.md 9).
///
/// Normal is: escapes of unreserved characters decoded and all others in upper case (RFC 3986 §6.2.2),
/// characters that a path cannot have escaped, duplicate slashes merged, dot segments removed. What two
/// servers are known to read in two ways is refused: encoded slash, backslash and control characters, escapes
/// that are no UTF-8, dot segments that climb above the root, and those and empty ones that hide behind
/// parameters (`/..;x/`, `/;x/`).
package enum PathNormaliser {
    /// Whether `normalise` would write exactly `path`.
    package static func isNormal(_ path: ByteView) -> Bool {
        guard path.count > 0, path[0] == 0x2F else { return false }
        let suspicious = firstSuspicious(path)
        return suspicious == path.count || isNormal(path, from: suspicious)
    }

    /// Bytes that the normal form of a path of `count` bytes may have: each may become an escape, and an
    /// empty one a slash.
    package static func longestNormalForm(ofPath count: Int) -> Int { max(1, count * 3) }

    /// Writes the normal form of `path`, at most three times as long. An empty path, which an absolute target
    /// may have, is `/`. Whether it fitted, `writer.overflowed` tells.
    package static func normalise(_ path: ByteView, into writer: inout ByteWriter) throws(PathError) {
        let start = writer.count
        writer.write(UInt8(0x2F))
        guard path.count > 0 else { return }
        guard path[0] == 0x2F else { throw .notAbsolute }
        var index = 1
        while index < path.count {
            // A duplicate slash begins a segment that is empty, which is merged away.
            if path[index] == 0x2F {
                index &+= 1
                continue
            }
            let segmentStart = writer.count
            index = try segment(path, from: index, into: &writer)
            let hasSlash = index < path.count
            if hasSlash { index &+= 1 }
            switch try kind(writer.view.dropFirst(segmentStart)) {
            case .plain: if hasSlash { writer.write(UInt8(0x2F)) }
            case .current: writer.truncate(to: segmentStart)
            case .parent: try climb(from: segmentStart, to: start, &writer)
            }
        }
    }

    private enum Segment { case plain, current, parent }

    /// What a segment in normal form means. A dot segment with parameters means a dot segment to some servers
    /// only, and one of nothing but parameters an empty one, which a `..` behind it then does not take back.
    private static func kind(_ segment: ByteView) throws(PathError) -> Segment {
        if beginsParameters(segment, at: 0) { throw .disguisedEmptySegment }
        guard segment.count > 0, segment[0] == 0x2E else { return .plain }
        if segment.count == 1 { return .current }
        if beginsParameters(segment, at: 1) { throw .disguisedDotSegment }
        guard segment[1] == 0x2E else { return .plain }
        if segment.count == 2 { return .parent }
        if beginsParameters(segment, at: 2) { throw .disguisedDotSegment }
        return .plain
    }

    /// Takes the last segment back: `segmentStart` stands behind the slash that ends it.
    private static func climb(from segmentStart: Int, to start: Int, _ writer: inout ByteWriter)
        throws(PathError)
    {
        var end = segmentStart &- 1
        guard end > start else { throw .climbsAboveRoot }
        while writer.view[end &- 1] != 0x2F { end &-= 1 }
        writer.truncate(to: end)
    }

    /// Writes the segment at `from` in normal form and returns where it ends: at a slash or at the end of the
    /// path.
    private static func segment(
        _ path: ByteView, from: Int, into writer: inout ByteWriter
    ) throws(PathError) -> Int {
        var index = from
        while index < path.count {
            let byte = path[index]
            if byte == 0x2F { break }
            if byte == 0x25 {
                index = try escape(path, at: index, into: &writer)
                continue
            }
            guard byte > 0x20, byte < 0x7F, byte != 0x23, byte != 0x3F else { throw .badByte }
            guard byte != 0x5C else { throw .backslash }
            if isPathCharacter(byte) { writer.write(byte) } else { writeEscape(byte, &writer) }
            index &+= 1
        }
        return index
    }

    /// Writes the escapes that make up the one character at `index`, or the character, and returns where they
    /// end.
    private static func escape(_ path: ByteView, at index: Int, into writer: inout ByteWriter)
        throws(PathError) -> Int
    {
        guard let first = escaped(path, at: index) else { throw .badEscape }
        guard first >= 0x80 else {
            guard first != 0x2F, first != 0x5C else { throw .encodedSeparator }
            guard first >= 0x20, first != 0x7F else { throw .controlCharacter }
            if isUnreserved(first) { writer.write(first) } else { writeEscape(first, &writer) }
            return index &+ 3
        }
        guard let length = utf8Length(path, at: index, first: first) else { throw .invalidUTF8 }
        for position in 0..<length {
            guard let byte = escaped(path, at: index &+ position &* 3) else { throw .invalidUTF8 }
            writeEscape(byte, &writer)
        }
        return index &+ length &* 3
    }

    /// Bytes of the escaped UTF-8 character at `index`, or nil where it is invalid, overlong, a surrogate,
    /// beyond U+10FFFF or a control character of U+0080 to U+009F (RFC 3629 §4).
    private static func utf8Length(_ path: ByteView, at index: Int, first: UInt8) -> Int? {
        guard let second = escaped(path, at: index &+ 3) else { return nil }
        let length: Int
        let range: ClosedRange<UInt8>
        switch first {
        case 0xC2: (length, range) = (2, 0xA0...0xBF)
        case 0xC3...0xDF: (length, range) = (2, 0x80...0xBF)
        case 0xE0: (length, range) = (3, 0xA0...0xBF)
        case 0xED: (length, range) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, range) = (3, 0x80...0xBF)
        case 0xF0: (length, range) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, range) = (4, 0x80...0xBF)
        case 0xF4: (length, range) = (4, 0x80...0x8F)
        default: return nil
        }
        guard range.contains(second) else { return nil }
        for position in 2..<max(length, 2) {
            guard let byte = escaped(path, at: index &+ position &* 3), byte & 0xC0 == 0x80 else {
                return nil
            }
        }
        return length
    }

    /// The byte that `%XX` at `index` stands for; nil where no escape stands there.
    private static func escaped(_ path: ByteView, at index: Int) -> UInt8? {
        guard index &+ 3 <= path.count, path[index] == 0x25 else { return nil }
        guard let high = ASCII.hexValue(path[index &+ 1]), let low = ASCII.hexValue(path[index &+ 2]) else {
            return nil
        }
        return high << 4 | low
    }

    private static func writeEscape(_ byte: UInt8, _ writer: inout ByteWriter) {
        writer.write(UInt8(0x25))
        writer.write(upperHexDigit(byte >> 4))
        writer.write(upperHexDigit(byte & 0x0F))
    }

    private static func upperHexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? 0x30 &+ nibble : 0x37 &+ nibble
    }

    /// RFC 3986 §2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F
            || byte == 0x7E
    }

    /// Whether a byte stands for itself in a segment: `pchar` without `%` (RFC 3986 §3.3).
    private static func isPathCharacter(_ byte: UInt8) -> Bool {
        // Two bit sets: ! $ & ' ( ) * + , - . 0-9 : ; = and @ A-Z _ a-z ~.
        let low: UInt64 = 0x2FFF_7FD2_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFF
        guard byte < 0x80 else { return false }
        return (byte < 0x40 ? low : high) &>> UInt64(byte & 0x3F) & 1 == 1
    }

    /// Whether parameters of a segment may begin at `index`: behind a semicolon, or behind an encoded one,
    /// which some proxies decode on the way to the server.
    static func beginsParameters(_ path: ByteView, at index: Int) -> Bool {
        guard index < path.count else { return false }
        return path[index] == 0x3B || escaped(path, at: index) == 0x3B
    }

    /// Index of the first byte that may keep a path from being normal: no `pchar` and no slash, or a slash
    /// before a slash, a dot or a semicolon. The path's count where there is none.
    private static func firstSuspicious(_ path: ByteView) -> Int {
        var index = 0
        // One byte more than a block: each slash is seen together with what follows it.
        while index &+ 17 <= path.count {
            let block = path.block(at: index)
            let next = path.block(at: index &+ 1)
            let disguise = ((next &- all(0x2E)) .< all(2)) .| (next .== all(0x3B))
            let doubled = (block .== all(0x2F)) .& disguise
            let outside = ((block &- all(0x21)) .> all(0x5D)) .| ((block &- all(0x5B)) .< all(4))
            let braces = ((block &- all(0x7B)) .< all(3)) .| (block .== all(0x60))
            let quotes = (block .== all(0x22)) .| (block .== all(0x23)) .| (block .== all(0x25))
            let brackets = (block .== all(0x3C)) .| (block .== all(0x3E)) .| (block .== all(0x3F))
            let stops = doubled .| outside .| braces .| quotes .| brackets
            if let offset = stops.firstTrue { return index &+ offset }
            index &+= 16
        }
        while index < path.count {
            let byte = path[index]
            if byte == 0x2F {
                let next = index &+ 1 < path.count ? path[index &+ 1] : 0
                if next &- 0x2E < 2 || next == 0x3B { return index }
            } else if !isPathCharacter(byte) {
                return index
            }
            index &+= 1
        }
        return index
    }

    /// Sixteen times the same byte. The operators between a vector and a number are not vectorised.
    @inline(__always)
    private static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    /// The rest of `isNormal`, byte by byte: escapes that are as they should be, segments that begin with a
    /// dot and are no dot segments.
    private static func isNormal(_ path: ByteView, from: Int) -> Bool {
        var index = from
        while index < path.count {
            let byte = path[index]
            if byte == 0x25 {
                guard let length = normalEscapeLength(path, at: index) else { return false }
                index &+= length
                continue
            }
            if byte == 0x2F {
                guard isNormalSegmentStart(path, behind: index) else { return false }
            } else if !isPathCharacter(byte) {
                return false
            }
            index &+= 1
        }
        return true
    }

    /// Whether the segment behind the slash at `slash` is neither empty before another slash or parameters
    /// nor any kind of dot segment.
    private static func isNormalSegmentStart(_ path: ByteView, behind slash: Int) -> Bool {
        func at(_ offset: Int) -> UInt8? { slash &+ offset < path.count ? path[slash &+ offset] : nil }
        func ends(_ offset: Int) -> Bool {
            at(offset) == nil || at(offset) == 0x2F || beginsParameters(path, at: slash &+ offset)
        }
        if at(1) == 0x2F || beginsParameters(path, at: slash &+ 1) { return false }
        guard at(1) == 0x2E else { return true }
        if ends(2) { return false }
        return !(at(2) == 0x2E && ends(3))
    }

    /// Length of the escapes of one character in normal form at `index`, or nil where they are not.
    private static func normalEscapeLength(_ path: ByteView, at index: Int) -> Int? {
        guard let first = escaped(path, at: index) else { return nil }
        var length = 1
        if first < 0x80 {
            if first == 0x3B, path[index &- 1] == 0x2F { return nil }
            guard !isUnreserved(first), first != 0x2F, first != 0x5C, first >= 0x20, first != 0x7F else {
                return nil
            }
        } else {
            guard let found = utf8Length(path, at: index, first: first) else { return nil }
            length = found
        }
        for position in 0..<length &* 3 where path[index &+ position] &- 0x61 < 26 { return nil }
        return length &* 3
    }
}
