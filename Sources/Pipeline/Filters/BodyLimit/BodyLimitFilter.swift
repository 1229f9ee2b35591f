import HTTPModel

/// Refuses a body that is longer than the route takes, as soon as its head tells so. A chunked body is
/// counted while it passes.
package struct BodyLimitFilter: Sendable {
    /// Bytes.
    package let limit: Int

    package init(limit: Int) { self.limit = limit }

    package func decide(_ exchange: inout ExchangeState) -> Verdict {
        guard case .length(let length) = exchange.head.framing, length > limit else { return .next }
        return .respond(BodyLimitFilter.refusal)
    }

    package static let refusal = LocalResponse(
        status: 413, title: "Content too large",
        detail: "The body is longer than this route accepts (max_body).")
}
