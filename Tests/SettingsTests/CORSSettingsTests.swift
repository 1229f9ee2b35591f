import Pipeline
import Proxy
import Testing

@testable import Settings

@Suite struct CORSSettingsTests {
    private func problems(_ cors: String, environment: [String: String] = [:]) -> [String] {
        headlines(valid + "cors: \(cors)\n", environment: environment).map {
            String($0.drop { $0 != " " }.dropFirst())
        }
    }

    private func origins(_ cors: String, environment: [String: String] = [:]) throws -> [String] {
        let loaded = load(valid + "cors: \(cors)\n", environment: environment)
        return try #require(loaded.settings, "\(loaded.diagnostics.text)").cors.map {
            $0.origins.map(\.text)
        } ?? []
    }

    @Test func `origins are a list, one text with commas, or both`() throws {
        #expect(try origins("off") == [])
        let two = ["https://a.example", "https://b.example"]
        #expect(try origins("{ origins: [\"https://a.example\", \"https://b.example\"] }") == two)
        #expect(try origins("{ origins: \"https://a.example, https://b.example,\" }") == two)
        #expect(
            try origins("{ origins: [\"https://a.example\", \"https://b.example,https://a.example\"] }")
                == two)
        #expect(try origins("{ origins: [null, \"https://a.example\"] }") == ["null", "https://a.example"])
        #expect(try origins("{ origins: \"*\" }") == ["*"])
        let environment = ["ALLOWED": "https://digis.app,https://www.digis.app"]
        let both = ["https://digis.app", "https://www.digis.app"]
        #expect(try origins("{ origins: \"${ALLOWED}\" }", environment: environment) == both)
        #expect(
            try origins("{ origins: [\"${ALLOWED}\", \"https://a.example\"] }", environment: environment)
                == both + ["https://a.example"])
    }

    @Test(arguments: [
        (
            "{ origins: \"*\", credentials: true }",
            "error: cors.credentials: browsers refuse \"*\" together with credentials; name the origins "
                + "(did you mean \"origins: [https://app.example.com]\"?)"
        ),
        (
            "{ origins: [\"*\", \"https://a.example\"] }",
            "error: cors.origins: \"*\" allows every origin, and stands alone"
        ),
        (
            "{ origins: [\"https://a.example/\"] }",
            "error: cors.origins[0]: \"https://a.example/\": an origin has no path, and no slash at its end "
                + "(did you mean \"https://a.example\"?)"
        ),
        (
            "{ origins: [\"https://A.example:443\"] }",
            "error: cors.origins[0]: \"https://A.example:443\": browsers send origins in lower case "
                + "(did you mean \"https://a.example:443\"?)"
        ),
        ("{ origins: [] }", "error: cors.origins: no origin is named; `cors: off` allows none"),
        ("{ origins: \"\" }", "error: cors.origins: no origin is named; `cors: off` allows none"),
        ("{ credentials: true }", "error: cors: \"origins\" is missing"),
        (
            "{ origins: [\"https://a.example\"], methods: [get] }",
            "error: cors.methods[0]: \"get\": methods are written in capitals (did you mean \"GET\"?)"
        ),
        (
            "{ origins: [\"https://a.example\"], methods: [TRACE] }",
            "error: cors.methods[0]: \"TRACE\": no browser lets a page use this method"
        ),
        (
            "{ origins: [\"https://a.example\"], credentials: true, exposed_headers: \"*\" }",
            "error: cors.exposed_headers: \"*\" means nothing together with credentials; name the fields "
                + "(did you mean \"[Retry-After, X-Request-Id]\"?)"
        ),
        (
            "{ origins: [\"https://a.example\"], headers: [\"*\"] }",
            "error: cors.headers[0]: \"*\": \"*\" stands alone, not in a list"
        ),
        (
            "{ origins: [\"https://a.example\"], null_credentials: true }",
            "warning: cors.null_credentials: has no effect without credentials and the origin null"
        ),
        (
            "{ origins: [\"https://*.vercel.app\"] }",
            "warning: cors.origins: anybody can have a name below this domain; name the hosts that are yours"
        ),
        (
            "{ origins: [\"https://a.example\"], max_age: 2d }",
            "error: cors.max_age: expected a duration from 0s to 1d, found \"2d\""
        ),
    ])
    func `a mistake is told with what to do`(cors: String, told: String) {
        #expect(problems(cors) == [told])
    }

    @Test func `what the environment holds is not shown`() {
        let told = problems(
            "{ origins: \"${ALLOWED}\" }",
            environment: ["ALLOWED": "https://a.example,https://s3cret.example/"])
        #expect(
            told == [
                "error: cors.origins: the value of \"${ALLOWED}\": entry 2 of 2: "
                    + "an origin has no path, and no slash at its end"
            ])
    }

    @Test func `five thousand origins are taken, one more is not`() throws {
        let names = (0..<5000).map { "https://a\($0).example" }.joined(separator: ",")
        #expect(try origins("{ origins: \"${ALL}\" }", environment: ["ALL": names]).count == 5000)
        #expect(
            problems("{ origins: \"${ALL}\" }", environment: ["ALL": names + ",https://b.example"]) == [
                "error: cors.origins: 5001 origins; at most 5000"
            ])
    }

    @Test func `a route has its own policy, none, or that of all`() throws {
        let settings = try #require(
            load(
                """
                cors: { origins: ["https://a.example"] }
                upstreams: { app: { servers: [127.0.0.1:3000] } }
                routes:
                  - { path: /a, upstream: app }
                  - { path: /b, upstream: app, cors: off, security_headers: off }
                  - { path: /c, upstream: app, cors: { origins: "*" }, security_headers: { preset: api } }
                """
            ).settings)
        let all = settings.cors
        #expect(
            settings.routes.map { settings.cors(of: $0)?.origins.map(\.text) }
                == [all?.origins.map(\.text), nil, ["*"]])
        #expect(settings.routes.map { settings.securityHeaders(of: $0).preset } == [.helmet, .off, .api])
    }

    @Test func `fields that the policy writes are not written beside it`() {
        let text = """
            cors: { origins: ["https://a.example"] }
            security_headers: { set: { Access-Control-Max-Age: "1" } }
            routes:
              - { path: /a, respond: { status: 200, headers: { Access-Control-Allow-Origin: "*" } } }
              - { path: /b, cors: off, respond: { headers: { Access-Control-Allow-Origin: "*" } } }
            """
        #expect(
            headlines(text) == [
                "2:52: error: security_headers.set: Access-Control-Max-Age is what cors writes; "
                    + "name its origins there instead",
                "4:81: error: routes[0].respond.headers: Access-Control-Allow-Origin is what cors writes; "
                    + "leave it out, or set `cors: off` for this route",
            ])
    }
}
