/// One `-----BEGIN …-----` … `-----END …-----` of a file (RFC 7468).
struct PEMBlock {
    let label: String
    /// Line of its `BEGIN`, from 1.
    let line: Int
    /// What the base64 held.
    let bytes: [UInt8]
    /// The headers say that the content is encrypted (RFC 1421 §4.6.1.1); it was not decoded then.
    let isEncrypted: Bool

    /// The blocks of a file in their order. Text before and between blocks explains them (RFC 7468 §5.2) and
    /// is passed over; text behind the last one is an error, because that is what a damaged file looks like.
    static func read(_ file: [UInt8]) throws(CertificateError) -> [PEMBlock] {
        var reader = PEMReader(file)
        return try reader.read()
    }

    /// A block as text, in lines of 64 columns (RFC 7468 §2).
    static func text(label: String, bytes: [UInt8]) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var column = 0
        for character in Base64.encoded(bytes) {
            text.append(character)
            column += 1
            if column % 64 == 0 { text.append("\n") }
        }
        if column % 64 != 0 { text.append("\n") }
        return text + "-----END \(label)-----\n"
    }
}

/// Goes through the lines of a PEM file.
private struct PEMReader {
    private let lines: [[UInt8]]
    private let isBinary: Bool
    private var blocks: [PEMBlock] = []
    /// First line with text behind the last block.
    private var textBehind: Int?

    init(_ file: [UInt8]) {
        // Some editors begin a file with a byte order mark.
        let content = file.starts(with: [0xEF, 0xBB, 0xBF]) ? file.dropFirst(3) : file[...]
        // A SEQUENCE with a length of two bytes: what every certificate and most keys begin with.
        isBinary = content.starts(with: [0x30, 0x82])
        lines = content.split(separator: 0x0A, omittingEmptySubsequences: false).map { Self.trimmed($0) }
    }

    mutating func read() throws(CertificateError) -> [PEMBlock] {
        guard !isBinary else { throw .binary }
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if let label = Self.label(line, after: "-----BEGIN ") {
                index = try readBlock(label, from: index)
                textBehind = nil
            } else if let label = Self.label(line, after: "-----END ") {
                throw .endWithoutBegin(label: label, line: index + 1)
            } else if !line.isEmpty, textBehind == nil {
                textBehind = index + 1
            }
            index += 1
        }
        guard !blocks.isEmpty else { throw .noPEM }
        if let textBehind { throw .textBehind(line: textBehind) }
        return blocks
    }

    /// Reads the block that begins at `start` and returns the index of its last line.
    private mutating func readBlock(_ label: String, from start: Int) throws(CertificateError) -> Int {
        var index = start + 1
        let isEncrypted = skipHeaders(&index)
        var text: [UInt8] = []
        while index < lines.count {
            let line = lines[index]
            if line.first == UInt8(ascii: "-") {
                guard Self.label(line, after: "-----END ") == label else { break }
                guard let bytes = isEncrypted ? [] : Base64.decoded(text) else {
                    throw .notBase64(label: label, line: start + 1)
                }
                blocks.append(
                    PEMBlock(label: label, line: start + 1, bytes: bytes, isEncrypted: isEncrypted))
                return index
            }
            guard line.allSatisfy({ Base64.value($0) != nil || $0 == UInt8(ascii: "=") }) else {
                throw .notBase64(label: label, line: index + 1)
            }
            text += line
            index += 1
        }
        throw .unfinished(label: label, line: start + 1)
    }

    /// Passes over `Name: value` lines and the empty line behind them; whether they speak of encryption.
    private func skipHeaders(_ index: inout Int) -> Bool {
        guard index < lines.count, lines[index].contains(UInt8(ascii: ":")) else { return false }
        var isEncrypted = false
        while index < lines.count, !lines[index].isEmpty, lines[index].first != UInt8(ascii: "-") {
            let header = String(decoding: lines[index], as: UTF8.self)
            if header.hasPrefix("Proc-Type:"), header.hasSuffix("ENCRYPTED") { isEncrypted = true }
            index += 1
        }
        return isEncrypted
    }

    /// `CERTIFICATE` of `-----BEGIN CERTIFICATE-----`. Bytes that a terminal could take for commands are
    /// replaced: the label is shown to people.
    private static func label(_ line: [UInt8], after prefix: String) -> String? {
        let dashes = Array("-----".utf8)
        guard line.starts(with: prefix.utf8), line.count >= prefix.utf8.count + dashes.count,
            line.suffix(dashes.count) == dashes[...]
        else { return nil }
        return EscapedText.text(line.dropFirst(prefix.utf8.count).dropLast(dashes.count))
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var slice = line
        while let last = slice.last, last == 0x20 || last == 0x09 || last == 0x0D { slice.removeLast() }
        while let first = slice.first, first == 0x20 || first == 0x09 { slice.removeFirst() }
        return Array(slice)
    }
}

/// RFC 4648 §4, strictly: no character of another alphabet, padding only at the end and only as much as
/// belongs there.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }

    static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var held = 0
        for character in text.dropLast(padding) {
            guard let value = value(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        return bytes
    }

    static func encoded(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let isPadding = place > group.count
                let character = alphabet[Int(bits >> UInt32(18 - 6 * place) & 0x3F)]
                text.append(isPadding ? UInt8(ascii: "=") : character)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Bytes of a file as text that is safe to show.
enum EscapedText {
    /// Printable ASCII as it is; anything else, and the backslash, as `\C3`.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if byte >= 0x20, byte < 0x7F, byte != 0x5C {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\" + Hexadecimal.text([byte])
            }
        }
        return text
    }
}

enum Hexadecimal {
    /// Two upper-case digits for each byte.
    static func text(_ bytes: some Sequence<UInt8>, separator: String = "") -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return byte < 16 ? "0" + digits : digits
        }.joined(separator: separator)
    }
}
