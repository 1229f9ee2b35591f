import Testing

/// Plans that a backend knows.
@Suite struct PlanLookupTests {
    private let key = PublishedKey("one")

    /// A gateway that asks `backend` for plans.
    private func gateway(
        before origin: ScriptedOrigin, asking backend: ScriptedOrigin, _ further: String = ""
    ) throws -> GatewayProcess {
        let issuer = try ScriptedOrigin(.forever([.expectRequest, .respond(body: PublishedKey.set(key))]))
        let gateway = try GatewayProcess(
            keysAt: issuer.port, before: origin,
            """
              default_plan: free
              plan_lookup:
                url: "http://127.0.0.1:\(backend.port)/plan?user={sub}"
                allow_private: true
                headers: { Authorization: "Bearer g4teway" }
                \(further)
            """)
        try eventually("the keys", holds: { try gateway.status(bearing: key.token(subject: "warm")) == 200 })
        return gateway
    }

    @Test func `a backend is told the plan that another backend knows, which is asked once`() throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let plans = try ScriptedOrigin(
            .forever([.expectRequest, .respond(body: #"{"plan":"pro"}"#)]))
        let gateway = try gateway(before: origin, asking: plans)
        let token = key.token(subject: "auth0|7 b")
        for _ in 0..<5 { #expect(try gateway.status(bearing: token, "/asked") == 200) }
        let asked = plans.requests.filter { $0.target.contains("auth0") }
        #expect(asked.map(\.target) == ["/plan?user=auth0%7C7%20b"])
        #expect(asked[0].value("Authorization") == "Bearer g4teway")
        let forwarded = origin.requests.filter { $0.target.contains("/asked") }
        #expect(forwarded.map { $0.values("X-User-Plan") } == Array(repeating: ["pro"], count: 5))
        #expect(!gateway.standardError.contains("g4teway"))
    }

    @Test func `what a client says of its plan never counts`() throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let plans = try ScriptedOrigin.answering(404)
        let gateway = try gateway(before: origin, asking: plans)
        let client = try gateway.client()
        let response = try client.ask(
            "GET /liar HTTP/1.1\r\nHost: here\r\nX-User-Plan: pro\r\n"
                + "Authorization: Bearer \(key.token(subject: "u1"))\r\n\r\n")
        #expect(response.status == 200)
        let forwarded = try #require(origin.requests.first { $0.target.contains("/liar") })
        #expect(forwarded.values("X-User-Plan") == ["free"])
    }

    @Test func `who cannot wait any longer goes on with the default plan, and the answer serves the next`()
        throws
    {
        let gate = Gate()
        let origin = try ScriptedOrigin.answering(body: "answered")
        let plans = try ScriptedOrigin(
            .expectRequest, .respond(body: #"{"plan":"warm"}"#), .expectRequest, .waitFor(gate),
            .respond(body: #"{"plan":"pro"}"#), .waitUntilPeerLeaves)
        let gateway = try gateway(before: origin, asking: plans, "timeout: 50ms")
        let token = key.token(subject: "slow")
        #expect(try gateway.status(bearing: token, "/one") == 200)
        gate.open()
        try eventually(
            "the plan", holds: { try gateway.metric(#"floodgate_plan_lookups_total{result="found"}"#) == 2 })
        #expect(try gateway.status(bearing: token, "/two") == 200)
        func plan(_ path: String) -> [String]? {
            origin.requests.first { $0.target.contains(path) }?.values("X-User-Plan")
        }
        #expect(plan("/one") == ["free"])
        #expect(plan("/two") == ["pro"])
    }

    @Test func `a backend that is down costs nobody an answer`() throws {
        let origin = try ScriptedOrigin.answering(body: "answered")
        let plans = try ScriptedOrigin(.expectRequest, .respond(body: #"{"plan":"warm"}"#), .close)
        let gateway = try gateway(before: origin, asking: plans)
        plans.stop()
        for number in 0..<20 {
            #expect(try gateway.status(bearing: key.token(subject: "u\(number)"), "/down") == 200)
        }
        let forwarded = origin.requests.filter { $0.target.contains("/down") }
        #expect(forwarded.map { $0.values("X-User-Plan") } == Array(repeating: ["free"], count: 20))
        // After five failures nobody is asked for a while.
        let failed = try gateway.metric(#"floodgate_plan_lookups_total{result="failed"}"#) ?? 0
        #expect((5...6).contains(failed))
        #expect(gateway.standardError.contains("plans cannot be looked up, those known stay in use"))
    }
}
