import Bytes
import COpenSSL

/// SHA-256 of one piece after another.
// SAFETY: the state is the value's own; views are read for the length of a call.
@safe
package struct SHA256Digest {
    private var state = SHA256_CTX()

    package init() { unsafe floodgate_sha256_begin(&state) }

    package mutating func add(_ bytes: ByteView) {
        unsafe floodgate_sha256_add(&state, bytes.start, bytes.count)
    }

    /// Eight bytes, the highest first, of a number that is not negative: for lengths, so that no two lists of
    /// pieces have one digest.
    package mutating func add(_ number: Int) {
        var bytes = UInt64(number).bigEndian
        unsafe withUnsafeBytes(of: &bytes) { unsafe floodgate_sha256_add(&state, $0.baseAddress, $0.count) }
    }

    /// The 32 bytes of the digest. Ends the state's use.
    package mutating func bytes() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        unsafe floodgate_sha256_end(&state, &digest)
        return digest
    }
}
