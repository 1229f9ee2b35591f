import Addressing
import Pipeline
import Telemetry
import Testing

@Suite struct RateLimitFilterTests {
    private static let registry = MetricRegistry()

    private func rule(_ name: String, _ holder: RateLimitRule.Holder, body: FixedBody? = nil) -> RateLimitRule
    {
        RateLimitRule(
            name: RuleName(name, slot: Self.registry.limitSlot(name)), interval: 1_000_000_000, burst: 5,
            holder: holder, body: body)
    }

    private func demand(of filter: RateLimitFilter, _ address: String) throws -> TokenDemand? {
        try withState { state in
            state.client = IPAddress(literal: address)
            guard case .ask(.takeTokens, _) = filter.decide(&state) else { return nil }
            let demand = filter.demand(of: state.client)
            return demand
        }
    }

    private func denied(_ index: Int, _ wait: Int64) -> TokenDemand {
        var demand = TokenDemand()
        for _ in 0...index { demand.append(TokenDemand.Bucket(key: 1, limit: 1, interval: 1)) }
        demand[index].isShort = true
        demand[index].reset = wait
        return demand
    }

    @Test func `a route without rules asks nobody`() throws {
        #expect(try demand(of: RateLimitFilter(rules: []), "192.0.2.1") == nil)
    }

    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::2", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ])
    func `addresses of one subscriber share a bucket`(first: String, second: String, share: Bool) throws {
        let filter = RateLimitFilter(rules: [rule("ip", .address(ipv6Prefix: 64))])
        let one = try #require(try demand(of: filter, first))
        let other = try #require(try demand(of: filter, second))
        #expect((one[0].key == other[0].key) == share)
    }

    @Test func `a rule for everyone has one bucket, and each rule has its own`() throws {
        let filter = RateLimitFilter(rules: [rule("one", .everyone), rule("two", .everyone)])
        let here = try #require(try demand(of: filter, "192.0.2.1"))
        let there = try #require(try demand(of: filter, "2001:db8::1"))
        #expect(here.count == 2)
        #expect(here[0].key == there[0].key)
        #expect(here[0].key != here[1].key)
    }

    @Test(arguments: [(1, 1), (999_999_999, 1), (1_000_000_000, 1), (1_000_000_001, 2), (90_000_000_000, 90)])
    func `a refusal names its rule and whole seconds that suffice`(wait: Int, seconds: Int) throws {
        let filter = RateLimitFilter(rules: [rule("first", .everyone), rule("second", .everyone)])
        try withState { state in
            let verdict = filter.resume(&state, with: .tokens(denied(1, Int64(wait))))
            guard case .respond(let response) = verdict else {
                Issue.record("denied, and yet let through")
                return
            }
            #expect(response.status == 429)
            #expect(response.retryAfter == seconds)
            #expect(response.rule === filter.rules[1].name)
            let refusedBy = state.refusedBy
            #expect(refusedBy === filter.rules[1].name)
        }
    }

    @Test func `the operator's own words stand in the refusal`() throws {
        let words = FixedBody(text: "Please slow down")
        let filter = RateLimitFilter(rules: [rule("chat", .everyone, body: words)])
        try withState { state in
            guard
                case .respond(let response) = filter.resume(
                    &state, with: .tokens(denied(0, 1))),
                case .fixed(let body) = response.content
            else {
                Issue.record("no words")
                return
            }
            #expect(body === words)
        }
    }

    @Test func `who is admitted goes on, and so does everybody while the store is silent`() throws {
        let filter = RateLimitFilter(rules: [rule("ip", .everyone)])
        #expect(try withState { filter.resume(&$0, with: .tokens(TokenDemand())).status } == nil)
        #expect(try withState { filter.resume(&$0, with: .expired).status } == nil)
    }
}
