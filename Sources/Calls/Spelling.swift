import Bytes
import JSON

/// A text in the writing in which it came.
enum SpelledText {
    case plain(ByteView)
    case json(JSONElement, in: ByteView)
    /// With escapes, and with `+` for a space.
    case form(ByteView)
}

/// Reads what is written with escapes, into memory that is kept.
struct Spelling: ~Copyable {
    /// Bytes of the longest name that anybody looks for.
    private static let longestKey = 16
    /// Bytes that the name of an operation may have. What is longer is no operation of the document that
    /// would be told from the others.
    private static let longestWord = 256

    private let keys = Scratch(size: longestKey)
    private let words = Scratch(size: longestWord)
    private var texts = Scratch(size: 4096)

    /// A text of any length, valid until the next one. Nil where an escape is none.
    mutating func text(_ spelled: SpelledText) -> ByteView? {
        let length: Int
        switch spelled {
        case .plain(let text): return text
        case .json(let element, let text):
            if let plain = element.plainString(in: text) { return plain }
            length = element.end &- element.start
        case .form(let text): length = text.count
        }
        if texts.view.count < length {
            var size = texts.view.count
            while size < length { size &*= 2 }
            texts = Scratch(size: size)
        }
        return Self.write(spelled, into: texts.view)
    }

    /// A short text, valid until the next one. Nil where it is longer, or where an escape is none.
    func word(_ spelled: SpelledText) -> ByteView? { Self.write(spelled, into: words.view) }

    /// The name of a member in lower case, for there are servers that find members in any case. Nil where it
    /// is longer than any that somebody looks for.
    func key(_ name: JSONElement, in text: ByteView) -> ByteView? {
        var writer = ByteWriter(keys.view)
        guard name.end &- name.start <= 2 &+ 6 &* Self.longestKey,
            name.unescape(in: text, into: &writer)
        else { return nil }
        return lowered(writer.view)
    }

    /// The name of a field likewise. Blanks around it go, and so does all from a `[` or a NUL on: there are
    /// servers to which ` query` and `query[0]` are `query`.
    func key(field name: ByteView) -> ByteView? {
        var writer = ByteWriter(keys.view)
        var reader = FormReader(name)
        while let byte = reader.next(), byte != UInt8(ascii: "["), byte != 0 {
            if ASCII.isBlank(byte), writer.count == 0 { continue }
            writer.write(byte)
        }
        return writer.overflowed ? nil : lowered(writer.view.trimmed())
    }

    private func lowered(_ key: ByteView) -> ByteView {
        for index in 0..<key.count { keys.view[index] = ASCII.lowercased(key[index]) }
        return keys.view.view.prefix(key.count)
    }

    private static func write(_ spelled: SpelledText, into region: MutableByteView) -> ByteView? {
        var writer = ByteWriter(region)
        switch spelled {
        case .plain(let text): writer.write(text)
        case .json(let element, let text): guard element.unescape(in: text, into: &writer) else { return nil }
        case .form(let text):
            var reader = FormReader(text)
            while let byte = reader.next() { writer.write(byte) }
            guard !reader.isBroken else { return nil }
        }
        return writer.overflowed ? nil : writer.view
    }
}

/// The bytes that a form's text stands for.
struct FormReader {
    private let text: ByteView
    private var position = 0
    /// There was a `%` without two digits behind it.
    private(set) var isBroken = false

    init(_ text: ByteView) { self.text = text }

    mutating func next() -> UInt8? {
        guard position < text.count else { return nil }
        let byte = text[position]
        position &+= 1
        if byte == UInt8(ascii: "+") { return UInt8(ascii: " ") }
        guard byte == UInt8(ascii: "%") else { return byte }
        guard position &+ 2 <= text.count, let high = ASCII.hexValue(text[position]),
            let low = ASCII.hexValue(text[position &+ 1])
        else {
            isBroken = true
            return byte
        }
        position &+= 2
        return high &<< 4 | low
    }
}
