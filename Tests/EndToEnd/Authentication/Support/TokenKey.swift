import COpenSSL
import Foundation

/// A pair of keys that is made for the test: signs tokens as an issuer does.
final class TokenKey: @unchecked Sendable {
    // Unchecked: OpenSSL's keys may be read by many threads.
    private let key: OpaquePointer

    private init(_ type: String, _ set: (OpaquePointer) -> Int32) {
        let context = EVP_PKEY_CTX_new_from_name(nil, type, nil)!
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        precondition(EVP_PKEY_keygen_init(context) == 1 && set(context) == 1)
        precondition(EVP_PKEY_generate(context, &made) == 1)
        key = made!
    }

    deinit { EVP_PKEY_free(key) }

    static func rsa(bits: Int = 2048) -> TokenKey {
        TokenKey("RSA") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, Int32(bits)) }
    }
    static func ec(_ curve: String) -> TokenKey {
        TokenKey("EC") { EVP_PKEY_CTX_set_group_name($0, curve) }
    }
    static func ed25519() -> TokenKey { TokenKey("ED25519") { _ in 1 } }

    /// The DER of a SubjectPublicKeyInfo.
    var der: Data {
        var start: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &start)
        defer { floodgate_openssl_free(start) }
        return Data(bytes: start!, count: Int(count))
    }

    var pem: String {
        let body = der.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN PUBLIC KEY-----\n\(body)\n-----END PUBLIC KEY-----\n"
    }

    /// The public key as a JWK.
    func jwk(kid: String) -> String {
        let members: String
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_EC:
            let size = (Int(EVP_PKEY_get_bits(key)) + 7) / 8
            let (x, y) = (der.suffix(2 * size).prefix(size), der.suffix(size))
            let curve = #""kty":"EC","crv":"P-\#(EVP_PKEY_get_bits(key))""#
            members = #"\#(curve),"x":"\#(Token.encode(x))","y":"\#(Token.encode(y))""#
        case EVP_PKEY_ED25519:
            members = #""kty":"OKP","crv":"Ed25519","x":"\#(Token.encode(der.suffix(32)))""#
        default:
            members = #""kty":"RSA","n":"\#(Token.encode(number("n")))","e":"\#(Token.encode(number("e")))""#
        }
        return #"{\#(members),"kid":"\#(kid)"}"#
    }

    private func number(_ name: String) -> Data {
        var value: OpaquePointer?
        precondition(EVP_PKEY_get_bn_param(key, name, &value) == 1)
        defer { BN_free(value) }
        var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(value)) + 7) / 8)
        BN_bn2bin(value, &bytes)
        return Data(bytes)
    }

    /// The signature of a text as OpenSSL writes it.
    func rawSignature(_ text: String, _ algorithm: String) -> [UInt8] {
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
        precondition(EVP_DigestSignInit(context, &settings, digest, nil, key) == 1)
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

    /// The signature in the form of RFC 7518.
    func signature(_ text: String, _ algorithm: String) -> [UInt8] {
        let raw = rawSignature(text, algorithm)
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_EC else { return raw }
        return Self.joined(raw, size: (Int(EVP_PKEY_get_bits(key)) + 7) / 8)
    }

    /// r and s of a DER signature, each with `size` bytes (RFC 7518 §3.4).
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

    func token(_ claims: String, _ algorithm: String, header more: String = "") -> String {
        let input = Token.input(#"{"alg":"\#(algorithm)"\#(more)}"#, claims)
        return "\(input).\(Token.encode(signature(input, algorithm)))"
    }
}

/// Tokens of a secret, and parts of tokens.
enum Token {
    static let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    static func input(_ header: String, _ claims: String) -> String {
        encode(header.utf8) + "." + encode(claims.utf8)
    }

    static func code(_ text: String, _ algorithm: String, secret: some Sequence<UInt8>) -> [UInt8] {
        let digest =
            switch algorithm {
            case "HS384": EVP_sha384()
            case "HS512": EVP_sha512()
            default: EVP_sha256()
            }
        var code = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        let (key, message) = (Array(secret), Array(text.utf8))
        HMAC(digest, key, Int32(key.count), message, message.count, &code, &count)
        return Array(code.prefix(Int(count)))
    }

    static func signed(
        _ claims: String, _ algorithm: String = "HS256", header: String? = nil,
        secret: some Sequence<UInt8> = Token.secret.utf8
    ) -> String {
        let input = input(header ?? #"{"alg":"\#(algorithm)"}"#, claims)
        return "\(input).\(encode(code(input, algorithm, secret: secret)))"
    }

    /// Claims that hold for an hour, with more behind.
    static func claims(_ more: String = #""sub":"u1""#, expires: Int = 3600) -> String {
        let now = Int(Date().timeIntervalSince1970)
        return #"{"exp":\#(now + expires)\#(more.isEmpty ? "" : ",")\#(more)}"#
    }

    /// Good for an hour.
    static func good(_ more: String = #""sub":"u1""#) -> String { signed(claims(more)) }
}
