import Foundation
import Testing

/// What a request takes of a limit: a number, what a field says, or as many as it has calls.
@Suite(.timeLimit(.minutes(20))) struct LimitCostTests {
    @Test func `a request takes what the rule says, and what is left is told`() throws {
        let gateway = try GatewayProcess(limit: "rate: 12 per 1h, cost: 5")
        let client = try gateway.client()
        #expect(try client.ask(get("/")).quota?.value("r", of: "few") == 7)
        #expect(try client.ask(get("/")).quota?.value("r", of: "few") == 2)
        let refused = try client.ask(get("/"))
        refused.expectQuotaExceeded(["few"])
        #expect(refused.quota?.value("r", of: "few") == 2, "a refused request takes nothing")
    }

    @Test func `a field's number counts up to its maximum, and nonsense never counts less than one`() throws {
        let gateway = try GatewayProcess(
            limit: "rate: 1000 per 1h, by: 'header:X-Who', cost: { header: X-Cost, max: 100 }")
        func left(_ who: String, _ fields: String...) throws -> Int {
            let response = try gateway.ask("/", fields: ["X-Who: \(who)"] + fields)
            #expect(response.status == 200)
            return try #require(response.quota?.value("r", of: "few"))
        }
        #expect(try left("none") == 999)
        #expect(try left("seven", "X-Cost: 7") == 993)
        #expect(try left("most", "X-Cost: 5000") == 900)
        for nonsense in ["-5", "0", "", "1e9", "99999999999999999999999", "0x10", "7 7", "+3", "nan"] {
            let took = 1000 - (try left("n\(nonsense)", "X-Cost: \(nonsense)"))
            #expect((1...100).contains(took), "\(nonsense)")
        }
        #expect((900...999).contains(try left("twice", "X-Cost: 3", "X-Cost: 4")))
    }

    @Test func `a request that costs more than is ever there is refused, and takes nothing`() throws {
        let gateway = try GatewayProcess(
            limit: "rate: 10 per 1h, cost: { header: X-Cost, max: 100 }")
        for _ in 0..<3 {
            let refused = try gateway.ask("/", fields: ["X-Cost: 11"])
            refused.expectQuotaExceeded(["few"])
        }
        #expect(try gateway.ask("/", fields: ["X-Cost: 10"]).status == 200)
        #expect(try gateway.ask("/").status == 429)
    }

    @Test func `calls of a tRPC batch count each, against the rules of their own routes`() throws {
        let origin = try ScriptedOrigin.answering(body: "[]")
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            limits: ["all: { rate: 10 per 1h }", "chat: { rate: 2 per 1h }"],
            routes: [
                "path: /api/trpc/chat.send, limits: [all, chat], calls: trpc",
                "path: /api/trpc/*, limits: [all], calls: trpc",
            ], before: origin)
        func ask(_ names: String) throws -> RawResponse { try gateway.ask("/api/trpc/\(names)") }
        #expect(try ask("a,b,c?batch=1").quota?.value("r", of: "all") == 7)
        #expect(try ask("a").quota?.value("r", of: "all") == 6)
        let mixed = try ask("a,chat.send?batch=1")
        #expect(mixed.status == 200)
        #expect(mixed.quota?.value("r", of: "all") == 4)
        #expect(mixed.quota?.value("r", of: "chat") == 1)
        // All or nothing: two more chats are one too many, and nothing is taken for them.
        try ask("chat.send,b,chat.send?batch=1").expectQuotaExceeded(["chat"])
        #expect(try ask("a").quota?.value("r", of: "all") == 3)
        try ask("a,b,c,d?batch=1").expectQuotaExceeded(["all"])
        #expect(try ask("chat.send").status == 200)
        try ask("chat.send").expectQuotaExceeded(["chat"])
    }

    @Test func `operations of a GraphQL batch count each`() throws {
        let gateway = try GatewayProcess(
            limits: ["few: { rate: 10 per 1h }"],
            routes: ["path: /graphql, limits: [few], calls: { kind: graphql, max: 6, max_body: 64KiB }"])
        func ask(_ body: String) throws -> RawResponse {
            let client = try gateway.client()
            defer { client.close() }
            return try client.ask(post("/graphql", "Content-Type: application/json", body: body))
        }
        let one = #"{"query":"{ me { id } }"}"#
        #expect(try ask(one).quota?.value("r", of: "few") == 9)
        #expect(try ask("[\(one),\(one),\(one)]").quota?.value("r", of: "few") == 6)
        let seven = "[" + Array(repeating: one, count: 7).joined(separator: ",") + "]"
        #expect(try ask(seven).status == 413, "more calls than the route takes")
        // A request that is refused in between has cost one: nobody is to try for nothing.
        #expect(try ask(one).quota?.value("r", of: "few") == 4)
        let six = "[" + Array(repeating: one, count: 6).joined(separator: ",") + "]"
        try ask(six).expectQuotaExceeded(["few"])
        #expect(try ask(one).quota?.value("r", of: "few") == 3)
    }

    @Test func `calls of a JSON-RPC batch count each`() throws {
        let gateway = try GatewayProcess(
            limits: ["few: { rate: 10 per 1h }"], routes: ["path: /rpc, limits: [few], calls: jsonrpc"])
        func ask(_ body: String) throws -> RawResponse {
            let client = try gateway.client()
            defer { client.close() }
            return try client.ask(post("/rpc", "Content-Type: application/json", body: body))
        }
        let call = #"{"jsonrpc":"2.0","method":"eth_blockNumber","id":1}"#
        #expect(try ask(call).quota?.value("r", of: "few") == 9)
        #expect(try ask("[\(call),\(call),\(call),\(call)]").quota?.value("r", of: "few") == 5)
        try ask("[" + Array(repeating: call, count: 6).joined(separator: ",") + "]")
            .expectQuotaExceeded(["few"])
        #expect(try ask("[\(call)]").quota?.value("r", of: "few") == 4)
    }

    @Test func `a batch whose body comes in pieces or is no batch never passes uncounted`() throws {
        let gateway = try GatewayProcess(
            limits: ["few: { rate: 9 per 1h }"],
            routes: ["path: /rpc, limits: [few], calls: { kind: jsonrpc, max_body: 4KiB }"])
        let call = #"{"jsonrpc":"2.0","method":"a","id":1}"#
        let batch = "[\(call),\(call),\(call)]"
        let client = try gateway.client()
        let head = request(
            "POST /rpc HTTP/1.1", ["Content-Type: application/json", "Transfer-Encoding: chunked"])
        try client.send(head)
        for byte in batch.utf8 { try client.send("1\r\n\(Character(UnicodeScalar(byte)))\r\n") }
        try client.send("0\r\n\r\n")
        #expect(try client.response(to: "POST").quota?.value("r", of: "few") == 6)
        // What cannot be read is one call or none, and never free.
        let broken = try gateway.client().ask(post("/rpc", "Content-Type: application/json", body: "[{,"))
        #expect(broken.status == 200 ? broken.quota?.value("r", of: "few") == 5 : broken.status == 400)
        let large = post(
            "/rpc", "Content-Type: application/json", body: "[\(String(repeating: " ", count: 5000))\(call)]")
        #expect(try gateway.client().ask(large).status == 413)
    }
}
