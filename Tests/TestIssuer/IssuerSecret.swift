import COpenSSL

/// A secret that an issuer shares with the gateway: signs tokens with HMAC.
package struct IssuerSecret: Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// - Parameter algorithm: as a token's header names it.
    package func code(_ message: String, _ algorithm: String = "HS256") -> [UInt8] {
        let digest =
            switch algorithm {
            case "HS384": EVP_sha384()
            case "HS512": EVP_sha512()
            default: EVP_sha256()
            }
        let text = Array(message.utf8)
        var code = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        HMAC(digest, bytes, Int32(bytes.count), text, text.count, &code, &count)
        return Array(code.prefix(Int(count)))
    }

    /// - Parameter more: further members of the header, with a comma before each.
    package func token(_ claims: String, _ algorithm: String = "HS256", header more: String = "") -> String {
        token(header: #"{"alg":"\#(algorithm)"\#(more)}"#, claims, algorithm)
    }

    package func token(header: String, _ claims: String = "{}", _ algorithm: String = "HS256") -> String {
        let input = TokenText.signingInput(header, claims)
        return "\(input).\(TokenText.encode(code(input, algorithm)))"
    }
}
