/// The code of RFC 7541, Appendix B. It is canonical: codes of one length follow each other in the order of
/// their symbols, and each length begins where the one before it ended, so that lengths tell everything.
enum HPACKHuffman {
    struct Malformed: Error {}

    struct Code: Hashable {
        let length: Int
        let bits: UInt32
    }

    static let end = 256

    /// Symbols by the length of their code.
    private static let symbols: [(length: Int, symbols: [Int])] = [
        (5, text("012aceiost")),
        (6, text(" %-./3456789=A_bdfghlmnpru")),
        (7, text(":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz")),
        (8, text("&*,;XZ")),
        (10, text("!\"()?")),
        (11, text("'+|")),
        (12, text("#>")),
        (13, [0] + text("$@[]~")),
        (14, text("^}")),
        (15, text("<`{")),
        (19, [92, 195, 208]),
        (20, [128, 130, 131, 162, 184, 194, 224, 226]),
        (21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]),
        (
            22,
            [
                129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186,
                187, 189, 190, 196, 198, 228, 232, 233,
            ]
        ),
        (
            23,
            [
                1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168,
                174, 175, 180, 182, 183, 188, 191, 197, 231, 239,
            ]
        ),
        (24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]),
        (25, [199, 207, 234, 235]),
        (26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]),
        (
            27,
            [
                203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253,
                254,
            ]
        ),
        (
            28,
            [
                2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30,
                31, 127, 220, 249,
            ]
        ),
        (30, [10, 13, 22, end]),
    ]

    /// The code of each symbol.
    static let codes: [Code] = {
        var codes = [Code](repeating: Code(length: 0, bits: 0), count: end + 1)
        var next: UInt32 = 0
        var width = 0
        for (length, symbols) in symbols {
            next <<= UInt32(length - width)
            width = length
            for symbol in symbols {
                codes[symbol] = Code(length: length, bits: next)
                next += 1
            }
        }
        return codes
    }()

    private static let decoding = Dictionary(
        uniqueKeysWithValues: codes.enumerated().map { ($0.element, $0.offset) })

    static func encode(_ text: [UInt8]) -> [UInt8] { pack(text.map { codes[Int($0)] }) }

    /// Any symbols, the end among them.
    static func encode(symbols: [Int]) -> [UInt8] { pack(symbols.map { codes[$0] }) }

    private static func pack(_ codes: [Code]) -> [UInt8] {
        var bytes: [UInt8] = []
        var pending: UInt64 = 0
        var count = 0
        for code in codes {
            pending = pending << UInt64(code.length) | UInt64(code.bits)
            count += code.length
            while count >= 8 {
                count -= 8
                bytes.append(UInt8(pending >> UInt64(count) & 0xFF))
            }
        }
        if count > 0 {
            let padding = 8 - count
            bytes.append(UInt8((pending << UInt64(padding) | (1 << UInt64(padding) - 1)) & 0xFF))
        }
        return bytes
    }

    /// §5.2: padding is shorter than a byte and all ones; the end symbol never stands in a string.
    static func decode(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [UInt8] {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var length = 0
        for byte in bytes {
            for shift in (0..<8).reversed() {
                bits = bits << 1 | UInt32(byte >> UInt8(shift) & 1)
                length += 1
                if let symbol = decoding[Code(length: length, bits: bits)] {
                    guard symbol != end else { throw Malformed() }
                    text.append(UInt8(symbol))
                    (bits, length) = (0, 0)
                }
                guard length <= 30 else { throw Malformed() }
            }
        }
        guard length < 8, bits == 1 << UInt32(length) - 1 else { throw Malformed() }
        return text
    }

    private static func text(_ text: String) -> [Int] { text.utf8.map { Int($0) } }
}
