import Foundation
import TestIssuer
import Testing

/// Tokens that browsers keep in cookies, whatever the library that wrote them, and tokens of every size.
@Suite(.timeLimit(.minutes(20))) struct TokenCookieTests {
    private static let name = "sb-x-auth-token"

    /// A session as Supabase's libraries write it, cut where they cut it.
    private static func supabase(_ token: String, pieces: Int) -> String {
        let session = """
            {"access_token":"\(token)","token_type":"bearer","expires_in":3600,"refresh_token":"r3fr3sh",\
            "user":{"id":"u1","email":"a@b.c","app_metadata":{"provider":"email"},"note":"\(
                String(repeating: "é", count: 300))"}}
            """
        let text = Array("base64-" + TokenText.encode(session.utf8))
        let size = (text.count + pieces - 1) / pieces
        return (0..<pieces).map { piece in
            let part = text.dropFirst(piece * size).prefix(size)
            return "\(name).\(piece)=\(String(part))"
        }.joined(separator: "; ")
    }

    @Test func `a session in three pieces is a session, by HTTP/1.1 and HTTP/2`() throws {
        let house = try TokenGateway(source: "cookie: \(Self.name)", listener: GatewayProcess.http2)
        let token = Token.good()
        let cookie = Self.supabase(token, pieces: 3)
        #expect(try house.ask("/a", "Cookie: theme=dark; \(cookie); x=y").status == 200)
        // The cookie is the backend's as well: it gets it as it came.
        #expect(house.origin.requests[0].value("Cookie") == "theme=dark; \(cookie); x=y")
        #expect(house.origin.requests[0].value("X-User-Id") == "u1")
        // HTTP/2 sends each pair in a field of its own.
        let fields = cookie.components(separatedBy: "; ").map { ("cookie", $0) }
        #expect(try house.gateway.http2().ask(1, "/b", fields.reversed()).status == 200)
        for missing in 0..<3 {
            let rest = cookie.components(separatedBy: "; ").enumerated().filter { $0.offset != missing }
            let answer = try house.ask(
                "/c", "Cookie: \(rest.map(\.element).joined(separator: "; "))")
            #expect(answer.status == 401)
        }
        #expect(house.origin.requests.count == 2)
    }

    @Test func `where nobody has to be known, a session that has gone bad makes its bearer anybody`() throws {
        let house = try TokenGateway(source: "cookie: \(Self.name)")
        let old = Self.supabase(Token.signed(Token.claims(expires: -1000)), pieces: 2)
        #expect(try house.ask("/perhaps/a", "Cookie: \(old)").status == 200)
        #expect(house.origin.requests[0].values("X-User-Id") == [])
        #expect(try house.ask("/b", "Cookie: \(old)").status == 401)
        #expect(try house.ask("/perhaps/c", bearer: Token.signed(Token.claims(expires: -1000))).status == 401)
    }

    @Test func `hundreds of cookies take bounded time`() throws {
        let house = try TokenGateway(source: "cookie: \(Self.name)", clients: "max_head: 65535")
        let many = (0..<280).map { "c\($0)=\(String(repeating: "v", count: 200))" }.joined(separator: "; ")
        let token = Token.good()
        #expect(try house.ask("/a", "Cookie: \(many); \(Self.name)=\(token)").status == 200)
        // As many of the cookie's own name: the first counts.
        let own = (0..<280).map { _ in "\(Self.name)=\(String(repeating: "v", count: 200))" }
        #expect(
            try house.ask("/b", "Cookie: \(own.joined(separator: "; ")); \(Self.name)=\(token)").status == 401
        )
        let pieces = (0..<280).map { "\(Self.name).\($0)=\(String(repeating: "v", count: 200))" }
        #expect(try house.ask("/c", "Cookie: \(pieces.joined(separator: "; "))").status == 401)
        // 300 of 200 bytes are more than a head may be, and are told so.
        let tooMany = (0..<330).map { "c\($0)=\(String(repeating: "v", count: 200))" }
        #expect(try house.ask("/d", "Cookie: \(tooMany.joined(separator: "; "))").status == 431)
        let time = try house.gateway.logged("/c")[0]["total_us"] as? Int
        #expect(time ?? .max < 1_000_000)
    }

    @Test func `a token of 16 KB is read, a longer one is refused, a huge one is no head`() throws {
        let house = try TokenGateway(source: "headers: {}", clients: "max_head: 65535")
        func token(of length: Int) -> String {
            let short = Token.good(#""x":"""#).utf8.count
            return Token.good(#""x":"\#(String(repeating: "a", count: (length - short) * 3 / 4))""#)
        }
        let largest = token(of: 16_380)
        #expect((16_300...16_384).contains(largest.utf8.count))
        #expect(try house.ask("/a", bearer: largest).status == 200)
        let longer = try house.ask("/b", bearer: token(of: 20_000))
        #expect(longer.status == 401)
        #expect(longer.problem()["detail"] as? String == "The token is too long.")
        let huge = String(repeating: "a", count: 1 << 20)
        let client = try house.gateway.client()
        // The gateway may close before all of it was sent.
        try? client.send("GET /c HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer \(huge)\r\n\r\n")
        #expect(try client.response().status == 431)
        #expect(try house.ask("/d", bearer: Token.good()).status == 200)
        let metric = "floodgate_authentications_total{result=\"malformed\"}"
        #expect(try house.gateway.metric(metric) == 1)
    }
}
