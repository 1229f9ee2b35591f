import Addressing
import Bytes
import Pipeline
import Settings
import Telemetry
import Testing
import Time

/// Counters as operators name them: they must be those that requests are counted by.
@Suite struct NamedCounterTests {
    private func rule(_ holders: [LimitHolder]) -> RateLimitRule {
        var settings = RateLimitSettings()
        settings.name = "chat"
        settings.holders = holders
        settings.plans = [.init(plan: "pro", rate: Rate(7, per: .seconds(9)))]
        return RateLimitRule(settings, slot: MetricRegistry().limitSlot("chat"))
    }

    @Test(
        arguments: [
            ([LimitHolder.ip], "ip=203.0.113.9"), ([.user], "user=users|alice"), ([.user], "user=alice"),
            ([.user, .route], "user=users|alice,route=orders"), ([], "all"),
            ([.header("x-team")], "header:x-team=blue, or not"),
            ([.host, .ip], "host=a.test,ip=203.0.113.9"),
        ])
    func `a name leads to the counter of the request`(holders: [LimitHolder], text: String) throws {
        let rule = rule(holders)
        let table = RateLimitTable([rule])
        let filter = RateLimitFilter(table, rules: [0])
        let route = PinnedText("orders")
        let head = "GET / HTTP/1.1\nHost: a.test\nX-Team: blue, or not"
        let counters = try rule.counters(of: text, issuer: "users")
        #expect(counters.map(\.name) == ["chat/g", "chat/g@pro"])
        try withState(head) { state in
            state.client = IPAddress(literal: "203.0.113.9")
            state.identity = Identity(.token, subject: "alice", issuer: PinnedText("users"))
            var pool = BufferPool()
            var claim = TokenClaim(table)
            claim.keepTexts(in: pool.take(holding: TokenClaim.longestTexts), prefix: [])
            #expect(filter.add(.all, of: state, route: route.view, to: &claim))
            #expect(claim.demand[0].key == counters[0].bucket.key)
            #expect(claim.key(0).array() == counters[0].redisKey)
            claim.giveBack(to: &pool)
        }
    }

    @Test(
        arguments: [
            ([LimitHolder.ip], "203.0.113.9"), ([.ip], "ip=nobody"), ([.user], "ip"), ([], "ip=1.2.3.4"),
            ([.user, .route], "user=users|alice"), ([.user], "user="),
            ([.header("x-team")], "header:x-team=#00"),
            ([.user], "route=orders"),
        ])
    func `what names nobody is refused`(holders: [LimitHolder], text: String) {
        #expect(throws: HolderError.self) { try rule(holders).counters(of: text, issuer: "users") }
    }

    @Test func `a user without an issuer is nobody where there are several`() {
        #expect(throws: HolderError.self) { try rule([.user]).counters(of: "user=alice", issuer: nil) }
    }
}
