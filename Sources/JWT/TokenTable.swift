import Bytes
import Time

/// Which tokens a cache has, and in which slot: sets of eight slots, so that a token is looked for in one
/// line of memory and takes the same work wherever it is.
@usableFromInline
package struct TokenTable: ~Copyable {
    /// Hash of each slot's token, zero where it is empty.
    private var tags: [UInt64]
    private var entries: [Entry]
    private let setMask: UInt64
    private let seed: (UInt64, UInt64)
    private let byteLimit: Int
    /// Ticks with each look-up; who was used least recently gives way.
    private var clock: UInt32 = 0
    private var generation: UInt32 = 0
    /// Where the next entry is thrown out when all together are too large.
    private var hand = 0
    package private(set) var count = 0
    package private(set) var bytes = 0

    private struct Entry {
        var token: [UInt8] = []
        var expires = WallTime(nanoseconds: .min)
        var cost = 0
        var used: UInt32 = 0
        var generation: UInt32 = 0
    }

    private static let ways = 8
    /// Bytes at the end of a token that the hash is made of: its signature, which is the issuer's choice and
    /// nobody else's. No token that verifies is shorter.
    private static let hashed = 64
    /// Bytes that an entry takes besides its token and what the value is said to.
    private static let overhead = 128
    /// Slots that one insertion looks at to make room.
    private static let mostWork = 64

    init(entries: Int, bytes: Int, seed: (UInt64, UInt64)) {
        precondition(entries >= Self.ways && bytes > 0, "a cache of \(entries) entries and \(bytes) bytes")
        let sets = 1 << (Int.bitWidth - 1 - (entries / Self.ways).leadingZeroBitCount)
        tags = Array(repeating: 0, count: sets * Self.ways)
        self.entries = Array(repeating: Entry(), count: sets * Self.ways)
        setMask = UInt64(sets - 1)
        byteLimit = bytes
        // A factor of zero would lose what it is multiplied with.
        self.seed = (seed.0 | 1, seed.1 | 1)
    }

    @usableFromInline package var slots: Int { tags.count }

    /// The slot of a token that may still be used.
    @usableFromInline
    package mutating func find(_ token: ByteView, now: WallTime) -> Int? {
        guard token.count >= Self.hashed else { return nil }
        let hash = hash(token)
        let first = Int(hash & setMask) &* Self.ways
        for slot in first..<first &+ Self.ways where tags[slot] == hash | 1 &<< 63 {
            guard isSame(slot, token), entries[slot].generation == generation,
                now < entries[slot].expires
            else { continue }
            clock &+= 1
            entries[slot].used = clock
            return slot
        }
        return nil
    }

    /// A slot that must be emptied before `token` gets its own: the one that it takes, and others until it
    /// fits. Nil once there is room, or when `work` is used up.
    @usableFromInline
    mutating func slotInTheWay(of token: ByteView, cost: Int, now: WallTime, work: inout Int) -> Int? {
        let target = slot(for: token, now: now)
        if tags[target] != 0 { return target }
        while bytes &+ size(token, cost) > byteLimit, work < Self.mostWork {
            work &+= 1
            hand = (hand &+ 1) % tags.count
            if tags[hand] != 0 { return hand }
        }
        return nil
    }

    @usableFromInline
    mutating func clear(_ slot: Int) {
        guard tags[slot] != 0 else { return }
        bytes &-= entries[slot].cost
        count &-= 1
        tags[slot] = 0
        entries[slot] = Entry()
    }

    /// Takes a token into its slot, which was cleared. Nil where there is no room for it.
    @usableFromInline
    mutating func take(_ token: ByteView, cost: Int, expires: WallTime, now: WallTime) -> Int? {
        let size = size(token, cost)
        guard token.count >= Self.hashed, bytes &+ size <= byteLimit, now < expires else { return nil }
        let slot = slot(for: token, now: now)
        guard tags[slot] == 0 else { return nil }
        clock &+= 1
        tags[slot] = hash(token) | 1 &<< 63
        entries[slot] = Entry(
            token: token.array(), expires: expires, cost: size, used: clock, generation: generation)
        bytes &+= size
        count &+= 1
        return slot
    }

    /// Nothing that is here now is found any more; slots are emptied as they are needed.
    @usableFromInline
    mutating func invalidate() { generation &+= 1 }

    private func size(_ token: ByteView, _ cost: Int) -> Int { token.count &+ cost &+ Self.overhead }

    /// Where a token is or goes to: its own slot, an empty one, one that has run out, the least recently
    /// used.
    private func slot(for token: ByteView, now: WallTime) -> Int {
        guard token.count >= Self.hashed else { return 0 }
        let hash = hash(token)
        let first = Int(hash & setMask) &* Self.ways
        var best = first
        var bestAge: UInt32 = 0
        for slot in first..<first &+ Self.ways {
            if tags[slot] == hash | 1 &<< 63, isSame(slot, token) { return slot }
            let isFree =
                tags[slot] == 0 || entries[slot].expires <= now || entries[slot].generation != generation
            let age = isFree ? .max : clock &- entries[slot].used
            if age > bestAge || slot == first { (best, bestAge) = (slot, age) }
        }
        return best
    }

    /// All bytes, whichever differ: how long it takes tells nobody how much of a token he has guessed.
    private func isSame(_ slot: Int, _ token: ByteView) -> Bool {
        entries[slot].token.withView { known in
            guard known.count == token.count else { return false }
            var difference = SIMD16<UInt8>(repeating: 0)
            var index = 0
            while index &+ 16 <= known.count {
                difference = difference | (known.block(at: index) ^ token.block(at: index))
                index &+= 16
            }
            // The last sixteen, of which some were compared before; a token has at least `hashed`.
            let last = known.count &- 16
            difference = difference | (known.block(at: last) ^ token.block(at: last))
            return (difference .!= all(0)).firstTrue == nil
        }
    }

    /// Sixteen times the same byte. The operators between a vector and a number, or one whose type is
    /// inferred, are not vectorised.
    @inline(__always)
    private func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

    /// Keyed, so that nobody can choose tokens that meet in one set. Each step folds a product of 128 bits.
    private func hash(_ token: ByteView) -> UInt64 {
        let end = token.dropFirst(token.count &- Self.hashed)
        var hash = seed.0 ^ UInt64(token.count)
        var index = 0
        while index < Self.hashed {
            let left = end.eight(at: index) ^ seed.1
            let right = end.eight(at: index &+ 8) ^ hash
            let product = left.multipliedFullWidth(by: right)
            hash = product.high ^ product.low
            index &+= 16
        }
        let product = (hash ^ seed.1).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
