import Bytes
import Pipeline
import Redis
import Slots
import Stores
import Telemetry
import Time

// Tokens: out of the memory of this process, or out of Redis, of which that memory is this gateway's view.
extension ProxyCore where Net: ~Copyable {
    /// What a command for tokens is, among the kinds of tickets.
    static var tokenTicket: UInt8 { 0x40 }

    /// Takes the tokens of an exchange's claim. Nil where it waits for Redis.
    mutating func takeTokens(for id: SlotID, within limit: Duration) -> Answer? {
        guard let claim = exchanges[id].claim else { preconditionFailure("who asks for tokens has a claim") }
        let limit = storePlan.map { min(limit, $0.target.timeout) } ?? limit
        if let answer = take(claim, within: limit) { return .tokens(answer) }
        claims[claim].inquiry = suspend(id, within: limit)
        return nil
    }

    /// The answer, where it is there at once. Nil where Redis was asked.
    mutating func take(_ claim: SlotID, within limit: Duration) -> TokenAnswer? {
        guard claims[claim].claim.count > 0 else { return .admitted }
        guard claims[claim].claim.isShared else {
            store.take(&claims[claim].claim.demand, now: now)
            return claims[claim].claim.refusal == nil ? .admitted : .denied
        }
        // What Redis has refused a moment ago it would refuse again.
        store.peek(&claims[claim].claim.demand, now: now)
        if claims[claim].claim.refusal != nil {
            // Redis may have begun anew: others, who do not know what this gateway knows, must not find it
            // empty. Nobody waits for the answer.
            if now < storeIsNewUntil {
                claims[claim].isDecided = true
                askForTokens(claim, by: now + limit)
            }
            return .denied
        }
        askForTokens(claim, by: now + limit)
        guard claims[claim].outstanding == 0 else { return nil }
        let answer = takeWithoutStore(claim)
        // Nobody needs the keys while the request waits for its answer.
        claims[claim].claim.giveBack(to: &buffers)
        return answer
    }

    /// One command for all buckets, or one for each slot of a cluster that has some.
    private mutating func askForTokens(_ claim: SlotID, by deadline: Instant) {
        let all = claims[claim].claim.count
        let hints = store.hints(for: claims[claim].claim.demand, now: now)
        var rest = UInt16(truncatingIfNeeded: (1 << all) - 1)
        while rest != 0 {
            let (slot, members) = neighbours(of: rest.trailingZeroBitCount, among: rest, claim)
            rest &= ~members
            let ticket = Ticket(id: claim.word, number: UInt32(members), kind: Self.tokenTicket)
            // Copied: the session is changed while it is written.
            let isAsked = ask(claim, ticket, slot, by: deadline) { demand, keys, writer in
                TokenCommands.write(demand, members: members, hints: hints, keys: keys, into: &writer)
            }
            if isAsked { claims[claim].outstanding += 1 } else { claims[claim].hasFailed = true }
        }
    }

    /// The slot of a bucket, and all buckets among `rest` that lie there.
    private mutating func neighbours(
        of first: Int, among rest: UInt16, _ claim: SlotID
    ) -> (slot: KeySlot, members: UInt16) {
        guard storeIsDivided else { return (.any, rest) }
        let slot = storeSlot(claims[claim].claim.key(first))
        var members: UInt16 = 0
        for index in first..<claims[claim].claim.count where rest & 1 << UInt16(index) != 0 {
            if storeSlot(claims[claim].claim.key(index)) == slot { members |= 1 << UInt16(index) }
        }
        return (slot, members)
    }

    private mutating func ask(
        _ claim: SlotID, _ ticket: Ticket, _ slot: KeySlot, by deadline: Instant,
        _ write: (borrowing TokenDemand, (Int) -> ByteView, inout CommandWriter) -> Void
    ) -> Bool {
        let demand = claims[claim].claim.demand
        var keys = InlineArray<16, ByteView>(repeating: .empty)
        for index in 0..<demand.count { keys[index] = claims[claim].claim.key(index) }
        return ask(ticket, slot: slot, by: deadline, script: TokenCommands.script) { writer in
            write(demand, { keys[$0] }, &writer)
        }
    }

    // MARK: Replies

    /// A command for tokens has its reply.
    mutating func tokensReplied(_ ticket: Ticket, _ reply: Reply, asked: Instant) {
        let claim = SlotID(word: ticket.id)
        guard ticket.kind & Self.untold == 0, claims.contains(claim) else { return }
        let members = UInt16(truncatingIfNeeded: ticket.number)
        let isRead = claims[claim].read(reply, to: members, asked: asked)
        tokensEnded(claim, hasFailed: !isRead)
    }

    /// A command for tokens will have no reply.
    mutating func tokensEnded(_ ticket: Ticket) {
        let claim = SlotID(word: ticket.id)
        guard ticket.kind & Self.untold == 0, claims.contains(claim) else { return }
        tokensEnded(claim, hasFailed: true)
    }

    private mutating func tokensEnded(_ claim: SlotID, hasFailed: Bool) {
        claims[claim].outstanding -= 1
        if hasFailed { claims[claim].hasFailed = true }
        guard claims[claim].outstanding == 0 else { return }
        let inquiry = claims[claim].inquiry
        claims[claim].inquiry = nil
        let answer = settle(claim)
        claims[claim].claim.giveBack(to: &buffers)
        if let inquiry { return answered(inquiry, .tokens(answer)) }
        if claims[claim].exchange == nil { claims.release(claim, to: &buffers) }
    }

    /// What came of all commands together. The view learns what stays true: what one node of a cluster has
    /// taken where another one has refused, or failed, is given back, all or nothing; and so is what was
    /// taken for a request that had been refused already.
    private mutating func settle(_ claim: SlotID) -> TokenAnswer {
        let (isDecided, isAdmitted) = (claims[claim].isDecided, claims[claim].isAdmitted)
        if claims[claim].refused != 0 {
            learn(claims[claim].refused, of: claim)
            if !isAdmitted { giveBackTaken(of: claim) }
            return .denied
        }
        if isDecided, !isAdmitted {
            giveBackTaken(of: claim)
            return .denied
        }
        let isAwaited = !isDecided && claims[claim].exchange != nil
        let answer = claims[claim].hasFailed && isAwaited ? takeWithoutStore(claim) : .admitted
        learn(claims[claim].taken, of: claim)
        return answer
    }

    /// The request waits no longer: what was answered so far counts, and the rest is asked here.
    mutating func decideWithoutRest(_ claim: SlotID) -> TokenAnswer {
        claims[claim].inquiry = nil
        claims[claim].isDecided = true
        guard claims[claim].refused == 0 else { return .denied }
        let answer = takeWithoutStore(claim)
        if case .admitted = answer { claims[claim].isAdmitted = true }
        return answer
    }

    private mutating func learn(_ members: UInt16, of claim: SlotID) {
        guard members != 0 else { return }
        store.learn(
            claims[claim].claim.demand, claims[claim].said, members: members, asked: claims[claim].asked,
            now: now)
    }

    private mutating func giveBackTaken(of claim: SlotID) {
        let said = claims[claim].said
        var rest = claims[claim].taken
        claims[claim].taken = 0
        while rest != 0 {
            let (slot, members) = neighbours(of: rest.trailingZeroBitCount, among: rest, claim)
            rest &= ~members
            let ticket = Ticket(id: 0, kind: Self.tokenTicket | Self.untold)
            // What is sent is not lost because it is slow.
            _ = ask(claim, ticket, slot, by: now + .seconds(1)) { demand, keys, writer in
                TokenCommands.writeRefund(demand, members: members, said, keys: keys, into: &writer)
            }
        }
    }

    // MARK: Without Redis

    /// What each rule says of a time when Redis cannot be asked. Those that count here do so against this
    /// gateway's share, from what Redis said last: a request costs as many tokens as there are gateways.
    mutating func takeWithoutStore(_ claim: SlotID) -> TokenAnswer {
        var local = TokenDemand()
        var places = InlineArray<16, Int>(repeating: 0)
        // What a node of a cluster has taken before another one failed is taken.
        let taken = claims[claim].taken
        for index in 0..<claims[claim].claim.count where taken & 1 << UInt16(index) == 0 {
            let rule = claims[claim].claim.rule(index)
            switch rule.onStoreError {
            case .local:
                places[local.count] = index
                local.append(claims[claim].claim.bucket(index))
            case .open:
                claims[claim].claim.demand[index].isShort = false
                claims[claim].claim.demand[index].remaining = claims[claim].claim.demand[index].limit
                claims[claim].claim.demand[index].reset = 0
            case .closed where rule.isDry: claims[claim].claim.demand[index].isShort = false
            case .closed:
                metrics.add(.store(.limitsClosed))
                giveBackTaken(of: claim)
                return .unchecked(rule: claims[claim].claim.ruleIndex(index))
            }
        }
        metrics.add(.store(local.count > 0 ? .limitsLocal : .limitsOpen))
        store.take(&local, share: Int64(fleet.size), now: now)
        for index in 0..<local.count { claims[claim].claim.demand[places[index]] = local[index] }
        guard local.refusal != nil else { return .admitted }
        giveBackTaken(of: claim)
        return .denied
    }
}
