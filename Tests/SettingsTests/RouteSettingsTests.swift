import Pipeline
import Proxy
import Testing

@testable import Settings

@Suite struct RouteSettingsTests {
    /// Routes over upstreams `app` and `canary` and limit `everyone`; only what is wrong with the routes.
    private func problems(_ routes: String) -> [String] {
        let text = """
            upstreams: { app: { servers: ["a:1"] }, canary: { servers: ["a:1"] } }
            limits: { everyone: { rate: 1 per 1s } }
            routes:

            """
        return headlines(text + routes).filter { !$0.hasPrefix("1:") && !$0.hasPrefix("2:") }
    }

    @Test(arguments: [
        ("/", PathPattern.exact("/")), ("/a", .exact("/a")), ("/a/", .exact("/a/")), ("/*", .prefix("")),
        ("/a/*", .prefix("/a")),
        ("/a%20b", .exact("/a%20b")), ("/{x}", .segments([.any(name: "x")])),
        ("/u/{id}/*", .segments([.literal("u"), .any(name: "id"), .rest])),
        ("/u/{id}/", .segments([.literal("u"), .any(name: "id"), .literal("")])),
    ])
    func `paths are exact, prefixes or patterns`(text: String, expected: PathPattern) throws {
        let pattern = try PathPattern(parsing: text)
        #expect(pattern == expected)
        #expect(pattern.text == text)
    }

    @Test(arguments: [
        "", "a", "*", "/a*", "/*/a", "/a//b", "//", "//*", "/a/../b", "/./a", "/a b", "/a?b", "/a#b", "/ä",
        "/a\\b", "/%2f", "/%2F",
        "/%41", "/%zz", "/%2", "/%00", "/a{id}", "/{id", "/id}", "/{}", "/{a}/{a}", "/{a-b}", "/{a}//b",
        "/{a}/*/b",
        "/{a}/b c", "http://x/a", "/\u{7F}",
    ])
    func `paths that could never match are refused`(text: String) {
        #expect(throws: Refusal.self) { try PathPattern(parsing: text) }
    }

    @Test(arguments: [
        ("- { path: /a }", "4:3: error: routes[0]: \"upstream\" is missing (or \"respond\")"),
        (
            "- { path: /a, upstream: app, respond: {} }",
            "4:39: error: routes[0]: a route has an upstream or respond, not both"
        ),
        (
            "- { path: /a, respond: { status: 100 } }",
            "4:34: error: routes[0].respond.status: expected a whole number from 200 to 599, found \"100\""
        ),
        (
            "- { path: /a, respond: { status: 204, text: x } }",
            "4:34: error: routes[0].respond: an answer with status 204 has no body"
        ),
        (
            "- { path: /a, respond: { text: x, json: 1 } }",
            "4:32: error: routes[0].respond: a body is text or json, not both"
        ),
        (
            "- { path: /a, respond: {}, upgrade: [websocket] }",
            "4:37: warning: routes[0]: upgrade has no effect beside respond"
        ),
        (
            "- { path: /a, upstream: { app: 95, canry: 5 } }",
            "4:36: error: routes[0].upstream: no upstream is named \"canry\" (did you mean \"canary\"?)"
        ),
        (
            "- { path: /a, upstream: { app: 0 } }",
            "4:25: error: routes[0].upstream: 1 to 64 upstreams, at least one with a weight above 0"
        ),
        (
            "- { path: /a, upstream: {} }",
            "4:25: error: routes[0].upstream: 1 to 64 upstreams, at least one with a weight above 0"
        ),
        (
            "- { path: /a, upstream: app, strip_prefix: /b }",
            "4:44: error: routes[0]: /a does not begin with strip_prefix /b"
        ),
        (
            "- { path: /ab, upstream: app, strip_prefix: /a }",
            "4:45: error: routes[0]: /ab does not begin with strip_prefix /a"
        ),
        (
            "- { path: /a, upstream: app, methods: [get] }",
            "4:40: error: routes[0].methods[0]: \"get\": methods are written in capitals "
                + "(did you mean \"GET\"?)"
        ),
        (
            "- { path: /a, upstream: app, methods: [CONNECT] }",
            "4:40: error: routes[0].methods[0]: \"CONNECT\": CONNECT is never passed on"
        ),
        (
            "- { path: /a, upstream: app, hosts: [\"a.b:80\"] }",
            "4:38: error: routes[0].hosts[0]: \"a.b:80\": a host is written without a port "
                + "(did you mean \"a.b\"?)"
        ),
        (
            "- { path: /a, upstream: app, upgrade: [h2c] }",
            "4:40: error: routes[0].upgrade[0]: expected websocket, found \"h2c\""
        ),
        (
            "- { path: /a, upstream: app, limits: [everyone, everyone] }",
            "4:49: warning: routes[0].limits[1]: everyone is listed twice"
        ),
        (
            "- { path: /a, upstream: app, limits: everyone }",
            "4:38: error: routes[0].limits: expected a list, found a value"
        ),
    ])
    func `what is wrong with one route is said at its place`(route: String, expected: String) {
        #expect(problems(route) == [expected])
    }

    @Test(arguments: [
        (
            "- { path: /a, upstream: app }\n- { path: /a, upstream: canary }",
            "5:11: error: routes[1]: the same route stands on line 4"
        ),
        (
            "- { path: \"/{a}/b\", upstream: app }\n- { path: \"/{c}/b\", upstream: app }",
            "5:11: error: routes[1]: the same route stands on line 4"
        ),
        (
            "- { path: /a, methods: [GET, POST], upstream: app }\n"
                + "- { path: /a, methods: [POST], upstream: app }",
            "5:11: warning: routes[1]: never matches, the route on line 4 takes all of its requests"
        ),
        (
            "- { path: /*, hosts: [a.b, c.d], upstream: app }\n- { path: /*, hosts: [c.d], upstream: app }",
            "5:11: warning: routes[1]: never matches, the route on line 4 takes all of its requests"
        ),
        (
            "- { name: x, path: /a, upstream: app }\n- { name: x, path: /b, upstream: app }",
            "5:11: error: routes[1]: the name \"x\" is taken by routes[0]"
        ),
    ])
    func `routes that never match are found`(routes: String, expected: String) {
        #expect(problems(routes) == [expected])
    }

    @Test(arguments: [
        "- { path: /a, upstream: app }\n- { path: /a, methods: [GET], upstream: app }",
        "- { path: /*, upstream: app }\n- { path: /a, upstream: app }",
        "- { path: /a, methods: [GET], upstream: app }\n- { path: /a, methods: [POST], upstream: app }",
        "- { path: /a, headers: { X: \"1\" }, upstream: app }\n"
            + "- { path: /a, headers: { X: \"2\" }, upstream: app }",
        "- { path: /a, hosts: [a.b], upstream: app }\n- { path: /a, hosts: [\"*.b\"], upstream: app }",
    ])
    func `routes that differ are left alone`(routes: String) {
        #expect(problems(routes) == [])
    }

    @Test func `limits and upstreams that no route uses are warned of at their names`() {
        let text = "limits:\n  a: { rate: 1 per 1s }\nupstreams:\n  b:\n    servers: [\"a:1\"]\n"
        #expect(
            headlines(text) == [
                "2:3: warning: limits.a: no route uses this limit",
                "4:3: warning: upstreams.b: no route uses this upstream",
            ])
        #expect(load(text).settings != nil)
    }

    @Test func `routes without a name get one of their own`() throws {
        let text = """
            upstreams: { app: { servers: ["a:1"] } }
            routes:
              - { path: /a, methods: [GET], upstream: app }
              - { path: /a, methods: [POST], upstream: app }
              - { path: /b, upstream: app, name: "/a#2" }
              - { path: /a, upstream: app }
            """
        #expect(load(text).settings?.routes.map(\.name) == ["/a", "/a#3", "/a#2", "/a#4"])
    }

    @Test func `an entry that cannot be read hides nothing of the others`() {
        #expect(
            problems("- 5\n- { path: /*, methods: [get], upstream: app }\n- { path: /*, upstream: ap }") == [
                "4:3: error: routes[0]: expected a map of keys, found a value",
                "5:25: error: routes[1].methods[0]: \"get\": methods are written in capitals "
                    + "(did you mean \"GET\"?)",
                "6:25: error: routes[2].upstream: no upstream is named \"ap\" (did you mean \"app\"?)",
            ])
    }

    @Test func `the most specific route takes precedence`() throws {
        func precedence(_ path: String, hosts: [HostPattern] = [], methods: [String] = [], headers: Int = 0)
            throws -> RoutePrecedence
        {
            var route = RouteSettings()
            route.path = try PathPattern(parsing: path)
            route.hosts = hosts
            route.methods = methods
            route.headers = (0..<headers).map { HeaderField("X-\($0)", "") }
            return RoutePrecedence(route)
        }
        let ordered = [
            try precedence("/*"), try precedence("/{x}/*"), try precedence("/{x}/{y}"),
            try precedence("/{x}/b"),
            try precedence("/a/*"), try precedence("/a"), try precedence("/a", headers: 1),
            try precedence("/a", headers: 2), try precedence("/a", methods: ["GET"]),
            try precedence("/a/{y}/*"), try precedence("/a/{y}"), try precedence("/a/b/*"),
            try precedence("/*", hosts: [.subdomains(of: "b")]),
            try precedence("/a", hosts: [.subdomains(of: "b")]),
            try precedence("/a", hosts: [.subdomains(of: "a.b")]), try precedence("/a", hosts: [.exact("b")]),
            try precedence("/a", hosts: [.exact("b")], methods: ["GET"]),
        ]
        #expect(zip(ordered, ordered.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func `the coverage report names routes to upstreams without a limit`() throws {
        let text = """
            upstreams: { app: { servers: ["a:1"] } }
            limits: { everyone: { rate: 1 per 1s } }
            routes:
              - { path: /a, upstream: app, limits: [everyone] }
              - { path: /b, upstream: app, name: open }
              - { path: /c, respond: {} }
              - { path: /*, upstream: app }
            """
        let settings = try #require(load(text).settings)
        #expect(
            RouteCoverage.report(settings) == [
                .init(index: 1, name: "open", path: "/b"), .init(index: 3, name: "/*", path: "/*"),
            ])
    }
}
