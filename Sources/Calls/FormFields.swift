import Bytes

/// The fields of a query or of a body of `application/x-www-form-urlencoded`, as they are written: names and
/// values are still escaped. Bounded by the text's length.
struct FormFields {
    private let text: ByteView
    private var position = 0

    init(_ text: ByteView) { self.text = text }

    struct Field {
        let name: ByteView
        let value: ByteView
    }

    /// Some servers separate fields at semicolons too. Where one stands unescaped, two servers may read two
    /// things.
    var hasSemicolon: Bool { text.firstIndex(of: UInt8(ascii: ";")) != nil }

    mutating func next() -> Field? {
        guard position < text.count else { return nil }
        var end = position
        while end < text.count, text[end] != UInt8(ascii: "&"), text[end] != UInt8(ascii: ";") { end &+= 1 }
        let field = text.slice(position, end)
        position = end &+ 1
        guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else {
            return Field(name: field, value: .empty)
        }
        return Field(name: field.prefix(equals), value: field.dropFirst(equals &+ 1))
    }
}
