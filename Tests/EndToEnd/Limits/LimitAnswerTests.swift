import Foundation
import Testing

/// What clients are told of their limits (draft-ietf-httpapi-ratelimit-headers-10), in all its forms.
@Suite(.timeLimit(.minutes(20))) struct LimitAnswerTests {
    @Test func `an answer tells how the limit stands, and a refusal until when and why`() throws {
        let gateway = try GatewayProcess(limit: "rate: 2 per 1h")
        let client = try gateway.client()
        for left in [1, 0] {
            let response = try client.ask(get("/"))
            #expect(response.status == 200)
            #expect(response.value("RateLimit-Policy") == #""few";q=2;w=3600"#)
            #expect(response.quota?.value("r", of: "few") == left)
            #expect(response.value("Retry-After") == nil)
        }
        let refused = try client.ask(get("/"))
        refused.expectQuotaExceeded(["few"])
        #expect(refused.value("RateLimit-Policy") == #""few";q=2;w=3600"#)
        #expect(refused.quota?.value("r", of: "few") == 0)
        let reset = try #require(refused.quota?.value("t", of: "few"))
        #expect((1...1800).contains(reset), "one of two comes back in half an hour")
        #expect(try #require(refused.retryAfter) >= reset)
        #expect(refused.problem()["rule"] as? String == "few")
    }

    @Test func `who waits as long as Retry-After says is admitted`() throws {
        let gateway = try GatewayProcess(limit: "rate: 1 per 1s")
        let client = try gateway.client()
        #expect(try client.ask(get("/")).status == 200)
        for _ in 0..<2 {
            let refused = try client.ask(get("/"))
            // A machine that was busy for a second is no failure.
            guard refused.status == 429 else { continue }
            let wait = try #require(refused.retryAfter)
            poll(nil, 0, Int32(wait * 1000))
            #expect(try client.ask(get("/")).status == 200)
        }
    }

    @Test func `several rules are all told, and a refusal names those that refuse`() throws {
        let gateway = try GatewayProcess(
            limits: ["wide: { rate: 100 per 1h }", "one: { rate: 1 per 1h }", "two: { rate: 1 per 1m }"],
            routes: ["path: /*, limits: [wide, one, two]"])
        let client = try gateway.client()
        let first = try client.ask(get("/"))
        #expect(first.policy?.items.map(\.name) == ["wide", "one", "two"])
        #expect(first.policy?.value("w", of: "two") == 60)
        #expect(first.quota?.value("r", of: "wide") == 99)
        for _ in 0..<3 {
            let refused = try client.ask(get("/"))
            refused.expectQuotaExceeded(["one", "two"])
            // The longest of both, and a refused request costs nothing of the third.
            #expect(try #require(refused.retryAfter) > 60)
            #expect(refused.quota?.value("r", of: "wide") == 99)
        }
    }

    @Test func `X-RateLimit fields and those of former drafts are there where they are asked for`() throws {
        let gateway = try GatewayProcess(
            limit: "rate: 3 per 1h", top: "rate_limit_fields: [standard, x, legacy]")
        let client = try gateway.client()
        _ = try client.ask(get("/"))
        let began = Int(Date().timeIntervalSince1970)
        let response = try client.ask(get("/"))
        #expect(response.policy?.value("q", of: "few") == 3)
        for prefix in ["X-RateLimit", "RateLimit"] {
            #expect(response.value("\(prefix)-Limit") == "3")
            #expect(response.value("\(prefix)-Remaining") == "1")
        }
        let epoch = try #require(Int(response.value("X-RateLimit-Reset") ?? ""))
        #expect((began...began + 3610).contains(epoch), "seconds since 1970")
        let reset = try #require(Int(response.value("RateLimit-Reset") ?? ""))
        #expect((1...3600).contains(reset), "seconds from now")
        _ = try client.ask(get("/"))
        let refused = try client.ask(get("/"))
        refused.expectQuotaExceeded(["few"])
        #expect(refused.value("X-RateLimit-Remaining") == "0")
        #expect(refused.value("RateLimit-Remaining") == "0")
        let legacy = try #require(Int(refused.value("RateLimit-Reset") ?? ""))
        #expect(try #require(refused.retryAfter) >= legacy)
    }

    @Test(arguments: [
        ("[]", []), ("[x]", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        ("[legacy]", ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]),
        ("[standard]", ["ratelimit-policy", "ratelimit"]),
    ])
    func `only the chosen fields are told`(chosen: String, names: [String]) throws {
        let gateway = try GatewayProcess(limit: "rate: 1 per 1h", top: "rate_limit_fields: \(chosen)")
        for status in [200, 429] {
            let response = try gateway.ask("/")
            #expect(response.status == status)
            let told = response.fields.map { $0.name.lowercased() }.filter { $0.contains("ratelimit") }
            #expect(told == names)
            #expect((response.value("Retry-After") != nil) == (status == 429))
        }
    }

    @Test func `the operator's own words stand in a refusal, as text or JSON`() throws {
        let gateway = try GatewayProcess(
            limits: [
                #"spoken: { rate: 1 per 1h, message: "Please slow down - max 10 messages per minute" }"#,
                "coded: { rate: 1 per 1h, json: { error: RATE_LIMITED, wait: true } }",
            ], routes: ["path: /spoken, limits: [spoken]", "path: /coded, limits: [coded]"])
        #expect(try gateway.statuses(1, get("/spoken")) == [200])
        let spoken = try gateway.ask("/spoken")
        #expect(spoken.text == "Please slow down - max 10 messages per minute")
        #expect(spoken.value("Content-Type") == "text/plain; charset=utf-8")
        #expect(try gateway.statuses(1, get("/coded")) == [200])
        let coded = try gateway.ask("/coded")
        let object = try JSONSerialization.jsonObject(with: Data(coded.body)) as? [String: Any]
        #expect(object?["error"] as? String == "RATE_LIMITED")
        #expect(coded.value("Content-Type") == "application/json")
        for response in [spoken, coded] {
            #expect(response.status == 429)
            #expect(try #require(response.retryAfter) > 3500)
            #expect(response.quota != nil)
        }
    }

    @Test func `a dry rule refuses nobody, says nothing, and is counted`() throws {
        let gateway = try GatewayProcess(
            limits: ["trial: { rate: 2 per 1h, dry_run: true }", "real: { rate: 4 per 1h }"],
            routes: ["path: /*, limits: [trial, real]"])
        #expect(try gateway.statuses(6) == admitted(4, refused: 2))
        let refused = try gateway.ask("/")
        refused.expectQuotaExceeded(["real"])
        #expect(refused.policy?.items.map(\.name) == ["real"])
        #expect(try gateway.decided("denied_dry_run", by: "trial") >= 2)
        #expect(try gateway.decided("denied", by: "trial") == 0)
        #expect(try gateway.decided("denied", by: "real") == 3)
        #expect(try gateway.decided("allowed", by: "real") == 4)
    }

    @Test func `who comes near a limit is counted before anybody is refused`() throws {
        let gateway = try GatewayProcess(limit: "rate: 10 per 1h")
        #expect(try gateway.statuses(7) == admitted(7, refused: 0))
        #expect(try gateway.decided("near", by: "few") == 0)
        #expect(try gateway.statuses(3) == admitted(3, refused: 0))
        #expect((2...3).contains(try gateway.decided("near", by: "few")), "from 80 % of the limit on")
        #expect(try gateway.decided("denied", by: "few") == 0)
    }

    @Test func `a refusal by a limit stands in the access log with its rule`() throws {
        let gateway = try GatewayProcess(limit: "rate: 1 per 1h")
        #expect(try gateway.statuses(2, get("/told")) == [200, 429])
        let line = try gateway.logged("/told", count: 2)[1]
        #expect(line["status"] as? Int == 429)
        #expect(line["limit"] as? String == "few")
    }
}
