import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Reactor
import Slots
import Telemetry
import Time

// The way of a request through the stages, and its end.
extension ProxyCore where Net: ~Copyable {
    /// Lets the stages decide, from the one that the exchange has come to; one that has asked gets its
    /// answer.
    mutating func decide(_ id: SlotID, with first: Answer? = nil) {
        let plan = exchanges[id].plan
        var answer = first
        while let stage = exchanges[id].state.stage {
            let verdict = verdict(of: stage, in: plan, on: id, with: answer)
            answer = nil
            switch verdict {
            case .next:
                exchanges[id].state.stage = stage.next
            case .respond(let response):
                if stage.isBetweenLimits, exchanges[id].claim == nil { chargeRefusal(of: id) }
                if stage == .route, response.status == 400 { metrics.add(.headFault(.path)) }
                // An answer that the operator wrote refuses nobody, whatever its status.
                let isWanted = stage == .fixedAnswer || response.status < 400
                let outcome = Outcome(endedBy: .gateway, in: isWanted ? .done : .policy)
                let isBanned = stage == .addressList && response.rule === plan.bans.rule
                return respond(
                    response, to: id, outcome: outcome, endsConnection: isBanned && plan.bans.closes)
            case .replay(let message):
                return replay(message, to: id)
            case .ask(let question, let limit):
                answer = ask(question, of: id, within: limit)
                // The same stage goes on with what comes back, now or later.
                guard answer != nil else { return }
            }
        }
        exchanges[id].timings.policyDone = now
        forward(id)
    }

    /// One stage's decision. The order is `Stage`'s; a stage that was waiting gets its answer.
    @inline(__always)
    private mutating func verdict(
        of stage: Stage, in plan: GatewayPlan, on id: SlotID, with answer: Answer?
    ) -> Verdict {
        switch stage {
        case .clientAddress:
            return plan.clientAddress.decide(&exchanges[id].state)
        case .requestID:
            return plan.requestID.decide(&exchanges[id].state, time: wallTime, random: &random)
        case .secureRedirect:
            guard exchanges[id].state.redirectPort != nil else { return .next }
            return SecureRedirectFilter.decide(exchanges[id].state)
        case .route:
            let verdict = plan.route.decide(&exchanges[id].state, isReady: drain == .none)
            // Behind the route: health checks are answered as long as anything is.
            guard isOutOfMemory, case .next = verdict else { return verdict }
            metrics.add(.requestsShed)
            return .respond(.outOfMemory)
        case .preflight:
            guard exchanges[id].state.head.method == .options else { return .next }
            return PreflightFilter.decide(exchanges[id].state, exchanges[id].state.plan?.cors)
        case .addressList:
            return decideAddress(of: id, in: plan)
        case .rateLimit:
            guard let filter = exchanges[id].state.plan?.rateLimit else { return .next }
            return limitByAddress(filter, id, with: answer)
        case .bodyLimit:
            return exchanges[id].state.plan?.bodyLimit?.decide(&exchanges[id].state) ?? .next
        case .authentication:
            guard let filter = exchanges[id].state.plan?.authentication else { return .next }
            let answer = planAnswer(answer, for: id)
            let decision = filter.decide(
                &exchanges[id].state, &authenticator, revocations: revocations, keys: apiKeys, now: wallTime,
                with: answer)
            metrics.add(.authentication(decision.result))
            return decision.verdict
        case .userRateLimit:
            guard let filter = exchanges[id].state.plan?.rateLimit, filter.isDeferred else { return .next }
            return limitByUser(filter, id, with: answer)
        case .signature:
            guard let filter = exchanges[id].state.plan?.signature else { return .next }
            let decision = filter.decide(
                &exchanges[id].state, authenticator, now: wallTime, with: answer)
            if let result = decision.result { metrics.add(.authentication(result)) }
            return decision.verdict
        case .idempotency:
            guard let filter = exchanges[id].state.plan?.idempotency else { return .next }
            return decide(filter, on: id, with: answer)
        case .fixedAnswer:
            guard case .fixed(let fixed) = exchanges[id].state.plan?.target else { return .next }
            return .respond(
                LocalResponse(status: fixed.status, title: "", detail: "", content: .fixed(fixed.body)))
        }
    }

    /// Bans, then the gateway's lists of addresses, then the route's.
    @inline(__always)
    private mutating func decideAddress(of id: SlotID, in plan: GatewayPlan) -> Verdict {
        if let left = banLeft(of: exchanges[id].state.client),
            !plan.clientAddress.isTrusted(exchanges[id].state.client)
        {
            metrics.add(.addressRefused(.banned))
            return .respond(plan.bans.answer(left: left, &exchanges[id].state))
        }
        if let list = plan.addressList, let refusal = list.refusal(of: exchanges[id].state.client) {
            metrics.add(.addressRefused(refusal == .denied ? .denied : .notAllowed))
            return .respond(list.answer(refusal, &exchanges[id].state))
        }
        guard let list = exchanges[id].state.plan?.addressList,
            let refusal = list.refusal(of: exchanges[id].state.client)
        else { return .next }
        metrics.add(.addressRefused(refusal == .denied ? .denied : .notAllowed))
        return .respond(list.answer(refusal, &exchanges[id].state))
    }

    /// Asks for a stage. Nil where the exchange has to wait, or is over.
    private mutating func ask(_ question: Question, of id: SlotID, within limit: Duration) -> Answer? {
        switch question {
        case .takeTokens:
            return takeTokens(for: id, within: limit)
        case .body(let limit):
            return hold(bodyOf: id, limit: limit)
        case .keys(let source):
            return askForKeys(of: source, for: id, within: limit)
        case .plan:
            return lookUpPlan(for: id, within: limit)
        case .store(let question):
            return ask(question, for: id, within: limit)
        case .turn:
            return waitForTurn(id, within: limit)
        }
    }

    /// Answers for the upstream.
    mutating func respond(
        _ response: LocalResponse, to id: SlotID, outcome: Outcome, endsConnection: Bool = false
    ) {
        let client = exchanges[id].client
        stopWaiting(id)
        let keepAlive =
            !endsConnection && exchanges[id].phase != .head && mayDropBody(of: id) && mayServeMore(client)
        let persists = clients[client].machine.responseDecided(framing: .length(1), keepAlive: keepAlive)
        let callStatus = callStatus(response, to: id)
        exchanges[id].status = callStatus == nil ? response.status : 200
        exchanges[id].grpcStatus = callStatus
        exchanges[id].outcome = outcome
        exchanges[id].timings.responseHead = now
        let answer = LocalAnswerWriter.write(
            response, as: callStatus, to: exchanges[id].state, persists: persists,
            cors: exchanges[id].cors, securityHeaders: exchanges[id].securityHeaders,
            limits: limitLines(of: id), date: dateLine.bytes(at: wallTime), time: wallTime, into: heads.view)
        releaseClaim(of: id)
        guard clients[client].seat == nil else {
            return respondOnStream(
                heads.view.slice(0, answer.bytes.count), headLength: answer.headLength, to: id)
        }
        guard send(answer.bytes, toClientOf: id) else { return }
        if clients[client].unsent.isEmpty { complete(id) }
    }

    /// Whether a client's connection may carry a further request behind the one in work.
    @inline(__always)
    func mayServeMore(_ client: SlotID) -> Bool {
        clients[client].machine.requests < plan.clients.maxRequestsPerConnection && memoryLevel == .calm
    }

    /// Whether what has not arrived of the request's body is so little that it is read away for the
    /// connection's sake.
    @inline(__always)
    func mayDropBody(of id: SlotID) -> Bool {
        (exchanges[id].requestBody.announced ?? .max) <= clients[exchanges[id].client].machine.dropLimit
    }

    /// The exchange has failed: tells the client as well as it still can.
    mutating func fail(_ id: SlotID, _ failure: Failure) {
        let client = exchanges[id].client
        let outcome = Outcome(endedBy: failure.origin, in: exchanges[id].phase)
        releaseUpstream(of: id)
        if exchanges[id].state.idempotency != nil { settleKey(of: id, keeping: nil) }
        guard !exchanges[id].hasAnswered else {
            // The answer's end would be a lie: the connection is reset, whatever the framing.
            exchanges[id].outcome = outcome
            return removeClient(client, closing: .withReset)
        }
        respond(failure.response, to: id, outcome: outcome, endsConnection: failure.endsConnection)
    }

    /// Takes the exchange off its upstream: its connection is closed, its place in the queue given up.
    mutating func releaseUpstream(of id: SlotID) {
        if let connection = exchanges[id].connection {
            exchanges[id].connection = nil
            connections[connection].exchange = nil
            removeConnection(connection)
        } else if let upstream = exchanges[id].upstream, exchanges[id].phase == .queue {
            upstreams[upstream].pool.stopWaiting(id)
        }
    }

    /// Writes the exchange down and gives back what it held.
    mutating func finish(_ id: SlotID, _ outcome: Outcome) {
        var outcome = outcome
        if exchanges[id].state.idempotency != nil {
            leaveKey(of: id)
            outcome = tellDeparture(id, outcome)
        }
        if exchanges[id].phase == .tunnel {
            metrics.add(.gauge(.tunnelsOpen), -1)
            openTunnels -= 1
        }
        releaseClaim(of: id)
        exchanges[id].timings.responseEnd = now
        record(id, outcome)
        let exchange = exchanges.remove(id)
        exchange.giveBack(to: &buffers, &tables)
    }

    private mutating func record(_ id: SlotID, _ outcome: Outcome) {
        let route = exchanges[id].state.plan?.slot ?? RouteSlot.unmatched
        metrics.exchangeEnded(
            route: route, status: exchanges[id].status, outcome: outcome, bytesIn: exchanges[id].bytesIn,
            bytesOut: exchanges[id].bytesOut, nanoseconds: exchanges[id].timings.total ?? 0)
        if let upstream = exchanges[id].upstream, exchanges[id].timings.responseHead != .unset,
            let firstByte = exchanges[id].timings.response
        {
            metrics.observe(.firstByte(upstream: upstreams[upstream].plan.slot), nanoseconds: firstByte)
        }
        countForBan(id)
        look(at: id)
        if log != nil { writeLog(id, outcome) }
    }

    private mutating func writeLog(_ id: SlotID, _ outcome: Outcome) {
        var text = ByteWriter(heads.view)
        var record = AccessRecord()
        record.time = wallTime
        text.write(exchanges[id].state.requestID, of: exchanges[id].state.head)
        record.requestID = text.view
        let traceStart = text.count
        switch exchanges[id].state.trace {
        case .none: break
        case .taken(let field): text.write(exchanges[id].state.head.value(at: field).slice(3, 35))
        case .begun(let trace, _): text.write(traceID: trace)
        }
        record.traceID = text.view.dropFirst(traceStart)
        let clientStart = text.count
        text.write(exchanges[id].state.client)
        record.client = text.view.dropFirst(clientStart)
        let serverStart = text.count
        text.write(text: exchanges[id].server)
        record.server = text.view.dropFirst(serverStart)
        record.outcome = outcome
        record.status = exchanges[id].status
        record.grpcStatus = exchanges[id].grpcStatus
        if !exchanges[id].state.head.bytes.isEmpty {
            record.method = exchanges[id].state.head.methodBytes
            record.host = exchanges[id].state.head.authorityBytes ?? .empty
            record.path =
                exchanges[id].state.path.isEmpty
                ? exchanges[id].state.head.pathBytes : exchanges[id].state.path
            record.query = exchanges[id].state.head.queryBytes
            record.version = exchanges[id].state.head.minorVersion == 0 ? .http10 : .http11
            if exchanges[id].stream > 0 { record.version = .http2 }
            record.scheme = exchanges[id].state.isEncrypted ? .https : .http
            record.userAgent = exchanges[id].state.head.value(of: .userAgent) ?? .empty
            record.referer = exchanges[id].state.head.value(of: .referer) ?? .empty
        }
        if let identity = exchanges[id].state.identity { record.user = identity.subject.view }
        if let plan = exchanges[id].state.plan { record.route = plan.name.view }
        if let upstream = exchanges[id].upstream { record.upstream = upstreams[upstream].plan.name.view }
        if let rule = exchanges[id].state.refusedBy { record.limitRule = rule.text.view }
        record.bytesIn = exchanges[id].bytesIn
        record.bytesOut = exchanges[id].bytesOut
        record.timings = exchanges[id].timings
        record.retries = exchanges[id].retries
        record.sequence =
            clients.contains(exchanges[id].client) ? clients[exchanges[id].client].machine.requests : 0
        // Streams that clients open have odd numbers.
        if exchanges[id].stream > 0 { record.sequence = Int(exchanges[id].stream) / 2 + 1 }
        if exchanges[id].timings.connected != .unset {
            record.upstreamConnection = exchanges[id].usesKeptConnection ? .reused : .fresh
        }
        if log?.append(record, now: now) == .dropped { metrics.add(.logDrops) }
    }
}
