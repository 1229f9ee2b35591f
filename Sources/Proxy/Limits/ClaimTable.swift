import Bytes
import Pipeline
import Redis
import Slots
import Stores
import Time

/// A claim, and who waits for what comes of it.
struct ClaimSlot: ~Copyable {
    var claim: TokenClaim
    /// The exchange that needs it; nil where nobody does any more.
    var exchange: SlotID?
    /// What the exchange waits with; nil where it does not.
    var inquiry: Inquiry?
    /// Commands to Redis whose replies are not here yet.
    var outstanding = 0
    /// A command had no reply that could be read.
    var hasFailed = false
    /// What replies have said, and when the first of their commands was asked.
    var said = CounterStates()
    var asked = Instant.distantFuture
    /// The request was answered before the commands were; and whether it was let through.
    var isDecided = false
    var isAdmitted = false
    /// Buckets whose commands took their tokens, and those whose commands took none, by a bit each.
    var taken: UInt16 = 0
    var refused: UInt16 = 0
    /// Which use of the slot this is; nil while it is free.
    fileprivate var use: UInt32?

    fileprivate init(_ claim: consuming TokenClaim) { self.claim = claim }

    /// Takes in what a command for these buckets was answered with. False where that is no answer to it.
    mutating func read(_ reply: Reply, to members: UInt16, asked: Instant) -> Bool {
        guard TokenCommands.read(reply, members: members, into: &claim.demand, &said) else { return false }
        self.asked = min(self.asked, asked)
        if claim.refuses(members) { refused |= members } else { taken |= members }
        return true
    }
}

/// The claims of a worker. A claim is large, and most live for microseconds: their memory is used again as it
/// is. Names carry the use, so that a late reply finds nothing of somebody else's.
struct ClaimTable: ~Copyable {
    private var slots = SlotTable<ClaimSlot>(minimumCapacity: 8)
    private var free: [SlotID] = []
    /// Where a slot stands in `slots`, by its index.
    private var places: [SlotID?] = []
    private var uses: UInt32 = 0

    /// Free ones that are kept.
    private static let mostFree = 256

    /// Claims in use.
    var count: Int { slots.count - free.count }

    mutating func take(_ table: RateLimitTable, for exchange: SlotID) -> SlotID {
        let place: SlotID
        if let spare = free.popLast() {
            slots[spare].claim.restart(table)
            place = spare
        } else {
            place = slots.insert(ClaimSlot(TokenClaim(table)))
            while places.count <= Int(place.index) { places.append(nil) }
            places[Int(place.index)] = place
        }
        uses = (uses &+ 1) & SlotID.generationMask
        slots[place].exchange = exchange
        slots[place].inquiry = nil
        slots[place].outstanding = 0
        slots[place].hasFailed = false
        slots[place].asked = .distantFuture
        slots[place].isDecided = false
        slots[place].isAdmitted = false
        slots[place].taken = 0
        slots[place].refused = 0
        slots[place].use = uses
        return SlotID(index: place.index, generation: uses)
    }

    func contains(_ id: SlotID) -> Bool {
        guard Int(id.index) < places.count, let place = places[Int(id.index)] else { return false }
        return slots[place].use == id.generation
    }

    subscript(id: SlotID) -> ClaimSlot {
        _read { yield slots[place(of: id)] }
        _modify { yield &slots[place(of: id)] }
    }

    private func place(of id: SlotID) -> SlotID {
        guard contains(id), let place = places[Int(id.index)] else {
            preconditionFailure("no claim has this identity any more")
        }
        return place
    }

    mutating func release(_ id: SlotID, to buffers: inout BufferPool) {
        let place = place(of: id)
        slots[place].claim.giveBack(to: &buffers)
        slots[place].use = nil
        guard free.count >= Self.mostFree else { return free.append(place) }
        places[Int(place.index)] = nil
        _ = slots.remove(place)
    }
}
