import Foundation

/// What a token is written with. Nothing here is the gateway's own: a test must not agree with an error.
package enum TokenText {
    /// Base64 for URLs, without padding (RFC 7515 §2).
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    /// What is signed (RFC 7515 §5.1).
    package static func signingInput(_ header: String, _ claims: String) -> String {
        encode(header.utf8) + "." + encode(claims.utf8)
    }

    /// Base64 with padding, in lines of 64 letters, each with its end: what stands between PEM's marks.
    package static func lines(_ bytes: some Sequence<UInt8>) -> String {
        let options: Data.Base64EncodingOptions = [.lineLength64Characters, .endLineWithLineFeed]
        return Data(bytes).base64EncodedString(options: options) + "\n"
    }
}
