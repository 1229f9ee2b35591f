import Bytes
import Pipeline
import Slots
import Telemetry
import Time

// The two stages of limits: before authentication, and behind it.
extension ProxyCore where Net: ~Copyable {
    /// Limits that need no identity. Where others need one, these are only looked at: all are asked together
    /// later, so that a request which one of them refuses costs nothing of the others.
    mutating func limitByAddress(_ filter: RateLimitFilter, _ id: SlotID, with answer: Answer?) -> Verdict {
        if let answer { return settleTokens(of: id, with: answer) }
        guard filter.isDeferred else {
            let claim = makeClaim(for: id, isShared: storeIsShared)
            add(filter, to: claim, of: id)
            return .ask(.takeTokens, within: RateLimitFilter.storeBudget)
        }
        let claim = makeClaim(for: id, isShared: false)
        _ = filter.add(
            .early, of: exchanges[id].state, route: routeName(of: id), to: &claims[claim].claim)
        store.peek(&claims[claim].claim.demand, now: now)
        guard claims[claim].claim.refusal != nil else {
            releaseClaim(of: id)
            return .next
        }
        return settleTokens(of: id, with: .tokens(.denied))
    }

    /// All limits of a route with some that count users, and those of every call of a batch.
    mutating func limitByUser(_ filter: RateLimitFilter, _ id: SlotID, with answer: Answer?) -> Verdict {
        switch answer {
        case .tokens, .expired: return settleTokens(of: id, with: answer ?? .expired)
        default: break
        }
        if let calls = filter.calls { return limitCalls(calls, id, with: answer) }
        let claim = makeClaim(for: id, isShared: storeIsShared)
        add(filter, to: claim, of: id)
        return .ask(.takeTokens, within: RateLimitFilter.storeBudget)
    }

    /// A route's own rules fit into a claim: settings hold them to that.
    private mutating func add(_ filter: RateLimitFilter, to claim: SlotID, of id: SlotID) {
        let isAdded = filter.add(
            .all, of: exchanges[id].state, route: routeName(of: id), to: &claims[claim].claim)
        precondition(isAdded, "a route has no more rules than a claim has room for")
    }

    private func routeName(of id: SlotID) -> ByteView { exchanges[id].state.plan?.name.view ?? .empty }

    // MARK: Claims

    mutating func makeClaim(for id: SlotID, isShared: Bool) -> SlotID {
        releaseClaim(of: id)
        let claim = claims.take(exchanges[id].plan.limits, for: id)
        if isShared, let plan = storePlan {
            claims[claim].claim.keepTexts(
                in: buffers.take(holding: TokenClaim.longestTexts), prefix: plan.prefix)
        }
        exchanges[id].claim = claim
        return claim
    }

    /// The exchange needs its claim no longer. Replies that are under way still find it.
    mutating func releaseClaim(of id: SlotID) {
        guard let claim = exchanges[id].claim else { return }
        exchanges[id].claim = nil
        claims[claim].exchange = nil
        claims[claim].inquiry = nil
        if claims[claim].outstanding == 0 { claims.release(claim, to: &buffers) }
    }

    /// What the answer tells of the exchange's limits. Valid until the next call.
    mutating func limitLines(of id: SlotID) -> LimitLines {
        guard let claim = exchanges[id].claim else { return .none }
        let fields = exchanges[id].plan.limitFields
        var writer = ByteWriter(limitTexts.view)
        fields.write(&claims[claim].claim, at: wallTime, to: &writer)
        let length = writer.count
        RateLimitFields.write(violatedOf: &claims[claim].claim, to: &writer)
        precondition(!writer.overflowed, "settings bound what is told of limits")
        return LimitLines(fields, lines: writer.view.prefix(length), violated: writer.view.dropFirst(length))
    }

    // MARK: Answers

    /// The store has answered, or has not in time.
    private mutating func settleTokens(of id: SlotID, with answer: Answer) -> Verdict {
        guard let claim = exchanges[id].claim else { preconditionFailure("who asked for tokens has a claim") }
        let tokens: TokenAnswer
        if case .tokens(let told) = answer {
            tokens = told
        } else {
            tokens = decideWithoutRest(claim)
        }
        count(tokens, of: claim)
        let verdict = RateLimitFilter.verdict(tokens, of: &claims[claim].claim, &exchanges[id].state)
        // Nobody knows how the limits stand: nothing is told of them.
        if case .unchecked = tokens { claims[claim].claim.demand.removeAll() }
        return verdict
    }

    private mutating func count(_ answer: TokenAnswer, of claim: SlotID) {
        for index in 0..<claims[claim].claim.count {
            let bucket = claims[claim].claim.bucket(index)
            let slot = claims[claim].claim.name(index).slot
            switch (answer, bucket.isShort, bucket.isDry) {
            case (.unchecked, _, _): break
            case (_, true, true): metrics.add(.limit(slot, .deniedDry))
            case (.denied, true, false): metrics.add(.limit(slot, .denied))
            case (.denied, false, _): break
            case (.admitted, _, _):
                metrics.add(.limit(slot, .allowed))
                if bucket.isNear { metrics.add(.limit(slot, .near)) }
            }
        }
    }

    /// A request was refused between the two stages: it has used up what its address may ask for all the
    /// same, or a client without a good token could have its signatures checked for ever.
    mutating func chargeRefusal(of id: SlotID) {
        guard let filter = exchanges[id].state.plan?.rateLimit, filter.isDeferred else { return }
        let claim = makeClaim(for: id, isShared: storeIsShared)
        _ = filter.add(
            .early, of: exchanges[id].state, route: routeName(of: id), to: &claims[claim].claim)
        // Nobody waits for the answer, but the view of this gateway learns from it.
        _ = take(claim, within: RateLimitFilter.storeBudget)
        releaseClaim(of: id)
    }
}

extension TokenDemand.Bucket {
    /// At least four fifths are used up.
    fileprivate var isNear: Bool { remaining &* 5 <= limit }
}
