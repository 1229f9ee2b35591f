import Bytes

/// Sends clients of a plain listener to the same address by https, where the listener is for that alone.
package enum SecureRedirectFilter {
    package static func decide(_ exchange: borrowing ExchangeState) -> Verdict {
        guard let port = exchange.redirectPort, exchange.head.authority != nil else { return .next }
        // Whoever watches the gateway from a plain port must not need TLS.
        guard !exchange.head.pathBytes.equals("/healthz") else { return .next }
        return .respond(
            LocalResponse(
                status: 308, title: "Permanent redirect", detail: "This address is served by https.",
                content: .secureRedirect(port: port)))
    }
}
