import COpenSSL

/// An issuer's pair of keys, made for the test: signs tokens, and says its public half.
package final class IssuerKey: @unchecked Sendable {
    // Unchecked: OpenSSL's keys may be read by many threads.
    package let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    package static func rsa(bits: Int = 2048) -> IssuerKey {
        make("RSA") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, Int32(bits)) }
    }

    package static func ec(_ curve: String) -> IssuerKey {
        make("EC") { EVP_PKEY_CTX_set_group_name($0, curve) }
    }

    package static func ed25519() -> IssuerKey { make("ED25519") { _ in 1 } }

    /// A key of a type that OpenSSL knows by this name.
    ///
    /// - Parameter set: sets what the type needs; 1 is success.
    package static func make(_ type: String, _ set: (OpaquePointer) -> Int32) -> IssuerKey {
        let context = EVP_PKEY_CTX_new_from_name(nil, type, nil)!
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1 && set(context) == 1)
        precondition(EVP_PKEY_generate(context, &key) == 1)
        return IssuerKey(key!)
    }

    // MARK: The public half

    /// The DER of a SubjectPublicKeyInfo.
    package var der: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(pointer, &start)
        defer { floodgate_openssl_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    package var pem: [UInt8] {
        Array("-----BEGIN PUBLIC KEY-----\n\(TokenText.lines(der))-----END PUBLIC KEY-----\n".utf8)
    }

    /// As a JWK (RFC 7517, RFC 8037 §2).
    ///
    /// - Parameter more: further members, with a comma before each.
    package func jwk(_ more: String = "") -> String {
        let spki = der
        let members: [(String, String)]
        switch EVP_PKEY_get_base_id(pointer) {
        case EVP_PKEY_EC:
            members = [
                ("kty", "EC"), ("crv", "P-\(EVP_PKEY_get_bits(pointer))"),
                ("x", TokenText.encode(spki.suffix(2 * size).prefix(size))),
                ("y", TokenText.encode(spki.suffix(size))),
            ]
        case EVP_PKEY_ED25519:
            members = [("kty", "OKP"), ("crv", "Ed25519"), ("x", TokenText.encode(spki.suffix(32)))]
        default:
            members = [
                ("kty", "RSA"), ("n", TokenText.encode(number("n"))), ("e", TokenText.encode(number("e"))),
            ]
        }
        return "{\(members.map { #""\#($0)":"\#($1)""# }.joined(separator: ","))\(more)}"
    }

    /// Bytes of a number of its size.
    private var size: Int { (Int(EVP_PKEY_get_bits(pointer)) + 7) / 8 }

    private func number(_ name: String) -> [UInt8] {
        var value: OpaquePointer?
        precondition(EVP_PKEY_get_bn_param(pointer, name, &value) == 1)
        defer { BN_free(value) }
        var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(value)) + 7) / 8)
        BN_bn2bin(value, &bytes)
        return bytes
    }

    // MARK: Signing

    /// The signature as OpenSSL writes it: of ECDSA in DER.
    ///
    /// - Parameter algorithm: as a token's header names it.
    package func rawSignature(_ text: String, _ algorithm: String) -> [UInt8] {
        let context = EVP_MD_CTX_new()!
        defer { EVP_MD_CTX_free(context) }
        var settings: OpaquePointer?
        let digest: OpaquePointer? =
            switch algorithm.suffix(3) {
            case "384": EVP_sha384()
            case "512": EVP_sha512()
            case "256": EVP_sha256()
            default: nil
            }
        precondition(EVP_DigestSignInit(context, &settings, digest, nil, pointer) == 1)
        if algorithm.hasPrefix("PS") {
            EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING)
            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST)
        }
        let message = Array(text.utf8)
        var count = 0
        precondition(EVP_DigestSign(context, nil, &count, message, message.count) == 1)
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(EVP_DigestSign(context, &bytes, &count, message, message.count) == 1)
        bytes.removeSubrange(count...)
        return bytes
    }

    /// The signature as a token holds it: of ECDSA r and s, each with the curve's size (RFC 7518 §3.4).
    package func signature(_ text: String, _ algorithm: String) -> [UInt8] {
        let raw = rawSignature(text, algorithm)
        return EVP_PKEY_get_base_id(pointer) == EVP_PKEY_EC ? joined(raw) : raw
    }

    private func joined(_ der: [UInt8]) -> [UInt8] {
        var numbers: [[UInt8]] = []
        var index = der[1] < 0x80 ? 2 : 3
        while index < der.count {
            let length = Int(der[index + 1])
            let digits = Array(der[(index + 2)..<(index + 2 + length)].drop { $0 == 0 })
            numbers.append([UInt8](repeating: 0, count: size - digits.count) + digits)
            index += 2 + length
        }
        return numbers[0] + numbers[1]
    }

    /// - Parameter more: further members of the header, with a comma before each.
    package func token(_ claims: String, _ algorithm: String, header more: String = "") -> String {
        token(header: #"{"alg":"\#(algorithm)"\#(more)}"#, claims, algorithm)
    }

    package func token(header: String, _ claims: String, _ algorithm: String) -> String {
        let input = TokenText.signingInput(header, claims)
        return "\(input).\(TokenText.encode(signature(input, algorithm)))"
    }
}
