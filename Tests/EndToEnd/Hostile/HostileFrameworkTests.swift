import Foundation
import Testing

/// Fields that a framework behind the gateway takes for its own, and words that settings put into fields
/// (security.md 15).
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileFrameworkTests {
    private static let names: [String] = [
        "X-Middleware-Subrequest", "X-Middleware-Prefetch", "X-Middleware-Rewrite", "X-Middleware-Next",
        "X-Middleware-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Forwarded-Server",
    ]

    static let table: [HostileCase] = [inner, alike].flatMap { $0 }

    private static let inner: [HostileCase] = names.flatMap { name -> [HostileCase] in
        [
            .fields(name, ["\(name): middleware:middleware:middleware"]),
            .fields("\(name) in lower case", ["\(name.lowercased()): /admin", "X-A: b"], kept: ["X-A: b"]),
            .fields(
                "\(name) in capitals, twice", ["\(name.uppercased()): a", "X-A: b", "\(name): c"],
                kept: ["X-A: b"]),
            .fields("\(name) with an underscore", ["\(name.replacingOccurrences(of: "-", with: "_")): a"]),
            .fields("\(name), listed", ["Connection: \(name)", "\(name): a"]),
        ]
    }

    /// Names that only begin or end alike are the application's.
    private static let similar: [String] = [
        "X-Middleware-Subrequests: a", "X-Middleware: a", "XX-Middleware-Subrequest: a", "X-Original-URLs: a",
        "Original-URL: a",
    ]
    private static let alike: [HostileCase] = similar.map { .fields($0, [$0], kept: [$0]) }

    @Test(arguments: table, Delivery.allCases)
    func `what frameworks say to themselves is not taken from outside`(
        hostile: HostileCase, delivery: Delivery
    )
        throws
    {
        try hostile.check(delivery)
    }

    // MARK: Fields out of settings

    static let templates = [
        "security_headers: { set: { X-A: \"${VALUE}\" } }", "security_headers: { set: { \"${VALUE}\": a } }",
        "routes: [{ path: /, respond: { text: a, headers: { X-A: \"${VALUE}\" } } }]",
        "routes: [{ path: /, respond: { text: a, headers: { \"${VALUE}\": a } } }]",
        "security_headers: { set: { X-A: \"b\\r\\nSet-Cookie: a=b\" } }",
        "security_headers: { set: { X-A: \"b\\nSet-Cookie: a=b\" } }",
        "security_headers: { set: { \"X-A: b\\r\\nX-B\": c } }",
        "routes: [{ path: /, respond: { text: a, headers: { X-A: \"b\\rc\" } } }]",
        "routes: [{ path: /, respond: { text: a, headers: { X-A: \"b\\0c\" } } }]",
    ]

    /// The value may come from the environment, where no file's grammar has seen it.
    @Test(arguments: templates, ["b\r\nSet-Cookie: a=b", "b\nX: c", "b\rX: c"])
    func `a line end in a templated header is refused before anything starts`(template: String, value: String)
        throws
    {
        let routes = template.hasPrefix("routes") ? "" : "routes: [{ path: /, respond: { text: a } }]"
        #expect {
            try GatewayProcess(environment: ["VALUE": value]) { ports in
                """
                listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
                admin: { address: 127.0.0.1:\(ports.admin) }
                \(routes)
                \(template)
                """
            }
        } throws: {
            "\($0)".contains("a header's")
        }
    }

    /// The same settings with a value that is none of this start, so that it is the value that is refused.
    @Test func `a value without a line end is sent as it is`() throws {
        let gateway = try GatewayProcess(environment: ["VALUE": "plain"]) { ports in
            """
            listeners: [{ address: 127.0.0.1:\(ports.gateway) }]
            admin: { address: 127.0.0.1:\(ports.admin) }
            security_headers: { set: { X-A: "${VALUE}" } }
            routes: [{ path: /, respond: { text: a, headers: { X-B: "${VALUE}" } } }]
            """
        }
        let response = try gateway.ask("/")
        #expect(response.value("X-A") == "plain")
        #expect(response.value("X-B") == "plain")
    }
}
