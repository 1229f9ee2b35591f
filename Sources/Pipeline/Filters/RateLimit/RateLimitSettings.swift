import Settings
import Time

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

    /// Nanoseconds that one request takes to be allowed again, at least one.
    package var interval: Int64 { max(1, rate.period.nanoseconds / Int64(rate.count)) }

    /// Longest time that a burst may take to be allowed again: ten years, far from where counting in
    /// nanoseconds ends.
    fileprivate static let longestRefill = Int64(10 * 365 * 86_400) * 1_000_000_000
}

extension RateLimitSettings {
    package static let section = Section(
        "A limit on requests, by a name that routes list. Refused requests get 429 with Retry-After.",
        initial: RateLimitSettings(),
        fields: [
            Field(
                "rate", \.rate, .rate, .required, reload: .live,
                "Requests allowed in a time, spread evenly once the burst is used up.", example: "100 per 15m"
            ),
            Field(
                "burst", \.burst, .optional(.count(1...1_000_000_000)), reload: .live,
                "Requests allowed at once; without it the rate's count.", example: "20"),
            Field(
                "by", \.key, .choice, reload: .live, "Whose requests are counted together.", example: "ip"),
            Field(
                "ipv6_prefix", \.ipv6Prefix, .count(32...128), reload: .live,
                "Leading bits of an IPv6 address that count as one client.", example: "64"),
            Field(
                "message", \.textBody, .optional(.textBody), reload: .live,
                "Text of a refusal, instead of the gateway's problem+json.",
                example: "\"Too many requests, please try again later\""),
            Field(
                "json", \.jsonBody, .optional(.jsonBody), reload: .live,
                "JSON of a refusal, instead of the gateway's problem+json.",
                example: "{ error: RATE_LIMITED }"),
        ],
        check: { settings, node, reader in
            let (refill, overflow) = settings.interval.multipliedReportingOverflow(
                by: Int64(settings.effectiveBurst))
            if overflow || refill > longestRefill {
                reader.report(
                    at: reader.mark(of: reader.path + [.key(node.has("burst") ? "burst" : "rate")]),
                    "\(reader.path.text): at this rate a burst of \(settings.effectiveBurst) takes more "
                        + "than ten years to be allowed again")
            }
            // The second of the two would silently replace the first.
            guard node.has("message"), node.has("json") else { return }
            reader.report(
                at: reader.mark(of: reader.path + [.key("json")]),
                "\(reader.path.text): a refusal has a message or json, not both")
        })

    fileprivate var textBody: AnswerBody? {
        get { if case .text = body { body } else { nil } }
        set { body = newValue }
    }

    fileprivate var jsonBody: AnswerBody? {
        get { if case .json = body { body } else { nil } }
        set { body = newValue }
    }
}
