import Foundation
import TestIssuer

/// Tokens of one secret.
enum Token {
    static let secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

    static func signed(
        _ claims: String, _ algorithm: String = "HS256", secret: some Sequence<UInt8> = Token.secret.utf8
    ) -> String {
        IssuerSecret(secret).token(claims, algorithm)
    }

    /// Claims that hold for an hour, with more behind.
    static func claims(_ more: String = #""sub":"u1""#, expires: Int = 3600) -> String {
        let now = Int(Date().timeIntervalSince1970)
        return #"{"exp":\#(now + expires)\#(more.isEmpty ? "" : ",")\#(more)}"#
    }

    /// Good for an hour.
    static func good(_ more: String = #""sub":"u1""#) -> String { signed(claims(more)) }
}
