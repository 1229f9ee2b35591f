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
        guard exchanges[id].state.head.method != .options else {
            return claimOne(id)
        }
        let path = exchanges[id].state.path
        let verdict = callReader.read(
            calls.kind, calls.source(exchanges[id].state.head, path: path, body: body), limits: calls.limits)
        if let refusal = CallPlan.refusal(of: verdict) { return .respond(refusal) }
        let claim = makeClaim(for: id, isShared: storeIsShared)
        if callReader.unnamed > 0, let refusal = add(exchanges[id].state.plan, callReader.unnamed, claim, id)
        {
            return .respond(refusal)
        }
        let base = path.prefix(calls.baseEnd(of: path))
        for index in 0..<callReader.count {
            let call = callReader[index]
            let plan = route(of: call, behind: base, of: id)
            if plan !== exchanges[id].state.plan, let refusal = refusal(ofCallTo: plan, id) {
                return .respond(refusal)
            }
            if let refusal = add(plan, call.times, claim, id) { return .respond(refusal) }
        }
        return .ask(.takeTokens, within: RateLimitFilter.storeBudget)
    }

    private mutating func claimOne(_ id: SlotID) -> Verdict {
        let claim = makeClaim(for: id, isShared: storeIsShared)
        _ = add(exchanges[id].state.plan, 1, claim, id)
        return .ask(.takeTokens, within: RateLimitFilter.storeBudget)
    }

    /// The route that a call would have alone; the request's own where no other leads there.
    private mutating func route(of call: Call, behind base: ByteView, of id: SlotID) -> RoutePlan? {
        var writer = ByteWriter(callPath.view)
        writer.write(base)
        writer.write("/")
        writer.write(call.name)
        guard !writer.overflowed,
            case .found(let plan) = exchanges[id].plan.route.table.match(
                exchanges[id].state.head, path: writer.view)
        else { return exchanges[id].state.plan }
        return plan
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
