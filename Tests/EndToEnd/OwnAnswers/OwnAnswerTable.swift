/// Every answer that the gateway makes itself, in the order of a request's way: stage by stage, failure by
/// failure.
enum OwnAnswerTable {
    typealias Row = OwnAnswer

    static let rows: [Row] = heads + stages + failures

    // MARK: Heads that are refused

    private static let long = String(repeating: "x", count: 14_000)

    private static let heads: [Row] = [
        bad("no host", 400, "GET /app HTTP/1.1\r\n{origin}\r\n"),
        bad("a bare line feed", 400, "GET /app HTTP/1.1\r\nHost: here\r\n{origin}X: a\nY: b\r\n\r\n"),
        bad("a folded line", 400, "GET /app HTTP/1.1\r\nHost: here\r\n{origin} b\r\n\r\n"),
        bad(
            "two lengths", 400,
            "POST /app HTTP/1.1\r\nHost: here\r\n{origin}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        bad("no method", 400, "(GET) /app HTTP/1.1\r\n{origin}Host: here\r\n\r\n"),
        bad("the same origin twice", 400, "GET /app HTTP/1.1\r\nHost: here\r\n{origin}{origin}\r\n"),
        bad("no such version", 505, "GET /app HTTP/1.2\r\nHost: here\r\n{origin}\r\n"),
        bad("CONNECT", 501, "CONNECT here:80 HTTP/1.1\r\nHost: here\r\n{origin}\r\n"),
        bad("head timeout", 408, "GET /app HTTP/1.1\r\nHost: here\r\n{origin}X: unfinish"),
        Row(name: "a long target", status: 414, line: "GET /app?" + String(long.prefix(9000))),
        Row(name: "an expectation", status: 417, line: "POST /app", fields: ["Expect: a miracle"], body: "x"),
        Row(name: "a large head", status: 431, line: "GET /app", fields: ["X-Long: \(long)"]),
        Row(
            name: "many fields", status: 431, line: "GET /app",
            fields: (0..<110).map { "X-F\($0): a" }),
        Row(
            name: "a large cookie", status: 431, line: "",
            raw:
                "GET /app HTTP/1.1\r\nHost: here\r\n{origin}Cookie: \(long)\r\n\r\n", byHTTP2: false),
    ]

    /// A head that HTTP/1.1 alone can have.
    private static func bad(_ name: String, _ status: Int, _ raw: String) -> Row {
        Row(name: name, status: status, line: "", raw: raw, byHTTP2: false)
    }

    // MARK: Stages

    private static let json = "Content-Type: application/json"

    private static func call(_ method: String) -> String {
        "{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"id\":1}"
    }

    private static let preflight = ["Access-Control-Request-Method: PUT"]

    private static let stages: [Row] = [
        Row(
            name: "secureRedirect", status: 308, line: "GET /app", also: ("location", "https://here/app"),
            door: .redirect),
        Row(name: "health", status: 200, line: "GET /healthz", content: .health),
        Row(name: "readiness", status: 200, line: "GET /readyz", content: .health),
        Row(
            name: "health behind a redirect", status: 200, line: "GET /healthz", content: .health,
            door: .redirect),
        Row(name: "server options", status: 204, line: "OPTIONS *", content: .empty),
        Row(name: "route: a bad path", status: 400, line: "GET /app%00"),
        Row(name: "route: a way out", status: 400, line: "GET /../../etc"),
        Row(name: "route: hiding parameters", status: 400, line: "GET /below/known;x"),
        Row(name: "route: none", status: 404, line: "GET /nowhere"),
        Row(name: "route: no such method", status: 405, line: "DELETE /get", also: ("allow", "GET, HEAD")),
        bad("route: no such host", 421, "GET /app HTTP/1.1\r\nHost: elsewhere\r\n{origin}\r\n"),
        Row(
            name: "rateLimit", status: 429, line: "GET /spent", content: .problem(rule: "spent"),
            retries: true),
        Row(
            name: "rateLimit in the operator's words", status: 429, line: "GET /spoken",
            content: .own(type: "text/plain; charset=utf-8", body: "Please slow down"), retries: true),
        Row(
            name: "addressList", status: 403, line: "GET /inside",
            content: .problem(rule: "/inside.addresses.deny")),
        Row(
            name: "authentication: a bad token", status: 401, line: "GET /private",
            content: .problem(error: "Invalid token")),
        Row(
            name: "authentication: no key", status: 401, line: "GET /machines",
            content: .problem(error: "Missing API key"), also: ("www-authenticate", "ApiKey realm=\"api\"")),
        Row(
            name: "authentication: a bad key", status: 401, line: "GET /machines",
            fields: ["X-Api-Key: fgk_forged"], content: .problem(error: "Authentication failed")),
        Row(
            name: "authentication: another's scope", status: 403, line: "GET /scoped",
            fields: ["Authorization: Bearer \(OwnAnswerHouse.token)"],
            content: .problem(error: "Insufficient scope")),
        Row(
            name: "authentication: another's role", status: 403, line: "GET /ruled",
            fields: ["Authorization: Bearer \(OwnAnswerHouse.token)"], content: .problem(error: "Forbidden")),
        Row(
            name: "authentication: keys out of reach", status: 503, line: "GET /remote",
            fields: ["Authorization: Bearer \(OwnAnswerHouse.strange)"],
            content: .problem(error: "Authentication unavailable"), retries: true),
        Row(
            name: "userRateLimit", status: 429, line: "GET /mine",
            fields: ["Authorization: Bearer \(OwnAnswerHouse.token)"], content: .problem(rule: "mine"),
            retries: true),
        Row(name: "userRateLimit: no calls", status: 400, line: "POST /rpc", fields: [json], body: "x"),
        Row(
            name: "userRateLimit: calls that are packed", status: 415, line: "POST /rpc",
            fields: [json, "Content-Encoding: gzip"], body: call("a")),
        Row(
            name: "userRateLimit: too many calls", status: 413, line: "POST /rpc", fields: [json],
            body: "[\(call("a")),\(call("a")),\(call("a"))]"),
        Row(
            name: "userRateLimit: a call that goes elsewhere", status: 400, line: "POST /rpc", fields: [json],
            body: call("elsewhere")),
        Row(
            name: "signature: none", status: 401, line: "POST /signed", body: "x",
            content: .problem(error: "Missing signature")),
        Row(
            name: "idempotency: no key", status: 400, line: "POST /once", body: "x",
            content: .problem(error: "Idempotency-Key missing")),
        Row(
            name: "idempotency: a bad key", status: 400, line: "POST /once",
            fields: ["Idempotency-Key: \"\""], body: "x",
            content: .problem(error: "Idempotency-Key malformed")),
        Row(
            name: "idempotency: another request", status: 422, line: "POST /once",
            fields: ["Idempotency-Key: spent"], body: "another",
            content: .problem(error: "Idempotency-Key reused")),
        Row(
            name: "idempotency: under way", status: 409, line: "POST /held",
            fields: ["Idempotency-Key: held"], body: "x", content: .problem(error: "Request in progress"),
            retries: true),
        Row(
            name: "idempotency: too long a body", status: 413, line: "POST /once",
            fields: ["Idempotency-Key: long"], body: String(long.prefix(500))),
        Row(name: "bodyLimit", status: 413, line: "POST /app", body: String(long.prefix(2000))),
        Row(
            name: "fixedAnswer", status: 410, line: "GET /gone",
            content: .own(type: "application/json", body: "{\"error\":\"GONE\"}")),
        Row(
            name: "fixedAnswer: a redirect", status: 308, line: "GET /moved",
            content: .own(type: "text/plain; charset=utf-8", body: ""), also: ("location", "/app")),
        Row(name: "fixedAnswer: nothing", status: 204, line: "GET /empty", content: .empty),
        Row(
            name: "fixedAnswer: who are you", status: 401, line: "GET /sign-in",
            content: .own(type: "application/json", body: "{\"error\":\"Missing token\"}"),
            also: ("www-authenticate", "Bearer")),
    ]

    // MARK: Failures

    private static let upgrade = [
        "Connection: Upgrade", "Upgrade: websocket", OwnAnswerHouse.key,
    ]

    private static let failures: [Row] = [
        Row(name: "noEndpoint", status: 503, line: "GET /nameless", retries: true),
        Row(name: "queueFull", status: 503, line: "GET /full", retries: true),
        Row(name: "queueTimeout", status: 503, line: "GET /waiting", retries: true),
        Row(
            name: "tooManyTunnels", status: 503, line: "GET /ws", fields: upgrade, retries: true,
            byHTTP2: false),
        Row(name: "connectFailed", status: 502, line: "GET /dead", retries: true),
        Row(name: "connectTimeout", status: 504, line: "GET /hole"),
        Row(name: "handshakeFailed", status: 502, line: "GET /noTLS", retries: true),
        Row(name: "unverified", status: 502, line: "GET /stranger"),
        Row(name: "upstreamClosed", status: 502, line: "POST /leaving", body: "x"),
        Row(name: "responseTimeout", status: 504, line: "GET /slow"),
        Row(name: "badResponse", status: 502, line: "GET /garbage"),
        Row(
            name: "badBody", status: 400, line: "POST /app", fields: ["Transfer-Encoding: chunked"],
            body: "no chunk\r\n", byHTTP2: false),
        Row(
            name: "bodyTooLarge", status: 413, line: "POST /app", fields: ["Transfer-Encoding: chunked"],
            body: "800\r\n" + String(long.prefix(2048)) + "\r\n0\r\n\r\n", byHTTP2: false),
        Row(
            name: "bodyTooLarge without a length", status: 413, line: "POST /app",
            body: String(long.prefix(2048)),
            byHTTP1: false),
        Row(
            name: "bodyTimeout", status: 408, line: "POST /app", fields: ["Content-Length: 10"], body: "abc",
            byHTTP2: false),
        Row(
            name: "a call to nobody", status: 200, line: "POST /dead",
            fields: ["Content-Type: application/grpc"],
            body: "x", content: .call(14), retries: true, byHTTP1: false),
        Row(
            name: "a call that is refused", status: 200, line: "POST /nowhere",
            fields: ["Content-Type: application/grpc"], body: "x", content: .call(12), byHTTP1: false),
    ]

    /// Failures that cannot be brought about by one request in a shared gateway, and what shows them instead.
    static let elsewhere = [
        "noDescriptor": "needs the limit of open files to be reached",
        "requestTimeout": "needs a body larger than all buffers: DeadlineTests",
        "truncated": "comes when an answer has begun, so that none can be given",
        "readTimeout": "comes when an answer has begun, so that none can be given",
        "headTooLarge": "needs trailers of HTTP/2 beyond the limit: HTTP2MessageTests",
    ]
}
