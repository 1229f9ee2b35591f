import Bytes
import COpenSSL

/// Certificates and keys out of PEM text, as OpenSSL's objects.
// SAFETY: every object is owned by who asked for it, and freed by it; a BIO reads the bytes only while they
// are borrowed.
enum PEM {
    /// All certificates of a text, in its order. The caller frees them.
    @unsafe
    static func certificates(_ bytes: [UInt8]) throws(TLSFailure) -> [OpaquePointer] {
        var found: [OpaquePointer] = unsafe []
        unsafe withReader(bytes) { bio in
            while let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) {
                unsafe found.append(certificate)
            }
        }
        ERR_clear_error()
        guard unsafe !found.isEmpty else { throw TLSFailure(.own, "no certificate in the file") }
        return unsafe found
    }

    /// The private key of a text. The caller frees it.
    @unsafe
    static func privateKey(_ bytes: [UInt8]) throws(TLSFailure) -> OpaquePointer {
        var key: OpaquePointer?
        unsafe withReader(bytes) { bio in
            // A key with a passphrase would be asked for on the terminal otherwise.
            unsafe key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key = unsafe key else {
            throw TLSFailure(.own, "no private key: \(TLSFailure.last(otherwise: "not PEM").description)")
        }
        return unsafe key
    }

    private static func withReader(_ bytes: [UInt8], _ body: (OpaquePointer) -> Void) {
        unsafe bytes.withUnsafeBytes { region in
            guard let bio = unsafe BIO_new_mem_buf(region.baseAddress, Int32(clamping: region.count)) else {
                preconditionFailure("no memory to read PEM")
            }
            unsafe body(bio)
            unsafe BIO_free(bio)
        }
    }

    /// Adds all certificates of a text to those that a context trusts.
    @unsafe
    static func trust(_ bytes: [UInt8], in context: OpaquePointer) throws(TLSFailure) {
        let certificates = unsafe try certificates(bytes)
        defer { for index in unsafe certificates.indices { unsafe X509_free(certificates[index]) } }
        let store = unsafe SSL_CTX_get_cert_store(context)
        for index in unsafe certificates.indices {
            guard unsafe X509_STORE_add_cert(store, certificates[index]) == 1 else {
                throw TLSFailure.last(otherwise: "a certificate of the authorities is not usable")
            }
        }
    }

    /// Gives a context its certificate, the chain behind it, and its key.
    @unsafe
    static func use(chain: [UInt8], key: [UInt8], in context: OpaquePointer) throws(TLSFailure) {
        let certificates = unsafe try certificates(chain)
        defer { for index in unsafe certificates.indices { unsafe X509_free(certificates[index]) } }
        let privateKey = unsafe try privateKey(key)
        defer { unsafe EVP_PKEY_free(privateKey) }
        guard unsafe SSL_CTX_use_certificate(context, certificates[0]) == 1 else {
            throw TLSFailure.last(otherwise: "the certificate is not usable")
        }
        // A certificate with the same type of key may have stood here: its chain is not this one's.
        unsafe floodgate_clear_chain(context)
        for index in unsafe certificates.indices.dropFirst() {
            guard unsafe floodgate_add_chain(context, certificates[index]) == 1 else {
                throw TLSFailure.last(otherwise: "a certificate of the chain is not usable")
            }
        }
        guard unsafe SSL_CTX_use_PrivateKey(context, privateKey) == 1,
            unsafe SSL_CTX_check_private_key(context) == 1
        else { throw TLSFailure.last(otherwise: "the key does not belong to the certificate") }
    }
}
