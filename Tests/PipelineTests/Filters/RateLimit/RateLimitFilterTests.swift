import Addressing
import Bytes
import Pipeline
import Settings
import Telemetry
import Testing
import Time

/// Which counters a request wants, and what is told of them.
@Suite struct RateLimitFilterTests {
    private static let registry = MetricRegistry()

    /// A rule of ten a minute, changed as `change` says.
    private func rule(
        _ name: String = "chat", body: FixedBody? = nil,
        _ change: (inout RateLimitSettings) -> Void = { _ in }
    ) -> RateLimitRule {
        var settings = RateLimitSettings()
        settings.name = name
        settings.rate = Rate(10, per: .seconds(60))
        change(&settings)
        return RateLimitRule(settings, slot: Self.registry.limitSlot(name), body: body)
    }

    private struct Counter: Equatable {
        var key: UInt64
        var text: String
        var limit: Int64
        var cost: Int64
    }

    /// What a request of `address` asks of the rules.
    private func counters(
        _ rules: [RateLimitRule], _ address: String = "203.0.113.9",
        head: String = "GET / HTTP/1.1\nHost: a.test", identity: Identity? = nil, plan: String? = nil,
        route: String = "orders", times: Int64 = 1, selection: RateLimitFilter.Selection = .all
    ) throws -> [Counter] {
        let filter = RateLimitFilter(RateLimitTable(rules), rules: Array(rules.indices))
        let name = PinnedText(route)
        return try withState(head) { state in
            state.client = IPAddress(literal: address)
            state.identity = identity
            state.lookedUpPlan = plan.map(PinnedText.init)
            return try withClaim(filter.table) { claim in
                try #require(filter.add(selection, of: state, route: name.view, times: times, to: &claim))
                return (0..<claim.count).map { index in
                    Counter(
                        key: claim.demand[index].key, text: claim.key(index).text(),
                        limit: claim.demand[index].limit, cost: claim.demand[index].cost)
                }
            }
        }
    }

    private func withClaim<Result>(
        _ table: RateLimitTable, _ body: (inout TokenClaim) throws -> Result
    ) rethrows -> Result {
        var pool = BufferPool()
        var claim = TokenClaim(table)
        claim.keepTexts(in: pool.take(holding: TokenClaim.longestTexts), prefix: Array("fg:".utf8))
        defer { claim.giveBack(to: &pool) }
        return try body(&claim)
    }

    private func user(_ subject: String, claims: [CountedClaim] = []) -> Identity {
        Identity(.token, subject: subject, issuer: PinnedText("users"), countedClaims: claims)
    }

    private func key(_ owner: String, _ id: String) -> Identity {
        Identity(.apiKey, subject: owner, issuer: PinnedText("api_keys"), keyID: id)
    }

    // MARK: Holders

    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8:0:ff::2", true), ("2001:db8::1", "2001:db8:0:100::1", false),
        ])
    func `addresses of one subscriber share a counter`(first: String, second: String, share: Bool) throws {
        let one = try counters([rule()], first)
        let other = try counters([rule()], second)
        #expect((one[0].key == other[0].key) == share)
        #expect((one[0].text == other[0].text) == share)
    }

    @Test(
        arguments: [
            (LimitHolder.ip, "ip=203.0.113.9"), (.route, "route=orders"), (.host, "host=a.test"),
            (.user, "user=users|alice"), (.plan, "plan=pro"), (.claim("org"), "claim:org=#"),
            (.header("x-team"), "header:x-team=#"), (.cookie("sid"), "cookie:sid=#"),
        ])
    func `a counter is named after its holder`(holder: LimitHolder, text: String) throws {
        let head = "GET / HTTP/1.1\nHost: a.test:8443\nX-Team: blue\nCookie: a=b; sid=secret; c=d"
        let claim = CountedClaim(path: PinnedText("org"), value: PinnedText("acme"))
        let found = try counters(
            [rule { $0.holders = [holder] }], head: head, identity: user("alice", claims: [claim]),
            plan: "pro")
        #expect(found[0].text.hasPrefix("fg:limit:{\(text)"), "\(found[0].text)")
        #expect(found[0].text.hasSuffix("}:chat/g"))
        #expect(!found[0].text.contains("secret"))
    }

    @Test(arguments: [
        LimitHolder.user, .apiKey, .plan, .claim("org"), .header("x-team"), .cookie("sid"),
    ])
    func `whoever has nothing of it is told apart by the address`(holder: LimitHolder) throws {
        let found = try counters([rule { $0.holders = [holder] }])
        #expect(found[0].text == "fg:limit:{ip=203.0.113.9}:chat/g")
        let other = try counters([rule { $0.holders = [holder] }], "203.0.113.10")
        #expect(other[0].key != found[0].key)
    }

    @Test func `a user of two addresses is one, and two issuers' alices are two`() throws {
        let rules = [rule { $0.holders = [.user] }]
        let here = try counters(rules, "192.0.2.1", identity: user("alice"))
        let there = try counters(rules, "192.0.2.2", identity: user("alice"))
        #expect(here == there)
        let other = Identity(.token, subject: "alice", issuer: PinnedText("others"))
        #expect(try counters(rules, identity: other)[0].key != here[0].key)
        #expect(try counters(rules, identity: user("bob"))[0].key != here[0].key)
    }

    @Test func `an API key counts by itself, and its owner by all keys`() throws {
        let byKey = [rule { $0.holders = [.apiKey] }]
        let byUser = [rule { $0.holders = [.user] }]
        let (one, two) = (key("ci", "k1"), key("ci", "k2"))
        #expect(try counters(byKey, identity: one)[0].text == "fg:limit:{api_key=k1}:chat/g")
        #expect(try counters(byKey, identity: one)[0].key != counters(byKey, identity: two)[0].key)
        #expect(try counters(byUser, identity: one)[0] == counters(byUser, identity: two)[0])
    }

    @Test func `several holders together are one`() throws {
        let rules = [rule { $0.holders = [.user, .route] }]
        let found = try counters(rules, identity: user("alice"))
        #expect(found[0].text == "fg:limit:{user=users|alice,route=orders}:chat/g")
        #expect(try counters(rules, identity: user("alice"), route: "other")[0].key != found[0].key)
    }

    @Test func `a rule for everyone has one counter, and each rule has its own`() throws {
        let rules = [rule("one") { $0.holders = [] }, rule("two") { $0.holders = [] }]
        let here = try counters(rules, "192.0.2.1")
        let there = try counters(rules, "2001:db8::1")
        #expect(here == there)
        #expect(here.map(\.text) == ["fg:limit:{all}:one/g", "fg:limit:{all}:two/g"])
        #expect(here[0].key != here[1].key)
    }

    @Test(arguments: [
        String(repeating: "x", count: 65), "a{b", "a}b", "a,b", "a b", "#a", "\u{E9}", "a\tb",
    ])
    func `what is long or odd is told apart by its digest`(subject: String) throws {
        let rules = [rule { $0.holders = [.user] }]
        let found = try counters(rules, identity: user(subject))[0].text
        #expect(found.hasPrefix("fg:limit:{user=users|#"), "\(found)")
        #expect(found.utf8.count == "fg:limit:{user=users|#}:chat/g".utf8.count + 32)
        #expect(try counters(rules, identity: user(subject + "y"))[0].text != found)
    }

    @Test(arguments: [
        (LimitHolder.header("x-team"), "X-Team: a\nX-Team: b"), (.cookie("sid"), "Cookie: sid=a; sid=b"),
        (.cookie("sid"), "Cookie: sid=a\nCookie: sid=b"), (.header("x-team"), "X-Team: a\nX-Team:"),
    ])
    func `what says two things tells nobody apart`(holder: LimitHolder, lines: String) throws {
        let found = try counters(
            [rule { $0.holders = [holder] }], head: "GET / HTTP/1.1\nHost: a.test\n\(lines)")
        #expect(found[0].text == "fg:limit:{ip=203.0.113.9}:chat/g")
    }

    @Test func `the strictest plan is the one that allows least in the long run`() throws {
        let rules = [
            rule {
                $0.rate = nil
                $0.burst = 5
                $0.plans = [
                    .init(plan: "pro", rate: Rate(1000, per: .seconds(3600))),
                    .init(plan: "free", rate: Rate(10, per: .seconds(60))),
                ]
            }
        ]
        #expect(try counters(rules)[0].text.hasSuffix("@free"))
    }

    @Test func `a header of any length is one counter of bounded size`() throws {
        let long = String(repeating: "a", count: 60_000)
        let rules = [rule { $0.holders = [.header("x-key")] }]
        let head = "GET / HTTP/1.1\nHost: a.test\nX-Key: "
        let found = try counters(rules, head: head + long)
        #expect(found[0].text.utf8.count < 100)
        #expect(try counters(rules, head: head + long + "b")[0].key != found[0].key)
    }

    // MARK: Rates

    @Test func `windows and algorithms have counters of their own`() throws {
        let rules = [
            rule { $0.algorithm = .slidingWindow }, rule { $0.algorithm = .fixedWindow },
            rule {
                $0.algorithm = .fixedWindow
                $0.rate = Rate(10, per: .seconds(61))
            },
        ]
        let found = try counters(rules)
        #expect(Set(found.map(\.key)).count == 3)
        #expect(
            found.map { $0.text.split(separator: ":").last } == ["chat/s60000", "chat/f60000", "chat/f61000"])
    }

    @Test func `a rate that changes keeps its counter`() throws {
        let before = try counters([rule()])
        let after = try counters([rule { $0.rate = Rate(500, per: .seconds(60)) }])
        #expect(before[0].key == after[0].key && before[0].text == after[0].text)
        #expect(after[0].limit == 500)
    }

    @Test(arguments: [
        ("free", 10, "@free"), ("pro", 100, "@pro"), ("other", 5, ""), (nil, 5, ""),
    ])
    func `the plan says the rate`(plan: String?, limit: Int64, mark: String) throws {
        let rules = [
            rule {
                $0.holders = [.user]
                $0.rate = Rate(5, per: .seconds(60))
                $0.plans = [
                    .init(plan: "free", rate: Rate(10, per: .seconds(60))),
                    .init(plan: "pro", rate: Rate(100, per: .seconds(60))),
                ]
            }
        ]
        let found = try counters(rules, identity: user("alice"), plan: plan)
        #expect(found[0].limit == limit)
        #expect(found[0].text.hasSuffix("chat/g\(mark)"))
    }

    @Test func `an unlimited plan has no counter, and whoever is on none has the strictest`() throws {
        let rules = [
            rule {
                $0.rate = nil
                $0.plans = [
                    .init(plan: "team", rate: nil), .init(plan: "pro", rate: Rate(100, per: .seconds(60))),
                    .init(plan: "free", rate: Rate(10, per: .seconds(86_400))),
                ]
            }
        ]
        #expect(try counters(rules, plan: "team").isEmpty)
        #expect(try counters(rules, plan: "gold")[0].limit == 10)
        #expect(try counters(rules)[0].text.hasSuffix("chat/g@free"))
    }

    // MARK: Costs and exemptions

    @Test(arguments: [
        (nil, 1), ("1", 1), ("7", 7), ("100", 20), ("0", 1), ("-3", 20), ("many", 20), ("", 20),
        ("99999999999999999999", 20),
    ])
    func `a field says what a request takes, within bounds`(value: String?, cost: Int64) throws {
        let rules = [rule { $0.cost = .header("x-cost", max: 20) }]
        let head = "GET / HTTP/1.1\nHost: a.test" + (value.map { "\nX-Cost: \($0)" } ?? "")
        #expect(try counters(rules, head: head)[0].cost == cost)
    }

    @Test func `calls are counted as often as they are made`() throws {
        #expect(try counters([rule { $0.cost = .fixed(3) }], times: 4)[0].cost == 12)
    }

    @Test func `whom a rule exempts has no counter of it`() throws {
        let rules = [
            rule("one") {
                $0.exempt.addresses = [AddressRange("10.0.0.0/8")!]
                $0.exempt.keys = ["ci"]
            }, rule("two"),
        ]
        #expect(try counters(rules).count == 2)
        #expect(try counters(rules, "10.1.2.3").map(\.text) == ["fg:limit:{ip=10.1.2.3}:two/g"])
        #expect(try counters(rules, identity: key("ci", "k1")).count == 1)
        // A user who happens to have the name is no key.
        #expect(try counters(rules, identity: user("ci")).count == 2)
    }

    @Test func `rules that need an identity wait for it`() throws {
        let rules = [rule("ip"), rule("user") { $0.holders = [.user] }]
        #expect(try counters(rules, selection: .early).map(\.text) == ["fg:limit:{ip=203.0.113.9}:ip/g"])
        #expect(RateLimitFilter(RateLimitTable(rules), rules: [0, 1]).isDeferred)
        #expect(!RateLimitFilter(RateLimitTable(rules), rules: [0]).isDeferred)
    }

    @Test func `one counter that is met twice is asked once for both`() throws {
        let filter = RateLimitFilter(RateLimitTable([rule()]), rules: [0])
        let name = PinnedText("a")
        try withState { state in
            withClaim(filter.table) { claim in
                #expect(filter.add(.all, of: state, route: name.view, times: 2, to: &claim))
                #expect(filter.add(.all, of: state, route: name.view, times: 3, to: &claim))
                #expect(claim.demand.count == 1 && claim.demand[0].cost == 5)
            }
        }
    }

    @Test func `more counters than a claim holds are told, not forgotten`() throws {
        let rules = (0...TokenDemand.capacity).map { rule("r\($0)") }
        let filter = RateLimitFilter(RateLimitTable(rules), rules: Array(rules.indices))
        let name = PinnedText("a")
        try withState { state in
            withClaim(filter.table) { claim in
                #expect(!filter.add(.all, of: state, route: name.view, to: &claim))
            }
        }
    }

    // MARK: Answers

    /// A claim of the rules whose counters stand as given: remaining, nanoseconds, short.
    private func withReading<Result>(
        _ rules: [RateLimitRule], _ readings: [(Int64, Int64, Bool)],
        _ body: (inout TokenClaim, inout ExchangeState) throws -> Result
    ) throws -> Result {
        let filter = RateLimitFilter(RateLimitTable(rules), rules: Array(rules.indices))
        let name = PinnedText("a")
        return try withState { state in
            try withClaim(filter.table) { claim in
                _ = filter.add(.all, of: state, route: name.view, to: &claim)
                for (index, reading) in readings.enumerated() {
                    claim.demand[index].remaining = reading.0
                    claim.demand[index].reset = reading.1
                    claim.demand[index].isShort = reading.2
                }
                return try body(&claim, &state)
            }
        }
    }

    @Test(arguments: [(1, 1), (999_999_999, 1), (1_000_000_000, 1), (1_000_000_001, 2), (90_000_000_000, 90)])
    func `a refusal names its rule and whole seconds that suffice`(wait: Int64, seconds: Int) throws {
        let rules = [rule("first"), rule("second")]
        try withReading(rules, [(3, 5_000_000_000, false), (0, wait, true)]) { claim, state in
            guard case .respond(let response) = RateLimitFilter.verdict(.denied, of: &claim, &state) else {
                Issue.record("denied, and yet let through")
                return
            }
            #expect(response.status == 429 && response.isQuota)
            #expect(response.retryAfter == seconds)
            #expect(response.rule?.text.view.text() == "second")
            let refusedBy = state.refusedBy
            #expect(refusedBy === response.rule)
        }
    }

    @Test func `the operator's own words stand in the refusal`() throws {
        let words = FixedBody(text: "Please slow down")
        try withReading([rule(body: words)], [(0, 1, true)]) { claim, state in
            guard case .respond(let response) = RateLimitFilter.verdict(.denied, of: &claim, &state),
                case .fixed(let body) = response.content
            else {
                Issue.record("no words")
                return
            }
            #expect(body === words)
        }
    }

    @Test func `who is admitted goes on, and a rule that is closed says 503`() throws {
        try withReading([rule()], [(9, 1, false)]) { claim, state in
            #expect(RateLimitFilter.verdict(.admitted, of: &claim, &state).status == nil)
            #expect(RateLimitFilter.verdict(.unchecked(rule: 0), of: &claim, &state).status == 503)
        }
    }

    private func lines(
        _ fields: RateLimitFields, _ rules: [RateLimitRule], _ readings: [(Int64, Int64, Bool)]
    ) throws -> [String] {
        try withReading(rules, readings) { claim, _ in
            let text = ByteWriter.text(capacity: RateLimitFields.longest) {
                fields.write(&claim, at: WallTime(nanoseconds: 1_799_999_999_500_000_000), to: &$0)
            }
            return text.split(separator: "\r\n").map(String.init)
        }
    }

    @Test func `the fields of the draft tell of each rule`() throws {
        let rules = [
            rule("everyone") { $0.rate = Rate(100, per: .seconds(900)) }, rule("watch") { $0.isDry = true },
            rule("chat"),
        ]
        let readings: [(Int64, Int64, Bool)] = [
            (99, 8_000_000_001, false), (0, 9, true), (3, 21_000_000_000, false),
        ]
        #expect(
            try lines(.standard, rules, readings) == [
                #"RateLimit-Policy: "everyone";q=100;w=900, "chat";q=10;w=60"#,
                #"RateLimit: "everyone";r=99;t=9, "chat";r=3;t=21"#,
            ])
    }

    @Test func `the older fields tell of the tightest rule, and of the one that refuses`() throws {
        let rules = [rule("a") { $0.rate = Rate(100, per: .seconds(900)) }, rule("b")]
        #expect(
            try lines([.x, .legacy], rules, [(30, 5_000_000_000, false), (9, 6_000_000_000, false)]) == [
                "X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 30", "X-RateLimit-Reset: 1800000005",
                "RateLimit-Limit: 100", "RateLimit-Remaining: 30", "RateLimit-Reset: 5",
            ])
        #expect(
            try lines(.legacy, rules, [(1, 5_000_000_000, false), (0, 6_000_000_000, true)]) == [
                "RateLimit-Limit: 10", "RateLimit-Remaining: 0", "RateLimit-Reset: 6",
            ])
    }

    @Test func `the policy is the rate, whatever may come at once`() throws {
        let rules = [rule { $0.burst = 3 }]
        #expect(
            try lines(.standard, rules, [(2, 5_000_000_000, false)]) == [
                #"RateLimit-Policy: "chat";q=10;w=60"#, #"RateLimit: "chat";r=2;t=5"#,
            ])
    }

    @Test func `nothing is told where only rules watch`() throws {
        let fields: RateLimitFields = [.standard, .x, .legacy]
        #expect(try lines(fields, [rule { $0.isDry = true }], [(1, 1, false)]) == [])
    }

    @Test(arguments: [
        (RateLimitFields.standard, "RateLimit", true), (.standard, "ratelimit-policy", true),
        (.standard, "X-RateLimit-Limit", false), (.standard, "RateLimit-Limit", false),
        (.x, "x-ratelimit-remaining", true), (.x, "x-ratelimit-remaining-tokens", false),
        (.x, "RateLimit-Reset", false), (.legacy, "ratelimit-reset", true), (.legacy, "RateLimit", false),
        (.x, "Retry-After", false),
    ])
    func `a backend's field of the same name gives way`(fields: RateLimitFields, name: String, gives: Bool) {
        #expect(Array(name.utf8).withView { fields.writes($0) } == gives)
    }
}
