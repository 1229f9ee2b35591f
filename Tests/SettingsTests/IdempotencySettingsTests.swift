import Pipeline
import Proxy
import Testing

@testable import Settings

@Suite struct IdempotencySettingsTests {
    /// What is said of one route with these keys, on the file's line 3.
    private func problems(_ keyed: String, route: String = "", upstream: String = "") -> [String] {
        headlines(
            """
            upstreams: { app: { servers: ["a:1"], \(upstream) } }
            routes:
              - { path: /a, upstream: app, \(route)
                  idempotency: { \(keyed) } }
            """)
    }

    private let alone = "by: ip"

    @Test func `what is left out has its default`() throws {
        let text = """
            upstreams: { app: { servers: ["a:1"] } }
            routes: [{ path: /a, upstream: app, idempotency: {} }]
            """
        let settings = try #require(load(text).settings).routes[0].idempotency
        #expect(settings == IdempotencySettings())
        #expect(settings?.methods == [.post, .patch])
        #expect(settings?.lease == .seconds(120))
    }

    @Test(arguments: [
        ("by: ip", []),
        (
            "required: false",
            [
                "4:7: warning: routes[0].idempotency: without auth nobody is known: clients of one address "
                    + "share their keys"
            ]
        ),
        (
            "by: ip, ttl: 0s",
            ["4:34: error: routes[0].idempotency.ttl: expected a duration from 1s to 30d, found \"0s\""]
        ),
        (
            "by: ip, max_body: 1MiB",
            [
                "4:39: error: routes[0].idempotency.max_body: expected a size from 0 to 192KiB, found "
                    + "\"1MiB\""
            ]
        ),
        (
            "by: ip, max_answer: 1MiB",
            [
                "4:41: error: routes[0].idempotency.max_answer: expected a size from 0 to 960KiB, found "
                    + "\"1MiB\""
            ]
        ),
        (
            "by: ip, methods: [GET]",
            [
                "4:39: error: routes[0].idempotency.methods[0]: expected POST, PATCH, PUT or DELETE, found "
                    + "\"GET\""
            ]
        ),
        (
            "by: ip, wait: 4m, lease: 3m",
            ["4:34: error: routes[0].idempotency: wait is at most lease: after that nobody is waited for"]
        ),
        (
            "by: ip, lease: 60s",
            [
                "4:34: warning: routes[0].idempotency: lease 60s ends before an answer must have begun (70s "
                    + "with queue, connect and response time): a second request may go out meanwhile"
            ]
        ),
        ("by: ip, leese: 60s", ["4:34: error: unknown key \"leese\" (did you mean \"lease\"?)"]),
    ])
    func `mistakes are told with their places`(keyed: String, expected: [String]) {
        let found = problems(keyed)
        #expect(found.map(Self.words) == expected.map(Self.words), "\(found)")
        #expect(found.allSatisfy { $0.hasPrefix("4:") }, "\(found)")
    }

    /// A headline without its column.
    private static func words(_ headline: String) -> String {
        headline.split(separator: ":", maxSplits: 2).last.map(String.init) ?? headline
    }

    @Test func `keys that could mean nothing on their route are told`() {
        #expect(
            problems(alone, route: "methods: [GET],").map(Self.words) == [
                " error: routes[0].idempotency: keys count for POST, PATCH, which the route does not take"
            ])
        #expect(
            problems("by: ip, max_body: 64KiB", route: "max_body: 1KiB,").map(Self.words) == [
                " warning: routes[0].idempotency: max_body is more than the route's own, which holds"
            ])
        #expect(problems(alone, route: "max_body: 1KiB,") == [])
        #expect(problems("by: ip, lease: 40s", route: "response_timeout: 20s,") == [])
        let fixed = headlines(
            """
            routes:
              - { path: /a, respond: {}, idempotency: { by: ip } }
            """)
        #expect(
            fixed.map(Self.words) == [" warning: routes[0]: idempotency has no effect beside respond"])
    }
}
