import Pipeline
import Slots
import Telemetry

// Requests with one Idempotency-Key: one of them is sent, the others wait here until it is settled.
extension ProxyCore where Net: ~Copyable {
    /// Requests of one worker that may wait for others. What is more is told to come again.
    private static var mostWaiting: Int { 4096 }

    /// A key that was settled here and the workers, by a bit each, that have somebody waiting for it.
    package struct WakeUp {
        package let place: UInt128
        package let workers: UInt64
    }

    mutating func decide(_ filter: IdempotencyFilter, on id: SlotID, with answer: Answer?) -> Verdict {
        // Before the store is asked, not behind it: what is settled in between must not be missed.
        if let request = exchanges[id].state.idempotency, !request.isBeginning {
            request.settlements = turns.settlements
        }
        let decision = filter.decide(
            &exchanges[id].state, owner: random.next(), isShared: storeIsShared, now: now, with: answer)
        if let result = decision.result { metrics.add(.idempotency(result)) }
        if waitingCount > 0, let request = exchanges[id].state.idempotency, !request.isWaiting {
            stopWaiting(id, request)
        }
        return decision.verdict
    }

    /// The exchange waits until the key is settled, or for so long. Nil where it does.
    mutating func waitForTurn(_ id: SlotID, within limit: Duration) -> Answer? {
        guard let request = exchanges[id].state.idempotency else {
            preconditionFailure("who waits has a key")
        }
        guard waitingCount < Self.mostWaiting else { return .crowded }
        guard turns.watch(request.place, worker: index, since: request.settlements) else { return .turn }
        if waiting[request.place, default: []].insert(id).inserted { waitingCount += 1 }
        _ = suspend(id, within: limit)
        return nil
    }

    private mutating func stopWaiting(_ id: SlotID, _ request: IdempotentRequest) {
        guard waiting[request.place]?.remove(id) != nil else { return }
        waitingCount -= 1
        guard waiting[request.place]?.isEmpty == true else { return }
        waiting[request.place] = nil
        turns.leave(request.place, worker: index)
    }

    /// A key was settled, here or on another worker.
    package mutating func keySettled(_ place: UInt128) {
        if waiting[place] != nil { settledKeys.append(place) }
    }

    /// Those that wait for keys that were settled ask the store again. Once a turn, not from where a key is
    /// settled: each of them may settle it anew.
    mutating func wakeWaiting() {
        guard !settledKeys.isEmpty else { return }
        let places = settledKeys
        settledKeys.removeAll(keepingCapacity: true)
        for place in places {
            guard let exchanges = waiting.removeValue(forKey: place) else { continue }
            waitingCount -= exchanges.count
            turns.leave(place, worker: index)
            for id in exchanges { wake(id) }
        }
    }

    private mutating func wake(_ id: SlotID) {
        guard exchanges.contains(id), let inquiry = exchanges[id].inquiry,
            exchanges[id].state.idempotency?.isWaiting == true
        else { return }
        answered(inquiry, .turn)
    }

    // MARK: Settling

    /// Tells the store what has come of a request that had the key: the message that others get, or nothing,
    /// and another may be sent.
    mutating func settleKey(of id: SlotID, keeping message: [UInt8]?) {
        guard let request = exchanges[id].state.idempotency, request.isLeading else { return }
        if let message {
            message.withView { answer in
                tell(
                    .finish(
                        key: request.key.view, owner: request.owner, answer: answer,
                        lasts: request.settings.ttl), of: request)
            }
            metrics.add(.idempotency(message.isEmpty ? .unkept : .kept))
        } else {
            tell(.abandon(key: request.key.view, owner: request.owner), of: request)
            metrics.add(.idempotency(.released))
        }
        request.settle()
        keySettled(request.place)
        let others = turns.settle(request.place) & ~(1 << UInt64(index))
        if others != 0 { wakeUps.append(WakeUp(place: request.place, workers: others)) }
    }

    private mutating func tell(_ operation: StoreQuestion.Operation, of request: IdempotentRequest) {
        tellStore(StoreQuestion(operation, isLocal: request.isLocal))
        // A question that was too late for this gateway may have been heard all the same.
        if request.isLocal, storeIsShared { tellStore(StoreQuestion(operation)) }
    }

    /// The exchange is over: nobody waits for it, or with it, any more.
    mutating func leaveKey(of id: SlotID) {
        guard let request = exchanges[id].state.idempotency else { return }
        settleKey(of: id, keeping: nil)
        if waitingCount > 0 { stopWaiting(id, request) }
    }
}
