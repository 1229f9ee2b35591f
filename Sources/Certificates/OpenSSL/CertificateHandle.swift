import COpenSSL

/// A certificate in OpenSSL's memory, freed with this object.
// SAFETY: the object alone owns `pointer` and frees it in `deinit`; every call takes it for the call's
// length, while the object is held. After `init` nothing writes to it but OpenSSL's own caches, which it
// locks: any thread may read it.
@safe
package final class CertificateHandle: @unchecked Sendable {
    /// `X509 *`. Whoever keeps it longer than this object takes a reference of its own (`X509_up_ref`).
    @unsafe package let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    /// Nil where the bytes are not one certificate and nothing more.
    init?(der: [UInt8]) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else { return nil }
            if let next = unsafe next, unsafe next - bytes.count == bytes.baseAddress {
                return unsafe certificate
            }
            unsafe X509_free(certificate)
            return nil
        }
        ERR_clear_error()
        guard let parsed = unsafe parsed else { return nil }
        unsafe pointer = parsed
    }

    deinit { unsafe X509_free(pointer) }

    /// The certificate as it goes over the wire.
    var der: [UInt8] {
        let length = unsafe i2d_X509(pointer, nil)
        guard length > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        unsafe bytes.withUnsafeMutableBufferPointer { region in
            var next = region.baseAddress
            _ = unsafe i2d_X509(pointer, &next)
        }
        return bytes
    }

    /// Whether it is named as the other's issuer, may sign, and its key made the other's signature.
    func issued(_ other: CertificateHandle) -> Bool {
        defer { ERR_clear_error() }
        guard unsafe X509_check_issued(pointer, other.pointer) == X509_V_OK else { return false }
        guard let key = unsafe X509_get0_pubkey(pointer) else { return false }
        return unsafe X509_verify(other.pointer, key) == 1
    }

    var isSelfSigned: Bool {
        defer { ERR_clear_error() }
        return unsafe X509_self_signed(pointer, 1) == 1
    }

    var isAuthority: Bool {
        defer { ERR_clear_error() }
        // 1 is a certificate that says so by its basic constraints; above 1 are guesses about old ones.
        return unsafe X509_check_ca(pointer) == 1
    }

    /// 32 bytes.
    var fingerprint: [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard unsafe X509_digest(pointer, EVP_sha256(), &digest, &length) == 1 else { return [] }
        return Array(digest.prefix(Int(length)))
    }
}
