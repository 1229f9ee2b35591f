import COpenSSL
import Foundation

/// An issuer's Ed25519 key: makes tokens, and says its public half as a JWK (RFC 8037).
final class IssuerKey: @unchecked Sendable {
    // Unchecked: the key is only read after `init`.
    let kid: String
    private let key: OpaquePointer

    init(_ kid: String) {
        self.kid = kid
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &made) == 1, let made else {
            preconditionFailure("no Ed25519 key")
        }
        key = made
    }

    deinit { EVP_PKEY_free(key) }

    /// The public key.
    var jwk: String {
        var bytes = [UInt8](repeating: 0, count: 32)
        var length = bytes.count
        EVP_PKEY_get_raw_public_key(key, &bytes, &length)
        return #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(kid)","x":"\#(Self.base64URL(bytes))"}"#
    }

    static func set(_ keys: IssuerKey...) -> String {
        #"{"keys":[\#(keys.map(\.jwk).joined(separator: ","))]}"#
    }

    /// A token for `app` that is good for an hour.
    ///
    /// - Parameter claims: Further members, each with a comma before it.
    func token(subject: String, _ claims: String = "") -> String {
        let now = Int(Date().timeIntervalSince1970)
        let header = #"{"alg":"EdDSA","kid":"\#(kid)"}"#
        let payload =
            #"{"iss":"https://id.example.com","aud":"app","sub":"\#(subject)","#
            + #""exp":\#(now + 3600)\#(claims)}"#
        let signed = Self.base64URL(Array(header.utf8)) + "." + Self.base64URL(Array(payload.utf8))
        return signed + "." + Self.base64URL(signature(of: Array(signed.utf8)))
    }

    private func signature(of bytes: [UInt8]) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var length = signature.count
        EVP_DigestSignInit(context, nil, nil, nil, key)
        EVP_DigestSign(context, &signature, &length, bytes, bytes.count)
        return signature
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

extension GatewayProcess {
    /// A gateway that knows tokens by the keys at a port of this machine.
    convenience init(keysAt port: UInt16, before origin: ScriptedOrigin, _ identity: String = "") throws {
        try self.init(
            before: origin, route: "auth: required",
            top: """
                identity:
                  tokens:
                    users:
                      issuers: ["https://id.example.com"]
                      audiences: [app]
                      keys: "http://127.0.0.1:\(port)/jwks.json?secret=s3cret"
                      allow_private: true
                \(identity)
                """)
    }

    /// The status of a request with this token, on a connection of its own.
    func status(bearing token: String, _ path: String = "/") throws -> Int {
        try ask(bearing: token, path).status
    }

    func ask(bearing token: String, _ path: String = "/") throws -> RawResponse {
        let client = try client()
        defer { client.close() }
        return try client.ask("GET \(path) HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer \(token)\r\n\r\n")
    }
}
