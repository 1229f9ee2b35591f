import Reactor

/// The shared tables of the process.
package final class SharedTables: Sendable {
    /// Tokens that no longer count, though they are signed and have not ended.
    package let revocations: SharedTable
    /// Addresses that are not served for a while.
    package let bans: SharedTable
    /// API keys by their hashes.
    package let apiKeys: SharedTable
    /// Counters of limits that were reset a moment ago: each gateway's view forgets them.
    package let resets: SharedTable
    let outbox: ChangeOutbox

    package init() throws(SystemError) {
        outbox = try ChangeOutbox()
        revocations = SharedTable(.revocations, outbox: outbox)
        bans = SharedTable(.bans, limits: .init(overflow: .evictsSoonest), outbox: outbox)
        resets = SharedTable(
            .resets, limits: .init(entries: 10_000, overflow: .evictsSoonest), outbox: outbox)
        apiKeys = SharedTable(.apiKeys, limits: .init(longestValue: 2048), outbox: outbox)
    }

    package subscript(name: SharedTable.Name) -> SharedTable {
        switch name {
        case .revocations: revocations
        case .bans: bans
        case .apiKeys: apiKeys
        case .resets: resets
        }
    }
}
