import Foundation
import Testing

/// API keys and revocations as an operator and a machine see them (R12).
@Suite(.timeLimit(.minutes(20))) struct APIKeyTests {
    /// `floodgate` with these words; its output without the line's end.
    private func floodgate(_ words: String..., file: URL? = nil) throws -> String {
        let place = file.map { ["--file", $0.path] } ?? []
        let run = try ChildProcess.run(GatewayProcess.binary, words + place)
        try #require(run.exit == .code(0), "\(words): \(run.errors)")
        return run.output.trimmingCharacters(in: .newlines)
    }

    private func id(_ key: String) -> String { String(key.dropFirst(4).prefix(10)) }

    /// Until a request with the key is answered so.
    private func wait(for status: Int, _ key: String, _ gateway: GatewayProcess) throws {
        try eventually("\(status) for \(id(key))", within: .seconds(20)) {
            try gateway.client().ask(get("/f", "X-Api-Key: \(key)")).status == status ? true : nil
        }
    }

    @Test func `a key of a file is told to the backend, replaced and revoked without a restart`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("keys.json")
        let first = try floodgate("keys", "create", "--owner", "acme", "--plan", "pro", file: file)
        let gateway = try GatewayProcess(
            before: origin, route: "auth: required", top: "identity: { api_keys: { file: \(file.path) } }")

        let spoofed = get("/f", "X-Api-Key: \(first)", "X-User-Id: root", "X-User-Plan: gold")
        #expect(try gateway.client().ask(spoofed).text == "ok")
        let request = try origin.requests(1)[0]
        #expect(request.values("X-User-Id") == ["acme"])
        #expect(request.values("X-User-Plan") == ["pro"])
        #expect(!request.text.contains("fgk_"))
        let refused = try gateway.client().ask(get("/f"))
        #expect(refused.status == 401)
        #expect(refused.problem()["error"] as? String == "Missing API key")

        let second = try floodgate("keys", "rotate", id(first), file: file)
        try wait(for: 200, second, gateway)
        try wait(for: 200, first, gateway)
        _ = try floodgate("keys", "revoke", id(first), file: file)
        try wait(for: 401, first, gateway)
        let response = try gateway.client().ask(get("/f", "Authorization: ApiKey \(first)"))
        #expect(response.problem()["error"] as? String == "Authentication failed")
        #expect(response.value("WWW-Authenticate") == "ApiKey realm=\"api\"")
        try wait(for: 200, second, gateway)

        // A file that is broken leaves the old keys in force.
        try "{".write(to: file, atomically: true, encoding: .utf8)
        try gateway.waitUntilSaid("refused, the old ones stay in force", within: .seconds(20))
        try wait(for: 200, second, gateway)
        for text in [gateway.standardOutput, gateway.standardError] { #expect(!text.contains("fgk_")) }
    }

    @Test func `a key of the admin listener counts at once, and ends at once`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let gateway = try GatewayProcess(
            before: origin, route: "auth: required, scopes: [read]", top: "identity: { api_keys: {} }")
        _ = try gateway.adminPage("/healthz")
        let admin = "127.0.0.1:\(gateway.ports.admin)"
        let key = try floodgate(
            "keys", "create", "--owner", "acme", "--scopes", "read", "--expires", "1h", "--admin", admin)
        let weak = try floodgate("keys", "create", "--owner", "acme", "--admin", admin)
        #expect(try gateway.client().ask(get("/f", "Authorization: Bearer \(key)")).status == 200)
        #expect(try gateway.client().ask(get("/f", "X-Api-Key: \(weak)")).status == 403)
        #expect(try floodgate("keys", "list", "--admin", admin).split(separator: "\n").count == 3)
        _ = try floodgate("keys", "revoke", id(key), "--admin", admin)
        #expect(try gateway.client().ask(get("/f", "X-Api-Key: \(key)")).status == 401)
        #expect(try gateway.metric("floodgate_authentications_total{result=\"revoked\"}") == 1)
        #expect(!origin.requests.contains { $0.text.contains("fgk_") })
    }

    @Test func `a token that is revoked is refused from the next request on`() throws {
        let origin = try ScriptedOrigin.answering(body: "ok")
        defer { origin.stop() }
        let token = Token.signed(#"{"iss":"joe","sub":"ann","jti":"one","iat":1700000000}"#)
        let gateway = try GatewayProcess(
            before: origin, route: "auth: required",
            top: """
                identity:
                  tokens:
                    joe: { issuers: [joe], require_expiry: false, secret: \(Token.secret) }
                """)
        _ = try gateway.adminPage("/healthz")
        let client = try gateway.client()
        let asked = get("/f", "Authorization: Bearer \(token)")
        let admin = ["--until", "1h", "--admin", "127.0.0.1:\(gateway.ports.admin)"]
        for words in [
            ["--jti", "one", "--issuer", "joe"], ["--subject", "ann", "--issuer", "joe"], ["--token", token],
        ] {
            #expect(try client.ask(asked).status == 200)
            let run = try ChildProcess.run(GatewayProcess.binary, ["tokens", "revoke"] + words + admin)
            #expect(run.exit == .code(0), "\(run.errors)")
            let refused = try client.ask(asked)
            #expect(refused.status == 401)
            #expect(refused.problem()["error"] as? String == "Authentication failed")
            let key = run.output.trimmingCharacters(in: .newlines)
            let restored = try ChildProcess.run(
                GatewayProcess.binary, ["tokens", "restore", key] + admin.suffix(2))
            #expect(restored.exit == .code(0), "\(restored.errors)")
        }
        #expect(try client.ask(asked).status == 200)
    }
}
