import Addressing
import Bytes
import Settings
import Telemetry
import Time

/// A rate as a rule counts by it.
package struct CountedRate: Sendable {
    package let algorithm: CountingAlgorithm
    package let limit: Int64
    /// Nanoseconds: of one token, or of the window.
    package let interval: Int64
    /// Identity of rule, algorithm, window and plan: counters outlive a reload that leaves these as they are.
    /// The rate may change: what was used stays used.
    package let id: [UInt8]
    /// The same, hashed with the process' seed.
    let seed: Int
    /// What the rate allows in its period, and that in whole seconds, rounded up.
    let quota: Int
    package let seconds: Int
    /// What it allows in the long run.
    let perSecond: Double

    init(_ rate: Rate, of settings: RateLimitSettings, plan: String?) {
        limit = Int64(settings.burst(at: rate))
        let window = Int(rate.period.nanoseconds / 1_000_000)
        let mark: String
        switch settings.algorithm {
        case .gcra:
            algorithm = .gcra
            interval = rate.interval
            mark = "g"
        case .slidingWindow:
            algorithm = .slidingWindow
            interval = rate.period.nanoseconds
            mark = "s\(window)"
        case .fixedWindow:
            algorithm = .fixedWindow
            interval = rate.period.nanoseconds
            mark = "f\(window)"
        }
        let text = "\(settings.name)/\(mark)" + (plan.map { "@\($0)" } ?? "")
        id = Array(text.utf8)
        seed =
            (text + settings.holders.map(\.text).joined(separator: ",") + "\(settings.ipv6Prefix)").hashValue
        quota = rate.count
        seconds = max(1, (window + 999) / 1000)
        perSecond = Double(rate.count) / Double(rate.period.nanoseconds) * 1e9
    }
}

/// One limit as routes use it. Immutable. A reference, for a copy would count one for each of its lists.
package final class RateLimitRule: Sendable {
    enum Cost: Sendable {
        case fixed(Int64)
        case header([UInt8], max: Int64)
    }

    package let name: RuleName
    /// Empty counts all clients together.
    package let parts: [HolderPart]
    let ipv6Prefix: Int
    /// Whether authentication has to come first.
    package let needsIdentity: Bool
    /// Whether it counts by the client's address, and by nothing that a client could choose.
    package let countsAddresses: Bool
    /// The rate for whoever is on none of the plans, where there is one, and those of the plans.
    package let rates: [CountedRate]
    private let ownRate: Int?
    /// Nil is unlimited.
    private let plans: [(name: [UInt8], rate: Int?)]
    /// Of the plans' rates, the one that allows least.
    private let strictest: Int?
    private let cost: Cost
    private let exemptAddresses: AddressSet?
    private let exemptKeys: [[UInt8]]
    package let isDry: Bool
    package let onStoreError: RateLimitSettings.StoreFailure
    /// The operator's own body for refusals.
    package let body: FixedBody?

    package init(_ settings: RateLimitSettings, slot: LimitSlot, body: FixedBody? = nil) {
        name = RuleName(settings.name, slot: slot)
        parts = settings.holders.map(HolderPart.init)
        ipv6Prefix = settings.ipv6Prefix
        needsIdentity = settings.needsIdentity
        countsAddresses = settings.holders == [.ip]
        var rates: [CountedRate] = []
        func add(_ rate: Rate?, plan: String?) -> Int? {
            guard let rate else { return nil }
            rates.append(CountedRate(rate, of: settings, plan: plan))
            return rates.count - 1
        }
        ownRate = add(settings.rate, plan: nil)
        plans = settings.plans.map { (Array($0.plan.utf8), add($0.rate, plan: $0.plan)) }
        strictest = rates.indices.min { rates[$0].perSecond < rates[$1].perSecond }
        self.rates = rates
        cost =
            switch settings.cost {
            case .fixed(let number): .fixed(Int64(number))
            case .header(let name, let max): .header(Array(name.utf8), max: Int64(max))
            }
        exemptAddresses = settings.exempt.addresses.isEmpty ? nil : AddressSet(settings.exempt.addresses)
        exemptKeys = settings.exempt.keys.map { Array($0.utf8) }
        isDry = settings.isDry
        onStoreError = settings.onStoreError
        self.body = body
    }

    /// Which of `rates` holds for the request; nil where it is not limited. Whoever is on no plan of the rule
    /// has the rule's own rate or, where it has none, the strictest of the plans'.
    func rate(for exchange: borrowing ExchangeState) -> Int? {
        if isExempt(exchange) { return nil }
        if !plans.isEmpty, let plan = exchange.userPlan {
            for index in plans.indices where plans[index].name.withView({ plan.view.equals($0) }) {
                return plans[index].rate
            }
        }
        return ownRate ?? strictest
    }

    private func isExempt(_ exchange: borrowing ExchangeState) -> Bool {
        if let exemptAddresses, exemptAddresses.contains(exchange.client) { return true }
        guard !exemptKeys.isEmpty, let identity = exchange.identity, identity.credential == .apiKey else {
            return false
        }
        return exemptKeys.contains { owner in owner.withView { identity.subject.view.equals($0) } }
    }

    /// What the request takes, at least 1. A field that is no number takes the most: who writes nonsense into
    /// it is not to gain by it.
    func cost(of exchange: borrowing ExchangeState) -> Int64 {
        switch cost {
        case .fixed(let number): return number
        case .header(let name, let most):
            for index in 0..<exchange.head.fields.count {
                let field = exchange.head.name(at: index)
                guard name.withView({ field.equalsIgnoringCase($0) }) else { continue }
                let value = exchange.head.value(at: index).decimal().map(Int64.init) ?? most
                return min(max(1, value), most)
            }
            return 1
        }
    }

    /// The bucket that the request belongs to.
    func key(of exchange: borrowing ExchangeState, rate: Int, route: ByteView) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(rates[rate].seed)
        for index in parts.indices {
            parts[index].value(of: exchange, route: route, prefix: ipv6Prefix).hash(into: &hasher)
        }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Bytes of a holder's name, at most: settings bound the names of its parts, and values are 64 at most.
    package static let longestHolder = 512

    /// Names whom the request is counted as: `ip=203.0.113.9`, `user=users|alice,route=chat`, `all`.
    package func write(
        holderOf exchange: borrowing ExchangeState, route: ByteView, to writer: inout ByteWriter
    ) {
        if parts.isEmpty { writer.write("all") }
        for index in parts.indices {
            if index > 0 { writer.write(",") }
            parts[index].value(of: exchange, route: route, prefix: ipv6Prefix)
                .write(as: parts[index], to: &writer)
        }
    }
}

/// All rules of the settings, in their order. One object for each worker.
package final class RateLimitTable: Sendable {
    package let rules: [RateLimitRule]

    package init(_ rules: [RateLimitRule]) { self.rules = rules }
}
