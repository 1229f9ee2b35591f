import Addressing
import Bytes
import Pipeline
import Reactor
import Slots
import Stores
import Telemetry
import Time

// What the worker does where the process runs short: of memory, or of patience with one address.
extension ProxyCore where Net: ~Copyable {
    // MARK: Memory

    /// The control thread has looked at the process' memory.
    package mutating func hear(_ reading: MemoryPressure.Reading) {
        memoryLevel = reading.level
        let (bound, overflow) = buffers.outstandingBytes.addingReportingOverflow(reading.headroom)
        bufferBound = overflow ? .max : bound
        guard memoryLevel > .calm else { return }
        let before = clients.count
        closeQuietClients()
        metrics.add(.connectionsShed, before - clients.count)
    }

    /// Whether there is no memory for a further request: the process is at its limit, or this worker has
    /// taken since the last look what was left to it.
    var isOutOfMemory: Bool {
        @inline(__always) get { memoryLevel == .full || buffers.outstandingBytes > bufferBound }
    }

    // MARK: Addresses

    /// Leading bits of an IPv6 address that count as one client: what a subscriber is given (RFC 6177).
    static var ipv6Prefix: Int { 56 }
    /// Refusals beyond this many at once, and one in each `refusalInterval`, are told nothing.
    static var refusalBurst: Int { 50 }
    static var refusalInterval: Duration { .milliseconds(20) }

    private static func holder(_ address: IPAddress) -> UInt128 {
        (address.isIPv4 ? address : address.masked(to: ipv6Prefix)).bits
    }

    /// Counts a client's connection for its address. Refused where that has as many as it may, or begins
    /// them too fast. Trusted proxies speak for many, and are not counted.
    mutating func enter(_ address: IPAddress) -> Admission {
        guard !plan.clientAddress.isTrusted(address) else { return .uncounted }
        if plan.bans.closes, banLeft(of: address) != nil {
            metrics.add(.refused(.banned))
            return .banned
        }
        if let rate = plan.connectionRate, store.refuses(rate.demand(of: address), now: now) {
            metrics.add(.refused(.addressRate))
            note(.connectionsRefused(address))
            return .refused
        }
        guard let limit = addressLimit else { return .uncounted }
        if limit.counts.enter(Self.holder(address), limit: limit.maximum) { return .counted }
        metrics.add(.refused(.addressLimit))
        refusedAddress = address
        return .refused
    }

    /// A counted connection has ended.
    mutating func leave(_ address: IPAddress) { addressLimit?.counts.leave(Self.holder(address)) }

    enum Admission {
        case counted, uncounted, refused
        /// Not even told: it has been, before it was banned.
        case banned
    }

    /// Whether a refusal may still be told: a flood of them would cost as much as serving.
    mutating func mayTellRefusal() -> Bool {
        let next = max(refusalsTold, now) + Self.refusalInterval
        guard next <= now + Self.refusalInterval * Self.refusalBurst else { return false }
        refusalsTold = next
        return true
    }

    /// Tells a client that its address has too many connections, and ends this one.
    mutating func refuseAddress(_ id: SlotID) {
        let action = clients[id].machine.requestFailed(status: 429)
        refuseHead(id, action, .tooManyConnections, of: clients[id].received.view)
    }
}

/// How many connections one address may have, and the count of all workers.
package struct AddressLimit: Sendable {
    package let counts: ConnectionCounts
    /// At least 1.
    package let maximum: Int

    package init(counts: ConnectionCounts, maximum: Int) {
        self.counts = counts
        self.maximum = maximum
    }
}

extension LocalResponse {
    static let tooManyConnections = LocalResponse(
        status: 429, title: "Too many connections",
        detail: "This address has, or begins, as many connections as it may. Close some, then try again.",
        retryAfter: 1)

    static let outOfMemory = LocalResponse(
        status: 503, title: "Service unavailable",
        detail: "The gateway is short of memory. Try again in a moment.", retryAfter: 5)
}
