import Addressing
import Bytes
import Telemetry
import Time

/// When an address is banned, and what it hears then. One object for each worker.
package final class BanPolicy: Sendable {
    private let watched: [Int]
    private let interval: Int64
    private let burst: Int64
    private let exempt: AddressSet
    package let lasts: Duration
    package let closes: Bool
    package let ipv6Prefix: Int
    package let rule: RuleName
    private let status: Int

    /// - Parameter settings: nil bans nobody by itself; operators still may.
    package init(_ settings: BanSettings?) {
        let values = settings ?? BanSettings()
        watched = settings == nil ? [] : values.watch
        interval = max(1, values.within.nanoseconds / Int64(values.count))
        // The one that finds the bucket empty is the last that counts.
        burst = Int64(values.count) - 1
        exempt = AddressSet(values.exempt)
        lasts = values.ban
        closes = values.closes
        ipv6Prefix = values.ipv6Prefix
        status = values.status.number
        rule = RuleName("bans", slot: .unnamed)
    }

    package func watches(_ status: Int) -> Bool {
        guard status >= 400 else { return false }
        for watched in watched where watched == status { return true }
        return false
    }

    package func isExempt(_ address: IPAddress) -> Bool { exempt.contains(address) }

    /// What one watched answer takes from the address' bucket in the counter store.
    package func demand(of address: IPAddress) -> TokenDemand {
        let holder = address.isIPv4 ? address : address.masked(to: ipv6Prefix)
        return TokenDemand(
            TokenDemand.Bucket(of: BanPolicy.subject, for: holder, interval: interval, burst: burst))
    }

    private static let subject = "bans".hashValue

    /// The answer to a banned client, which notes the rule.
    ///
    /// - Parameter left: Nanoseconds that the ban still holds.
    package func answer(left: Int64, _ exchange: inout ExchangeState) -> LocalResponse {
        exchange.refusedBy = rule
        return LocalResponse(
            status: status, title: "Banned",
            detail: "Too many requests of this address were refused. It is served again after a while.",
            rule: rule, retryAfter: max(1, Int((left + 999_999_999) / 1_000_000_000)))
    }
}

/// How bans name whom they hold for: `192.0.2.7`, or `2001:db8:0:100::/56`.
package enum BanKey {
    /// Bytes.
    package static let longest = 64

    package static func write(_ address: IPAddress, ipv6Prefix: Int, to writer: inout ByteWriter) {
        guard !address.isIPv4, ipv6Prefix < 128 else { return writer.write(address) }
        writer.write(address.masked(to: ipv6Prefix))
        writer.write(UInt8(ascii: "/"))
        writer.write(decimal: ipv6Prefix)
    }

    /// The same as text, for operators.
    package static func text(_ address: IPAddress, ipv6Prefix: Int) -> String {
        ByteWriter.text(capacity: longest) { write(address, ipv6Prefix: ipv6Prefix, to: &$0) }
    }
}
