import TLS
import Time

/// TLS by whom it trusts. Contexts are made anew now and then, so that authorities that the system has got
/// or lost since are heard of. Bounded by what the settings name.
struct FetchContexts {
    private struct Entry {
        let context: ClientContext
        let until: Instant
    }

    private var entries: [FetchTrust: Entry] = [:]
    private static let age = Duration.seconds(3600)
    private static let limit = 32

    mutating func context(for trust: FetchTrust, now: Instant) throws(TLSFailure) -> ClientContext {
        if let entry = entries[trust], now < entry.until { return entry.context }
        var material = ClientMaterial()
        switch trust {
        case .system: break
        case .authorities(let bytes): material.authorities = bytes
        }
        let context = try ClientContext(material)
        if entries.count >= Self.limit { entries = [:] }
        entries[trust] = Entry(context: context, until: now + Self.age)
        return context
    }
}
