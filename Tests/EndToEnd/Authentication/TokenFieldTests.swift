import Foundation
import Testing

/// What a backend is told of who asks, to the byte, and what clients cannot tell it.
@Suite(.timeLimit(.minutes(20))) struct TokenFieldTests {
    private static let headers =
        "headers: { X-User-Id: sub, X-User-Mail: mail, X-User-Roles: roles, X-User-Level: level }, "
        + "plan: app.plan"
    private static let everything =
        #""sub":"u1","mail":"a@b.c","roles":["x","y,z"],"level":7,"app":{"plan":"pro"}"#
    private static let told = [
        "X-User-Id: u1", "X-User-Mail: a@b.c", "X-User-Roles: x,y%2Cz", "X-User-Level: 7", "X-User-Plan: pro",
    ]

    /// What the origin must have received of a request whose own fields are these.
    private func forwarded(
        _ house: TokenGateway, _ line: String, kept: [String], identity: [String]
    ) -> String {
        house.gateway.forwarded(line, kept).replacingOccurrences(
            of: "X-Request-Id: *\r\n",
            with: (["X-Request-Id: *"] + identity).joined(separator: "\r\n") + "\r\n")
    }

    @Test(arguments: [true, false])
    func `a backend sees the claims, and the Authorization field if it is meant to`(forward: Bool) throws {
        let house = try TokenGateway(source: "\(Self.headers), forward: \(forward)")
        let token = Token.good(Self.everything)
        #expect(try house.ask("/a", bearer: token, "Accept: */*").status == 200)
        let kept = forward ? ["Authorization: Bearer \(token)", "Accept: */*"] : ["Accept: */*"]
        #expect(
            try house.origin.requests(1)[0].masked
                == forwarded(house, "GET /a", kept: kept, identity: Self.told))
        // Where nobody is asked, the field was for somebody else.
        #expect(try house.ask("/open/a", bearer: token).status == 200)
        #expect(house.origin.requests[1].value("Authorization") == "Bearer \(token)")
        #expect(house.origin.requests[1].values("X-User-Id") == [])
    }

    /// Ways in which a client says who it would like to be.
    private static let forgeries = [
        ["X-User-Id: admin"], ["x-user-id: admin"], ["X-USER-ID: admin"],
        ["X-User-Id: admin", "X-User-Id: root"],
        ["X_User_Id: admin"], ["X-User_Id: admin"], ["X.User.Id: admin"], ["x_user_plan: pro"],
        ["X-User-Plan: pro"], ["X-User-Roles: admin"], ["X-User-Id:"], ["X-User-Id:\tadmin"],
        ["Connection: X-User-Id", "X-User-Id: admin"], ["Connection: close, x-user-id, x-user-plan"],
        ["X-User-Mail: a@b.c", "Connection: X-User-Mail, Authorization"],
    ]

    @Test func `nothing that clients send stands beside it, on no route`() throws {
        let house = try TokenGateway(source: Self.headers, identity: "default_plan: free")
        let token = Token.good()
        for (number, forgery) in Self.forgeries.enumerated() {
            for (path, identity) in [
                ("/known", ["X-User-Id: u1", "X-User-Plan: free"]), ("/open/a", []), ("/perhaps/a", []),
            ] {
                let target = "\(path)/\(number)"
                let credentials = path == "/known" ? ["Authorization: Bearer \(token)"] : []
                let client = try house.gateway.client()
                let answer = try client.ask(request("GET \(target) HTTP/1.1", credentials + forgery))
                client.close()
                #expect(answer.status == 200, "\(forgery)")
                let seen = try #require(house.origin.requests.last { $0.target == target })
                #expect(
                    seen.masked == forwarded(house, "GET \(target)", kept: credentials, identity: identity),
                    "\(forgery)")
            }
        }
    }

    @Test func `HTTP/2 carries no forgery either, nor does a trailer`() throws {
        let house = try TokenGateway(source: Self.headers, listener: GatewayProcess.http2)
        let client = try house.gateway.http2()
        let token = ("authorization", "Bearer \(Token.good())")
        for (number, name) in ["x-user-id", "x_user_id", "x-user-plan", "x-user_mail"].enumerated() {
            let answer = try client.ask(UInt32(number * 4 + 1), "/known", [token, (name, "admin")])
            #expect(answer.status == 200)
            #expect(try client.ask(UInt32(number * 4 + 3), "/open/a", [(name, "admin")]).status == 200)
        }
        let seen = house.origin.requests
        #expect(seen.count == 8)
        #expect(!seen.contains { $0.text.contains("admin") })
        #expect(seen.filter { $0.target == "/known" }.allSatisfy { $0.value("X-User-Id") == "u1" })
        let chunked =
            "POST /open/a HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "1\r\na\r\n0\r\nX-User-Id: admin\r\nx-user-plan: pro\r\n\r\n"
        #expect(try house.gateway.client().ask(chunked).status == 200)
        #expect(house.origin.requests.last?.trailers.isEmpty == true)
    }

    @Test func `a claim that is missing leaves no field, and none of the client's`() throws {
        let house = try TokenGateway(source: Self.headers)
        let answer = try house.ask("/a", bearer: Token.good(#""x":1"#), "X-User-Id: admin", "X-User-Mail: m")
        #expect(answer.status == 200)
        let seen = house.origin.requests[0]
        for name in ["X-User-Id", "X-User-Mail", "X-User-Roles", "X-User-Plan"] {
            #expect(seen.values(name) == [], "\(name)")
        }
    }

    @Test func `who may not is told so, with the scope that is missing`() throws {
        let house = try TokenGateway(route: "scopes: [\"messages:write\"], roles: [admin]")
        let scope = #""sub":"u1","scope":"messages:write""#
        let poor = try house.ask("/a", bearer: Token.good())
        #expect(poor.status == 403)
        #expect(poor.problem()["error"] as? String == "Insufficient scope")
        #expect(
            poor.value("WWW-Authenticate")
                == #"Bearer realm="api", error="insufficient_scope", scope="messages:write""#)
        let stranger = try house.ask("/b", bearer: Token.good(scope))
        #expect(stranger.status == 403)
        #expect(stranger.problem()["error"] as? String == "Forbidden")
        #expect(stranger.value("WWW-Authenticate") == nil)
        #expect(try house.ask("/c", bearer: Token.good("\(scope),\"roles\":[\"admin\"]")).status == 200)
        #expect(house.origin.requests.count == 1)
        // The log knows them: that is how abuse is found.
        #expect(try house.gateway.logged("/a")[0]["user"] as? String == "u1")
        #expect(try house.gateway.logged("/c")[0]["user"] as? String == "u1")
    }

    @Test func `the log has the user, bounded and safe`() throws {
        let house = try TokenGateway(source: "headers: {}")
        for (path, subject, logged) in [
            ("/1", "u1", "u1"), ("/2", #"a\"b\\c\u0001é"#, "a\"b\\c\u{1}é"),
            ("/3", String(repeating: "u", count: 500), String(repeating: "u", count: 128) + "…"),
        ] {
            #expect(try house.ask(path, bearer: Token.good(#""sub":"\#(subject)""#)).status == 200)
            #expect(try house.gateway.logged(path)[0]["user"] as? String == logged)
        }
        #expect(try house.ask("/open/4").status == 200)
        #expect(try house.gateway.logged("/open/4")[0]["user"] == nil)
    }
}
