import Foundation
import Testing

/// One running gateway with a token on its admin listener, and one without.
struct AdminRoom: SuiteTrait, TestScoping {
    struct Place: Sendable {
        let open: GatewayProcess
        let closed: GatewayProcess
    }

    static let token = "correct-horse-battery"

    @TaskLocal static var place: Place?

    static func gateway(_ admin: String) throws -> GatewayProcess {
        try GatewayProcess { ports in
            """
            workers: 1
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { \(admin.replacingOccurrences(of: "PORT", with: "\(ports.admin)")) }
            drain: { announce: 0s, deadline: 1s }
            routes: [{ path: /, respond: { text: a } }]
            """
        }
    }

    /// The admin listener opens behind the others.
    static func client(_ gateway: GatewayProcess) throws -> RawClient {
        try eventually("the admin listener") { try? RawClient(port: gateway.ports.admin) }
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let place = try Place(
            open: Self.gateway("address: 127.0.0.1:PORT"),
            closed: Self.gateway("address: 127.0.0.1:PORT, token: \(Self.token)"))
        try await AdminRoom.$place.withValue(place) { try await function() }
        for gateway in [place.open, place.closed] {
            #expect(gateway.process.exit == nil, "the gateway has survived")
            let secrets = [Self.token, "presented-secret"]
            for text in [gateway.standardError, gateway.standardOutput] {
                #expect(!secrets.contains { text.contains($0) }, "secrets never appear in logs")
            }
        }
    }
}

/// The admin listener (security.md 16): asked by its own name, by whoever has the token, and changed by POST
/// alone.
@Suite(.serialized, .timeLimit(.minutes(20)), AdminRoom()) struct HostileAdminTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let text: String
        let status: Int
        /// Whether the listener with the token is asked.
        var isClosed = false
        var testDescription: String { name }
    }

    private static func ask(
        _ line: String, host: String? = "localhost", _ lines: String..., body: String = ""
    ) -> String {
        let host = host.map { ["Host: \($0)"] } ?? []
        return (["\(line) HTTP/1.1"] + host + lines + ["", body]).joined(separator: "\r\n")
    }

    static let table: [Case] = [hosts, tokens, methods, origins, wire].flatMap { $0 }

    private static let strangers: [String] = [
        "evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
        "[::2]",
        "0x7f000001", "2130706433", "localhost.", "0.0.0.0", "here", "xlocalhost", "127.0.0.1.",
        "169.254.169.254",
    ]
    private static let invalid: [String] = [
        "", "local host", "u@localhost", "localhost/x", "localhost:0", "localhost,evil",
    ]
    private static let hosts: [Case] =
        strangers.flatMap { host -> [Case] in
            [
                Case(name: "read as '\(host)'", text: ask("GET /status", host: host), status: 421),
                Case(name: "changed as '\(host)'", text: ask("POST /reload", host: host), status: 421),
            ]
        } + invalid.map { Case(name: "host '\($0)'", text: ask("POST /reload", host: $0), status: 400) } + [
            Case(name: "no host", text: ask("POST /reload", host: nil), status: 400),
            Case(name: "no host in HTTP/1.0", text: "POST /reload HTTP/1.0\r\n\r\n", status: 421),
            Case(name: "two hosts", text: ask("POST /reload", "Host: localhost"), status: 400),
            Case(
                name: "an absolute target", text: ask("POST http://localhost/reload", host: "evil"),
                status: 400),
            Case(name: "another absolute target", text: ask("POST http://evil/reload"), status: 400),
            Case(name: "OPTIONS *", text: ask("OPTIONS *"), status: 400),
        ]

    private static let wrong: [String] = [
        "", "Bearer", "Bearer ", "Bearer presented-secret", "Bearer correct-horse-batter",
        "Bearer correct-horse-batterx",
        "Bearer correct-horse-batteryx", "Bearer xcorrect-horse-battery", "Bearer Correct-horse-battery",
        "Bearer correct-horse-batterycorrect-horse-battery", "Bearer \"correct-horse-battery\"",
        "Bearer correct horse battery",
        "Basic correct-horse-battery", "Basic Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5", "correct-horse-battery",
        "Token correct-horse-battery",
        "Bearercorrect-horse-battery", "Bearer, correct-horse-battery", "Bearer correct-horse-battery, x",
        "Bearer \u{FF}orrect-horse-battery", "Bearer correct-horse-battery\u{A0}",
    ]
    private static let tokens: [Case] =
        wrong.flatMap { value -> [Case] in
            [
                Case(
                    name: "read with '\(value)'", text: ask("GET /status", "Authorization: \(value)"),
                    status: 401, isClosed: true),
                Case(
                    name: "changed with '\(value)'", text: ask("POST /reload", "Authorization: \(value)"),
                    status: 401, isClosed: true),
            ]
        } + [
            Case(name: "no token", text: ask("POST /reload"), status: 401, isClosed: true),
            Case(name: "no token for a probe", text: ask("GET /healthz"), status: 401, isClosed: true),
            Case(name: "no token for metrics", text: ask("GET /metrics"), status: 401, isClosed: true),
            Case(name: "no token for nothing", text: ask("GET /nothing"), status: 401, isClosed: true),
            Case(
                name: "a token in the query", text: ask("POST /reload?token=correct-horse-battery"),
                status: 401, isClosed: true),
            Case(
                name: "a token in a cookie", text: ask("POST /reload", "Cookie: token=correct-horse-battery"),
                status: 401, isClosed: true),
            Case(
                name: "a token by an alias",
                text: ask(
                    "POST /reload", "Authorization_: Bearer correct-horse-battery",
                    "X-Authorization: Bearer correct-horse-battery"),
                status: 401, isClosed: true),
            Case(
                name: "two tokens",
                text: ask(
                    "POST /reload", "Authorization: Bearer x", "Authorization: Bearer correct-horse-battery"),
                status: 400, isClosed: true),
            Case(
                name: "a token for another host",
                text: ask("POST /reload", host: "evil", "Authorization: Bearer correct-horse-battery"),
                status: 421, isClosed: true),
        ]

    private static let others: [String] = [
        "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "LOCK", "post",
    ]
    private static let methods: [Case] =
        others.map {
            Case(name: "\($0) instead of POST", text: ask("\($0) /reload"), status: 405)
        }
        + ["/", "/status", "/metrics", "/healthz", "/readyz"].map {
            Case(name: "POST to \($0)", text: ask("POST \($0)"), status: 405)
        } + [
            Case(
                name: "GET that would be POST", text: ask("GET /reload", "X-HTTP-Method-Override: POST"),
                status: 405),
            Case(name: "GET with _method", text: ask("GET /reload?_method=POST"), status: 405),
            Case(name: "another path", text: ask("POST //reload"), status: 404),
            Case(name: "an escaped path", text: ask("POST /%72eload"), status: 404),
            Case(name: "a detour", text: ask("POST /x/../reload"), status: 404),
            Case(name: "parameters", text: ask("POST /reload;x"), status: 404),
            Case(name: "CONNECT", text: ask("CONNECT localhost:80"), status: 501),
        ]

    private static let foreign: [String] = [
        "https://evil.example", "null", "http://localhost:1", "http://localhost.evil", "ftp://localhost",
        "http://", "localhost",
        "http://127.0.0.1", "http://localhost/", "file://", "http://evil@localhost",
    ]
    private static let origins: [Case] =
        foreign.map {
            Case(name: "a page of '\($0)'", text: ask("POST /reload", "Origin: \($0)"), status: 403)
        } + [
            Case(
                name: "a page asks whether it may",
                text: ask(
                    "OPTIONS /reload", "Origin: https://evil.example", "Access-Control-Request-Method: POST"),
                status: 405),
            Case(
                name: "a form of another page",
                text: ask(
                    "POST /reload", "Origin: https://evil.example", "Content-Type: text/plain",
                    "Content-Length: 3", body: "a=b"),
                status: 403),
        ]

    private static let wire: [Case] = [
        Case(
            name: "a length and a coding",
            text: ask("POST /reload", "Content-Length: 5", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
            status: 400),
        Case(
            name: "chunks", text: ask("POST /reload", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
            status: 411),
        Case(name: "too much", text: ask("POST /reload", "Content-Length: 99999999"), status: 413),
        Case(name: "LF alone", text: "POST /reload HTTP/1.1\nHost: localhost\n\n", status: 400),
        Case(name: "NUL", text: ask("POST /reload", "X-A: b\0c"), status: 400),
        Case(name: "HTTP/2", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505),
        Case(name: "TLS", text: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", status: 400),
    ]

    @Test(arguments: table)
    func `whoever may not is told so, and nothing changes`(hostile: Case) throws {
        let place = try #require(AdminRoom.place)
        let gateway = hostile.isClosed ? place.closed : place.open
        let client = try AdminRoom.client(gateway)
        defer { client.close() }
        // What stands behind a request would be a second one.
        try client.send(hostile.text.latin1 + Self.ask("POST /reload").latin1)
        let response = try client.response(to: hostile.text.hasPrefix("HEAD") ? "HEAD" : "GET")
        #expect(response.status == hostile.status)
        #expect(response.value("Connection") == "close")
        #expect(response.value("Content-Type") == "application/problem+json")
        #expect(!response.fields.contains { $0.name.lowercased().hasPrefix("access-control") }, "no CORS")
        #expect(!response.text.contains(AdminRoom.token) && !response.text.contains("presented-secret"))
        #expect(try client.readToEnd().isEmpty, "one answer")
        #expect(gateway.said("settings reloaded") == 0)
    }

    @Test func `whoever may is served`() throws {
        let place = try #require(AdminRoom.place)
        let bearer = "Authorization: Bearer \(AdminRoom.token)"
        let closed = try AdminRoom.client(place.closed)
        #expect(try closed.ask(Self.ask("GET /status", bearer)).status == 200)
        let open = try AdminRoom.client(place.open)
        let response = try open.ask(Self.ask("GET /status", "Origin: https://evil.example"))
        #expect(response.status == 200)
        #expect(!response.fields.contains { $0.name.lowercased().hasPrefix("access-control") }, "no CORS")
        // On a gateway of its own: the others must not have been changed.
        let gateway = try AdminRoom.gateway("address: 127.0.0.1:PORT, token: \(AdminRoom.token)")
        let client = try AdminRoom.client(gateway)
        #expect(try client.ask(Self.ask("POST /reload", bearer)).status == 200)
        try gateway.waitUntilSaid("settings reloaded")
    }

    @Test(arguments: ["0.0.0.0:9901", "\"[::]:9901\"", "\":9901\"", "10.0.0.1:9901"])
    func `an address that others reach needs a token`(address: String) throws {
        func check(_ admin: String) throws -> (exit: ChildProcess.Exit, words: String) {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent(
                "\(UUID().uuidString).yaml")
            defer { try? FileManager.default.removeItem(at: file) }
            let text = "admin: { address: \(admin) }\nroutes: [{ path: /, respond: { text: a } }]\n"
            try text.write(to: file, atomically: true, encoding: .utf8)
            let (exit, output, errors) = try ChildProcess.run(GatewayProcess.binary, ["check", file.path])
            return (exit, output + errors)
        }
        let bare = try check(address)
        #expect(bare.exit == .code(1))
        #expect(bare.words.contains("so a token is required"))
        #expect(try check("\(address), token: \(AdminRoom.token)").exit == .code(0))
        #expect(try check("127.0.0.1:9901").exit == .code(0))
    }
}
