import Settings
import Time

extension RateLimitSettings {
    package static let section = Section(
        "A limit on requests, by a name that routes list. Refused requests get 429 with Retry-After.",
        initial: RateLimitSettings(),
        fields: counting + handling,
        check: { settings, node, reader in settings.finish(node, &reader) })

    private static let counting: [Field<RateLimitSettings>] = [
        Field(
            "rate", \.rate, .optional(.rate), .exemplary, reload: .live,
            "Requests allowed in a time; beside `plans`, for whoever is on none of them.",
            example: "100 per 15m"),
        Field(
            "plans", \.plans, .planRates, reload: .live,
            "Rates by the user's plan; `unlimited` for no limit.",
            example: "{ free: 10 per 1d, pro: 100 per 1d }"),
        Field(
            "burst", \.burst, .optional(.count(1...1_000_000_000)), reload: .live,
            "Requests allowed at once by gcra; without it the rate's count.", example: "20"),
        Field(
            "algorithm", \.algorithm, .choice, reload: .live,
            "gcra spreads the rate evenly behind a burst; fixed_window begins with its first request.",
            example: "sliding_window"),
        Field(
            "by", \.holders, .limitHolders, reload: .live,
            "Whose requests are counted together; whoever has none of it counts by address.",
            example: "[user, route]"),
        Field(
            "ipv6_prefix", \.ipv6Prefix, .count(32...128), reload: .live,
            "Leading bits of an IPv6 address that count as one client.", example: "64"),
        Field(
            "cost", \.cost, .limitCost, reload: .live,
            "What a request takes: a number, or what a request field says, up to a maximum.",
            example: "{ header: X-Cost, max: 100 }"),
    ]

    private static let handling: [Field<RateLimitSettings>] = [
        Field(
            "exempt", \.exempt, Exemptions.section.kind(), reload: .live,
            "Whom the limit does not hold for.", example: "{ addresses: [10.0.0.0/8], keys: [ci] }"),
        Field(
            "dry_run", \.isDry, .bool, reload: .live,
            "Count and tell in the metrics what would be refused, but refuse nothing.", example: "true"),
        Field(
            "on_store_error", \.onStoreError, .choice, reload: .live,
            "While Redis is away: count here against a share of the limit, let all through, or refuse (503).",
            example: "closed"),
        Field(
            "message", \.textBody, .optional(.textBody), reload: .live,
            "Text of a refusal, instead of the gateway's problem+json.",
            example: "\"Too many requests, please try again later\""),
        Field(
            "json", \.jsonBody, .optional(.jsonBody), reload: .live,
            "JSON of a refusal, instead of the gateway's problem+json.",
            example: "{ error: RATE_LIMITED }"),
    ]

    /// Longest time that a burst may take to be allowed again: ten years, far from where counting in
    /// nanoseconds ends.
    private static let longestRefill = Int64(10 * 365 * 86_400) * 1_000_000_000

    private mutating func finish(_ node: DocumentNode, _ reader: inout Reader) {
        let place = reader.path
        func report(_ key: String, _ words: String) {
            reader.report(at: reader.mark(of: place + [.key(key)]), "\(place.text): \(words)")
        }
        if !node.has("rate") {
            if plans.isEmpty, !node.has("plans") {
                reader.report(at: node.mark, "\(place.text): \"rate\" is missing (or \"plans\")")
            }
            if node.has("plans") { rate = nil }
        }
        if burst != nil, algorithm != .gcra {
            report("burst", "a window allows its whole count at once: burst is for gcra")
        }
        for rate in rates where !node.has("burst") || algorithm == .gcra {
            let (refill, overflow) = rate.interval.multipliedReportingOverflow(by: Int64(burst(at: rate)))
            guard algorithm == .gcra, overflow || refill > Self.longestRefill else { continue }
            report(
                node.has("burst") ? "burst" : "rate",
                "at this rate a burst of \(burst(at: rate)) takes more than ten years to be allowed again")
            break
        }
        if case .fixed(let cost) = cost, let least = rates.map({ burst(at: $0) }).min(), cost > least {
            report("cost", "a request that takes \(cost) is never let through: \(least) are allowed at once")
        }
        // The second of the two would silently replace the first.
        if node.has("message"), node.has("json") {
            report("json", "a refusal has a message or json, not both")
        }
    }

    fileprivate var textBody: AnswerBody? {
        get { if case .text = body { body } else { nil } }
        set { body = newValue }
    }

    fileprivate var jsonBody: AnswerBody? {
        get { if case .json = body { body } else { nil } }
        set { body = newValue }
    }
}

extension RateLimitSettings.Exemptions {
    fileprivate static let section = Section(
        "Whom a limit does not hold for.",
        initial: RateLimitSettings.Exemptions(),
        fields: [
            Field(
                "addresses", \.addresses, .list(of: .addressRange, 0...256), reload: .live,
                "Clients by address.", example: "[10.0.0.0/8]"),
            Field(
                "keys", \.keys, .list(of: .name(of: "an API key's owner"), 0...64), reload: .live,
                "Owners of API keys.", example: "[ci]"),
        ])
}

extension Rate {
    /// Nanoseconds that one request takes to be allowed again: rounded up, so that the rate is never beaten.
    package var interval: Int64 {
        let (whole, rest) = period.nanoseconds.quotientAndRemainder(dividingBy: Int64(count))
        return max(1, whole + (rest > 0 ? 1 : 0))
    }
}

extension Kind where Value == [RateLimitSettings.PlanRate] {
    /// A map of plans to rates, in the order of the file.
    fileprivate static var planRates: Kind {
        let rate = Kind<Rate?>.optional(.rate, none: "unlimited")
        return Kind(
            words: "a map of plans to rates",
            schema: .object([
                ("type", .string("object")), ("additionalProperties", rate.schema),
                ("maxProperties", .number("15")),
            ]),
            read: { node, reader in
                guard let entries = reader.entries(of: node, limit: 15) else { return nil }
                return entries.compactMap { entry in
                    reader.within(.key(entry.key), at: entry.value.mark) { reader in
                        guard PlanName.accepts(entry.key) else {
                            reader.report(at: entry.keyMark, "\(entry.key) is not \(PlanName.words)")
                            return nil
                        }
                        guard let read = rate.read(entry.value, &reader) else { return nil }
                        return RateLimitSettings.PlanRate(plan: entry.key, rate: read)
                    }
                }
            },
            write: { plans in
                let pairs = plans.map { plan in
                    "\(YAMLText.scalar(plan.plan)): \(plan.rate.map { Quantity.text($0) } ?? "unlimited")"
                }
                return pairs.isEmpty ? "{}" : "{ " + pairs.joined(separator: ", ") + " }"
            })
    }
}

extension Kind where Value == RateLimitSettings.Cost {
    /// `5`, or `{ header: X-Cost, max: 100 }`.
    fileprivate static var limitCost: Kind {
        let number = Kind<Int>.count(1...1_000_000)
        let field = HeaderCost.section.kind()
        return Kind(
            words: "a whole number from 1 to 1000000, or a map of header and max",
            schema: .object([("anyOf", .array([number.schema, field.schema]))]),
            read: { node, reader in
                guard case .map = node.content else {
                    return number.read(node, &reader).map { .fixed($0) }
                }
                return field.read(node, &reader).map { .header($0.header, max: $0.max) }
            },
            write: { cost in
                switch cost {
                case .fixed(let number): "\(number)"
                case .header(let name, let max): "{ header: \(name), max: \(max) }"
                }
            })
    }
}

/// A cost that a request field says.
private struct HeaderCost: Sendable {
    var header = ""
    var max = 100

    static let section = Section(
        "A cost that a request field says.",
        initial: HeaderCost(),
        fields: [
            Field(
                "header", \.header, .headerName, .required, reload: .live,
                "The field; a request without it takes one.", example: "X-Cost"),
            Field(
                "max", \.max, .count(1...1_000_000), reload: .live,
                "What a request takes at most, and where the field is no number.", example: "100"),
        ])
}
