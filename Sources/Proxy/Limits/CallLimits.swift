import Bytes
import Calls
import Pipeline
import Slots
import Time

// Requests that carry several calls: each is held to the rules of its own route.
extension ProxyCore where Net: ~Copyable {
    /// What a request's body has to say about its calls; nil where the claim can be made.
    mutating func limitCalls(_ calls: CallPlan, _ id: SlotID, with answer: Answer?) -> Verdict {
        switch answer {
        case nil where calls.kind.readsBody: .ask(.body(limit: calls.maxBody), within: .zero)
        case nil: claimCalls(calls, id, body: .empty)
        case .body(let body): claimCalls(calls, id, body: body)
        case .bodyTooLarge: .respond(CallPlan.bodyTooLarge)
        default: preconditionFailure("an answer to another question")
        }
    }

    private mutating func claimCalls(_ calls: CallPlan, _ id: SlotID, body: ByteView) -> Verdict {
        let path = exchanges[id].state.path
        let verdict = callReader.read(
            calls.kind, calls.source(exchanges[id].state.head, path: path, body: body), limits: calls.limits)
        if let refusal = CallPlan.refusal(of: verdict) { return .respond(refusal) }
        let claim = makeClaim(for: id, isShared: storeIsShared)
        guard let refusal = add(calls, path, to: claim, of: id) else {
            return .ask(.takeTokens, within: RateLimitFilter.storeBudget)
        }
        // What was counted so far is not asked for.
        releaseClaim(of: id)
        return .respond(refusal)
    }

    /// Adds all calls that the reader has found. Returns what the client hears where one cannot be.
    private mutating func add(
        _ calls: CallPlan, _ path: ByteView, to claim: SlotID, of id: SlotID
    ) -> LocalResponse? {
        let own = exchanges[id].state.plan
        if callReader.unnamed > 0, let refusal = add(own, callReader.unnamed, claim, id) { return refusal }
        let base = path.prefix(calls.baseEnd(of: path))
        for index in 0..<callReader.count {
            let call = callReader[index]
            guard let plan = route(of: call, behind: base, of: id) else { return CallPlan.foreignCall }
            if plan !== own, let refusal = refusal(ofCallTo: plan, id) { return refusal }
            if let refusal = add(plan, call.times, claim, id) { return refusal }
        }
        return nil
    }

    /// The route that a call would have alone; the request's own where no other leads there. Nil where it
    /// would be refused alone: by its method, say.
    private mutating func route(of call: Call, behind base: ByteView, of id: SlotID) -> RoutePlan? {
        var writer = ByteWriter(callPath.view)
        writer.write(base)
        writer.write("/")
        writer.write(call.name)
        guard !writer.overflowed else { return nil }
        switch exchanges[id].plan.route.table.match(exchanges[id].state.head, path: writer.view) {
        case .found(let plan): return plan
        case .notFound, .unknownHost: return exchanges[id].state.plan
        case .methodNotAllowed, .ambiguousParameters: return nil
        }
    }

    /// A batch must not get its calls where they would not get alone.
    private mutating func refusal(ofCallTo plan: RoutePlan?, _ id: SlotID) -> LocalResponse? {
        guard let plan, let own = exchanges[id].state.plan else { return nil }
        guard plan.leads(where: own), plan.signature == nil else { return CallPlan.foreignCall }
        if let list = plan.addressList, let refusal = list.refusal(of: exchanges[id].state.client) {
            return list.answer(refusal, &exchanges[id].state)
        }
        guard let demand = plan.authentication else { return nil }
        guard let asked = own.authentication, demand.believesAs(asked) else { return CallPlan.foreignCall }
        return demand.refusal(ofCallBy: exchanges[id].state.identity)
    }

    private mutating func add(
        _ plan: RoutePlan?, _ times: Int, _ claim: SlotID, _ id: SlotID
    ) -> LocalResponse? {
        guard let plan, let filter = plan.rateLimit else { return nil }
        let isAdded = filter.add(
            .all, of: exchanges[id].state, route: plan.name.view, times: Int64(times),
            to: &claims[claim].claim)
        return isAdded ? nil : .tooManyLimits
    }
}
