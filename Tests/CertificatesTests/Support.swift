import COpenSSL

@testable import Certificates

/// Times and certificates that the tests share. Every key is made by the test that needs it.
enum Sample {
    /// 2026-03-01 12:00:00 UTC.
    static let now: Int64 = 1_772_366_400
    static let day: Int64 = 86_400

    static func serial(_ last: UInt8 = 1) -> [UInt8] { [UInt8](repeating: 0x11, count: 15) + [last] }

    static func names(_ texts: String...) throws -> [AlternativeName] {
        try texts.map { try AlternativeName(wanted: $0) }
    }

    static func authority(now: Int64 = now) throws -> DevelopmentAuthority {
        try DevelopmentAuthority.make(now: now, serial: serial())
    }

    /// A certificate with fields of the test's choice.
    static func certificate(
        _ name: String = "localhost", key: KeyHandle, issuer: CertificateDraft.Issuer? = nil,
        from: Int64 = now - day, to: Int64 = now + 90 * day,
        extensions: [CertificateDraft.Extension] = [.notAuthority]
    ) throws -> Certificate {
        let draft = CertificateDraft(
            commonName: name, serial: serial(), notBefore: from, notAfter: to, extensions: extensions)
        return Certificate(try draft.signed(key: key, issuer: issuer))
    }

    static func rsaKey(bits: Int32) -> KeyHandle {
        let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1)
        precondition(EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1)
        precondition(EVP_PKEY_generate(context, &key) == 1)
        return KeyHandle(owning: key!)
    }

    static func ed25519Key() -> KeyHandle {
        let context = EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1)
        precondition(EVP_PKEY_generate(context, &key) == 1)
        return KeyHandle(owning: key!)
    }

    /// The same certificate, signed once more with another digest.
    static func signedAgain(_ certificate: Certificate, with key: KeyHandle, _ digest: OpaquePointer?) throws
        -> Certificate
    {
        let copy = CertificateHandle(owning: X509_dup(certificate.handle.pointer)!)
        precondition(X509_sign(copy.pointer, key.pointer, digest) > 0)
        return try CertificateChain(pem: Certificate(copy).pem).leaf
    }

    /// PKCS #8 in PEM, encrypted with a passphrase.
    static func encryptedPEM(_ key: KeyHandle) throws -> String {
        let output = MemoryOutput()!
        precondition(
            PEM_write_bio_PKCS8PrivateKey(
                output.pointer, key.pointer, EVP_aes_128_cbc(), "secret", 6, nil, nil) == 1)
        return String(decoding: output.bytes(), as: UTF8.self)
    }

    /// The form that `openssl ecparam -genkey` and `openssl genrsa -traditional` write.
    static func traditionalPEM(_ key: KeyHandle, encrypted: Bool = false) -> String {
        let output = MemoryOutput()!
        var passphrase = Array("secret".utf8)
        let cipher = encrypted ? EVP_aes_128_cbc() : nil
        precondition(
            PEM_write_bio_PrivateKey_traditional(
                output.pointer, key.pointer, cipher, &passphrase, 6, nil, nil) == 1)
        return String(decoding: output.bytes(), as: UTF8.self)
    }
}

/// The error that `body` throws, or nil.
func failure<R>(_ body: () throws(CertificateError) -> R) -> CertificateError? {
    do throws(CertificateError) { _ = try body() } catch { return error }
    return nil
}
