import Bytes
import COpenSSL

/// The 32 bytes of a SHA-256 as a plain value: made and compared without memory of its own.
// SAFETY: the bytes are the value's own, written and read for the length of a call; so is what a view shows.
@safe
package struct SHA256Value: Hashable, Sendable {
    private var bytes = SIMD32<UInt8>()

    package init(of text: ByteView) {
        var state = SHA256_CTX()
        unsafe floodgate_sha256_begin(&state)
        unsafe floodgate_sha256_add(&state, text.start, text.count)
        unsafe withUnsafeMutableBytes(of: &bytes) {
            unsafe floodgate_sha256_end(&state, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// 64 hexadecimal digits; nil for anything else.
    package init?(hexadecimal text: ByteView) {
        guard text.count == 64 else { return nil }
        for index in 0..<32 {
            guard let high = ASCII.hexValue(text[2 * index]), let low = ASCII.hexValue(text[2 * index + 1])
            else { return nil }
            bytes[index] = high << 4 | low
        }
    }

    /// Whether both are the same. How long it takes says nothing about where they differ: for digests of
    /// secrets.
    package func isSame(as other: SHA256Value) -> Bool {
        unsafe withUnsafeBytes(of: bytes) { own in
            unsafe withUnsafeBytes(of: other.bytes) { others in
                unsafe CRYPTO_memcmp(own.baseAddress, others.baseAddress, own.count) == 0
            }
        }
    }

    /// In lower-case hexadecimal, as `sha256sum` writes it; the first bytes alone where fewer are asked for.
    package func write(first length: Int = 32, into writer: inout ByteWriter) {
        for index in 0..<length { writer.write(hexadecimal: UInt64(bytes[index]), width: 2) }
    }

    package var text: String { ByteWriter.text(capacity: 64) { write(into: &$0) } }
}
