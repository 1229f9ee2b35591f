import Bytes
import HTTPModel
import JSON

/// Finds the token that a request brings along.
enum TokenFinder {
    enum Place {
        case authorization
        case cookie
        case query
    }

    /// Pieces that a cookie may be cut into.
    static let maximumPieces = 16
    /// Bytes of a cookie's value that is put together or decoded.
    static let longestCookie = 24 << 10

    /// Credentials of the scheme `Bearer` (RFC 6750 §2.1); nil for none, or of another scheme.
    static func bearer(_ head: borrowing RequestHead) -> ByteView? {
        guard let value = head.value(of: .authorization), value.count > 7,
            value.prefix(7).equalsIgnoringCase("bearer ")
        else { return nil }
        return value.dropFirst(7).trimmed()
    }

    /// The value of a query parameter, as it stands there: tokens need no escapes.
    static func parameter(_ name: ByteView, in query: ByteView) -> ByteView? {
        var start = 0
        while start <= query.count {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.count
            let pair = query.slice(start, end)
            if pair.hasPrefix(name), pair.count > name.count, pair[name.count] == UInt8(ascii: "=") {
                return pair.dropFirst(name.count + 1)
            }
            start = end + 1
        }
        return nil
    }

    /// The token in a cookie: whole or in pieces, as it is or inside the session that Supabase's libraries
    /// write. Nil where there is none.
    ///
    /// - Parameter region: Room to put pieces together and to decode them, twice `longestCookie`.
    static func cookie(
        _ name: ByteView, in head: borrowing RequestHead, using region: MutableByteView
    ) -> ByteView? {
        var pieces = CookiePieces()
        guard head.fields.contains(.cookie) else { return nil }
        for index in 0..<head.fields.count where head.fields[index].name == .cookie {
            pieces.collect(name, from: head.value(at: index))
        }
        guard let value = pieces.join(into: region.slice(0, longestCookie)), !value.isEmpty else {
            return nil
        }
        return SessionCookie.token(in: value, using: region.slice(longestCookie, 2 * longestCookie))
    }
}

/// A cookie's value, or the pieces that it was cut into because browsers keep 4 KiB each: `name`, or
/// `name.0`, `name.1` and so on.
private struct CookiePieces {
    private var whole: ByteView?
    private var pieces = InlineArray<16, ByteView?>(repeating: nil)

    /// Takes what belongs to the cookie out of one Cookie field. Of several of one name the first counts, as
    /// it does for backends.
    mutating func collect(_ name: ByteView, from field: ByteView) {
        var start = 0
        while start < field.count {
            let end = field.firstIndex(of: UInt8(ascii: ";"), from: start) ?? field.count
            let pair = field.slice(start, end).trimmed()
            start = end + 1
            guard pair.count > name.count, pair.hasPrefix(name) else { continue }
            let rest = pair.dropFirst(name.count)
            if rest[0] == UInt8(ascii: "=") {
                if whole == nil { whole = CookiePieces.value(rest.dropFirst(1)) }
            } else if rest[0] == UInt8(ascii: ".") {
                collectPiece(rest.dropFirst(1))
            }
        }
    }

    private mutating func collectPiece(_ rest: ByteView) {
        guard let equals = rest.firstIndex(of: UInt8(ascii: "=")), (1...2).contains(equals),
            let number = rest.prefix(equals).decimal(), number < TokenFinder.maximumPieces,
            pieces[number] == nil
        else { return }
        pieces[number] = CookiePieces.value(rest.dropFirst(equals + 1))
    }

    /// Without the quotes that a value may have (RFC 6265 §4.1.1).
    private static func value(_ text: ByteView) -> ByteView {
        guard text.count >= 2, text[0] == 0x22, text[text.count - 1] == 0x22 else { return text }
        return text.slice(1, text.count - 1)
    }

    /// The whole value, or the pieces up to the first that is missing. Nil for none, or too much.
    func join(into region: MutableByteView) -> ByteView? {
        if let whole { return whole.count <= region.count ? whole : nil }
        guard pieces[0] != nil else { return nil }
        var writer = ByteWriter(region)
        for index in 0..<TokenFinder.maximumPieces {
            guard let piece = pieces[index] else { break }
            writer.write(piece)
        }
        return writer.overflowed ? nil : writer.view
    }
}

/// What a cookie's value is when it is not the token itself: a session as JSON, behind `base64-` or
/// percent-encoded.
private enum SessionCookie {
    static func token(in value: ByteView, using region: MutableByteView) -> ByteView? {
        if value.hasPrefix(ByteView("base64-")) {
            var writer = ByteWriter(region)
            guard Base64.decode(value.dropFirst(7), into: &writer) else { return nil }
            return accessToken(in: writer.view)
        }
        switch value[0] {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return accessToken(in: value)
        case UInt8(ascii: "%"):
            var writer = ByteWriter(region)
            guard decode(percent: value, into: &writer) else { return nil }
            return accessToken(in: writer.view)
        default: return value
        }
    }

    /// `access_token` of an object, or the first of a list: the two forms that sessions have had.
    private static func accessToken(in text: ByteView) -> ByteView? {
        guard !text.isEmpty else { return nil }
        if text[0] == UInt8(ascii: "[") {
            guard let outer = try? JSONScanner.check(text), var items = JSONItems(of: outer, in: text),
                let first = try? items.next()
            else { return nil }
            return first.plainString(in: text)
        }
        return sessionToken.find(in: text)?.plainString(in: text)
    }

    private static let sessionToken = JSONPath(name: "access_token")

    private static func decode(percent text: ByteView, into writer: inout ByteWriter) -> Bool {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                writer.write(byte)
                continue
            }
            guard index + 1 < text.count, let high = ASCII.hexValue(text[index]),
                let low = ASCII.hexValue(text[index + 1])
            else { return false }
            writer.write(high << 4 | low)
            index += 2
        }
        return !writer.overflowed
    }
}
