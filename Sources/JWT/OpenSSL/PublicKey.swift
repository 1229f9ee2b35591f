import Bytes
import COpenSSL

/// A public key in OpenSSL's memory.
// SAFETY: the object alone owns `pointer` and frees it in `deinit`; every call takes it for the call's
// length, while the object is held. Nothing writes to it after `init` but OpenSSL's own caches, which it
// locks.
@safe
final class PublicKey: @unchecked Sendable {
    /// `EVP_PKEY *`.
    @unsafe let pointer: OpaquePointer

    enum Kind: Equatable {
        case rsa(bits: Int)
        /// RSA that may be used with PSS only (RFC 4055).
        case rsaPSS(bits: Int)
        case p256, p384, p521
        case ed25519
        case other(String)
    }

    private init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and nothing behind it.
    convenience init?(der: [UInt8]) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let key = unsafe d2i_PUBKEY(nil, &next, bytes.count) else { return nil }
            if let next = unsafe next, unsafe next - bytes.count == bytes.baseAddress { return unsafe key }
            unsafe EVP_PKEY_free(key)
            return nil
        }
        ERR_clear_error()
        guard let parsed = unsafe parsed else { return nil }
        unsafe self.init(owning: parsed)
    }

    /// The key of a certificate; nothing else of the certificate counts.
    convenience init?(certificate der: [UInt8]) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            var next = bytes.baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else { return nil }
            defer { unsafe X509_free(certificate) }
            guard let end = unsafe next, unsafe end - bytes.count == bytes.baseAddress else { return nil }
            return unsafe X509_get_pubkey(certificate)
        }
        ERR_clear_error()
        guard let parsed = unsafe parsed else { return nil }
        unsafe self.init(owning: parsed)
    }

    /// A key of its own with the same value: threads that use one key wait for each other's counting of
    /// references.
    func copy() -> PublicKey {
        if let twin = unsafe EVP_PKEY_dup(pointer) { return unsafe PublicKey(owning: twin) }
        ERR_clear_error()
        unsafe EVP_PKEY_up_ref(pointer)
        return unsafe PublicKey(owning: pointer)
    }

    var kind: Kind {
        let bits = Int(unsafe EVP_PKEY_get_bits(pointer))
        switch unsafe EVP_PKEY_get_base_id(pointer) {
        case EVP_PKEY_RSA: return .rsa(bits: bits)
        case EVP_PKEY_RSA_PSS: return .rsaPSS(bits: bits)
        case EVP_PKEY_ED25519: return .ed25519
        case EVP_PKEY_EC:
            return switch groupName {
            case "prime256v1": .p256
            case "secp384r1": .p384
            case "secp521r1": .p521
            case let name?: .other("an EC key on \(name)")
            // A curve by its numbers: whoever wrote them chose the generator too (CVE-2020-0601).
            case nil: .other("an EC key on a curve without a name")
            }
        case EVP_PKEY_ED448: return .other("a key of Ed448")
        case EVP_PKEY_X25519, EVP_PKEY_X448: return .other("a key for key agreement")
        case EVP_PKEY_DSA: return .other("a DSA key")
        default: return .other("a key of another type")
        }
    }

    private var groupName: String? {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        defer { ERR_clear_error() }
        guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &length) == 1 else { return nil }
        return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
