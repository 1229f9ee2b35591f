import Bytes

/// What one worker verifies signatures with: OpenSSL's context and memory for signatures in its form.
struct Workshop: ~Copyable {
    private let context = SignatureContext()
    private let memory = Scratch(size: 160)

    func verify(
        _ signature: ByteView, of message: ByteView, _ algorithm: Algorithm, by template: SignatureTemplate
    ) -> Bool {
        switch algorithm {
        case .es256: verify(signature, of: message, by: template, order: EllipticOrder.p256)
        case .es384: verify(signature, of: message, by: template, order: EllipticOrder.p384)
        case .es512: verify(signature, of: message, by: template, order: EllipticOrder.p521)
        case .edDSA: signature.count == 64 && context.verify(signature, of: message, by: template)
        case .hs256, .hs384, .hs512: false
        // OpenSSL takes one that lacks its first byte for the same number where that byte is zero: two
        // signatures of one message, and two texts of one token.
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            signature.count == template.modulusLength
                && context.verify(signature, of: message, by: template)
        }
    }

    /// r and s one behind the other, each as long as the order (RFC 7518 §3.4). Both are more than zero and
    /// less than the order: a verification that forgets to ask takes zeros for anybody's signature
    /// (CVE-2022-21449).
    private func verify(
        _ signature: ByteView, of message: ByteView, by template: SignatureTemplate, order: ByteView
    ) -> Bool {
        let length = order.count
        guard signature.count == 2 * length else { return false }
        let (r, s) = (signature.prefix(length), signature.dropFirst(length))
        guard Self.isInside(r, order), Self.isInside(s, order) else { return false }
        var writer = ByteWriter(memory.view)
        let content = Self.integerCount(r) &+ Self.integerCount(s)
        // At most 138 bytes: with P-521 the length may take a second byte.
        writer.write(0x30)
        if content >= 0x80 { writer.write(0x81) }
        writer.write(UInt8(content))
        Self.write(integer: r, to: &writer)
        Self.write(integer: s, to: &writer)
        return !writer.overflowed && context.verify(writer.view, of: message, by: template)
    }

    private static func isInside(_ number: ByteView, _ order: ByteView) -> Bool {
        leadingZeros(number) < number.count && number.order(order) < 0
    }

    private static func leadingZeros(_ number: ByteView) -> Int {
        var zeros = 0
        while zeros < number.count, number[zeros] == 0 { zeros &+= 1 }
        return zeros
    }

    /// Bytes of a number as an INTEGER of DER, its head included.
    private static func integerCount(_ number: ByteView) -> Int {
        let zeros = leadingZeros(number)
        return 2 &+ number.count &- zeros &+ (number[zeros] >= 0x80 ? 1 : 0)
    }

    private static func write(integer number: ByteView, to writer: inout ByteWriter) {
        writer.write(0x02)
        writer.write(UInt8(integerCount(number) &- 2))
        let digits = number.dropFirst(leadingZeros(number))
        if digits[0] >= 0x80 { writer.write(0x00) }
        writer.write(digits)
    }
}

/// Orders of the curves' groups (FIPS 186-4 §D.1.2), big-endian.
enum EllipticOrder {
    private static let p256Bytes = PinnedBytes([
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ])
    private static let p384Bytes = PinnedBytes([
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37, 0x2D, 0xDF,
        0x58, 0x1A, 0x0D, 0xB2, 0x48, 0xB0, 0xA7, 0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5, 0x29, 0x73,
    ])

    private static let p521Bytes = PinnedBytes([
        0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFA, 0x51, 0x86, 0x87, 0x83, 0xBF, 0x2F, 0x96, 0x6B, 0x7F, 0xCC, 0x01, 0x48, 0xF7, 0x09,
        0xA5, 0xD0, 0x3B, 0xB5, 0xC9, 0xB8, 0x89, 0x9C, 0x47, 0xAE, 0xBB, 0x6F, 0xB7, 0x1E, 0x91, 0x38,
        0x64, 0x09,
    ])

    static var p256: ByteView { p256Bytes.view }
    static var p384: ByteView { p384Bytes.view }
    static var p521: ByteView { p521Bytes.view }
}
