import Bytes
import JWT

/// An API key as its bearer shows it: `fgk_`, ten characters that look it up, 43 that are its secret, and six
/// that are a checksum of all before them, with `_` between.
///
/// Every character is one of 62, drawn evenly by the kernel's generator: the secret has 256 bits. What is
/// kept is the SHA-256 of the whole key. Passwords need slow hashes because people choose them among few;
/// nobody can try a part of 2^256 worth naming, however fast the hash is, so a fast one loses nothing and
/// costs a fraction of a microsecond for each request. The checksum (CRC-32) is no secret: it tells a key
/// that was cut or misspelt from one that is unknown, and lets scanners of sources find keys without asking
/// us.
package struct APIKey {
    package static let length = 65
    /// What all keys begin with.
    package static var mark: ByteView { ByteView("fgk_") }

    package let id: APIKeyID
    package let digest: SHA256Value

    /// Nil for what is no key, or one that was cut or misspelt.
    package init?(_ text: ByteView) {
        guard text.count == Self.length, text.hasPrefix(Self.mark), text[14] == UInt8(ascii: "_"),
            text[58] == UInt8(ascii: "_"), let id = APIKeyID(text.slice(4, 14))
        else { return nil }
        for index in 15..<58 where Base62.digit(text[index]) == nil { return nil }
        var checksum = CRC32.of(text.prefix(58))
        for index in (59..<65).reversed() {
            guard let digit = Base62.digit(text[index]), UInt32(digit) == checksum % 62 else { return nil }
            checksum /= 62
        }
        self.id = id
        digest = SHA256Value(of: text)
    }

    /// A new one, by a generator that is fit for secrets.
    package static func make(_ random: inout some RandomNumberGenerator) -> String {
        var bytes = mark.array()
        bytes += (0..<APIKeyID.length).map { _ in Base62.random(&random) }
        bytes.append(UInt8(ascii: "_"))
        bytes += (0..<43).map { _ in Base62.random(&random) }
        var checksum = bytes.withView { CRC32.of($0) }
        var digits: [UInt8] = []
        for _ in 0..<6 {
            digits.append(Base62.character(UInt8(checksum % 62)))
            checksum /= 62
        }
        return String(decoding: bytes + [UInt8(ascii: "_")] + digits.reversed(), as: UTF8.self)
    }
}

/// What an API key is looked up by, and what people call it. No secret.
package struct APIKeyID: Hashable, Sendable {
    package static let length = 10

    /// Its characters, the first in the highest byte.
    private let bits: UInt128

    package init?(_ text: ByteView) {
        guard text.count == Self.length else { return nil }
        var bits: UInt128 = 0
        for index in 0..<Self.length {
            guard Base62.digit(text[index]) != nil else { return nil }
            bits = bits << 8 | UInt128(text[index])
        }
        self.bits = bits
    }

    package init?(_ text: String) {
        guard let id = Array(text.utf8).withView({ APIKeyID($0) }) else { return nil }
        self = id
    }

    package var bytes: [UInt8] {
        (0..<Self.length).map { UInt8(truncatingIfNeeded: bits >> UInt128(8 * (Self.length - 1 - $0))) }
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Digits, capitals and small letters.
private enum Base62 {
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - 55
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 61
        default: nil
        }
    }

    static func character(_ digit: UInt8) -> UInt8 {
        digit < 10 ? digit + 48 : digit < 36 ? digit + 55 : digit + 61
    }

    static func random(_ random: inout some RandomNumberGenerator) -> UInt8 {
        character(UInt8.random(in: 0..<62, using: &random))
    }
}

/// The checksum of Ethernet and PNG (ISO 3309), bit by bit: for a few dozen bytes.
private enum CRC32 {
    static func of(_ bytes: ByteView) -> UInt32 {
        var sum = UInt32.max
        for index in 0..<bytes.count {
            sum ^= UInt32(bytes[index])
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~sum
    }
}
