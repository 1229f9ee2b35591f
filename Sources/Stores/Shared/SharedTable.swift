import Bytes
import Synchronization
import Time

/// What every gateway should know and asks at each request: keys with a small value that hold until a time.
/// One per name and process, read by all workers, bounded.
///
/// A change holds at once here. Where Redis is configured, `SharedReplica` carries it to the other gateways
/// and takes in what they have changed; without it, this memory is all there is.
package final class SharedTable: Sendable {
    /// The tables that there are. Their names are part of Redis' keys.
    package enum Name: String, CaseIterable, Sendable {
        case revocations, bans
        /// Counters of limits that operators have reset.
        case resets
        case apiKeys = "apikeys"
    }

    /// What becomes of a new key when the table is full of live ones.
    package enum Overflow: Sendable {
        /// It is not taken in, and who wanted that is told: nothing that holds is forgotten.
        case refuses
        /// The entry of the same stripe that ends first makes room.
        case evictsSoonest
    }

    package struct Limits: Sendable {
        package var entries: Int
        /// Bytes.
        package var longestKey = 256
        package var longestValue = 1024
        package var overflow = Overflow.refuses

        package init(
            entries: Int = 100_000, longestKey: Int = 256, longestValue: Int = 1024,
            overflow: Overflow = .refuses
        ) {
            self.entries = entries
            self.longestKey = longestKey
            self.longestValue = longestValue
            self.overflow = overflow
        }
    }

    /// What became of a `put`.
    package enum Change: Equatable, Sendable {
        case stored
        /// The table has as many live entries as it may.
        case full
        /// Key or value is longer than the table takes.
        case tooLong
        /// It would have ended already.
        case expired
    }

    package struct Entry: Equatable, Sendable {
        package var key: [UInt8]
        package var value: [UInt8]
        package var expires: WallTime

        package init(key: [UInt8], value: [UInt8], expires: WallTime) {
            self.key = key
            self.value = value
            self.expires = expires
        }
    }

    /// For entries that do not end: what nanoseconds can say, the year 2262. Whole in milliseconds, as Redis
    /// counts.
    package static let never = WallTime(nanoseconds: 9_223_372_036_000_000_000)

    private final class Stripe: Sendable {
        /// By a hash of the key that this process alone can make: nobody can choose keys that meet.
        let entries = Mutex<[UInt64: Entry]>([:])
    }

    package let name: Name
    package let limits: Limits
    private static let stripeCount = 64
    private let stripes = (0..<stripeCount).map { _ in Stripe() }
    private let total = Atomic<Int>(0)
    private let changes = Atomic<UInt64>(0)
    /// What is to be told to other gateways; nil where nobody is.
    let outbox: ChangeOutbox?
    private let listener = Mutex<(@Sendable ([UInt8]) -> Void)?>(nil)

    package init(_ name: Name, limits: Limits = Limits(), outbox: ChangeOutbox? = nil) {
        self.name = name
        self.limits = limits
        self.outbox = outbox
    }

    // MARK: Looking

    /// Moves with every change, of this gateway or of another: who remembers what a look-up said need not
    /// look again while it stays.
    package var version: UInt64 { changes.load(ordering: .acquiring) }

    /// Entries, those included that have ended and were not swept yet.
    package var count: Int { total.load(ordering: .acquiring) }

    package func contains(_ key: ByteView, now: WallTime) -> Bool {
        read(key, now: now) { _, _ in true } ?? false
    }

    /// What `body` makes of the value and its end; nil where the key is not there.
    package func read<R>(_ key: ByteView, now: WallTime, _ body: (ByteView, WallTime) -> R) -> R? {
        guard count > 0 else { return nil }
        let place = key.place
        guard let entry = stripe(of: place).entries.withLock({ $0[place] }), entry.expires > now,
            entry.holds(key)
        else { return nil }
        return entry.value.withView { body($0, entry.expires) }
    }

    /// All that hold now, by key. For the control plane.
    package func entries(now: WallTime) -> [Entry] {
        var all: [Entry] = []
        for stripe in stripes {
            all += stripe.entries.withLock { entries in entries.values.filter { $0.expires > now } }
        }
        return all.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    // MARK: Changing

    package func put(
        _ key: ByteView, _ value: ByteView = .empty, expires: WallTime, now: WallTime
    ) -> Change {
        put(key, value, expires: expires, now: now, from: .here)
    }

    /// Says whether there was such an entry.
    @discardableResult
    package func remove(_ key: ByteView) -> Bool { remove(key, from: .here) }

    /// Who has made a change. One from here is told to the others; one from elsewhere gives way to one from
    /// here that they have not heard of yet, for it will reach them later.
    enum Source { case here, elsewhere }

    func put(
        _ key: ByteView, _ value: ByteView, expires: WallTime, now: WallTime, from source: Source
    ) -> Change {
        guard key.count <= limits.longestKey, value.count <= limits.longestValue else { return .tooLong }
        guard expires > now else { return .expired }
        let expires = min(expires, Self.never)
        if isFull { removeExpired(now: now) }
        let place = key.place
        let change = stripe(of: place).entries.withLock { entries -> Change in
            if source == .elsewhere, isWaiting(key) { return .stored }
            if entries[place] == nil {
                guard makeRoom(in: &entries) else { return .full }
                total.add(1, ordering: .releasing)
            }
            entries[place] = Entry(key: key.array(), value: value.array(), expires: expires)
            // Under the lock: of two changes of one key, the later one is told last.
            if source == .here { outbox?.noteChange(of: key.array(), in: name) }
            return .stored
        }
        if change == .stored {
            changes.add(1, ordering: .acquiringAndReleasing)
            if source == .elsewhere, let listener = listener.withLock({ $0 }) { listener(key.array()) }
        }
        return change
    }

    /// Tells of each key that another gateway has put, on the replica's thread.
    package func listen(_ listener: @escaping @Sendable ([UInt8]) -> Void) {
        self.listener.withLock { $0 = listener }
    }

    @discardableResult
    func remove(_ key: ByteView, from source: Source) -> Bool {
        let place = key.place
        let wasThere = stripe(of: place).entries.withLock { entries -> Bool in
            if source == .elsewhere, isWaiting(key) { return false }
            let old = entries.removeValue(forKey: place)
            if old != nil { total.subtract(1, ordering: .releasing) }
            if source == .here { outbox?.noteChange(of: key.array(), in: name) }
            return old != nil
        }
        if wasThere { changes.add(1, ordering: .acquiringAndReleasing) }
        return wasThere
    }

    /// Forgets what has ended. Returns how many that were. Looks at everything: for the control plane, now
    /// and then.
    @discardableResult
    package func removeExpired(now: WallTime) -> Int {
        var removed = 0
        for stripe in stripes {
            removed += stripe.entries.withLock { entries in
                let before = entries.count
                entries = entries.filter { $0.value.expires > now }
                return before - entries.count
            }
        }
        total.subtract(removed, ordering: .releasing)
        return removed
    }

    /// Makes the table what all gateways agree on: these entries, and those changes that they have not heard
    /// of yet. False where not all of them had room.
    func adopt(_ wanted: [Entry], now: WallTime) -> Bool {
        var places: Set<UInt64> = []
        var hasRoom = true
        for entry in wanted where entry.expires > now {
            entry.key.withView { key in
                places.insert(key.place)
                guard !holds(entry) else { return }
                let change = entry.value.withView {
                    put(key, $0, expires: entry.expires, now: now, from: .elsewhere)
                }
                if change == .full { hasRoom = false }
            }
        }
        for stripe in stripes {
            let dropped = stripe.entries.withLock { entries -> Int in
                let before = entries.count
                entries = entries.filter { place, entry in
                    places.contains(place) || outbox?.isWaiting(entry.key, in: name) ?? false
                }
                return before - entries.count
            }
            guard dropped > 0 else { continue }
            total.subtract(dropped, ordering: .releasing)
            changes.add(1, ordering: .acquiringAndReleasing)
        }
        return hasRoom
    }

    private func holds(_ entry: Entry) -> Bool {
        let place = entry.key.withView { $0.place }
        return stripe(of: place).entries.withLock { $0[place] } == entry
    }

    /// What stands under a key now.
    func entry(_ key: [UInt8], now: WallTime) -> Entry? {
        let place = key.withView { $0.place }
        let entry = stripe(of: place).entries.withLock { $0[place] }
        return entry.flatMap { $0.expires > now && $0.key == key ? $0 : nil }
    }

    private func isWaiting(_ key: ByteView) -> Bool { outbox?.isWaiting(key.array(), in: name) ?? false }

    private var isFull: Bool { count >= limits.entries }

    private func makeRoom(in entries: inout [UInt64: Entry]) -> Bool {
        guard isFull else { return true }
        guard limits.overflow == .evictsSoonest,
            let soonest = entries.min(by: { $0.value.expires < $1.value.expires })
        else { return false }
        entries[soonest.key] = nil
        total.subtract(1, ordering: .releasing)
        return true
    }

    private func stripe(of place: UInt64) -> Stripe {
        stripes[Int(truncatingIfNeeded: place >> 58)]
    }
}

extension SharedTable.Entry {
    /// Two keys with one hash practically do not occur; where they did, one must not be taken for the
    /// other.
    fileprivate func holds(_ other: ByteView) -> Bool { key.withView { $0.equals(other) } }
}
