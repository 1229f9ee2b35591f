import Bytes
import Time

/// What one worker made of tokens that it has verified, so that the next request with one of them costs a
/// look-up. Bounded in entries, bytes and age, whatever tokens come; a look-up allocates nothing.
///
/// Tokens that were refused are not kept: whoever sends garbage would choose what is in here, and a token
/// that is not yet valid becomes so.
@usableFromInline
package struct TokenCache<Value>: ~Copyable {
    @usableFromInline var table: TokenTable
    @usableFromInline var values: [Value?]
    @usableFromInline let maximumAge: Int64

    package struct Limits: Sendable {
        /// Rounded down to a power of two; eight at least.
        package var entries: Int
        /// Of tokens and what values are said to take.
        package var bytes: Int
        /// How long a token is believed without a look at its signature.
        package var maximumAge: Duration

        package init(entries: Int = 4096, bytes: Int = 8 << 20, maximumAge: Duration = .seconds(300)) {
            self.entries = entries
            self.bytes = bytes
            self.maximumAge = maximumAge
        }
    }

    /// `seed` is random, and nobody else's.
    package init(limits: Limits = Limits(), seed: (UInt64, UInt64)) {
        table = TokenTable(entries: limits.entries, bytes: limits.bytes, seed: seed)
        values = Array(repeating: nil, count: table.slots)
        maximumAge = limits.maximumAge.nanoseconds
    }

    package var count: Int { table.count }
    package var bytes: Int { table.bytes }

    /// What was kept for exactly these bytes, while it may be used.
    @inlinable
    package mutating func find(_ token: ByteView, now: WallTime) -> Value? {
        guard let slot = table.find(token, now: now) else { return nil }
        return values[slot]
    }

    /// Keeps `value` until `expires`, no longer than the greatest age; in the way of others that were not
    /// asked for lately. A token that does not fit is not kept. `cost` are the bytes that the value takes.
    @inlinable
    package mutating func insert(
        _ value: Value, for token: ByteView, cost: Int, expires: WallTime?, now: WallTime
    ) {
        var work = 0
        while let slot = table.slotInTheWay(of: token, cost: cost, now: now, work: &work) {
            values[slot] = nil
            table.clear(slot)
        }
        let deadline = deadline(expires, now)
        guard let slot = table.take(token, cost: cost, expires: deadline, now: now) else { return }
        values[slot] = value
    }

    @usableFromInline
    func deadline(_ expires: WallTime?, _ now: WallTime) -> WallTime {
        let oldest = WallTime(nanoseconds: now.nanoseconds.addingSaturated(maximumAge))
        return expires.map { min($0, oldest) } ?? oldest
    }

    /// Forgets one token.
    @inlinable
    package mutating func remove(_ token: ByteView, now: WallTime) {
        guard let slot = table.find(token, now: now) else { return }
        values[slot] = nil
        table.clear(slot)
    }

    /// Forgets all, at once: for new keys and new rules, under which a token may be no good any more.
    @inlinable
    package mutating func invalidate() { table.invalidate() }
}

extension TokenRules {
    /// When claims that hold now will not hold any more. Nil for never.
    package func deadline(of claims: Claims) -> WallTime? {
        let leeway = self.leeway.nanoseconds
        var deadline = claims.expires?.nanoseconds.addingSaturated(leeway)
        if let maximumAge, let issuedAt = claims.issuedAt {
            let end = issuedAt.nanoseconds.addingSaturated(maximumAge.nanoseconds).addingSaturated(leeway)
            deadline = min(deadline ?? end, end)
        }
        return deadline.map(WallTime.init)
    }
}
