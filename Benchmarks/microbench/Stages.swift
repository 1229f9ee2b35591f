import Addressing
import Bytes
import HTTP1
import HTTPModel
import Pipeline
import Proxy
import Stores
import Time

/// What each stage adds to a request: its decision, on a request that it lets through.
enum Stages {
    static func decide(_ stage: Stage, rounds: Int) -> Int {
        let plan = MiddlingGateway.plan()
        var random = RandomSource(seed: 7)
        let time = WallTime(nanoseconds: 1_767_225_600_000_000_000)
        switch stage {
        case .clientAddress: return repeated(rounds) { plan.clientAddress.decide(&$0) }
        case .requestID:
            return repeated(rounds) { plan.requestID.decide(&$0, time: time, random: &random) }
        case .secureRedirect: return repeated(rounds) { SecureRedirectFilter.decide($0) }
        case .route: return repeated(rounds) { plan.route.decide(&$0, isReady: true) }
        case .preflight: return repeated(rounds) { PreflightFilter.decide($0, $0.plan?.cors) }
        case .addressList: return addressList(rounds)
        case .rateLimit: return rateLimit(plan, rounds)
        case .bodyLimit:
            let filter = BodyLimitFilter(limit: 1_000_000)
            return repeated(rounds) { filter.decide(&$0) }
        case .authentication: return authentication(rounds)
        // A look at the route, whose rules need nobody's identity.
        case .userRateLimit:
            return withState { state in
                _ = plan.route.decide(&state, isReady: true)
                var sum = 0
                for _ in 0..<rounds where state.plan?.rateLimit?.isDeferred == false { sum &+= 1 }
                return sum
            }
        case .signature: return signature(rounds)
        // A look at the route, which has none: what a key costs is its store's.
        case .idempotency:
            return withState { state in
                _ = plan.route.decide(&state, isReady: true)
                var sum = 0
                for _ in 0..<rounds where state.plan?.idempotency == nil { sum &+= 1 }
                return sum
            }
        case .fixedAnswer:
            // Decided by the driver itself: a look at the route's target.
            return withState { state in
                _ = plan.route.decide(&state, isReady: true)
                var sum = 0
                for _ in 0..<rounds {
                    if case .upstreams(let shares) = state.plan?.target { sum &+= shares.count }
                }
                return sum
            }
        }
    }

    /// A peer whose X-Forwarded-For is believed and names one stranger and one more proxy.
    static func clientBehindProxy(_ rounds: Int) -> Int {
        let filter = ClientAddressFilter(
            trusted: [
                AddressRange("127.0.0.0/8"), AddressRange("10.0.0.0/8"),
            ].compactMap { $0 })
        return withState(field: "X-Forwarded-For: 198.51.100.7, 10.0.0.2\r\n") { state in
            var sum = 0
            for _ in 0..<rounds {
                state.client = .loopback
                if case .next = filter.decide(&state) { sum &+= state.client.isIPv4 ? 1 : 2 }
            }
            return sum
        }
    }

    /// What the preset writes into an answer, and what it takes from it.
    static func securityHeaders(_ rounds: Int) -> Int {
        let headers = MiddlingGateway.plan().securityHeaders
        var parser = ResponseParser(limits: HeadLimits())
        var head = ResponseHead()
        let region = Scratch(size: 4096)
        var sum = 0
        Parsing.answer.withView { bytes in
            _ = try? parser.parse(bytes, answering: .get, into: &head)
            for _ in 0..<rounds {
                var writer = ByteWriter(region.view)
                for index in 0..<head.fields.count where headers.drops(head, index) { sum &+= 1 }
                headers.write(for: head, to: &writer)
                sum &+= writer.count
            }
        }
        return sum
    }

    /// A client that none of 100,000 blocks has.
    private static func addressList(_ rounds: Int) -> Int {
        let blocks = (0..<100_000 as Range<UInt32>).map {
            AddressRange(base: IPAddress(ipv4: $0 &* 0x9E37_79B1), length: 32)
        }
        let filter = AddressListFilter(
            AddressListSettings.Loaded(allowed: nil, denied: AddressSet(blocks)), name: "addresses")
        return withState { state in
            var sum = 0
            for round in 0..<rounds {
                state.client = IPAddress(ipv4: UInt32(truncatingIfNeeded: round) &* 0x85EB_CA6B)
                if filter.refusal(of: state.client) == nil { sum &+= 1 }
            }
            return sum
        }
    }

    private static func rateLimit(_ plan: GatewayPlan, _ rounds: Int) -> Int {
        let store = MemoryCounterStore(maximumKeys: 1 << 16)
        return withState { state in
            _ = plan.route.decide(&state, isReady: true)
            guard let route = state.plan, let filter = route.rateLimit else { return 0 }
            var claim = TokenClaim(plan.limits)
            var sum = 0
            for round in 0..<rounds {
                let now = Instant(nanoseconds: Int64(round) &* 1000 &+ 1_000_000_000)
                claim.restart(plan.limits)
                guard filter.add(.all, of: state, route: route.name.view, to: &claim) else { continue }
                store.take(&claim.demand, now: now)
                let answer: TokenAnswer = claim.demand.refusal == nil ? .admitted : .denied
                if case .next = RateLimitFilter.verdict(answer, of: &claim, &state) { sum &+= 1 }
            }
            return sum
        }
    }

    private static func repeated(_ rounds: Int, _ decide: (inout ExchangeState) -> Verdict) -> Int {
        withState { state in
            var sum = 0
            for _ in 0..<rounds {
                if case .next = decide(&state) { sum &+= 1 }
            }
            return sum
        }
    }

    /// The state behind the browser's head. A field line may be added to it.
    static func withState(field: String = "", _ body: (inout ExchangeState) -> Int) -> Int {
        var pool = BufferPool()
        var buffer = pool.take(.medium)
        (Parsing.browserRequest.dropLast(2) + Array("\(field)\r\n".utf8)).withView { buffer.append($0) }
        var head = RequestHead()
        var parser = RequestParser(limits: HeadLimits())
        guard (try? parser.parse(buffer.view, into: &head)) != nil else {
            preconditionFailure("the parser does not take the browser's head")
        }
        var state = ExchangeState(
            head: head, buffer: buffer, peer: .loopback, isEncrypted: false, localPort: 8080)
        let result = body(&state)
        var tables = FieldTablePool()
        state.giveBack(to: &pool, &tables)
        return result
    }
}
