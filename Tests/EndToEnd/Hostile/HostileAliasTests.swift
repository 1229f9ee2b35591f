import Foundation
import Testing

/// Names that somebody behind could take for others, and fields that mean one thing only (security.md 6).
@Suite(.serialized, .timeLimit(.minutes(20)), HostileRoom()) struct HostileAliasTests {
    static let table: [HostileCase] = [aliases, spellings, twice, many].flatMap { $0 }

    @Test(arguments: table, Delivery.allCases)
    func `a field has one name and one value`(hostile: HostileCase, delivery: Delivery) throws {
        try hostile.check(delivery)
    }

    /// CGI and WSGI make `HTTP_X_REAL_IP` of all of these.
    private static let names: [String] = [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "X-Real-IP", "X-Request-Id", "X-User-Id", "X-Api-Key", "Content-Length", "Transfer-Encoding",
        "Content-Type", "User-Agent", "Proxy-Authorization", "X-Middleware-Subrequest", "Sec-WebSocket-Key",
    ]
    private static let aliases: [HostileCase] = names.flatMap { name -> [HostileCase] in
        ["_", "."].flatMap { separator -> [HostileCase] in
            let alias = name.replacingOccurrences(of: "-", with: separator)
            return [
                .fields(alias, ["\(alias): 6.6.6.6"]),
                .fields("\(alias) in capitals", ["\(alias.uppercased()): 6.6.6.6"]),
            ]
        }
    }

    private static let spellings: [HostileCase] = [
        .fields("only one hyphen", ["X-Forwarded_For: 6.6.6.6", "X_Forwarded-For: 6.6.6.6"]),
        .fields("mixed", ["x_forwarded.for: 6.6.6.6"]),
        .fields("at the end", ["X-Forwarded-For_: a", "X-User.: b"]),
        .fields("at the beginning", ["_Host: evil", ".Host: evil"]),
        .fields("nothing else", ["_: a", ".: b"]),
        .fields("beside the real one", ["X-User_Id: evil", "X-Team: 1"], kept: ["X-Team: 1"]),
        .fields("with the real one", ["X_Team: evil", "X-Team: 1", "X.Team: evil"], kept: ["X-Team: 1"]),
        .fields("the cookie", ["Cookie_: a", "Cookie: a=b"], kept: ["Cookie: a=b"]),
    ]

    private static let singletons: [String] = [
        "Authorization", "Proxy-Authorization", "Content-Type", "Origin", "Referer", "User-Agent", "Range",
        "Date",
        "Sec-WebSocket-Key", "HTTP2-Settings", "Expect",
    ]
    private static let twice: [HostileCase] = singletons.flatMap { name -> [HostileCase] in
        [
            .lines("\(name) twice", "\(name): a", "\(name): b"),
            .lines("\(name) twice alike", "\(name): a", "\(name): a"),
            .lines("\(name) in two spellings", "\(name): a", "\(name.lowercased()): b"),
            .lines("\(name) far apart", "\(name): a", "X-A: b", "X-B: c", "\(name.uppercased()): d"),
            .lines("\(name) and an empty one", "\(name): a", "\(name):"),
        ]
    }

    /// Lists may come in several lines, and a stranger's claims are dropped however many there are.
    private static let lists: [[String]] = [
        ["Cookie: a=b", "Cookie: c=d"], ["Accept: a", "accept: b"], ["Via: 1.1 a", "Via: 1.1 b"],
        ["Accept-Encoding: a", "Accept-Encoding: b"], ["Cache-Control: a", "Cache-Control: b"],
        ["X-Team: a", "X-Team: a"], ["Authorization: a", "X-Authorization: b"],
        ["Content-Type: a", "X-Content-Type: b"],
    ]
    private static let many: [HostileCase] =
        lists.map { .fields("\($0)", $0, kept: $0) } + [
            .fields(
                "claims",
                [
                    "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 7.7.7.7", "X-Real-IP: 6.6.6.6",
                    "X-Real-IP: a",
                ]),
            .fields("request ids", ["X-Request-Id: a", "x-request-id: b"]),
        ]
}
