import Bytes

/// A secret that requests are signed with by HMAC-SHA256 (RFC 2104), taken in already. A worker's own.
package final class SigningSecret: Sendable {
    /// Bytes of a secret, at least: as many as the hash has (RFC 2104 §3).
    package static let shortest = 32
    /// Bytes of a code.
    package static let codeLength = 32

    private let key: HMACKey

    package init(_ secret: [UInt8]) { key = HMACKey(secret, .hs256) }

    /// Whether the message has this code. How long it takes says nothing about where codes differ.
    package func matches(_ code: ByteView, of message: ByteView) -> Bool { key.matches(code, of: message) }
}
