import COpenSSL
import Foundation

/// Tokens and codes that tests sign by themselves.
enum SignedTestToken {
    static let secret = "a secret of tests that is long enough"

    /// A token of HS256 with these claims.
    static func make(_ claims: String) -> String {
        let signed = base64url(Array(#"{"alg":"HS256"}"#.utf8)) + "." + base64url(Array(claims.utf8))
        return signed + "." + base64url(hmac(Array(signed.utf8), secret))
    }

    static func hmac(_ message: [UInt8], _ secret: String) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let key = Array(secret.utf8)
        _ = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &length)
        return code
    }

    static func base64url(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
