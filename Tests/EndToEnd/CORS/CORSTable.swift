/// The table: who may read what, by the Fetch standard and by what operators and attackers have tried.
enum CORSTable {
    typealias Row = CORSCase

    private static let app = "https://app.example.com"

    static let rows: [Row] =
        named + foreign + patterns + tricks + wildcard + null + preflights + asked + methods + routes + shapes

    // MARK: Origins that are named

    private static let named: [Row] = [
        app, "https://app.example.com:8443", "http://localhost:3000", "http://127.0.0.1:5173",
        "http://[::1]:3000", "https://[2001:db8::1]", "https://xn--bcher-kva.example",
        "capacitor://localhost",
        "https://digis.app", "https://www.digis.app",
    ].flatMap { origin -> [Row] in
        [
            .get("named", "/exact/a", origin: origin, .reads(origin, credentials: true)),
            .preflight("named", "/exact/a", origin: origin, .granted(origin, .init())),
        ]
    }

    // MARK: Origins that are not, though they look like it

    private static let strangers: [String] = [
        "https://evil.example", "http://app.example.com", "https://app.example.com:443",
        "https://app.example.com:8444", "https://app.example.com:84430", "https://app.example.com.",
        "https://App.example.com", "HTTPS://app.example.com", "https://APP.EXAMPLE.COM",
        "https://app.example.com/", "https://app.example.com/path", "https://app.example.com.evil.org",
        "https://evilapp.example.com", "https://app.example.com@evil.org", "https://user@app.example.com",
        "https://example.com", "https://x.app.example.com", "https://app-example.com",
        "https://app_example.com", "https://appxexample.com", "https://app.example.co",
        "https://app.example.comm", "app.example.com", "//app.example.com", "https:app.example.com",
        "https:/app.example.com", "https://app.example.com, https://evil.example",
        "https://evil.example, https://app.example.com", "https://app.example.com https://evil.example",
        "https://app.example.com,", "null", "NULL", "*", "https://*", "http://localhost",
        "https://localhost:3000",
        "http://localhost:30000", "http://localhost.evil.org:3000", "http://127.0.0.1",
        "http://127.0.0.2:5173",
        "http://[::1]", "http://[0:0:0:0:0:0:0:1]:3000", "http://::1:3000", "https://[2001:DB8::1]",
        "https://bücher.example", "https://xn--bcher-kva.example.evil.org", "capacitor://localhost:80",
        "file://", "about:blank", "javascript:alert(1)", "https://app.example.com%00.evil.org",
        "https://app.example.com\\.evil.org", "https://app.example.com#", "https://app.example.com?",
        "https://digis.app.evil.org", "https://wwwdigis.app", "https://backend.example",
    ]

    private static let foreign: [Row] = strangers.flatMap { origin -> [Row] in
        [
            .get("foreign", "/exact/a", origin: origin, .closed),
            .preflight("foreign", "/exact/a", origin: origin, .refused),
        ]
    }

    // MARK: Patterns

    private static let patterns: [Row] = [
        "https://a.example.com", "https://a.b.c.example.com", "https://www-1.example.com",
        "https://x_y.example.com", "https://1.example.com", "https://xn--bcher-kva.example.com",
        "http://a.dev.test:8080", "https://example.com.example.com",
        "https://" + String(repeating: "a", count: 63) + ".example.com",
    ].flatMap { origin -> [Row] in
        [
            .get("pattern", "/wild/a", origin: origin, .reads(origin, credentials: true)),
            .preflight("pattern", "/wild/a", origin: origin, .granted(origin, .init())),
        ]
    }

    private static let impostors: [String] = [
        "https://example.com", "https://evilexample.com", "https://evil-example.com",
        "https://example.com.evil.org", "https://a.example.com.evil.org", "https://example.com@evil.org",
        "https://a.example.com@evil.org", "https://evil.org@a.example.com", "https://evil.org/.example.com",
        "https://evil.org/a.example.com", "https://evil.org#.example.com", "https://evil.org?.example.com",
        "https://evil.org\\.example.com", "https://evil.org:80.example.com", "https://evil.org:.example.com",
        "https://.example.com", "https://a..example.com", "https://a.example.com.",
        "https://a.example.com:443",
        "https://a.example.com:8443", "http://a.example.com", "https://a.Example.com",
        "https://A.example.com",
        "https://*.example.com", "https://a.dev.test:8080", "http://a.dev.test", "http://a.dev.test:80800",
        "http://dev.test:8080", "https://a%2eexample.com", "https://a,b.example.com",
        "https://a b.example.com",
        "https://[::1].example.com", "https://" + String(repeating: "a", count: 64) + ".example.com",
        "https://" + String(repeating: "a.", count: 150) + "example.com",
        "https://" + String(repeating: "a", count: 4000) + ".example.com", "null",
    ]

    private static let tricks: [Row] = impostors.flatMap { origin -> [Row] in
        [
            .get("trick", "/wild/a", origin: origin, .closed),
            .preflight("trick", "/wild/a", origin: origin, .refused),
        ]
    }

    // MARK: Everybody, and null

    private static let wildcard: [Row] =
        [app, "https://evil.example", "null", "http://localhost", "garbage"].flatMap { origin -> [Row] in
            [
                .get("everybody", "/any/a", origin: origin, .everybody),
                .preflight("everybody", "/any/a", origin: origin, .granted("*", .init(credentials: false))),
            ]
        } + [.get("everybody without an origin", "/any/a", origin: nil, .everybody)]

    private static let null: [Row] = [
        .get("null is listed", "/null/a", origin: "null", .reads("null", credentials: false)),
        .preflight("null is listed", "/null/a", origin: "null", .granted("null", .init(credentials: false))),
        .get("beside null", "/null/a", origin: app, .reads(app, credentials: true)),
        .get("not null", "/null/a", origin: "NULL", .closed),
        .get("not null", "/null/a", origin: "nul", .closed),
        .get("null with credentials", "/sandbox/a", origin: "null", .reads("null", credentials: true)),
        .preflight("null with credentials", "/sandbox/a", origin: "null", .granted("null", .init())),
        .get("only null", "/sandbox/a", origin: app, .closed),
    ]

    // MARK: Preflights

    private static let preflights: [Row] = [
        .preflight("without credentials", "/plain/a", origin: app, .granted(app, .init(credentials: false))),
        .get("without credentials", "/plain/a", origin: app, .reads(app, credentials: false)),
        .preflight(
            "private network", "/private/a", origin: app,
            more: ["Access-Control-Request-Private-Network: true"],
            .granted(app, .init(credentials: false, privateNetwork: true, variesByNetwork: true))),
        .preflight(
            "private network that is not asked for", "/private/a", origin: app,
            .granted(app, .init(credentials: false, variesByNetwork: true))),
        .preflight(
            "private network by another word", "/private/a", origin: app,
            more: ["Access-Control-Request-Private-Network: 1"],
            .granted(app, .init(credentials: false, variesByNetwork: true))),
        .preflight(
            "private network that is not allowed", "/plain/a", origin: app,
            more: ["Access-Control-Request-Private-Network: true"], .granted(app, .init(credentials: false))),
        .preflight("off: the backend's", "/off/a", origin: app, .untouched),
        .get("off: the backend's", "/off/a", origin: "https://evil.example", .untouched),
        .get("off: the backend's", "/off/a", origin: nil, .untouched),
    ]

    private static let askedNames: [String] =
        [
            "content-type", "authorization", "authorization,content-type", "x-a, x-b,\tx-c",
            String(repeating: "x-long,", count: 290) + "x",
        ]
    private static let noNames: [String] = [
        "", "x-a; x-b", "<script>", "\"x\"", "x:y", "x=y", "ü", String(repeating: "x", count: 2049),
    ]
    private static let listedNames: [String] = ["x-one", "x-three", "X-One, authorization", ""]

    private static let asked: [Row] =
        askedNames.map { names -> Row in
            .preflight("fields", "/exact/a", origin: app, asks: names, .granted(app, .init(headers: names)))
        }
        + noNames.map { names -> Row in
            .preflight("no names", "/exact/a", origin: app, asks: names, .granted(app, .init()))
        }
        + listedNames.map { names -> Row in
            .preflight("listed", "/listed/a", origin: app, asks: names, .granted(app, listed))
        }
    private static let listed = CORSCase.Grant(
        credentials: false, methods: "GET, PATCH", headers: "X-One, Content-Type", maxAge: "0")

    private static let methods: [Row] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "put", "!",
    ].map { method in
        // The list is the policy's: what is not on it, the browser refuses in words.
        .preflight("any route", "/exact/a", origin: app, method: method, .granted(app, .init()))
    }

    // MARK: Routes

    private static let routes: [Row] = [
        .preflight(
            "the route of the method asked for", "/post", origin: app, method: "POST",
            .granted(app, .init(methods: "POST"))),
        .preflight("no such method", "/post", origin: app, method: "DELETE", .granted(app, .init())),
        .preflight("no such route", "/nowhere", origin: app, .granted(app, .init())),
        .preflight("no such route", "/nowhere", origin: "https://evil.example", .refused),
        .preflight(
            "one path, two policies", "/split", origin: "https://put.example",
            .granted("https://put.example", .init(credentials: false, methods: "PUT"))),
        .preflight("one path, two policies", "/split", origin: app, .refused),
        .get("one path, two policies", "/split", origin: "https://put.example", .untouched),
        .preflight(
            "a route of its own for OPTIONS has its policy", "/asks", origin: app, method: "PUT",
            .granted(app, .init(methods: "OPTIONS"))),
        .preflight(
            "health has the policy of all", "/healthz", origin: app, method: "GET", .granted(app, .init())),
    ]

    // MARK: Shapes of requests

    private static let shapes: [Row] = [
        .get("no origin", "/exact/a", origin: nil, .closed),
        .get("an empty origin", "/exact/a", origin: "", .closed),
        Row(
            what: "HEAD", path: "/exact/a", method: "HEAD", fields: ["Origin: \(app)"],
            verdict: .reads(app, credentials: true)),
        Row(
            what: "POST", path: "/exact/a", method: "POST", fields: ["Origin: \(app)"],
            verdict: .reads(app, credentials: true)),
        Row(
            what: "OPTIONS that is no preflight", path: "/exact/a", method: "OPTIONS",
            fields: ["Origin: \(app)"],
            verdict: .reads(app, credentials: true)),
        Row(
            what: "OPTIONS without an origin", path: "/exact/a", method: "OPTIONS",
            fields: ["Access-Control-Request-Method: PUT"], verdict: .closed),
        Row(what: "plain OPTIONS", path: "/exact/a", method: "OPTIONS", verdict: .closed),
        Row(
            what: "a GET that asks like a preflight", path: "/exact/a",
            fields: ["Origin: \(app)", "Access-Control-Request-Method: PUT"],
            verdict: .reads(app, credentials: true)),
        Row(
            what: "two origins", path: "/exact/a",
            fields: ["Origin: \(app)", "Origin: https://evil.example"],
            verdict: .malformed),
        Row(
            what: "two origins, the named one last", path: "/exact/a",
            fields: ["Origin: https://evil.example", "Origin: \(app)"], verdict: .malformed),
        Row(
            what: "blanks around an origin", path: "/exact/a", fields: ["Origin:   \(app)"],
            verdict: .reads(app, credentials: true)),
        Row(
            what: "another field's origin", path: "/exact/a",
            fields: ["X-Origin: \(app)", "Referer: \(app)/"],
            verdict: .closed),
        Row(
            what: "credentials that are sent", path: "/exact/a", fields: ["Origin: \(app)", "Cookie: a=b"],
            verdict: .reads(app, credentials: true)),
    ]
}
