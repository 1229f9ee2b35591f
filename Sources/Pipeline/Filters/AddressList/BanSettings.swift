import Addressing
import Settings

/// Addresses that go on asking for what they do not get are not served for a while.
package struct BanSettings: Equatable, Sendable {
    /// What a banned client is told.
    package enum Status: String, CaseIterable, Sendable {
        case forbidden = "403"
        case tooManyRequests = "429"

        package var number: Int { self == .forbidden ? 403 : 429 }
    }

    /// Statuses that count, whoever gave them: the gateway or a backend.
    package var watch: [Int] = [401, 404, 429]
    package var count = 50
    package var within: Duration = .seconds(60)
    /// How long a ban holds.
    package var ban: Duration = .seconds(600)
    /// Never banned, as trusted proxies are not.
    package var exempt: [AddressRange] = []
    package var status = Status.forbidden
    /// Whether the connections of a banned address are closed too.
    package var closes = true
    /// Leading bits of an IPv6 address that count as one client.
    package var ipv6Prefix = 56

    package init() {}
}

extension BanSettings {
    package static let section = Section(
        """
        Who is not served for a while. A client that gets `count` answers with a watched status at once, or \
        that many in `within` beyond those that fade evenly over it, is banned. Only clients' addresses are \
        counted: trusted proxies are never banned.
        """,
        initial: BanSettings(),
        fields: [
            Field(
                "watch", \.watch, .list(of: .count(400...599), 1...16), reload: .live,
                "Statuses that count, given by the gateway or by a backend.", example: "[401, 404, 429]"),
            Field(
                "count", \.count, .count(2...1_000_000), reload: .live,
                "Such answers that lead to a ban.", example: "50"),
            Field(
                "within", \.within, .duration(.seconds(1)...(.seconds(86_400))), reload: .live,
                "Time in which `count` answers are forgotten, one after the other.", example: "1m"),
            Field(
                "ban", \.ban, .duration(.seconds(1)...(.seconds(30 * 86_400))), reload: .live,
                "How long a ban holds.", example: "10m"),
            Field(
                "exempt", \.exempt, .list(of: .addressRange, 0...1024), reload: .live,
                "Addresses that are never banned.", example: "[10.0.0.0/8]"),
            Field(
                "status", \.status, .choice, reload: .live, "What a banned client is told.", example: "429"),
            Field(
                "close", \.closes, .bool, reload: .live,
                "Whether its connections are closed too, new ones without an answer.", example: "false"),
            Field(
                "ipv6_prefix", \.ipv6Prefix, .count(32...128), reload: .live,
                "Leading bits of an IPv6 address that are banned together.", example: "64"),
        ])
}
