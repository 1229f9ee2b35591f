import Bytes
import Pipeline
import Synchronization
import Time

/// Nonces that were seen and requests that are done once, in the memory of this process: for gateways
/// without Redis, and for the time that it is away. One for all workers, bounded in entries and in bytes:
/// what is done and ends soonest makes room, what is begun and nonces never do.
package final class MemoryRecords: Sendable {
    package struct Limits: Sendable {
        package var entries: Int
        /// Bytes of answers that are kept.
        package var bytes: Int

        package init(entries: Int = 200_000, bytes: Int = 64 << 20) {
            self.entries = entries
            self.bytes = bytes
        }
    }

    private struct Record {
        enum Content {
            case nonce
            case begun(owner: UInt64, fingerprint: [UInt8])
            case done(fingerprint: [UInt8], answer: [UInt8])
        }

        var content: Content
        var expires: Instant

        var bytes: Int { if case .done(_, let answer) = content { answer.count } else { 0 } }
        var isDone: Bool { if case .done = content { true } else { false } }
    }

    private struct Stripe {
        var records: [UInt128: Record] = [:]
        /// No record of the stripe ends before this.
        var earliest = Instant.distantFuture
    }

    private final class LockedStripe: Sendable {
        let stripe = Mutex(Stripe())
    }

    private static let stripeCount = 64
    private let stripes = (0..<stripeCount).map { _ in LockedStripe() }
    private let limits: Limits
    private let entries = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    /// The stripe that makes room next.
    private let hand = Atomic<Int>(0)

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Records there are, and bytes of the answers among them.
    package var size: (entries: Int, bytes: Int) {
        (entries.load(ordering: .relaxed), bytes.load(ordering: .relaxed))
    }

    /// The answer, at once.
    package func answer(_ operation: StoreQuestion.Operation, now: Instant) -> StoreAnswer {
        switch operation {
        case .once(let key, let lasts): once(key, lasts: lasts, now: now)
        case .begin(let key, let fingerprint, let owner, let lease):
            begin(key, fingerprint: fingerprint, owner: owner, lease: lease, now: now)
        case .finish(let key, let owner, let answer, let lasts):
            finish(key, owner: owner, answer: answer, lasts: lasts, now: now)
        case .abandon(let key, let owner): abandon(key, owner: owner, now: now)
        }
    }

    private func once(_ key: ByteView, lasts: Duration, now: Instant) -> StoreAnswer {
        let place = Self.place(of: key, kind: 0)
        return withStripe(of: place) { stripe in
            if let record = stripe.records[place], record.expires > now { return .seen }
            guard insert(Record(content: .nonce, expires: now + lasts), at: place, in: &stripe, now: now)
            else { return .full }
            return .first
        }
    }

    private func begin(
        _ key: ByteView, fingerprint: ByteView, owner: UInt64, lease: Duration, now: Instant
    ) -> StoreAnswer {
        let place = Self.place(of: key, kind: 1)
        let fingerprint = fingerprint.array()
        if entries.load(ordering: .relaxed) >= limits.entries { makeRoom(entries: 1, bytes: 0, now: now) }
        return withStripe(of: place) { stripe in
            if let record = stripe.records[place], record.expires > now {
                switch record.content {
                case .begun(_, let fingerprint): return .inProgress(fingerprint: fingerprint)
                case .done(let fingerprint, let answer):
                    return .done(fingerprint: fingerprint, answer: answer)
                case .nonce: break
                }
            }
            let record = Record(
                content: .begun(owner: owner, fingerprint: fingerprint), expires: now + lease)
            return insert(record, at: place, in: &stripe, now: now) ? .started : .full
        }
    }

    private func finish(
        _ key: ByteView, owner: UInt64, answer: ByteView, lasts: Duration, now: Instant
    ) -> StoreAnswer {
        let place = Self.place(of: key, kind: 1)
        let answer = answer.array()
        makeRoom(entries: 0, bytes: answer.count, now: now)
        return withStripe(of: place) { stripe in
            guard let record = stripe.records[place], record.expires > now,
                case .begun(owner, let fingerprint) = record.content
            else { return .finished(false) }
            let done = Record(
                content: .done(fingerprint: fingerprint, answer: answer), expires: now + lasts)
            if insert(done, at: place, in: &stripe, now: now) { return .finished(true) }
            // No room for the answer: that there was one still holds.
            stripe.records[place] = Record(
                content: .done(fingerprint: fingerprint, answer: []), expires: now + lasts)
            return .full
        }
    }

    private func abandon(_ key: ByteView, owner: UInt64, now: Instant) -> StoreAnswer {
        let place = Self.place(of: key, kind: 1)
        return withStripe(of: place) { stripe in
            guard let record = stripe.records[place], record.expires > now,
                case .begun(owner, _) = record.content
            else { return .finished(false) }
            stripe.records[place] = nil
            entries.subtract(1, ordering: .relaxed)
            return .finished(true)
        }
    }

    /// Forgets what has ended. For housekeeping, now and then: looks at everything.
    package func removeExpired(now: Instant) {
        for index in stripes.indices {
            stripes[index].stripe.withLock { removeExpired(from: &$0, now: now) }
        }
    }

    // MARK: Room

    /// Records of one stripe that make room at once: one for each new one would have the stripe looked
    /// through each time.
    private static let forgottenAtOnce = 8

    /// Forgets what is done and ends soonest, one stripe after the other, until there is room. What is left
    /// undone is refused later.
    private func makeRoom(entries wanted: Int, bytes length: Int, now: Instant) {
        for _ in 0..<Self.stripeCount {
            guard
                entries.load(ordering: .relaxed) + wanted > limits.entries
                    || bytes.load(ordering: .relaxed) + length > limits.bytes
            else { return }
            let turn = hand.add(1, ordering: .relaxed).newValue
            let needsBytes = bytes.load(ordering: .relaxed) + length > limits.bytes
            stripes[turn & (Self.stripeCount - 1)].stripe.withLock { stripe in
                removeExpired(from: &stripe, now: now)
                let done = stripe.records.filter { $0.value.isDone && (!needsBytes || $0.value.bytes > 0) }
                for place in done.sorted(by: { $0.value.expires < $1.value.expires })
                    .prefix(Self.forgottenAtOnce).map(\.key)
                {
                    forget(place, in: &stripe)
                }
            }
        }
    }

    private func forget(_ place: UInt128, in stripe: inout Stripe) {
        guard let record = stripe.records.removeValue(forKey: place) else { return }
        entries.subtract(1, ordering: .relaxed)
        bytes.subtract(record.bytes, ordering: .relaxed)
    }

    // MARK: Stripes

    /// Puts a record in place of whatever stands there. False where there is no room for it.
    private func insert(
        _ record: Record, at place: UInt128, in stripe: inout Stripe, now: Instant
    ) -> Bool {
        if isFull(for: record), stripe.earliest <= now { removeExpired(from: &stripe, now: now) }
        let old = stripe.records[place]
        let grows = record.bytes - (old?.bytes ?? 0)
        guard old != nil || entries.load(ordering: .relaxed) < limits.entries,
            bytes.load(ordering: .relaxed) + grows <= limits.bytes
        else { return false }
        if old == nil { entries.add(1, ordering: .relaxed) }
        bytes.add(grows, ordering: .relaxed)
        stripe.records[place] = record
        stripe.earliest = min(stripe.earliest, record.expires)
        return true
    }

    private func isFull(for record: Record) -> Bool {
        entries.load(ordering: .relaxed) >= limits.entries
            || bytes.load(ordering: .relaxed) + record.bytes > limits.bytes
    }

    private func removeExpired(from stripe: inout Stripe, now: Instant) {
        guard stripe.earliest <= now else { return }
        let kept = stripe.records.filter { $0.value.expires > now }
        entries.subtract(stripe.records.count - kept.count, ordering: .relaxed)
        let freed =
            stripe.records.values.reduce(0) { $0 + $1.bytes } - kept.values.reduce(0) { $0 + $1.bytes }
        bytes.subtract(freed, ordering: .relaxed)
        stripe.records = kept
        stripe.earliest = kept.values.map(\.expires).min() ?? .distantFuture
    }

    private func withStripe(of place: UInt128, _ body: (inout Stripe) -> StoreAnswer) -> StoreAnswer {
        stripes[Int(truncatingIfNeeded: place >> 122)].stripe.withLock { body(&$0) }
    }

    /// A key as this process alone can make it: what clients choose does not gather in one place.
    private static func place(of key: ByteView, kind: UInt8) -> UInt128 {
        key.fingerprint ^ UInt128(kind)
    }
}
