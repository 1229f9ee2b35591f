import Bytes
import COpenSSL

/// A verification by one key and algorithm, begun and never carried out: each token takes a copy. Beginning
/// one looks algorithms up by name, which costs more than some verifications.
// SAFETY: the object alone owns `context` and frees it in `deinit`. After `init` it is only copied from,
// which writes nothing but counters of references, which are atomic.
@safe
final class SignatureTemplate: @unchecked Sendable {
    /// `EVP_MD_CTX *`.
    @unsafe fileprivate let context: OpaquePointer
    /// Bytes of the key's modulus, as long as a signature by RSA is (RFC 8017 §8.1.2, §8.2.2).
    let modulusLength: Int

    /// Nil where OpenSSL does not take the key for this algorithm.
    init?(_ algorithm: Algorithm, key: PublicKey) {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a context") }
        unsafe self.context = context
        modulusLength = Int(unsafe EVP_PKEY_get_size(key.pointer))
        var settings: OpaquePointer?
        let digest = unsafe Self.digest(algorithm)
        let isBegun = unsafe EVP_DigestVerifyInit(context, &settings, digest, nil, key.pointer) == 1
        let isSet = unsafe !algorithm.isPSS || Self.setPSS(settings)
        ERR_clear_error()
        guard isBegun, isSet else { return nil }
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    private static func digest(_ algorithm: Algorithm) -> OpaquePointer? {
        switch algorithm.hash {
        case .sha256: unsafe EVP_sha256()
        case .sha384: unsafe EVP_sha384()
        case .sha512: unsafe EVP_sha512()
        case nil: nil
        }
    }

    /// The salt is as long as the hash, and MGF1 takes the same hash (RFC 7518 §3.5).
    private static func setPSS(_ settings: OpaquePointer?) -> Bool {
        unsafe EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) > 0
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) > 0
    }
}

/// Where one worker carries verifications out, one after another.
// SAFETY: the value alone owns `context`; views are read for the length of a call.
@safe
struct SignatureContext: ~Copyable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a context") }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    func verify(_ signature: ByteView, of message: ByteView, by template: SignatureTemplate) -> Bool {
        guard unsafe EVP_MD_CTX_copy_ex(context, template.context) == 1 else {
            ERR_clear_error()
            return false
        }
        let signatureStart = unsafe signature.start.assumingMemoryBound(to: UInt8.self)
        let messageStart = unsafe message.start.assumingMemoryBound(to: UInt8.self)
        let result = unsafe EVP_DigestVerify(
            context, signatureStart, signature.count, messageStart, message.count)
        if result != 1 { ERR_clear_error() }
        return result == 1
    }
}
