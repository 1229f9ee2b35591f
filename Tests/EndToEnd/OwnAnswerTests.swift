import Testing

/// Answers that the gateway gives itself, and how the access log tells wanted ones from refusals.
@Suite(.timeLimit(.minutes(20))) struct OwnAnswerTests {
    @Test func `an answer that settings wrote is no refusal, whatever its status`() throws {
        let gateway = try GatewayProcess(
            routing: """
                routes:
                  - { path: /gone, respond: { status: 410, json: { error: GONE } } }
                  - { path: /moved, respond: { status: 308, headers: { Location: /new } } }
                """)
        let client = try gateway.client()
        #expect(try client.ask(get("/gone")).status == 410)
        #expect(try client.ask(get("/moved")).status == 308)
        #expect(try client.ask(get("/healthz")).status == 200)
        #expect(try client.ask(get("/nowhere")).status == 404)
        for path in ["/gone", "/moved", "/healthz"] {
            #expect(try gateway.logged(path)[0]["outcome"] as? String == "gateway.done", "\(path)")
        }
        #expect(try gateway.logged("/nowhere")[0]["outcome"] as? String == "gateway.policy")
    }
}
