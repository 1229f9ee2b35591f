import Pipeline
import Proxy
import Settings
import Testing

/// What `check` says of limits, and of routes that use them.
@Suite struct LimitSettingsTests {
    /// Headlines of a file whose limit `chat` is as given.
    private func problems(
        _ limit: String, route: String = "limits: [chat]", identity: String = ""
    ) -> [String] {
        load(limit, route, identity).diagnostics.map { String($0.headline.dropFirst("gateway.yaml:".count)) }
    }

    private func load(_ limit: String, _ route: String, _ identity: String) -> Loaded<GatewaySettings> {
        let text = """
            limits:
              chat: { \(limit) }
            upstreams: { app: { servers: ["a:1"] } }
            \(identity)
            routes:
              - { path: /*, upstream: app, \(route) }
            """
        return GatewaySettings.load(text: text, file: "gateway.yaml", environment: [:])
    }

    private static let users = """
        identity: { default_plan: free, tokens: { users: { issuers: [a], audiences: [b], \
        secret: 0123456789abcdef0123456789abcdef, plan: plan } } }
        """
    private static let asked = "limits: [chat], auth: required"

    @Test(
        arguments: [
            "rate: 100 per 15m", "rate: 10 per 1m, burst: 20", "rate: 5 per s, by: everyone",
            "rate: 5 per 1s, by: [ip, route]", "rate: 5 per 1s, algorithm: sliding_window",
            "rate: 5 per 1s, algorithm: fixed_window, by: [route, ip]", "rate: 5 per 1s, cost: 5",
            "rate: 5 per 1s, cost: { header: X-Cost }", "rate: 5 per 1s, dry_run: true",
            "rate: 5 per 1s, exempt: { addresses: [10.0.0.0/8], keys: [ci] }, on_store_error: closed",
            "rate: 5 per 1s, by: user", "plans: { free: 10 per 1d, pro: unlimited }, by: user",
            "plans: { pro: 10 per 1d }, rate: 1 per 1d, by: [claim:app.team, plan]",
        ])
    func `what is right passes`(limit: String) {
        #expect(problems(limit, route: Self.asked, identity: Self.users) == [])
    }

    /// A limit, where in the file what is wrong with it stands, and the words.
    private struct Wrong: Sendable, CustomTestStringConvertible {
        let limit: String
        let place: String
        let words: String

        init(_ limit: String, _ place: String, _ words: String) {
            (self.limit, self.place, self.words) = (limit, place, words)
        }

        var testDescription: String { limit }
    }

    private static let holders =
        "expected ip, user, api_key, plan, route, host, header:NAME, cookie:NAME, claim:PATH or everyone"

    @Test(
        arguments: [
            Wrong("by: ip", "2:9", "error: limits.chat: \"rate\" is missing (or \"plans\")"),
            Wrong(
                "rate: 0 per 0s", "2:17",
                "error: limits.chat.rate: \"0 per 0s\": a rate counts from 1 to 1000000000"),
            Wrong(
                "rate: 5 per 1s, by: usr", "2:31",
                "error: limits.chat.by: \(holders), found \"usr\" (did you mean \"user\"?)"),
            Wrong("rate: 5 per 1s, by: [ip, ip]", "2:36", "error: limits.chat.by: ip is listed twice"),
            Wrong(
                "rate: 5 per 1s, by: [ip, everyone]", "2:36", "error: limits.chat.by: everyone stands alone"),
            Wrong("rate: 5 per 1s, by: []", "2:31", "error: limits.chat.by: expected at least one entry"),
            Wrong(
                "rate: 5 per 1s, burst: 9, algorithm: fixed_window", "2:34",
                "error: limits.chat: a window allows its whole count at once: burst is for gcra"),
            Wrong(
                "rate: 5 per 1s, cost: 6", "2:33",
                "error: limits.chat: a request that takes 6 is never let through: 5 are allowed at once"),
            Wrong(
                "rate: 5 per 1s, cost: { max: 3 }", "2:33",
                "error: limits.chat.cost: \"header\" is missing"),
            Wrong(
                "rate: 1 per 31d, burst: 1000", "2:35",
                "error: limits.chat: at this rate a burst of 1000 takes more than ten years to be allowed "
                    + "again"),
            Wrong(
                "rate: 5 per 1s, message: a, json: b", "2:45",
                "error: limits.chat: a refusal has a message or json, not both"),
            Wrong(
                "plans: { free: 1 per 1d }", "2:18",
                "error: limits.chat.plans: nobody is on a plan: name where plans come from, as `plan` of a "
                    + "token source, identity.plan_lookup or identity.default_plan"),
            Wrong(
                "rate: 5 per 1s, by: user", "2:31",
                "error: limits.chat: nobody has a user here: identity has neither tokens nor api_keys"),
            Wrong(
                "rate: 5 per 1s, by: header:X-Team", "6:40",
                "warning: routes[0].limits: chat counts by what clients write themselves: "
                    + "add one by ip or user"),
        ])
    private func `what cannot be is told with its place`(wrong: Wrong) {
        #expect(problems(wrong.limit).first == "\(wrong.place): \(wrong.words)")
    }

    @Test func `a default plan needs a rate`() {
        let found = load("plans: { pro: 1 per 1d }, by: user", Self.asked, Self.users).diagnostics
        #expect(
            found.map(\.headline) == [
                "gateway.yaml:2:18: error: limits.chat.plans: the default plan \"free\" has no rate; add it, "
                    + "or `rate` for all others"
            ])
    }

    @Test func `a route that asks nobody counts users by address, and is told so`() {
        let words = "chat counts users, and without `auth` the route knows none"
        #expect(problems("rate: 5 per 1s, by: user", identity: Self.users).contains { $0.contains(words) })
    }

    @Test func `calls that a batch cannot carry are told`() {
        let text = """
            identity:
              tokens: { users: { issuers: [a], audiences: [b], secret: 0123456789abcdef0123456789abcdef } }
            upstreams: { app: { servers: ["a:1"] } }
            routes:
              - { path: /trpc/*, upstream: app, calls: trpc }
              - { name: chat, path: /trpc/chat, upstream: app, auth: required }
            """
        let found = GatewaySettings.load(text: text, file: "gateway.yaml", environment: [:]).diagnostics
        #expect(
            found.map(\.headline) == [
                "gateway.yaml:5:44: warning: routes[0]: calls of chat are refused in a batch, for this route "
                    + "asks nobody who they are: set `auth: optional`"
            ])
    }
}
