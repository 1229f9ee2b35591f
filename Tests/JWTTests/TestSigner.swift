import Bytes
import COpenSSL
import JWT

/// Signs tokens, as an issuer does: with a key that is made for the test.
final class TestSigner: @unchecked Sendable {
    let key: OpaquePointer

    init(_ key: OpaquePointer) { self.key = key }

    deinit { EVP_PKEY_free(key) }

    static func rsa(bits: Int = 2048) -> TestSigner {
        make("RSA") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, Int32(bits)) }
    }
    static func ec(_ curve: String) -> TestSigner { make("EC") { EVP_PKEY_CTX_set_group_name($0, curve) } }
    static func ed25519() -> TestSigner { make("ED25519") { _ in 1 } }

    static func make(_ type: String, _ set: (OpaquePointer) -> Int32) -> TestSigner {
        let context = EVP_PKEY_CTX_new_from_name(nil, type, nil)!
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1 && set(context) == 1)
        precondition(EVP_PKEY_generate(context, &key) == 1)
        return TestSigner(key!)
    }

    /// The DER of a SubjectPublicKeyInfo.
    var der: [UInt8] {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &start)
        defer { floodgate_openssl_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
    }

    var pem: [UInt8] {
        bytes("-----BEGIN PUBLIC KEY-----\n\(Self.lines(der))-----END PUBLIC KEY-----\n")
    }

    /// Base64 with padding, in lines.
    static func lines(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: bytes.count * 4 / 3 + 4)
        let count = Int(EVP_EncodeBlock(&text, bytes, Int32(bytes.count)))
        var lines = ""
        for start in stride(from: 0, to: count, by: 64) {
            lines += String(decoding: text[start..<min(start + 64, count)], as: UTF8.self) + "\n"
        }
        return lines
    }

    /// The public key as a JWK, with more members behind.
    func jwk(_ more: String = "") -> String {
        let spki = der
        let members: String
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_EC:
            let size = (Int(EVP_PKEY_get_bits(key)) + 7) / 8
            let (x, y) = (Array(spki.suffix(2 * size).prefix(size)), Array(spki.suffix(size)))
            let point = #""x":"\#(Base64URL.encode(x))","y":"\#(Base64URL.encode(y))""#
            members = #""kty":"EC","crv":"P-\#(EVP_PKEY_get_bits(key))",\#(point)"#
        case EVP_PKEY_ED25519:
            members = #""kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(Array(spki.suffix(32))))""#
        default:
            members =
                #""kty":"RSA","n":"\#(Base64URL.encode(number("n")))","#
                + #""e":"\#(Base64URL.encode(number("e")))""#
        }
        return "{\(members)\(more)}"
    }

    private func number(_ name: String) -> [UInt8] {
        var value: OpaquePointer?
        precondition(EVP_PKEY_get_bn_param(key, name, &value) == 1)
        defer { BN_free(value) }
        var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(value)) + 7) / 8)
        BN_bn2bin(value, &bytes)
        return bytes
    }

    /// The signature of `message` in the form of RFC 7518.
    func signature(_ message: [UInt8], _ algorithm: Algorithm) -> [UInt8] {
        let context = EVP_MD_CTX_new()!
        defer { EVP_MD_CTX_free(context) }
        var settings: OpaquePointer?
        let digest: OpaquePointer? =
            switch algorithm {
            case .edDSA: nil
            case .rs384, .ps384, .es384: EVP_sha384()
            case .rs512, .ps512, .es512: EVP_sha512()
            default: EVP_sha256()
            }
        precondition(EVP_DigestSignInit(context, &settings, digest, nil, key) == 1)
        if [.ps256, .ps384, .ps512].contains(algorithm) {
            EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING)
            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST)
        }
        var count = 0
        precondition(EVP_DigestSign(context, nil, &count, message, message.count) == 1)
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(EVP_DigestSign(context, &bytes, &count, message, message.count) == 1)
        bytes.removeSubrange(count...)
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_EC else { return bytes }
        return Self.joined(bytes, size: (Int(EVP_PKEY_get_bits(key)) + 7) / 8)
    }

    /// r and s of a DER signature, each with `size` bytes.
    private static func joined(_ der: [UInt8], size: Int) -> [UInt8] {
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

    func token(_ claims: String, _ algorithm: Algorithm, header more: String = "") -> String {
        token(header: #"{"alg":"\#(algorithm.rawValue)"\#(more)}"#, claims, algorithm)
    }

    func token(header: String, _ claims: String, _ algorithm: Algorithm) -> String {
        let input = signingInput(header, claims)
        return "\(input).\(Base64URL.encode(signature(bytes(input), algorithm)))"
    }
}

func signingInput(_ header: String, _ claims: String) -> String {
    Base64URL.encode(bytes(header)) + "." + Base64URL.encode(bytes(claims))
}

/// Signs with a secret.
struct SecretSigner: Sendable {
    let secret: [UInt8]

    static let standard = SecretSigner(secret: (0..<64).map { UInt8($0) &* 3 &+ 17 })

    func code(_ message: String, _ algorithm: Algorithm = .hs256) -> [UInt8] {
        let digest =
            switch algorithm {
            case .hs384: EVP_sha384()
            case .hs512: EVP_sha512()
            default: EVP_sha256()
            }
        var code = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        HMAC(digest, secret, Int32(secret.count), bytes(message), message.utf8.count, &code, &count)
        return Array(code.prefix(Int(count)))
    }

    func token(_ claims: String, _ algorithm: Algorithm = .hs256, header more: String = "") -> String {
        token(header: #"{"alg":"\#(algorithm.rawValue)"\#(more)}"#, claims, algorithm)
    }

    func token(header: String, _ claims: String = "{}", _ algorithm: Algorithm = .hs256) -> String {
        let input = signingInput(header, claims)
        return "\(input).\(Base64URL.encode(code(input, algorithm)))"
    }

    func keys(kid: String? = nil) throws -> KeySet {
        KeySet(keys: [try VerificationKey(secret: secret, kid: kid.map(bytes))])
    }
}
