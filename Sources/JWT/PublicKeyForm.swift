/// Public keys as DER (SubjectPublicKeyInfo, RFC 5280 §4.1.2.7) out of the numbers that a JWK has: what
/// OpenSSL reads and checks.
enum PublicKeyForm {
    /// RFC 8017 §A.1; both numbers big-endian.
    static func rsa(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
        rsa(pkcs1: element(0x30, integer(modulus) + integer(exponent)))
    }

    /// Around an RSAPublicKey, which is what `BEGIN RSA PUBLIC KEY` holds.
    static func rsa(pkcs1: [UInt8]) -> [UInt8] {
        // rsaEncryption, with the parameters that it must have: none.
        let identifier: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        return element(0x30, identifier + bits(pkcs1))
    }

    /// RFC 5480 §2, the point uncompressed.
    static func p256(x: [UInt8], y: [UInt8]) -> [UInt8] {
        let curve: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        return element(0x30, element(0x30, ecPublicKey + curve) + bits([0x04] + x + y))
    }

    static func p384(x: [UInt8], y: [UInt8]) -> [UInt8] {
        let curve: [UInt8] = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]
        return element(0x30, element(0x30, ecPublicKey + curve) + bits([0x04] + x + y))
    }

    static func p521(x: [UInt8], y: [UInt8]) -> [UInt8] {
        let curve: [UInt8] = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23]
        return element(0x30, element(0x30, ecPublicKey + curve) + bits([0x04] + x + y))
    }

    /// RFC 8410 §4.
    static func ed25519(_ point: [UInt8]) -> [UInt8] {
        element(0x30, element(0x30, [0x06, 0x03, 0x2B, 0x65, 0x70]) + bits(point))
    }

    private static let ecPublicKey: [UInt8] = [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]

    private static func bits(_ content: [UInt8]) -> [UInt8] { element(0x03, [0x00] + content) }

    /// A number that is not negative: without zeros in front, but with one before a high bit.
    private static func integer(_ number: [UInt8]) -> [UInt8] {
        var digits = Array(number.drop { $0 == 0 })
        if digits.isEmpty || digits[0] >= 0x80 { digits.insert(0, at: 0) }
        return element(0x02, digits)
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        guard content.count >= 0x80 else { return [tag, UInt8(content.count)] + content }
        var length: [UInt8] = []
        var rest = content.count
        while rest > 0 {
            length.insert(UInt8(rest & 0xFF), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + content
    }
}
