import COpenSSL

/// A private key in OpenSSL's memory, freed with this object.
// SAFETY: the object alone owns `pointer` and frees it in `deinit`; every call takes it for the call's
// length, while the object is held. After `init` nothing writes to it but OpenSSL's own caches, which it
// locks: any thread may read it.
@safe
package final class KeyHandle: @unchecked Sendable {
    /// `EVP_PKEY *`. Whoever keeps it longer than this object takes a reference of its own
    /// (`EVP_PKEY_up_ref`).
    @unsafe package let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    /// PKCS #8 unencrypted, or the forms of RSA and EC alone; nil for anything else, and for bytes behind it.
    init?(der: [UInt8]) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let key = unsafe d2i_AutoPrivateKey(nil, &next, bytes.count) else { return nil }
            if let next = unsafe next, unsafe next - bytes.count == bytes.baseAddress { return unsafe key }
            unsafe EVP_PKEY_free(key)
            return nil
        }
        ERR_clear_error()
        guard let parsed = unsafe parsed else { return nil }
        unsafe pointer = parsed
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// A new key on the curve P-256, from OpenSSL's own randomness.
    static func makeP256() throws(AuthorityError) -> KeyHandle {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else {
            throw .openSSL("preparing a key")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
            unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key
        else { throw .openSSL("making a key") }
        return unsafe KeyHandle(owning: key)
    }

    var algorithm: KeyAlgorithm { unsafe Self.algorithm(of: pointer) }

    static func algorithm(of key: OpaquePointer) -> KeyAlgorithm {
        let bits = Int(unsafe EVP_PKEY_get_bits(key))
        return switch unsafe EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_EC: .ecdsa(bits: bits)
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: .rsa(bits: bits)
        case EVP_PKEY_ED25519: .ed25519
        default: .other(bits: bits)
        }
    }

    func matches(_ certificate: CertificateHandle) -> Bool {
        defer { ERR_clear_error() }
        guard let other = unsafe X509_get0_pubkey(certificate.pointer) else { return false }
        return unsafe EVP_PKEY_eq(pointer, other) == 1
    }

    /// PKCS #8 in PEM, unencrypted.
    func pem() throws(AuthorityError) -> String {
        guard let output = MemoryOutput(),
            unsafe PEM_write_bio_PKCS8PrivateKey(output.pointer, pointer, nil, nil, 0, nil, nil) == 1
        else { throw .openSSL("writing a key") }
        return String(decoding: output.bytes(), as: UTF8.self)
    }
}
