import Foundation
import Testing

/// Secrets and tokens stand in nothing that the gateway writes.
@Suite(.timeLimit(.minutes(20))) struct TokenSecrecyTests {
    @Test func `no log, metric, page or answer holds a token or a secret`() throws {
        let house = try TokenGateway(source: "cookie: s, query: access_token, headers: {}")
        let good = Token.good()
        let forged = Token.signed(Token.claims(), secret: "another-secret-another-secret-12".utf8)
        var answers = ""
        for token in [good, forged] {
            answers += try house.ask("/a", bearer: token).text
            answers += try house.ask("/b", "Cookie: s=\(token)").text
            answers += try house.ask("/c?access_token=\(token)", "Referer: http://x/?t=\(token)").text
            answers += try house.ask(
                "/d?access_token=\(token)", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            ).text
        }
        try house.gateway.reloadInVain("identity: { tokens: { users: { secret: [\"\(Token.secret)\"] } } }")
        for page in ["/metrics", "/status", "/healthz"] {
            answers += (try? house.gateway.adminPage(page)) ?? ""
        }
        #expect(try house.gateway.logged("/d", count: 2).count == 2)
        house.gateway.terminate()
        let written = answers + house.gateway.standardOutput + house.gateway.standardError
        #expect(written.contains("floodgate_authentications_total"))
        for token in [good, forged] {
            // Not a piece of one: the signature and the claims are enough to do harm.
            for part in token.split(separator: ".").dropFirst() {
                #expect(!written.contains(part.prefix(20)))
            }
        }
        #expect(!written.contains(Token.secret))
        #expect(!written.contains("another-secret"))
    }

    @Test func `explain tells what a token would get, and nothing of it`() throws {
        let house = try TokenGateway(source: "issuers: [a]", route: "scopes: [read]")
        func explain(_ fields: String..., path: String = "/a") throws -> String {
            let result = try ChildProcess.run(
                GatewayProcess.binary,
                ["explain", "GET", path, "--file", house.gateway.settingsFile.path]
                    + fields.flatMap { ["--header", $0] })
            #expect(!result.output.contains(Token.secret))
            for field in fields where field.contains(".") {
                #expect(!result.output.contains(field.suffix(20)))
                #expect(!result.errors.contains(field.suffix(20)))
            }
            return result.output
        }
        let good = Token.good(#""iss":"a","sub":"u1","scope":"read""#)
        for (token, expected) in [
            (good, "token          accepted, of users"),
            (
                Token.good(#""iss":"a""#),
                "token          403 Insufficient scope: The credential is good, but lacks a scope that this "
                    + "path asks for."
            ),
            (
                Token.good(#""iss":"b""#),
                "token          401 Invalid token: The token comes from somebody who is not believed here."
            ),
            (
                Token.signed(Token.claims(#""iss":"a""#, expires: -999)),
                "token          401 Invalid token: The token has expired. Refresh it, then try again."
            ),
        ] {
            let story = try explain("Authorization: Bearer \(token)")
            #expect(story.contains(expected), "\(story)")
            #expect(!story.contains("u1"))
        }
        #expect(try explain().contains("token          401 Missing token: "))
        #expect(try explain(path: "/perhaps/a").contains("token          none that counts"))
        #expect(try !explain(path: "/open/a").contains("token "))
    }
}
