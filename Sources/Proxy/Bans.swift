import Addressing
import Bytes
import Pipeline
import Slots
import Stores
import Telemetry
import Time

// Addresses that are not served for a while.
extension ProxyCore where Net: ~Copyable {
    /// Nanoseconds that a ban of the address still holds; nil where there is none. Costs one load while
    /// nobody is banned.
    @inline(__always)
    func banLeft(of address: IPAddress) -> Int64? {
        bans.count == 0 ? nil : findBan(of: address)
    }

    @inline(never)
    private func findBan(of address: IPAddress) -> Int64? {
        let now = wallTime
        return bans.read(banKey(of: address), now: now) { _, expires in
            max(1, expires.nanoseconds - now.nanoseconds)
        }
    }

    private func banKey(of address: IPAddress) -> ByteView {
        var writer = ByteWriter(banKeys.view)
        BanKey.write(address, ipv6Prefix: plan.bans.ipv6Prefix, to: &writer)
        return writer.view
    }

    /// An exchange has ended: its status may have been one too many. A trusted proxy speaks for many, and a
    /// unix socket's peers have no address.
    @inline(__always)
    mutating func countForBan(_ id: SlotID) {
        guard plan.bans.watches(exchanges[id].status) else { return }
        countWatched(id)
    }

    private mutating func countWatched(_ id: SlotID) {
        let client = exchanges[id].state.client
        guard exchanges[id].state.refusedBy !== exchanges[id].plan.bans.rule,
            exchanges[id].state.localPort != nil || client != exchanges[id].state.peer,
            !plan.clientAddress.isTrusted(client), !plan.bans.isExempt(client)
        else { return }
        guard store.refuses(plan.bans.demand(of: client), now: now), findBan(of: client) == nil else {
            return
        }
        // Its value tells operators what it was for.
        var cause = ByteWriter(banCauses.view)
        cause.write(decimal: exchanges[id].status)
        let end = WallTime(nanoseconds: wallTime.nanoseconds + plan.bans.lasts.nanoseconds)
        let change = bans.put(
            banKey(of: client), cause.view, expires: end, now: wallTime)
        guard change == .stored else { return }
        metrics.add(.bans)
        note(.banned(client, status: exchanges[id].status))
    }
}
