import Settings

/// One named limit; routes list the names.
package struct RateLimitSettings: Equatable, Sendable {
    /// Whose requests are counted together.
    package enum Key: String, CaseIterable, Sendable {
        /// The client's address; IPv6 by `ipv6Prefix`.
        case ip
        /// One count for all clients of the limit.
        case everyone
    }

    /// What routes call it, and its identity across reloads.
    package var name = ""
    package var rate = Rate(100, per: .seconds(60))
    /// Requests allowed at once. Nil is the rate's count.
    package var burst: Int?
    package var key: Key = .ip
    /// Leading bits of an IPv6 address that count as one client.
    package var ipv6Prefix = 56
    /// The body of a refusal; nil is the gateway's own problem+json.
    package var body: AnswerBody?

    package init() {}

    /// Requests allowed at once.
    package var effectiveBurst: Int { burst ?? rate.count }
}
