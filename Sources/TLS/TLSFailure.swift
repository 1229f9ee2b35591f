import COpenSSL

/// Why TLS did not work, in words for a log line.
package struct TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The peer speaks plain HTTP where TLS is spoken.
        case plainHTTP
        /// The peer's certificate is not to be trusted.
        case unverified
        /// The peer has not followed the protocol, or has nothing in common with this side.
        case refused
        /// The peer has said that it does not want to go on.
        case alert
        /// Something of this side's own: a certificate, a key, memory.
        case own
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// What OpenSSL's queue says of the last call on this thread; empties the queue.
    // SAFETY: the texts are OpenSSL's own constants.
    static func last(otherwise words: String) -> TLSFailure {
        let error = ERR_peek_last_error()
        defer { ERR_clear_error() }
        guard error != 0 else { return TLSFailure(.refused, words) }
        let reason = floodgate_error_reason(error)
        var text = words
        if let said = unsafe ERR_reason_error_string(error) { text = unsafe String(cString: said) }
        switch reason {
        case SSL_R_HTTP_REQUEST: return TLSFailure(.plainHTTP, text)
        case SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return TLSFailure(.unverified, text)
        // Reasons from 1000 on are alerts that came from the peer (ssl.h, SSL_AD_REASON_OFFSET).
        case 1000...: return TLSFailure(.alert, text)
        default: return TLSFailure(.refused, text)
        }
    }
}
